"""Where the audit read model may live, for tests: opened by the product, edited past it."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chainnode.audit import AuditDatabase, open_audit_database
from chainnode.config import AuditUrl
from tests.postgresql import PostgresqlServer

KINDS = ("sqlite", "postgresql")
SQLITE = AuditUrl("sqlite:")


@dataclass
class AuditPlace:
    """One database; `edit` is a stranger with a database client."""

    url: AuditUrl
    folder: Path
    edit: Callable[[str], None]
    # How a byte string is written in a statement.
    blob: Callable[[bytes], str]

    def open(self, chain_id: bytes) -> AuditDatabase:
        return open_audit_database(self.url, folder=self.folder, chain_id=chain_id)


def sqlite_place(folder: Path) -> AuditPlace:
    def edit(statements: str) -> None:
        with sqlite3.connect(folder / "audit.sqlite") as connection:
            connection.executescript(statements)
        connection.close()

    return AuditPlace(SQLITE, folder, edit, lambda data: f"X'{data.hex()}'")


def postgresql_place(folder: Path, server: PostgresqlServer) -> AuditPlace:
    name = server.database()

    def edit(statements: str) -> None:
        server.psql(name, f"SET search_path TO kunlian_audit; {statements}")

    url = AuditUrl(server.url(name))
    return AuditPlace(url, folder, edit, lambda data: f"decode('{data.hex()}', 'hex')")
