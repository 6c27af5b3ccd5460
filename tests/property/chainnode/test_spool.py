"""The spool and its replay against a naive model: put, kill, lose answers, refuse, retry, rotate.

Whatever happens in whatever order, each testimony that was acknowledged is waiting, a dead
letter, or on the ledger once; and a spool that was killed says the same as before.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chainnode.gateway import (
    DeadLetter,
    EntryId,
    Replayer,
    ReplaySettings,
    Settled,
    Spool,
    SpoolConflict,
    SpoolFull,
    SpoolLimits,
)
from chainnode.gateway.replay.backoff import Backoff
from chainnode.gateway.spool import spool as spool_module
from chainnode.gateway.spool.syncing import SyncThread
from contracts.schemas.codes import Code
from tests.unit.chainnode.gateway.ledger_of_tests import CHAIN, KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import entry, opened

Result = TypeVar("Result")
NUMBERS = st.integers(0, 30)
ENTRIES_MAX = 12
# Small enough that a run rotates more than once.
SEGMENT_BYTES = 2_000


class AtOnce(ThreadPoolExecutor):
    """Does on the loop's own thread what others do, so that every run is the same."""

    def submit(
        self, work: Callable[..., Result], /, *values: object, **named: object
    ) -> "Future[Result]":
        done: Future[Result] = Future()
        try:
            done.set_result(work(*values, **named))
        except Exception as error:  # noqa: BLE001 - whatever it is, the future carries it
            done.set_exception(error)
        return done


class SyncOnLoop(SyncThread):
    """Syncs on the loop's own thread, with all that was put in this turn of it."""

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon(self._sync_for, loop)


