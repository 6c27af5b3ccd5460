"""What the spool writes to its file, record by record. Plain values; `codec` has the bytes.

A record is one frame, so it is there whole or not at all: all that an answer of the ledger
settles and refuses is one record.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from chainnode.gateway.spool.entries import CallIdentity, DeadLetter, EntryId, SpoolEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An entry was taken; the ledger does not have it yet."""

    entry_id: EntryId
    entry: SpoolEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An answer began to leave; `entry` is what stands for its call unless another is kept."""

    entry: SpoolEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """These entries, in this order, were signed as one submission, which may be anywhere now.

    Its calls are those of the entries; `digest` tells that they still are.
    """

    entry_ids: tuple[EntryId, ...]
    public_key: bytes
    nonce: int
    valid_until_ms: int
    contract: str
    contract_version: int
    signature: bytes = field(repr=False)
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One entry that the ledger has, and where: position of its half in the log."""

    entry_id: EntryId
    submission_digest: bytes
    height: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """One entry that the ledger refuses for ever, and why."""

    entry_id: EntryId
    died_ms: int
    code: int
    code_name: str
    details: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The fate of the submission `digest` is known.

    Entries of it that are named nowhere here wait on, to be signed again.
    """

    digest: bytes
    recorded: tuple[Recorded, ...] = ()
    died: tuple[Died, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A person put these dead letters back behind all that waits."""

    entry_ids: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A restatement: an entry that was settled before, and what its calls hashed to."""

    identity: CallIdentity
    content: bytes
    recorded: Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A restatement: how far ids, settled entries and the nonces of the last key have come."""

    next_id: int
    settled: int
    public_key: bytes
    next_nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A restatement: a dead letter with its calls."""

    entry: SpoolEntry
    died: Died


Record: TypeAlias = Kept | Begun | Signed | Answered | Retried | Remembered | Counted | Buried


def dead_letter(entry: SpoolEntry, died: Died) -> DeadLetter:
    """Tell of a dead letter without its calls."""
    return DeadLetter(
        entry_id=died.entry_id,
        identity=entry.identity,
        made_ms=entry.made_ms,
        died_ms=died.died_ms,
        code=died.code,
        code_name=died.code_name,
        details=died.details,
    )
