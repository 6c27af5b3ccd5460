"""Records that the ledger makes itself: where they stand, what is kept of them, what they are."""

import itertools
from pathlib import Path

import pytest

from chainnode.codec import InvalidEncoding
from chainnode.execution import Executor, genesis_state
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.ledger.genesis_block import members_of
from chainnode.ledger.types import ExecutedBlock
from chainnode.submission import Call, Submission
from contracts.schemas.access import AccessRecord
from contracts.schemas.access_gaps import GapOutcome, Matched, Mismatched, Unmatched, decode_gap
from contracts.schemas.call_words import Side
from contracts.schemas.codes import Code
from contracts.schemas.due import CURSOR
from contracts.schemas.shape import encode_part
from tests.unit.chainnode.execution.chains import (
    ORGANISATIONS,
    RULES_2,
    Chain,
    call_codes,
    codes,
    entries,
    receipts,
)
from tests.unit.contracts.builders import NOW_MS, changed
from tests.unit.contracts.halves import HALF

DUE_MS = NOW_MS + 20_000 + 1000
PAIR = {"requester": ORGANISATIONS[0], "provider": ORGANISATIONS[1]}


class Halves(Chain):
    """A chain with rules 2 of which the first two departments exchange data."""

    def __init__(self, suite_name: str = "intl") -> None:
        super().__init__(suite_name, RULES_2)

    def half(self, *parts: AccessRecord, valid_until_ms: int = NOW_MS + 600_000) -> Submission:
        calls = [Call(action="record", public=encode_part(one)) for one in parts]
        return self.raw_submission(
            calls,
            public_key=self.public_key(parts[0].side),
            contract_version=2,
            valid_until_ms=valid_until_ms,
        )


def half(side: Side, number: int = 0, **change: object) -> AccessRecord:
    return changed(HALF, side=int(side), call_id=bytes([number]) * 16, **PAIR, **change)


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_an_empty_block_finds_what_is_due_before_anything_else(suite: str) -> None:
    chain = Halves(suite)
    first = chain.execute(chain.half(half(Side.REQUESTER), half(Side.REQUESTER, 1)))
    assert call_codes(first) == [0, 0]
    assert chain.execute(time_ms=DUE_MS - 1001).entries == ()
    block = chain.execute(
        chain.half(half(Side.PROVIDER, 2), valid_until_ms=DUE_MS + 1), time_ms=DUE_MS
    )
    own = entries(block)[:2]
    assert [one.is_ledgers_own for one in entries(block)] == [True, True, False]
    assert [one.call_index for one in own] == [0, 1]
    assert {(one.organisation, one.key_id, one.submission_digest) for one in own} == {
        ("", bytes(20), bytes(32))
    }
    assert [one.outcome for one in own] == [GapOutcome.ONE_SIDED_CLAIMED] * 2
    # No receipt speaks of them, and the submission's own first record stands after them.
    assert codes(block) == [0]
    assert receipts(block)[0].first_position == block.header.head.log_size - 1
    for body, entry in zip(block.own_bodies, own, strict=True):
        assert isinstance(decode_gap("access", body.action, body.public), Unmatched)
        assert Call(action=body.action, public=body.public).body_digest(chain.suite) == (
            entry.body_digest
        )


def test_what_calls_cause_stands_after_all_submissions_in_their_order() -> None:
    chain = Halves()
    chain.execute(chain.half(*(half(Side.REQUESTER, number) for number in range(3))))
    chain.execute(time_ms=DUE_MS)
    block = chain.execute(
        chain.half(half(Side.PROVIDER, 0), half(Side.PROVIDER, 1, fields=1)),
        chain.half(half(Side.PROVIDER, 2)),
        time_ms=DUE_MS + 1,
    )
    assert [one.is_ledgers_own for one in entries(block)] == [False] * 3 + [True] * 3
    parts = [decode_gap("access", one.action, one.public) for one in block.own_bodies]
    assert [type(one) for one in parts] == [Matched, Mismatched, Matched]
    assert [one.call_id[0] for one in parts if one is not None] == [0, 1, 2]


