"""The read model in a PostgreSQL database, in a schema of its own; psycopg 3 is loaded when used.

The connection is made when it is first needed and again after it was lost: a node votes whether
its read model can be asked or not. One session lock a database keeps two nodes from following
their chains into the same tables. No error repeats what PostgreSQL says of a statement: it may
show values, and keys are about people.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainnode.audit.port import DamagedReadModel, ReadModelUnavailable
from chainnode.audit.tables import TABLES, Value
from chainnode.errors import ConfigurationError

if TYPE_CHECKING:
    import psycopg

SCHEMA = "kunlian_audit"
# Any number that other applications of the database do not use: "kunlian" as ASCII.
_LOCK = int.from_bytes(b"kunlian")
_CONNECT_TIMEOUT_S = 5
# A step writes less than a second; whoever waits longer waits for somebody else's lock.
_SETTINGS = (
    f"SET search_path TO {SCHEMA}",
    "SET synchronous_commit TO off",
    "SET statement_timeout TO '20s'",
)
_TYPES = {"BIGINT": "int8", "BLOB": "bytea"}
_COLUMNS = {
    table: [_TYPES[part.split()[1]] for part in columns.split(", PRIMARY KEY")[0].split(", ")]
    for table, columns in TABLES.items()
}


class PostgresqlSession:
    """A `Session` on one database."""

    def __init__(self, url: str) -> None:
        """`url` may hold a password: it is kept out of every message.

        Raises:
            ConfigurationError: psycopg is not installed, or the URL is not one.

        """
        try:
            import psycopg  # noqa: PLC0415 - an optional part, loaded only where it is asked for
            from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - as above
        except ImportError as error:
            raise ConfigurationError(
                "[audit] url: PostgreSQL needs psycopg: pip install kunlian[postgresql]"
            ) from error
        self._psycopg = psycopg
        try:
            self._conninfo = make_conninfo(url, connect_timeout=_CONNECT_TIMEOUT_S)
        except psycopg.Error:
            raise ConfigurationError(
                "[audit] url: expected postgresql://user@host/database, got another form"
            ) from None
        self._connection: psycopg.Connection | None = None

    def query(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Return all rows of a question."""
        with self._failures_named():
            return self._connected().execute(_in_dialect(sql), values).fetchall()

    def insert(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Copy rows in, in the binary form."""
        if not rows:
            return
        statement = f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()
        with (
            self._failures_named(),
            self._connected().cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            copy.set_types(_COLUMNS[table])
            for row in rows:
                copy.write_row(row)

    def change(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Carry out a statement for each row of values."""
        with self._failures_named(), self._connected().cursor() as cursor:
            cursor.executemany(_in_dialect(sql), rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, then commit or roll back."""
        with self._failures_named(), self._connected().transaction():
            yield

    def recreate(self) -> None:
        """Drop the schema and make it with empty tables."""
        with self.transaction():
            connection = self._connected()
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
            connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
            for table, columns in TABLES.items():
                columns_here = columns.replace("BLOB", "BYTEA")
                connection.execute(f"CREATE TABLE {table} ({columns_here})".encode())

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "psycopg.Connection":
        if self._connection is None or self._connection.closed:
            connection = self._psycopg.connect(self._conninfo, autocommit=True)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: "psycopg.Connection") -> None:
        for setting in _SETTINGS:
            connection.execute(setting.encode())
        locked = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if locked != (True,):
            raise ReadModelUnavailable(
                "audit database: expected one of this node's own, got one that another node follows"
            )

    @contextlib.contextmanager
    def _failures_named(self) -> Iterator[None]:
        psycopg = self._psycopg
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._drop_connection()
            raise ReadModelUnavailable(f"audit database: {_named(error)}") from None
        except psycopg.Error as error:
            raise DamagedReadModel(f"audit database: {_named(error)}") from None

    def _drop_connection(self) -> None:
        """Begin with a new connection next time: this one is in an unknown state."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(self._psycopg.Error):
                connection.close()


def _in_dialect(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()


def _named(error: "psycopg.Error") -> str:
    return f"{type(error).__name__} {error.sqlstate or 'without a connection'}"
