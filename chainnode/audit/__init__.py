"""The SQL read model of the log: finds positions by index key; untrusted and rebuildable."""

from chainnode.audit.port import (
    AuditDatabase,
    AuditPage,
    EntrySource,
    InvalidAuditQuery,
    InvalidCursor,
    ReadModelUnavailable,
)
from chainnode.audit.sqlite_database import SqliteAuditDatabase
from chainnode.audit.store import AuditStore

__all__ = [
    "AuditDatabase",
    "AuditPage",
    "AuditStore",
    "EntrySource",
    "InvalidAuditQuery",
    "InvalidCursor",
    "ReadModelUnavailable",
    "SqliteAuditDatabase",
]
