"""No forgery is accepted, and one that should be refused would be noticed."""

import pytest

import chainnode.ledger.trail_proofs
import chainnode.verify.trail
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
