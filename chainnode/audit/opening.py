"""Which database the read model of a node lives in: one of the setting `[audit] url`."""

from pathlib import Path

from chainnode.audit.port import AuditDatabase
from chainnode.audit.sqlite_session import FILE_NAME, SqliteSession
from chainnode.audit.tables import AuditTables
from chainnode.config import AuditUrl


def open_audit_database(url: AuditUrl, *, folder: Path, chain_id: bytes) -> AuditDatabase:
    """Return the read model of a chain: a file in `folder`, or the database of the URL.

    Raises:
        ConfigurationError: PostgreSQL is asked for and its driver is not installed, or the
            URL is malformed.

    """
    if not url.is_postgresql:
        return AuditTables(SqliteSession(folder / FILE_NAME), chain_id=chain_id)
    from chainnode.audit.postgresql_session import (  # noqa: PLC0415 - loads an optional driver
        PostgresqlSession,
    )

    return AuditTables(PostgresqlSession(url.secret), chain_id=chain_id)
