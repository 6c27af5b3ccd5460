"""What a spool holds: the fold of its records. Pure; the file and the loop are `spool`'s.

`apply` refuses a record that does not follow from those before it, so that a file which was
put together by hand, or by a fault of ours, is corruption and not a quiet loss.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from chainnode.codec import encode
from chainnode.errors import InvalidInput
from chainnode.exchange import call_id_ms
from chainnode.gateway.spool.entries import CallIdentity, DeadLetter, EntryId, Settled, SpoolEntry
from chainnode.gateway.spool.records import (
    Answered,
    Begun,
    Buried,
    Counted,
    Died,
    Kept,
    Record,
    Recorded,
    Remembered,
    Retried,
    Signed,
    dead_letter,
)
from contracts.schemas.access import Side

# Settled entries that are remembered, so that a repeated `put` is known for one.
REMEMBERED_MAX: Final = 1024
_FIRST_ID: Final = 1


class IllegalRecord(InvalidInput):
    """A record that does not follow from those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grave:
    entry: SpoolEntry
    died: Died


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    identity: CallIdentity
    content: bytes
    recorded: Recorded


class SpoolState:
    """Entries that wait, dead letters, the submission under way, and what was settled last."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[EntryId, SpoolEntry] = OrderedDict()
        self._begun: dict[CallIdentity, SpoolEntry] = {}
        self._graves: OrderedDict[EntryId, _Grave] = OrderedDict()
        self._memories: OrderedDict[EntryId, _Memory] = OrderedDict()
        self._by_identity: dict[CallIdentity, EntryId] = {}
        self._in_flight: Signed | None = None
        self._next_id = _FIRST_ID
        self._settled = 0
        self._public_key = b""
        self._next_nonce = 0
        self._waiting_bytes = 0
        self._dead_bytes = 0
        self._begun_bytes = 0

    @property
    def next_id(self) -> EntryId:
        """The id that the next entry gets."""
        return EntryId(self._next_id)

    @property
    def in_flight(self) -> Signed | None:
        """The submission whose fate is not known yet."""
        return self._in_flight

    @property
    def waiting_count(self) -> int:
        """Entries that the ledger may not have."""
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Their calls' bytes."""
        return self._waiting_bytes

    @property
    def held_count(self) -> int:
        """Entries that take room: those that wait or have begun, and dead letters."""
        return len(self._waiting) + len(self._begun) + len(self._graves)

    @property
    def held_bytes(self) -> int:
        """Bytes that these take."""
        return self._waiting_bytes + self._begun_bytes + self._dead_bytes

    @property
    def settled(self) -> int:
        """How many entries the ledger has taken over the life of this spool."""
        return self._settled

    @property
    def oldest_made_ms(self) -> int | None:
        """When the entry that waits longest was made."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else first.made_ms

    @property
    def latest_call_ms(self) -> int:
        """The latest time that an id of a call says whose half a provider put here; 0: none."""
        answered = (one for one in self._by_identity if one.side is Side.PROVIDER)
        return max((call_id_ms(one.call_id) for one in answered), default=0)

    def next_nonce(self, public_key: bytes) -> int:
        """Return the nonce after the last one that this key signed with here, 0 for another key."""
        return self._next_nonce if public_key == self._public_key else 0

    @property
    def dead_count(self) -> int:
        """Entries that the ledger refuses for ever."""
        return len(self._graves)

    def begun(self) -> tuple[SpoolEntry, ...]:
        """Return what stands for calls whose answers began to leave and have not ended."""
        return tuple(self._begun.values())

    def begun_size(self, identity: CallIdentity) -> int | None:
        """Return how many bytes are set aside for the half of a call that has begun."""
        entry = self._begun.get(identity)
        return None if entry is None else entry.size_bytes

    def waiting(self) -> Iterator[tuple[EntryId, SpoolEntry]]:
        """Yield what waits, in order."""
        yield from self._waiting.items()

    def entries_of(self, signed: Signed) -> tuple[SpoolEntry, ...]:
        """Return the entries of a submission under way."""
        return tuple(self._waiting[one] for one in signed.entry_ids)

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Return the dead letters, oldest first."""
        return tuple(dead_letter(one.entry, one.died) for one in self._graves.values())

    def dead_letter(self, entry_id: EntryId) -> DeadLetter | None:
        """Return one dead letter."""
        grave = self._graves.get(entry_id)
        return None if grave is None else dead_letter(grave.entry, grave.died)

    def is_waiting(self, entry_id: EntryId) -> bool:
        """Whether this entry waits."""
        return entry_id in self._waiting

    def remembered(self, entry_id: EntryId) -> Settled | None:
        """Return where a settled entry is, unless that was long ago."""
        memory = self._memories.get(entry_id)
        if memory is None:
            return None
        found = memory.recorded
        return Settled(
            entry_id=entry_id,
            submission_digest=found.submission_digest,
            height=found.height,
            position=found.position,
        )

    def known(self, identity: CallIdentity) -> tuple[EntryId, bytes] | None:
        """Return the entry under this identity and the digest of its calls."""
        entry_id = self._by_identity.get(identity)
        if entry_id is None:
            return None
        if (memory := self._memories.get(entry_id)) is not None:
            return entry_id, memory.content
        entry = self._waiting.get(entry_id) or self._graves[entry_id].entry
        return entry_id, content_digest(entry)

    def apply(self, record: Record) -> None:
        """Take the next record.

        Raises:
            IllegalRecord: it does not follow; the state is as before.

        """
        match record:
            case Kept(entry_id=entry_id, entry=entry):
                self._require(entry_id == self._next_id or self._is_restated(entry_id), record)
                self._keep(entry_id, entry, record)
            case Begun(entry=entry):
                known = entry.identity in self._by_identity or entry.identity in self._begun
                self._require(not known, record)
                self._begun[entry.identity] = entry
                self._begun_bytes += entry.size_bytes
            case Signed():
                self._sign(record)
            case Answered():
                self._answer(record)
            case Retried():
                self._retry(record)
            case Remembered(identity=identity, content=content, recorded=recorded):
                self._require(identity not in self._by_identity, record)
                self._remember(_Memory(identity=identity, content=content, recorded=recorded))
            case Counted():
                self._require(not self._by_identity, record)
                self._next_id, self._settled = record.next_id, record.settled
                self._public_key, self._next_nonce = record.public_key, record.next_nonce
            case Buried(entry=entry, died=died):
                self._require(self._is_restated(died.entry_id), record)
                self._keep(died.entry_id, entry, record)
                self._bury(died)
            case _:
                assert_never(record)

    def restatement(self) -> tuple[Record, ...]:
        """Return records that make this state from nothing."""
        return (
            Counted(
                next_id=self._next_id,
                settled=self._settled,
                public_key=self._public_key,
                next_nonce=self._next_nonce,
            ),
            *(
                Remembered(identity=one.identity, content=one.content, recorded=one.recorded)
                for one in self._memories.values()
            ),
            *(Begun(entry=one) for one in self._begun.values()),
            *(Buried(entry=one.entry, died=one.died) for one in self._graves.values()),
            *(Kept(entry_id=key, entry=entry) for key, entry in self._waiting.items()),
            *(() if self._in_flight is None else (self._in_flight,)),
        )

    def _is_restated(self, entry_id: EntryId) -> bool:
        """Whether an id was given before, and its entry is not known (yet)."""
        known = entry_id in self._waiting or entry_id in self._graves or entry_id in self._memories
        return _FIRST_ID <= entry_id < self._next_id and not known

    def _keep(self, entry_id: EntryId, entry: SpoolEntry, record: Record) -> None:
        self._require(entry.identity not in self._by_identity, record)
        begun = self._begun.pop(entry.identity, None)
        if begun is not None:
            self._begun_bytes -= begun.size_bytes
        self._waiting[entry_id] = entry
        self._waiting_bytes += entry.size_bytes
        self._by_identity[entry.identity] = entry_id
        self._next_id = max(self._next_id, entry_id + 1)

    def _sign(self, record: Signed) -> None:
        ids = record.entry_ids
        self._require(bool(ids) and len(set(ids)) == len(ids), record)
        self._require(all(one in self._waiting for one in ids), record)
        self._require(self._in_flight is None, record)
        self._in_flight = record
        if record.public_key != self._public_key:
            self._public_key, self._next_nonce = record.public_key, 0
        self._next_nonce = max(self._next_nonce, record.nonce + 1)

    def _answer(self, record: Answered) -> None:
        under_way = self._in_flight
        if under_way is None or under_way.digest != record.digest:
            raise self._illegal(record)
        named = [one.entry_id for one in record.recorded] + [one.entry_id for one in record.died]
        self._require(len(set(named)) == len(named), record)
        self._require(set(named) <= set(under_way.entry_ids), record)
        self._in_flight = None
        for died in record.died:
            self._bury(died)
        for recorded in record.recorded:
            self._settle(recorded)

    def _bury(self, died: Died) -> None:
        entry = self._waiting.pop(died.entry_id)
        self._waiting_bytes -= entry.size_bytes
        self._dead_bytes += entry.size_bytes
        self._graves[died.entry_id] = _Grave(entry=entry, died=died)

    def _settle(self, recorded: Recorded) -> None:
        entry = self._waiting.pop(recorded.entry_id)
        self._waiting_bytes -= entry.size_bytes
        self._settled += 1
        self._remember(
            _Memory(identity=entry.identity, content=content_digest(entry), recorded=recorded)
        )

    def _remember(self, memory: _Memory) -> None:
        entry_id = memory.recorded.entry_id
        self._memories[entry_id] = memory
        self._by_identity[memory.identity] = entry_id
        if len(self._memories) > REMEMBERED_MAX:
            _, oldest = self._memories.popitem(last=False)
            del self._by_identity[oldest.identity]

    def _retry(self, record: Retried) -> None:
        ids = record.entry_ids
        self._require(len(set(ids)) == len(ids), record)
        self._require(all(one in self._graves for one in ids), record)
        for entry_id in ids:
            entry = self._graves.pop(entry_id).entry
            self._dead_bytes -= entry.size_bytes
            self._waiting_bytes += entry.size_bytes
            self._waiting[entry_id] = entry

    def _require(self, holds: bool, record: Record) -> None:  # noqa: FBT001 - the one condition
        if not holds:
            raise self._illegal(record)

    def _illegal(self, record: Record) -> IllegalRecord:
        return IllegalRecord(
            f"spool: expected a record that follows from those before it, got"
            f" {type(record).__name__} after entry {self._next_id - 1}"
        )


def content_digest(entry: SpoolEntry) -> bytes:
    """Hash the calls of an entry: what makes two puts under one identity the same entry."""
    calls = tuple((one.action, one.public, one.private) for one in entry.calls)
    return hashlib.sha256(encode(calls)).digest()