class SpoolAndLedger(RuleBasedStateMachine):
    """One gateway, its spool and the ledger, over many lives of the gateway."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.segment_bytes = spool_module.SEGMENT_BYTES
        vars(spool_module)["SEGMENT_BYTES"] = SEGMENT_BYTES
        vars(spool_module)["SyncThread"] = SyncOnLoop
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(AtOnce())
        self.ledger = LedgerOfTests()
        self.acknowledged: dict[int, EntryId] = {}
        self.spool = self._opened()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self._run(self.spool.close())
            self.loop.close()
            vars(spool_module)["SEGMENT_BYTES"] = self.segment_bytes
            vars(spool_module)["SyncThread"] = SyncThread
            shutil.rmtree(self.folder)

    @rule(number=NUMBERS, calls=st.just(2))
    def put(self, number: int, calls: int) -> None:
        try:
            entry_id = self._run(self.spool.put(entry(number, calls=calls)))
        except SpoolFull:
            assert number not in self.acknowledged
            assert self.spool.state.held_count >= ENTRIES_MAX
            return
        assert self.acknowledged.setdefault(number, entry_id) == entry_id

    @rule(numbers=st.lists(NUMBERS, unique=True, max_size=6))
    def put_many_at_once(self, numbers: list[int]) -> None:
        async def put_all() -> list[object]:
            puts = (self.spool.put(entry(one, calls=2)) for one in numbers)
            return list(await asyncio.gather(*puts, return_exceptions=True))

        for number, told in zip(numbers, self._run(put_all()), strict=True):
            if isinstance(told, int):
                assert self.acknowledged.setdefault(number, EntryId(told)) == told
            else:
                assert isinstance(told, SpoolFull)

    @precondition(lambda self: self.acknowledged)
    @rule(data=st.data())
    def put_something_else_under_a_known_identity(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.acknowledged)))
        with pytest.raises(SpoolConflict) as caught:
            self._run(self.spool.put(entry(number, calls=2, content=b"other")))
        assert caught.value.entry_id == self.acknowledged[number]

    @rule(number=NUMBERS)
    def let_the_ledger_refuse(self, number: int) -> None:
        if number not in self.ledger.numbers:
            self.ledger.refused_numbers[number] = Code.FOREIGN_ORGANISATION

    @rule(
        silences=st.integers(0, 2),
        lost=st.integers(0, 2),
        refusals=st.lists(st.sampled_from([Code.NONCE_USED, Code.UNKNOWN_KEY]), max_size=2),
        is_late=st.booleans(),
        steps=st.integers(1, 8),
    )
    def replay_for_a_while(
        self,
        *,
        silences: int,
        lost: int,
        refusals: list[Code],
        is_late: bool,
        steps: int,
    ) -> None:
        self.ledger.silences, self.ledger.lost_answers = silences, lost
        self.ledger.refusals = refusals
        self._run(self._replay(steps))
        if is_late:
            self.ledger.now_ms += CHAIN.trust.parameters.validity_ms_max

    @rule()
    def kill_the_gateway_and_start_it_again(self) -> None:
        before = tuple(self.spool.state.waiting()), self.spool.state.dead_letters()
        under_way = self.spool.state.in_flight
        self._kill()
        self.spool = self._opened()
        assert (tuple(self.spool.state.waiting()), self.spool.state.dead_letters()) == before
        assert self.spool.state.in_flight == under_way

    @rule()
    def retry_all_dead_letters(self) -> None:
        letters = self.spool.state.dead_letters()
        self.ledger.refused_numbers.clear()
        self._run(self.spool.retry([one.entry_id for one in letters]))

    @invariant()
    def nothing_is_lost_and_nothing_is_doubled(self) -> None:
        if not hasattr(self, "spool"):
            return
        numbers = self.ledger.numbers
        assert len(numbers) == len(set(numbers))
        halves = [one for one in self.ledger.log if one.call_index % 2]
        assert len(halves) == len(numbers)
        for number, entry_id in self.acknowledged.items():
            is_held = (
                self.spool.state.is_waiting(entry_id)
                or self.spool.state.dead_letter(entry_id) is not None
            )
            assert is_held or number in numbers, f"call {number} is lost"

    @invariant()
    def the_disk_stays_bounded(self) -> None:
        if hasattr(self, "spool"):
            used = sum(one.stat().st_size for one in self.folder.rglob("spool-*"))
            assert used < 60_000

    def _opened(self) -> Spool:
        return opened(self.folder / "spool", SpoolLimits(entries_max=ENTRIES_MAX))

    def _kill(self) -> None:
        """Leave everything as a killed process does; the kernel closes its files."""
        os.close(self.spool._lock)  # noqa: SLF001 - as a killed process leaves it
        self.spool._lock = -1  # noqa: SLF001 - as a killed process leaves it
        self._run(self.spool.close())

    async def _replay(self, steps: int) -> None:
        one = Replayer(
            self.spool,
            self.ledger,
            KEY,
            settings=ReplaySettings(calls_max=6),
            backoff=Backoff(first_s=0, longest_s=0),
            now_ms=lambda: self.ledger.now_ms,
        )
        task = asyncio.create_task(one.run())
        goal = len(self.ledger.offered) + steps
        async with asyncio.timeout(60):
            while len(self.ledger.offered) < goal and self.spool.state.waiting_count:
                assert not task.done(), task.exception()
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _run(self, work: Coroutine[object, object, Result]) -> Result:
        return self.loop.run_until_complete(work)


TestSpoolAndLedger = SpoolAndLedger.TestCase
TestSpoolAndLedger.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_every_fate_of_a_long_run_is_told(tmp_path: Path) -> None:
    """At the end all is settled or dead, and who asks is told which, by name."""

    async def run() -> None:
        spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
        ledger.refused_numbers = dict.fromkeys(range(0, 100, 10), Code.FOREIGN_ORGANISATION)
        ids = [await spool.put(entry(number, calls=2)) for number in range(100)]
        one = Replayer(spool, ledger, KEY, backoff=Backoff(first_s=0), now_ms=lambda: ledger.now_ms)
        task = asyncio.create_task(one.run())
        fates = [await spool.settled(entry_id, timeout_s=60) for entry_id in ids]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [type(fate) for fate in fates] == [
            DeadLetter if number % 10 == 0 else Settled for number in range(100)
        ]
        assert spool.status().waiting == 0
        await spool.close()

    asyncio.run(run())
