"""The gateway between a department's services and the ledger."""

from chainnode.gateway.spool_entries import (
    CallIdentity,
    CallQueue,
    DeadLetter,
    EntryId,
    Fate,
    InvalidEntry,
    Settled,
    SpoolEntry,
    SpoolStatus,
    Waiting,
)
from chainnode.gateway.spool_errors import (
    SpoolConflict,
    SpoolCorrupted,
    SpoolFull,
    SpoolOfAnotherChain,
    UnknownEntry,
)

__all__ = [
    "CallIdentity",
    "CallQueue",
    "DeadLetter",
    "EntryId",
    "Fate",
    "InvalidEntry",
    "Settled",
    "SpoolConflict",
    "SpoolCorrupted",
    "SpoolEntry",
    "SpoolFull",
    "SpoolOfAnotherChain",
    "SpoolStatus",
    "UnknownEntry",
    "Waiting",
]
