"""Proven rows are remembered for a short while, refreshed behind the calls, and never too old."""

import asyncio
from dataclasses import dataclass, field

import pytest

from chainnode.client.reading import StateRow
from chainnode.client.reports import CannotDecide
from chainnode.errors import ConfigurationError
from chainnode.gateway.ports import RowsUnavailable
from chainnode.gateway.rows import CachedRows
from chainnode.ledger.types import Certificate
from chainnode.verify.header import CertifiedHeader
from contracts.schemas.state import Part, Table
from tests.builders_evidence import SyntheticChain
from tests.builders_gateway import GRANT, GRANT_ROW, Clock

FRESH_MS, AGE_MS_MAX, BLOCK_AGE_MS_MAX = 100, 1_000, 75_000


CHAIN = SyntheticChain("intl")


def certified(height: int) -> CertifiedHeader:
    """Return the header of a height, as if it had been verified."""
    digest = bytes(32)
    return CertifiedHeader(
        header=CHAIN.header(height=height),
        digest=digest,
        certificate=Certificate(epoch=0, height=height, header_digest=digest, signatures=()),
        quorum=3,
        trust=CHAIN.trust,
    )


@dataclass
class Reader:
    """A client that proves one row, or nothing."""

    row: object = GRANT_ROW
    reads: list[bytes] = field(default_factory=list)
    is_reachable: bool = True
    gate: asyncio.Event | None = None

    async def state(self, table: Table[object], *parts: Part, max_age_ms: int) -> StateRow[object]:
        assert max_age_ms == BLOCK_AGE_MS_MAX
        self.reads.append(table.key(*parts))
        if self.gate is not None:
            await self.gate.wait()
        if not self.is_reachable:
            raise CannotDecide(())
        header = certified(len(self.reads))
        return StateRow(row=self.row, header=header, evidence={}, reports=())


def cached(reader: Reader, clock: Clock) -> CachedRows:
    return CachedRows(
        reader,  # type: ignore[arg-type]  # one row for all tables
        now_ms=clock,
        fresh_ms=FRESH_MS,
        age_ms_max=AGE_MS_MAX,
        block_age_ms_max=BLOCK_AGE_MS_MAX,
    )


async def test_row_is_read_once_while_it_is_fresh() -> None:
    reader, clock = Reader(), Clock()
    rows = cached(reader, clock)
    for _ in range(3):
        assert (await rows.grant(GRANT)).row == GRANT_ROW
        clock.now_ms += FRESH_MS // 3
    assert len(reader.reads) == 1
    await rows.close()


async def test_row_that_is_not_fresh_is_used_while_a_new_proof_is_fetched_behind_it() -> None:
    reader, clock = Reader(), Clock()
    rows = cached(reader, clock)
    first = await rows.grant(GRANT)
    reader.gate = asyncio.Event()
    clock.now_ms += FRESH_MS + 1
    assert (await rows.grant(GRANT)).height == first.height
    assert (await rows.grant(GRANT)).height == first.height
    reader.gate.set()
    await asyncio.gather(*rows.under_way)
    assert (await rows.grant(GRANT)).height > first.height
    assert len(reader.reads) == 2
    await rows.close()


async def test_row_that_is_too_old_is_never_used() -> None:
    reader, clock = Reader(), Clock()
    rows = cached(reader, clock)
    await rows.grant(GRANT)
    reader.is_reachable = False
    clock.now_ms += AGE_MS_MAX
    assert (await rows.grant(GRANT)).row == GRANT_ROW
    clock.now_ms += 1
    with pytest.raises(RowsUnavailable):
        await rows.grant(GRANT)
    await rows.close()


async def test_clock_that_was_set_back_makes_no_row_younger() -> None:
    reader, clock = Reader(), Clock()
    rows = cached(reader, clock)
    await rows.grant(GRANT)
    clock.now_ms -= 1
    await rows.grant(GRANT)
    assert len(reader.reads) == 2
    await rows.close()


async def test_calls_that_come_at_once_wait_for_one_proof() -> None:
    reader, clock = Reader(), Clock()
    rows = cached(reader, clock)
    await asyncio.gather(*(rows.grant(GRANT) for _ in range(8)))
    assert len(reader.reads) == 1
    await rows.close()


async def test_absence_is_remembered_like_a_row() -> None:
    reader = Reader(row=None)
    rows = cached(reader, Clock())
    assert [(await rows.key(b"k" * 20)).row for _ in range(2)] == [None, None]
    assert (await rows.used(GRANT, 20260101)).row == 0
    assert len(reader.reads) == 2
    await rows.close()


async def test_closing_ends_what_is_being_fetched() -> None:
    reader = Reader(gate=asyncio.Event())
    rows = cached(reader, Clock())
    waiting = asyncio.create_task(rows.grant(GRANT))
    await asyncio.sleep(0)
    await rows.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_ages_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        CachedRows(Reader(), now_ms=Clock(), fresh_ms=2, age_ms_max=1)  # type: ignore[arg-type]  # one row for all tables
