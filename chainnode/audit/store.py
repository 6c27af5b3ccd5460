"""The read model as the node uses it: follows the ledger and answers, on one thread of its own.

Nothing is followed before somebody asks or `notify` says that the chain grew; then the model
reads what it lacks, in bounded steps between which questions are answered. When the database
fails or knows more than the ledger, it is dropped and rebuilt.
"""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from chainnode.audit.port import (
    AuditDatabase,
    AuditPage,
    AuditQuery,
    Cursor,
    EntrySource,
    IndexedEntry,
    InvalidCursor,
    Progress,
    ReadModelUnavailable,
)
from chainnode.ledger.codec import decode_entry

# About 50 ms of work: the longest that a question waits for the follower.
STEP_ENTRIES = 4096
# Long enough for a normal lag; a rebuild of a long chain says that it is not ready instead.
REACH_TIMEOUT_S = 20.0
Result = TypeVar("Result")


class AuditStore:
    """Finds log positions by index key, up to a height that the caller knows to be certified."""

    def __init__(self, database: AuditDatabase, source: EntrySource) -> None:
        self._database = database
        self._source = source
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._background: Future[None] | None = None

    def notify(self) -> None:
        """Say that the chain grew: catch up in the background. Cheap; call it per block."""
        if self._background is None or self._background.done():
            self._background = self._worker.submit(self._catch_up_quietly)

    async def reach(self, height: int, *, timeout_s: float = REACH_TIMEOUT_S) -> None:
        """Wait until all blocks up to `height` are in the read model.

        Raises:
            ReadModelUnavailable: not within `timeout_s`, or the database fails.

        """
        try:
            async with asyncio.timeout(timeout_s):
                while await self._run(lambda: self._step(height)):
                    pass
        except TimeoutError as error:
            raise ReadModelUnavailable(
                f"audit read model: height {height} not reached within {timeout_s:g} s"
            ) from error

    async def find(
        self,
        *,
        kind: int,
        keys: tuple[bytes, ...],
        from_ms: int,
        to_ms: int,
        cursor: str | None,
        as_of_height: int,
        limit: int,
    ) -> AuditPage:
        """Return a page of positions; no keys: every entry with any key of `kind`.

        The first page stands at `as_of_height`; further ones stay where their cursor says.

        Raises:
            InvalidAuditQuery: a part is out of bounds.
            InvalidCursor: not a cursor of this model, or beyond `as_of_height`.
            ReadModelUnavailable: the database fails.

        """
        place = None if cursor is None else _opened(cursor, as_of_height)
        query = AuditQuery(
            kind=kind,
            keys=keys,
            from_ms=from_ms,
            to_ms=to_ms,
            as_of_height=as_of_height if place is None else place.as_of_height,
            limit=limit,
            after=None if place is None else place.position,
        )
        found = await self._run(lambda: self._database.find(query))
        return _page(found, query)

    def close(self) -> None:
        """Finish the present step and release the database."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._database.close()

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _catch_up_quietly(self) -> None:
        """Follow to the tip; a failure shows when somebody asks."""
        try:
            while self._step(self._source.height):
                pass
        except ReadModelUnavailable:
            return

    def _step(self, height: int) -> bool:
        """Take over at most `STEP_ENTRIES` entries; tell whether `height` is still ahead."""
        try:
            return self._follow(height)
        except ReadModelUnavailable:
            self._database.rebuild()
            return self._follow(height)

    def _follow(self, height: int) -> bool:
        progress = self._database.progress()
        if progress.height > self._source.height:
            self._database.rebuild()
            progress = self._database.progress()
        if progress.height < self._source.base_height:
            progress = self._begin_at_base()
        if progress.height >= height:
            return False
        size = self._source.header(height).head.log_size
        stop = min(size, progress.log_size + STEP_ENTRIES)
        entries = [
            _indexed(position, data)
            for position, data in zip(
                itertools.count(progress.log_size),
                self._source.entries(progress.log_size, stop),
                strict=False,
            )
        ]
        is_whole = stop == size
        reached = height if is_whole else progress.height
        self._database.append(entries, upto=Progress(height=reached, log_size=stop))
        return not is_whole

    def _begin_at_base(self) -> Progress:
        """Begin anew above a snapshot: what lies below it is not here to be followed."""
        base = self._source.base_height
        progress = Progress(height=base, log_size=self._source.header(base).head.log_size)
        self._database.rebuild()
        self._database.append((), upto=progress)
        return progress


def _indexed(position: int, data: bytes) -> IndexedEntry:
    entry = decode_entry(data)
    return IndexedEntry(
        position=position,
        height=entry.height,
        time_ms=entry.time_ms,
        index_keys=entry.index_keys,
    )


def _opened(cursor: str, as_of_height: int) -> Cursor:
    place = Cursor.parse(cursor)
    if place.as_of_height > as_of_height:
        raise InvalidCursor(
            what="cursor", expected=f"a height up to {as_of_height}", actual=str(place)
        )
    return place


def _page(found: list[int], query: AuditQuery) -> AuditPage:
    positions = tuple(found[: query.limit])
    cursor = None
    if len(found) > query.limit:
        cursor = str(Cursor(as_of_height=query.as_of_height, position=positions[-1]))
    return AuditPage(positions=positions, as_of_height=query.as_of_height, next_cursor=cursor)
