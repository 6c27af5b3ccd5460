"""Records of version 2: where they stand, and whose words they are."""

from dataclasses import replace

import pytest

from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.submission import Call
from chainnode.verify import (
    BlockRecordFacts,
    InvalidEvidence,
    RecordFacts,
    TrailFacts,
    verify_evidence,
)
from tests.builders_evidence import SUBJECT
from tests.builders_trails import ALL_OF_SUBJECT, ENTRIES, IndexedChain, Shown, indexed_chain

SUITES = ("sm", "intl")
POSITION = 18


class AlteredChain(IndexedChain):
    """A chain in which a quorum signed another entry at `POSITION`."""

    def __init__(self, **changes: object) -> None:
        self._changes = changes
        super().__init__("intl")

    def _indexed_entry(self, position: int) -> bytes:
        entry = super()._indexed_entry(position)
        if position != POSITION:
            return entry
        altered = replace(decode_entry(entry), **self._changes)  # type: ignore[arg-type]  # by name
        return encode_entry(altered)


@pytest.mark.parametrize("suite", SUITES)
def test_a_record_shows_its_position_and_its_sender(suite: str) -> None:
    chain = indexed_chain(suite)
    for position in (0, 7, POSITION, ENTRIES - 1):
        facts = verify_evidence(chain.authored_record(position), chain.trust)

        assert isinstance(facts, RecordFacts)
        assert facts.author is not None
        assert (facts.position, facts.call) == (position, chain.calls[position])
        assert facts.author.public_key == chain.client_key.public_key
        assert facts.author.call_count == 4


@pytest.mark.parametrize("suite", SUITES)
def test_a_record_in_its_block_shows_no_position(suite: str) -> None:
    chain = indexed_chain(suite)
    for position in range(ENTRIES):
        facts = verify_evidence(chain.authored_record(position, in_block=True), chain.trust)

        assert isinstance(facts, BlockRecordFacts)
        assert facts.entry == decode_entry(chain.entries[position])
        assert facts.call == chain.calls[position]
        assert facts.header.height == position // 4 + 1


def test_authorship_may_be_withheld() -> None:
    chain = indexed_chain("intl")
    facts = verify_evidence({**chain.authored_record(POSITION), "authorship": []}, chain.trust)
    assert isinstance(facts, RecordFacts)
    assert facts.author is None


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": "audit"},
        {"contract_version": 2},
        {"key_id": b"k" * 20},
        {"call_index": 1},
        {"submission_digest": b"d" * 32},
        {"body_digest": bytes(32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_entry_that_its_submission_does_not_bear_out_has_no_author(
    changes: dict[str, object],
) -> None:
    chain = AlteredChain(**changes)
    evidence = {**chain.authored_record(POSITION), "body": []}

    with pytest.raises(InvalidEvidence) as refused:
        verify_evidence(evidence, chain.trust)
    assert refused.value.check == "authorship"
    assert isinstance(verify_evidence({**evidence, "authorship": []}, chain.trust), RecordFacts)


OWN = {"submission_digest": bytes(32), "organisation": "", "key_id": bytes(20)}


def test_a_record_of_the_ledger_itself_stands_without_anybodys_word() -> None:
    chain = AlteredChain(**OWN)
    evidence = chain.authored_record(POSITION)

    with pytest.raises(InvalidEvidence, match="the ledger itself made it") as refused:
        verify_evidence(evidence, chain.trust)
    assert refused.value.check == "authorship"
    facts = verify_evidence({**evidence, "authorship": []}, chain.trust)
    assert isinstance(facts, RecordFacts)
    assert facts.entry.is_ledgers_own
    assert facts.call == chain.calls[POSITION]


class SecretiveChain(AlteredChain):
    """Such a chain in which the record of the ledger itself has a private part."""

    def _call(self, index: int) -> Call:
        return replace(super()._call(index), private=b"secret")


def test_a_record_of_the_ledger_itself_has_no_private_part() -> None:
    chain = SecretiveChain(**OWN)
    evidence = {**chain.authored_record(POSITION), "authorship": []}

    with pytest.raises(InvalidEvidence, match="no private part") as refused:
        verify_evidence(evidence, chain.trust)
    assert refused.value.check == "body"
    assert isinstance(verify_evidence({**evidence, "body": []}, chain.trust), RecordFacts)


@pytest.mark.parametrize("changes", [{"time_ms": 1}, {"height": 1}], ids=["time", "height"])
def test_a_trail_in_which_time_runs_back_is_refused_although_a_quorum_signed_it(
    changes: dict[str, object],
) -> None:
    chain = AlteredChain(**changes)
    with pytest.raises(InvalidEvidence) as refused:
        verify_evidence(chain.trail(Shown(subject=None)), chain.trust)
    assert refused.value.check == "order"
    assert isinstance(verify_evidence(chain.trail(ALL_OF_SUBJECT), chain.trust), TrailFacts)
    assert SUBJECT not in decode_entry(chain.entries[POSITION]).index_keys
