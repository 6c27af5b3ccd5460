"""The read model as the node uses it: follows the index and answers, on one thread of its own.

Nothing is followed before somebody asks or `notify` says that the chain grew; then the model
reads what it lacks, in bounded steps between which questions are answered. When the database
holds something else than the ledger, it is dropped and rebuilt.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from chainnode.audit.growth import Advance, grow, read_advance
from chainnode.audit.port import (
    AuditDatabase,
    DamagedReadModel,
    EntrySource,
    Progress,
    ReadModelUnavailable,
)
from chainnode.audit.tallies import Tally
from chainnode.ledger.merkle import Hash

# About 0.1 s of work: the longest that a question usually waits for the follower. An advance
# is never divided; it may be larger.
STEP_ENTRIES = 2048
# Long enough for a normal lag; a rebuild of a long chain says that it is not ready instead.
REACH_TIMEOUT_S = 20.0
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class AuditStore:
    """Finds rows and chunks by index key, as far as the index has come."""

    def __init__(self, database: AuditDatabase, source: EntrySource, *, h: Hash) -> None:
        self._database = database
        self._source = source
        self._h = h
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._background: Future[None] | None = None
        self._differences = 0
        self._tallies: tuple[int, Mapping[Tally, int]] | None = None
        self._grown = asyncio.Event()

    @property
    def differences(self) -> int:
        """How often the read model was found to differ from the index since the start."""
        return self._differences

    @property
    def tallies(self) -> tuple[int, Mapping[Tally, int]] | None:
        """From which position on what was counted how often; None: it is being counted."""
        return self._tallies

    def notify(self) -> None:
        """Say that the chain grew: catch up in the background. Cheap; call it per block."""
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        if self._background is None or self._background.done():
            self._background = self._worker.submit(self._catch_up_quietly)

    async def wait_grown(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until a condition holds that changes with the chain alone; tell whether it does."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self._grown.wait()
        except TimeoutError:
            return condition()
        return True

    async def reach(self, index_size: int, *, timeout_s: float = REACH_TIMEOUT_S) -> None:
        """Wait until all that the index covers below `index_size` is in the read model.

        Raises:
            ReadModelUnavailable: not within `timeout_s`, or the database fails.

        """
        try:
            async with asyncio.timeout(timeout_s):
                while await self._run(lambda: self._step(index_size)):
                    pass
        except TimeoutError as error:
            raise ReadModelUnavailable(
                f"audit read model: log size {index_size} not reached within {timeout_s:g} s"
            ) from error

    async def ask(self, work: Callable[[AuditDatabase], Result]) -> Result:
        """Return what `work` finds, on the thread of the model.

        Raises:
            DamagedReadModel: it found something that the ledger does not bear out. That was
                counted and logged, and the model is being rebuilt.
            ReadModelUnavailable: the database fails.

        """
        return await self._run(lambda: self._asked(work))

    def close(self) -> None:
        """Finish the present step and release the database."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._database.close()

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _asked(self, work: Callable[[AuditDatabase], Result]) -> Result:
        try:
            return work(self._database)
        except DamagedReadModel as error:
            self._alarm(error)
            with contextlib.suppress(ReadModelUnavailable, DamagedReadModel):
                self._rebuild()
            raise

    def _alarm(self, error: DamagedReadModel) -> None:
        """Count and log it; neither names a key."""
        self._differences += 1
        _log.error("audit_store_differs", extra={"reason": str(error)})

    def _catch_up_quietly(self) -> None:
        """Follow to where the index stands; a failure shows when somebody asks."""
        with contextlib.suppress(ReadModelUnavailable, DamagedReadModel):
            while self._step(self._index_size()):
                pass

    def _index_size(self) -> int:
        return self._source.header(self._source.height).head.index_size

    def _step(self, index_size: int) -> bool:
        """Take over a bounded number of advances; tell whether `index_size` is still ahead."""
        try:
            return self._follow(index_size)
        except DamagedReadModel as error:
            self._alarm(error)
            self._rebuild()
        try:
            return self._follow(index_size)
        except DamagedReadModel as error:
            raise ReadModelUnavailable(f"audit read model: {error}") from error

    def _follow(self, index_size: int) -> bool:
        progress = self._database.progress()
        if not self._goes_on(progress):
            self._rebuild()
            progress = self._database.progress()
        if progress.log_size >= index_size:
            if self._tallies is None:
                self._read_tallies()
            return False
        advances = self._next_advances(progress.log_size, index_size)
        keys = list(dict.fromkeys(itertools.chain.from_iterable(one.keyed for one in advances)))
        growth = grow(
            self._h,
            advances,
            known=self._database.states(keys),
            next_identity=self._database.next_identity(),
        )
        self._database.append(growth)
        is_there = growth.log_size >= index_size
        if is_there:
            self._read_tallies()
        return not is_there

    def _read_tallies(self) -> None:
        first = self._database.progress().first_position
        counts = self._database.tallies().items()
        self._tallies = first, {Tally.decode(one): count for one, count in counts}

    def _rebuild(self) -> None:
        self._tallies = None
        self._database.rebuild(self._source.first_covered)

    def _goes_on(self, progress: Progress) -> bool:
        """Tell whether what the model holds is part of this ledger, and the rest is here."""
        is_behind_base = progress.log_size < self._source.first_covered
        return progress.log_size <= self._index_size() and not is_behind_base

    def _next_advances(self, start: int, index_size: int) -> list[Advance]:
        window = min(start + STEP_ENTRIES, index_size)
        ends = list(self._source.advance_ends(start, window))
        if not ends:
            # One advance that is longer than a step.
            ends = list(itertools.islice(self._source.advance_ends(start, index_size), 1))
        if not ends:
            raise ReadModelUnavailable("audit read model: the ledger knows no advance there")
        advances = []
        for end in ends:
            advances.append(read_advance(self._h, start, self._source.entries(start, end)))
            start = end
        return advances
