"""Departments that do not tell the ledger what happened: one keeps no record, one bends it.

They stand between a caller and its spool, where such a department would.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from chainnode.gateway import CallQueue, EntryId, Fate, SpoolEntry, SpoolStatus, Waiting
from contracts.schemas.access import AccessRecord
from contracts.schemas.shape import Schema, encode_part

_RECORD: Final = Schema(AccessRecord)
_NOTHING_FOUND: Final = 404
_DROPPED: Final = EntryId(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingQueue:
    """A queue before a spool (the interface `CallQueue`); `tell` None drops what is put."""

    spool: CallQueue
    tell: Callable[[SpoolEntry], SpoolEntry | None]

    async def put(self, entry: SpoolEntry) -> EntryId:
        """Keep what this department chooses to tell."""
        told = self.tell(entry)
        return _DROPPED if told is None else await self.spool.put(told)

    @property
    def is_ended(self) -> bool:
        """See `CallQueue.is_ended`."""
        return self.spool.is_ended

    async def begin(self, entry: SpoolEntry) -> None:
        """Set aside what this department would tell."""
        told = self.tell(entry)
        if told is not None:
            await self.spool.begin(told)

    async def settled(self, entry_id: EntryId, *, timeout_s: float) -> Fate:
        """Ask the spool; what was dropped waits for ever."""
        if entry_id == _DROPPED:
            return Waiting(entry_id=entry_id)
        return await self.spool.settled(entry_id, timeout_s=timeout_s)

    def status(self) -> SpoolStatus:
        """Tell how the spool stands."""
        return self.spool.status()


def nothing(_entry: SpoolEntry) -> None:
    """Tell nothing."""


def bent(entry: SpoolEntry) -> SpoolEntry:
    """Say that nothing was found where something was answered; all else stays true."""
    *people, half = entry.calls
    record = _RECORD.decode(half.public)
    lie = msgspec.structs.replace(record, status=_NOTHING_FOUND, count=0)
    return replace(entry, calls=(*people, replace(half, public=encode_part(lie))))
