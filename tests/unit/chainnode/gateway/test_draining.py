"""A gateway that closes lets what waits go out first, within bounds, and says what is left."""

import asyncio
import logging
from pathlib import Path

import pytest

from chainnode.client import CannotDecide
from chainnode.gateway import Replayer, ReplaySettings, Spool
from chainnode.gateway.replay.backoff import Backoff
from chainnode.gateway.replay.running import running
from chainnode.verify.header import CertifiedHeader
from tests.unit.chainnode.gateway.ledger_of_tests import KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import entry, opened

# Longer than any test may take: what ends within it was not waited for.
PATIENCE_S = 3600.0


class Gone(LedgerOfTests):
    """Nodes of which none answers."""

    async def header_latest(self) -> CertifiedHeader:
        raise CannotDecide(())


def replayer(spool: Spool, ledger: LedgerOfTests) -> Replayer:
    """One that gathers, and rests, for longer than a test lasts."""
    return Replayer(
        spool,
        ledger,
        KEY,
        settings=ReplaySettings(gather_s=PATIENCE_S),
        backoff=Backoff(first_s=PATIENCE_S, longest_s=PATIENCE_S),
        now_ms=lambda: ledger.now_ms,
    )


async def test_what_waits_goes_out_before_the_end_and_is_gathered_no_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    async with running(replayer(spool, ledger), spool, drain_s=PATIENCE_S):
        first = await spool.put(entry(1))
        await spool.settled(first, timeout_s=PATIENCE_S)
        await spool.put(entry(2))
        await spool.put(entry(3))
    assert (spool.state.waiting_count, spool.state.settled) == (0, 3)
    assert "spool_not_empty" not in caplog.text
    await spool.close()


async def test_nobody_waits_where_no_node_answers_and_what_is_left_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool, ledger = opened(tmp_path / "spool"), Gone(silences=1_000)
    with caplog.at_level(logging.WARNING):
        async with running(replayer(spool, ledger), spool, drain_s=PATIENCE_S):
            await spool.put(entry(1))
            await spool.put(entry(2))
    assert spool.state.waiting_count == 2
    assert "waiting=2" in caplog.text
    await spool.close()


async def test_a_spool_that_ends_meanwhile_is_waited_for_no_longer(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    ledger.door = lambda _: "KEY_NOT_VALID"
    await spool.put(entry(1))
    async with running(replayer(spool, ledger), spool, drain_s=PATIENCE_S):
        closing = asyncio.create_task(spool.close())
    await closing
    assert spool.state.waiting_count == 1


async def test_a_ledger_that_takes_nothing_is_waited_for_within_the_bound(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    ledger.door = lambda _: "KEY_NOT_VALID"
    await spool.put(entry(1))
    async with running(replayer(spool, ledger), spool, drain_s=0.01):
        pass
    assert spool.state.waiting_count == 1
    await spool.close()