@pytest.mark.parametrize("action", ["unmatched", "matched", "mismatched"])
def test_nobody_can_send_a_record_of_the_ledger_itself(action: str) -> None:
    chain = Halves()
    chain.execute(chain.half(half(Side.REQUESTER)))
    body = chain.execute(time_ms=DUE_MS).own_bodies[0]
    forged = chain.raw_submission(
        [Call(action=action, public=body.public)],
        public_key=chain.public_key(),
        contract_version=2,
    )
    assert call_codes(chain.execute(forged, time_ms=DUE_MS)) == [Code.UNKNOWN_ACTION]


@pytest.mark.parametrize(
    "fields",
    [one for one in itertools.product((0, 1), repeat=3) if sum(one) not in {0, 3}],
)
def test_an_entry_that_is_half_a_senders_and_half_the_ledgers_is_no_entry(
    fields: tuple[int, int, int],
) -> None:
    chain = Halves()
    sent = entries(chain.execute(chain.half(half(Side.REQUESTER))))[0]
    own = entries(chain.execute(time_ms=DUE_MS))[0]
    taken = dict(zip(("submission_digest", "organisation", "key_id"), fields, strict=True))
    mixed = {name: getattr(own if is_own else sent, name) for name, is_own in taken.items()}
    data = encode_entry(type(sent)(**{**_fields(sent), **mixed}))
    with pytest.raises(InvalidEncoding, match="the ledger's own"):
        decode_entry(data)
    assert decode_entry(encode_entry(own)) == own


def _fields(entry: object) -> dict[str, object]:
    return {name: getattr(entry, name) for name in type(entry).__slots__}  # type: ignore[attr-defined]  # a dataclass with slots


def test_a_chain_of_rules_1_keeps_no_queue_and_knows_no_halves_of_version_2() -> None:
    chain = Chain()
    sent = chain.raw_submission(
        [Call(action="record", public=encode_part(half(Side.REQUESTER)))],
        public_key=chain.public_key(),
        contract_version=2,
    )
    block = chain.execute(sent)
    assert codes(block) == [Code.UNKNOWN_CONTRACT]
    assert chain.ledger.value(CURSOR.key()) is None


def _batches(chain: Halves) -> list[tuple[tuple[Submission, ...], int]]:
    return [
        ((chain.half(half(Side.REQUESTER), half(Side.REQUESTER, 1)),), NOW_MS),
        ((), DUE_MS),
        ((chain.half(half(Side.PROVIDER), valid_until_ms=DUE_MS + 9),), DUE_MS + 1),
        ((), 0),
    ]


def _grow(ledger: Ledger, chain: Halves, executor: Executor) -> list[ExecutedBlock]:
    grown = []
    for submissions, time_ms in _batches(chain)[ledger.height :]:
        batch = chain.batch(*submissions, time_ms=time_ms)
        block = executor.execute(
            ledger.height + 1, batch, epoch=0, members=members_of(chain.genesis)
        )
        ledger.append(block)
        grown.append(block)
    return grown


def test_their_bodies_are_kept_over_a_restart_and_go_with_those_of_their_block(
    tmp_path: Path,
) -> None:
    chain = Halves()

    def opened() -> Ledger:
        return Ledger.open(
            tmp_path,
            genesis=chain.genesis,
            suite=chain.suite,
            initial_state=genesis_state(chain.genesis, chain.suite),
        )

    ledger = opened()
    blocks = _grow(ledger, chain, Executor(chain.genesis, chain.suite, ledger))
    ledger.close()
    ledger = opened()
    expected = [
        *((one.action, one.public, b"") for one in blocks[1].own_bodies),
        *((one.action, one.public, b"") for one in blocks[2].own_bodies),
    ]
    places = [
        position
        for position in range(ledger.log_size)
        if decode_entry(ledger.entry(position)).is_ledgers_own
    ]
    assert [ledger.call_parts(one) for one in places] == expected
    assert [one[0] for one in expected] == ["unmatched", "unmatched", "matched"]
    ledger._certified_height = ledger.height  # noqa: SLF001 - as if a quorum had signed
    while ledger.prune_batches(3):
        pass
    assert [ledger.call_parts(one) for one in places] == [None, None, expected[2]]
    ledger.close()


def test_every_replica_makes_the_same_headers() -> None:
    chains = [Halves() for _ in range(2)]
    headers = [
        [
            chain.execute(*submissions, time_ms=time_ms).header
            for submissions, time_ms in _batches(chain)
        ]
        for chain in chains
    ]
    assert headers[0] == headers[1]
    assert headers[0][1].head.log_size == 4
