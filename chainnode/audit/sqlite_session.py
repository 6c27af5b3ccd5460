"""The read model in one SQLite file beside the ledger.

Nothing here needs to be durable: a lost or damaged file is dropped and rebuilt from the ledger,
which is why synchronous writing is off.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from chainnode.audit.port import DamagedReadModel, ReadModelUnavailable
from chainnode.audit.tables import TABLES, Value

FILE_NAME = "audit.sqlite"
_COMPANIONS = ("", "-wal", "-shm", "-journal")
# The disk or another process is in the way; making a new file would not mend it.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
_PRIMARY_CODE = 0xFF


class SqliteSession:
    """A `Session` on one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def query(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Return all rows of a question."""
        with _failures_named():
            return self._connected().execute(sql, values).fetchall()

    def insert(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Add rows."""
        if rows:
            marks = ",".join("?" * len(rows[0]))
            statement = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - a table of ours
            self.change(statement, rows)

    def change(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Carry out a statement for each row of values."""
        with _failures_named():
            self._connected().executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, then commit or roll back."""
        with _failures_named():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def recreate(self) -> None:
        """Drop the file and make one with empty tables."""
        self.close()
        with _failures_named():
            for suffix in _COMPANIONS:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            connection = self._connected()
            for table, columns in TABLES.items():
                connection.execute(f"CREATE TABLE {table} ({columns}) WITHOUT ROWID")

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # The owner serialises all use; only the thread changes, between opening and use.
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connection = connection
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
        return self._connection


@contextlib.contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReadModelUnavailable(f"audit database: {error.strerror}") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if code & _PRIMARY_CODE in _PASSING:
            raise ReadModelUnavailable(f"audit database: {name}") from error
        raise DamagedReadModel(f"audit database: {name}") from error
