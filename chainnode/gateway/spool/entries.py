"""What a gateway hands over for the ledger, and what can become of it. Plain values, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol, TypeAlias

from chainnode.errors import InvalidInput
from chainnode.submission import Call
from contracts.schemas.access import CALL_ID_BYTES, Side

EntryId = NewType("EntryId", int)

# What one submission may carry (docs/wire-format.md §3, calls_max): an entry is never cut.
CALLS_MAX: Final = 4096
# The same for bytes (submission_bytes_max, 1 MiB), with room for header and signature.
ENTRY_BYTES_MAX: Final = 1024 * 1024 - 4096
# Beside its texts a call takes no more than this on the wire.
CALL_OVERHEAD_BYTES: Final = 16
ORGANISATION_CHARACTERS_MAX: Final = 32


class InvalidEntry(InvalidInput):
    """An entry that no submission can carry; the gateway's fault."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"spool entry: {what}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallIdentity:
    """By what the ledger knows one side's testimony of a call: it takes one of each."""

    requester: str
    provider: str
    call_id: bytes
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolEntry:
    """One side's testimony of one call: its people records and its half, in this order.

    The calls stay in one submission. `made_ms` is when the gateway made them, by its own clock.
    """

    requester: str
    provider: str
    call_id: bytes
    side: Side
    calls: tuple[Call, ...] = field(repr=False)
    made_ms: int
    # By what the ledger knows it, and what the calls take in a submission, rounded up.
    identity: CallIdentity = field(init=False, repr=False, compare=False)
    size_bytes: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        size_bytes = calls_bytes(self.calls)
        _require("requester", len(self.requester), 1, ORGANISATION_CHARACTERS_MAX)
        _require("provider", len(self.provider), 1, ORGANISATION_CHARACTERS_MAX)
        _require("bytes of the call id", len(self.call_id), CALL_ID_BYTES, CALL_ID_BYTES)
        _require("calls", len(self.calls), 1, CALLS_MAX)
        _require("bytes", size_bytes, 0, ENTRY_BYTES_MAX)
        identity = CallIdentity(
            requester=self.requester,
            provider=self.provider,
            call_id=self.call_id,
            side=self.side,
        )
        object.__setattr__(self, "identity", identity)
        object.__setattr__(self, "size_bytes", size_bytes)


def calls_bytes(calls: Sequence[Call]) -> int:
    """Return what calls take in a submission, rounded up."""
    return sum(
        len(one.action.encode()) + len(one.public) + len(one.private) + CALL_OVERHEAD_BYTES
        for one in calls
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The ledger does not have it yet, or it is not known yet that it has."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A quorum has proven that the ledger has it; `position` is the half's in the log.

    `submission_digest` and `height` are those of the submission that recorded it first.
    """

    entry_id: EntryId
    submission_digest: bytes
    height: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """The ledger refuses it for ever. It is kept until a person decides.

    `code` is the code of its receipt, 0 where the nodes refused it at their door; `code_name`
    and `details` go with it (contracts/schemas/codes.py, or the problem code of the HTTP API).
    """

    entry_id: EntryId
    identity: CallIdentity
    made_ms: int
    died_ms: int
    code: int
    code_name: str
    details: tuple[int, ...] = ()


Fate: TypeAlias = Waiting | Settled | DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """How a spool stands, for `/healthz` and metrics. `alarm` says what a person must mend.

    `is_ended`: it takes nothing more in this process, and brings nothing more to the ledger.
    """

    waiting: int
    waiting_bytes: int
    oldest_made_ms: int | None
    settled: int
    dead: int
    disk_bytes: int
    alarm: str | None
    is_ended: bool = False


class CallQueue(Protocol):
    """What a gateway's middleware and proxy see of the spool."""

    async def put(self, entry: SpoolEntry) -> EntryId:
        """Keep an entry; it is durable when this returns.

        The same calls under the same identity are the same entry and get the same id.

        Raises:
            SpoolFull: no room; nothing was kept.
            SpoolConflict: other calls stand under this identity.
            StorageError: it is unknown whether it was kept; the spool has ended.

        """
        ...

    async def begin(self, entry: SpoolEntry) -> None:
        """Set aside what stands for a call if this process ends before its half is put.

        It is durable when this returns, and goes to the ledger in the next life of the spool
        unless an entry of the same identity was put until then.

        Raises:
            SpoolFull, SpoolConflict, StorageError: as `put`.

        """
        ...

    async def settled(self, entry_id: EntryId, *, timeout_s: float) -> Fate:
        """Wait until it is known what became of an entry; `Waiting` when time is up.

        Raises:
            UnknownEntry: no such entry, or one that was settled too long ago.
            StorageError: the spool has ended.

        """
        ...

    @property
    def is_ended(self) -> bool:
        """Whether nothing is taken any more in this process."""
        ...

    def status(self) -> SpoolStatus:
        """Tell how the spool stands."""
        ...


def _require(what: str, actual: int, minimum: int, maximum: int) -> None:
    if not minimum <= actual <= maximum:
        raise InvalidEntry(what=what, expected=f"{minimum} … {maximum}", actual=str(actual))
