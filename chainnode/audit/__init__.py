"""The SQL read model of the log: finds rows of trails by index key; untrusted and rebuildable."""

from chainnode.audit.opening import open_audit_database
from chainnode.audit.port import (
    AuditDatabase,
    Cursor,
    DamagedReadModel,
    EntrySource,
    InvalidAuditQuery,
    InvalidCursor,
    ReadModelUnavailable,
)
from chainnode.audit.sqlite_session import FILE_NAME as AUDIT_FILE
from chainnode.audit.store import AuditStore

__all__ = [
    "AUDIT_FILE",
    "AuditDatabase",
    "AuditStore",
    "Cursor",
    "DamagedReadModel",
    "EntrySource",
    "InvalidAuditQuery",
    "InvalidCursor",
    "ReadModelUnavailable",
    "open_audit_database",
]
