"""No forgery is accepted, and one that should be refused would be noticed."""

import pytest

import chainnode.ledger.trail_proofs
import chainnode.verify.disclosure
import chainnode.verify.trail
from chainnode.verify import BlockRecordFacts, RecordFacts, verify_evidence
from chainnode.verify.disclosure import recorded_half
from tests.forgeries.changes import every_place
from tests.forgeries.disclosures import (
    disclosed_chain,
    disclosure_attacks,
    honest,
    is_true_disclosure,
)
from tests.forgeries.trial import SUITES, Tally, trial


def summed(tallies: dict[str, Tally]) -> Tally:
    total = Tally()
    for one in tallies.values():
        total.add(one)
    return total


@pytest.mark.parametrize("suite", SUITES)
def test_no_forgery_of_any_kind_is_accepted(suite: str) -> None:
    total = summed(trial(suite, count=900, seed=7))

    assert total.accepted == total.untrue == total.escaped == []
    assert total.refused == total.forgeries >= 900


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_no_forgery_among_thirty_thousand_is_accepted(suite: str) -> None:
    total = summed(trial(suite, count=30_000, seed=1))

    assert total.accepted == total.untrue == total.escaped == []
    assert total.refused == total.forgeries >= 30_000


def test_a_verifier_that_skips_the_rows_of_a_chunk_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chainnode.ledger.trail_proofs, "verify_range", lambda *_, **__: None)
    assert summed(trial("intl", count=9, seed=7)).untrue


def test_a_verifier_that_skips_the_map_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chainnode.ledger.trail_proofs, "verify_map_proof", lambda *_, **__: None)
    assert summed(trial("intl", count=9, seed=7)).untrue


def test_a_verifier_that_always_calls_a_run_whole_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def whole(*_: object, as_of_ms: int, **__: object) -> int:
        return as_of_ms

    monkeypatch.setattr(chainnode.verify.trail, "covered_until_ms", whole)
    assert summed(trial("intl", count=4_500, seed=7)).untrue


def test_a_verifier_that_skips_the_fields_of_a_disclosure_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chainnode.verify.disclosure, "verify_disclosure", lambda *_, **__: None)
    assert summed(trial("intl", count=9, seed=7)).untrue


def test_a_verifier_that_takes_either_message_for_the_other_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def commitment(record: RecordFacts | BlockRecordFacts, _message: str) -> bytes:
        return recorded_half(record).response_commitment

    monkeypatch.setattr(chainnode.verify.disclosure, "_commitment", commitment)
    assert summed(trial("intl", count=9, seed=7)).untrue


def test_each_place_of_a_disclosure_is_changed() -> None:
    chain = disclosed_chain("intl")
    named = [name for name, _ in disclosure_attacks(chain, disclosed_chain("intl", "other"))]

    # Places that only lead through a tree, and what is withheld, are excluded by rule.
    leading = {"fields.0.index", "fields.1.index", "fields.2.index", "size"}
    for place in map(
        ".".join, ([str(one) for one in place] for place in every_place(honest(chain)))
    ):
        assert place in leading or any(name.startswith(f"disclosure: {place}: ") for name in named)


@pytest.mark.parametrize("suite", SUITES)
def test_what_a_disclosure_may_leave_out_is_accepted_and_true(suite: str) -> None:
    chain = disclosed_chain(suite)
    document = honest(chain)
    fields = document["fields"]
    assert isinstance(fields, list)

    for less in ({**document, "fields": fields[1:]}, {**document, "authorship": []}):
        assert is_true_disclosure(verify_evidence(less, chain.trust))
