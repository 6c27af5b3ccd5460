"""Floods of deadlines, executed by the product and by the second implementation alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.execution.deadlines import RECORDS_MAX
from chainnode.ledger.types import ExecutedBlock
from chainnode.submission import Call, Submission
from contracts.schemas.call_words import Side
from contracts.schemas.due import CURSOR, CursorRow
from contracts.schemas.shape import encode_part
from tests.second_reader.chain import Chain as SecondChain
from tests.second_reader.cryptography_of import Reader
from tests.unit.chainnode.execution.chains import ORGANISATIONS, RULES_2, Chain
from tests.unit.contracts.builders import NOW_MS, changed
from tests.unit.contracts.halves import HALF

DEADLINE_MS = 20_000


class Twice:
    """One chain, executed twice; each block must have one header."""

    def __init__(self) -> None:
        self.chain = Chain("intl", RULES_2)
        self.second = SecondChain(Reader(suite="intl"), self.chain.genesis.encoded)
        self.now_ms = NOW_MS
        self.told = 0

    def block(self, step_ms: int, lone: int, *, matched: int = 0) -> ExecutedBlock:
        """Let time pass; record so many halves that stay alone, and so many that do not."""
        self.now_ms += step_ms
        sent = []
        for side, count in ((Side.REQUESTER, lone + matched), (Side.PROVIDER, matched)):
            if count:
                sent.append(self._halves(side, count))
        self.told += lone + matched
        block = self.chain.execute(*sent, time_ms=self.now_ms)
        encoded = [one.encoded for one in sent]
        again = self.second.execute(self.now_ms, encoded, list(block.receipts))
        assert again.digest == block.header.digest(self.chain.suite.digest)
        return block

    def _halves(self, side: Side, count: int) -> Submission:
        parts = (
            changed(
                HALF,
                call_id=(self.told + number).to_bytes(16),
                side=int(side),
                requester=ORGANISATIONS[0],
                provider=ORGANISATIONS[1],
                subjects=(),
            )
            for number in range(count)
        )
        return self.chain.raw_submission(
            [Call(action="record", public=encode_part(one)) for one in parts],
            public_key=self.chain.public_key(side),
            contract_version=2,
            valid_until_ms=self.now_ms + 60_000,
        )

    @property
    def waiting(self) -> int:
        value = self.chain.ledger.value(CURSOR.key())
        return (CursorRow() if value is None else CURSOR.decode(value)).waiting


def test_a_flood_is_taken_256_a_block_in_pieces_of_parts_and_leaves_nothing() -> None:
    twice = Twice()
    twice.block(0, RECORDS_MAX + 44, matched=10)
    twice.block(10, 20)
    twice.block(2_000, 30, matched=3)

    left = [len(twice.block(DEADLINE_MS, 0).own_bodies)]
    while twice.waiting:
        left.append(len(twice.block(100, 0).own_bodies))

    assert left[0] == RECORDS_MAX
    assert sum(left) == RECORDS_MAX + 44 + 20 + 30
    assert twice.chain.ledger.value(CURSOR.key()) == CURSOR.encode(CursorRow())


_BLOCKS = st.lists(
    st.tuples(
        st.sampled_from([1, 999, 1_000, 5_000, DEADLINE_MS, DEADLINE_MS + 1_000, 70_000_000]),
        st.sampled_from([0, 0, 1, 3, RECORDS_MAX, RECORDS_MAX + 1]),
        st.sampled_from([0, 0, 2]),
    ),
    max_size=8,
)


@pytest.mark.slow
@given(blocks=_BLOCKS)
@settings(max_examples=25, deadline=None)
def test_any_floods_and_outages_make_the_same_blocks(blocks: list[tuple[int, int, int]]) -> None:
    twice = Twice()
    for step_ms, lone, matched in blocks:
        twice.block(step_ms, lone, matched=matched)
    while twice.waiting:
        twice.block(30_000, 0)
