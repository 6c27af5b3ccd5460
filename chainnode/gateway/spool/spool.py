"""The spool: what a gateway reports is durable here until the ledger has it, or refuses it.

Belongs to one event loop. `put` is durable when it returns; all that is put while a sync runs
shares the next one. The first storage error ends the spool: whether what was being written is
there is unknown, so nothing is said of it and nothing is written after it.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.errors import StorageError
from chainnode.folder_lock import take_lock
from chainnode.gateway.spool.entries import (
    EntryId,
    Fate,
    SpoolEntry,
    SpoolStatus,
    Waiting,
)
from chainnode.gateway.spool.errors import SpoolConflict, SpoolFull, UnknownEntry
from chainnode.gateway.spool.file import open_spool_log
from chainnode.gateway.spool.records import Answered, Begun, Kept, Record, Retried, Signed
from chainnode.gateway.spool.state import SpoolState, content_digest
from chainnode.gateway.spool.syncing import SyncThread
from chainnode.segments.files import sync_directory
from chainnode.segments.log import SegmentLog

# A day of a busy department (60,000 calls) and some more, at 700 bytes a half.
ENTRIES_MAX_DEFAULT: Final = 100_000
BYTES_MAX_DEFAULT: Final = 64 * 1024 * 1024
# A segment is rewritten when it is this long and mostly of settled entries, so that the disk
# holds at most this, or so many times what waits, and rewriting costs a share of what was written.
SEGMENT_BYTES: Final = 8 * 1024 * 1024
_GROWTH_MAX: Final = 4
# What a restatement takes beside the entries: the memory of settled ones, frames, counters.
_ENTRY_FRAME_BYTES: Final = 256
_FOLDER_MODE: Final = 0o700


def _finish_begun(log: SegmentLog[Record], state: SpoolState) -> None:
    """Let what stands for calls that a former life did not end go to the ledger."""
    begun = state.begun()
    for entry in begun:
        record = Kept(entry_id=state.next_id, entry=entry)
        state.apply(record)
        log.append([record])
    if begun:
        log.sync()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLimits:
    """How much a spool takes; dead letters count, because they take room as well."""

    entries_max: int = ENTRIES_MAX_DEFAULT
    bytes_max: int = BYTES_MAX_DEFAULT


class Spool:
    """The durable queue of one gateway; made by `open`, given back by `close`."""

    def __init__(
        self, *, lock: int, log: SegmentLog[Record], state: SpoolState, limits: SpoolLimits
    ) -> None:
        self._lock = lock
        self._log = log
        self._state = state
        self._limits = limits
        self._failure: StorageError | None = None
        self._thread = SyncThread(log.sync, failed=self.end)
        self._listeners: dict[EntryId, set[asyncio.Future[Fate]]] = {}
        self._work = asyncio.Event()
        self._alarm: str | None = None
        self._ended = asyncio.Event()
        self._watchers: list[Callable[[Answered], None]] = []
        if state.waiting_count:
            self._work.set()

    @classmethod
    def open(
        cls, directory: Path, *, chain_id: bytes, limits: SpoolLimits | None = None
    ) -> "Spool":
        """Lock a folder and read what it holds; make it where there is none. Blocks.

        Raises:
            DirectoryLocked: another process has it.
            SpoolCorrupted, SpoolOfAnotherChain, UnknownSpoolFormat: nothing is touched.
            StorageError: it cannot be made, read or written.

        """
        try:
            if not directory.is_dir():
                directory.mkdir(mode=_FOLDER_MODE, parents=True)
                sync_directory(directory.parent)
            lock = take_lock(directory)
        except OSError as error:
            raise StorageError(f"{directory}: spool: {error.strerror or error}") from error
        try:
            log, state = open_spool_log(directory, chain_id=chain_id)
            _finish_begun(log, state)
        except BaseException:
            os.close(lock)
            raise
        return cls(lock=lock, log=log, state=state, limits=limits or SpoolLimits())

    @property
    def state(self) -> SpoolState:
        """What the spool holds; only looked at from outside, never changed."""
        return self._state

    async def put(self, entry: SpoolEntry) -> EntryId:
        """See `CallQueue.put`."""
        self._require_sound()
        known = self._state.known(entry.identity)
        if known is not None:
            entry_id, content = known
            if content != content_digest(entry):
                raise SpoolConflict(call_id=entry.call_id, entry_id=entry_id)
        else:
            self._require_room(entry)
            entry_id = self._state.next_id
            self._append(Kept(entry_id=entry_id, entry=entry))
            self._work.set()
        await self._thread.durable()
        return entry_id

    async def begin(self, entry: SpoolEntry) -> None:
        """See `CallQueue.begin`."""
        self._require_sound()
        known = self._state.known(entry.identity)
        if known is not None:
            raise SpoolConflict(call_id=entry.call_id, entry_id=known[0])
        self._require_room(entry)
        self._append(Begun(entry=entry))
        await self._thread.durable()

    async def settled(self, entry_id: EntryId, *, timeout_s: float) -> Fate:
        """See `CallQueue.settled`."""
        self._require_sound()
        fate = self._fate(entry_id)
        if not isinstance(fate, Waiting):
            return fate
        listener: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        listeners = self._listeners.setdefault(entry_id, set())
        listeners.add(listener)
        try:
            async with asyncio.timeout(timeout_s):
                return await listener
        except TimeoutError:
            return fate
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(entry_id, None)

    @property
    def is_ended(self) -> bool:
        """See `CallQueue.is_ended`."""
        return self._failure is not None

    def status(self) -> SpoolStatus:
        """See `CallQueue.status`."""
        state = self._state
        return SpoolStatus(
            waiting=state.waiting_count,
            waiting_bytes=state.waiting_bytes,
            oldest_made_ms=state.oldest_made_ms,
            settled=state.settled,
            dead=state.dead_count,
            disk_bytes=self._log.length,
            alarm=str(self._failure) if self._failure is not None else self._alarm,
            is_ended=self.is_ended,
        )

    def raise_alarm(self, alarm: str | None) -> None:
        """Say in `status` what a person must mend; None: it is mended."""
        self._alarm = alarm

    def watch(self, watcher: Callable[[Answered], None]) -> None:
        """Call `watcher` with every answer of the ledger once it is durable."""
        self._watchers.append(watcher)

    def end(self, error: StorageError) -> None:
        """Take nothing more, and tell whoever waits; what is durable stays for the next life."""
        if self._failure is None:
            self._failure = error
        self._work.set()
        self._ended.set()
        for listeners in self._listeners.values():
            for listener in listeners:
                if not listener.done():
                    listener.set_exception(self._failure)
        self._listeners.clear()

    async def wait_for_end(self) -> None:
        """Return never.

        Raises:
            StorageError: the spool has ended.

        """
        await self._ended.wait()
        self._require_sound()

    async def wait_for_work(self) -> None:
        """Return when something waits.

        Raises:
            StorageError: the spool has ended.

        """
        await self._work.wait()
        self._require_sound()

    async def note_signed(self, signed: Signed) -> None:
        """Keep what is about to be sent; it may be sent when this returns. Raises StorageError."""
        self._append(signed)
        await self._thread.durable()

    async def note_answered(self, answered: Answered) -> None:
        """Keep what became of the submission under way, and tell who waits for it.

        Raises:
            StorageError: the spool has ended; the ledger will say the same again.

        """
        self._append(answered)
        if not self._state.waiting_count:
            self._work.clear()
        self._rotate_if_full()
        await self._thread.durable()
        for watcher in self._watchers:
            watcher(answered)
        for settled in answered.recorded:
            self._tell(settled.entry_id)
        for died in answered.died:
            self._tell(died.entry_id)

    async def retry(self, entry_ids: Sequence[EntryId]) -> None:
        """Put dead letters back behind all that waits.

        Raises:
            UnknownEntry: one is no dead letter; none was put back.
            StorageError: the spool has ended.

        """
        self._require_sound()
        for entry_id in entry_ids:
            if self._state.dead_letter(entry_id) is None:
                raise UnknownEntry(entry_id=entry_id)
        if entry_ids:
            self._append(Retried(entry_ids=tuple(dict.fromkeys(entry_ids))))
            self._work.set()
            await self._thread.durable()

    async def close(self) -> None:
        """Sync what was put, give the folder back, and end. What waits stays for the next life."""
        await self._thread.close()
        self._log.close()
        self.end(StorageError("the spool is closed"))
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _fate(self, entry_id: EntryId) -> Fate:
        if self._state.is_waiting(entry_id):
            return Waiting(entry_id=entry_id)
        fate = self._state.remembered(entry_id) or self._state.dead_letter(entry_id)
        if fate is None:
            raise UnknownEntry(entry_id=entry_id)
        return fate

    def _tell(self, entry_id: EntryId) -> None:
        for listener in self._listeners.pop(entry_id, ()):
            if not listener.done():
                listener.set_result(self._fate(entry_id))

    def _require_room(self, entry: SpoolEntry) -> None:
        held, limits = self._state, self._limits
        begun_bytes = held.begun_size(entry.identity)
        if begun_bytes is not None and entry.size_bytes <= begun_bytes:
            return
        if held.held_count >= limits.entries_max:
            raise SpoolFull(
                what="entries", expected=f"at most {limits.entries_max}", actual="one more"
            )
        if held.held_bytes + entry.size_bytes > limits.bytes_max:
            raise SpoolFull(
                what="bytes",
                expected=f"at most {limits.bytes_max}",
                actual=f"{held.held_bytes + entry.size_bytes}",
            )

    def _append(self, record: Record) -> None:
        self._require_sound()
        self._state.apply(record)
        self._log.append([record])

    def _rotate_if_full(self) -> None:
        live = self._state.held_bytes + _ENTRY_FRAME_BYTES * self._state.held_count
        if self._log.length >= max(SEGMENT_BYTES, _GROWTH_MAX * live):
            self._log.rotate(self._state.restatement())

    def _require_sound(self) -> None:
        if self._failure is not None:
            raise self._failure
