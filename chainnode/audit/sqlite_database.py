"""The audit read model in SQLite: two tables, one connection, one thread at a time.

`blocks` maps ledger time and height to log positions (all three only grow along the log);
`keys` maps an index key to positions. Nothing here needs to be durable: a lost or damaged file
is dropped and rebuilt from the ledger, which is why synchronous writing is off.
"""

import contextlib
import heapq
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from chainnode.audit.port import AuditQuery, IndexedEntry, Progress, ReadModelUnavailable

# A file with another number was made by another version and is rebuilt.
SCHEMA_VERSION = 1
_BEYOND_ALL = 2**63 - 1

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE blocks (height INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,
                     first_position INTEGER NOT NULL, stop_position INTEGER NOT NULL);
CREATE INDEX blocks_by_time ON blocks (time_ms, first_position);
CREATE TABLE keys (kind INTEGER NOT NULL, value BLOB NOT NULL, position INTEGER NOT NULL,
                   PRIMARY KEY (kind, value, position)) WITHOUT ROWID;
CREATE INDEX keys_by_kind ON keys (kind, position);
"""
_ADD_BLOCK = """
INSERT INTO blocks VALUES (?, ?, ?, ?)
ON CONFLICT (height) DO UPDATE SET stop_position = excluded.stop_position
"""
_FIRST_SINCE = """
SELECT first_position FROM blocks WHERE time_ms >= ? ORDER BY time_ms, first_position LIMIT 1
"""
_STOP_AT = "SELECT stop_position FROM blocks WHERE height <= ? ORDER BY height DESC LIMIT 1"
_BY_KIND = """
SELECT DISTINCT position FROM keys WHERE kind = ? AND position >= ? AND position < ?
ORDER BY position LIMIT ?
"""
_BY_KEY = """
SELECT position FROM keys WHERE kind = ? AND value = ? AND position >= ? AND position < ?
ORDER BY position LIMIT ?
"""


class SqliteAuditDatabase:
    """An `AuditDatabase` in one SQLite file that belongs to one chain."""

    def __init__(self, path: Path, *, chain_id: bytes) -> None:
        """Open or make the file; one of another chain, version or shape is rebuilt."""
        self._path = path
        self._chain_id = chain_id
        self._connection: sqlite3.Connection | None = None
        if not self._is_usable():
            self.rebuild()

    def progress(self) -> Progress:
        """Return how far it has come."""
        with _failures_named():
            rows = dict(self._connected().execute("SELECT name, value FROM meta").fetchall())
            return Progress(height=int(rows["height"]), log_size=int(rows["log_size"]))

    def append(self, entries: Sequence[IndexedEntry], *, upto: Progress) -> None:
        """Add entries and move on to `upto` in one transaction."""
        blocks = [
            (height, rows[0].time_ms, rows[0].position, rows[-1].position + 1)
            for height, rows in _by_height(entries)
        ]
        keys = [(key[0], key[1:], one.position) for one in entries for key in one.index_keys]
        reached = [(upto.height, "height"), (upto.log_size, "log_size")]
        with _failures_named(), _transaction(self._connected()) as connection:
            connection.executemany(_ADD_BLOCK, blocks)
            connection.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", keys)
            connection.executemany("UPDATE meta SET value = ? WHERE name = ?", reached)

    def find(self, query: AuditQuery) -> list[int]:
        """Return up to `limit` + 1 positions; a bounded scan per key, then a merge."""
        with _failures_named():
            connection = self._connected()
            start, stop = _position_range(connection, query)
            bounds = (start, stop, query.limit + 1)
            if not query.keys:
                return _column(connection, _BY_KIND, (query.kind, *bounds))
            found = [_column(connection, _BY_KEY, (key[0], key[1:], *bounds)) for key in query.keys]
        merged = (position for position, _ in itertools.groupby(heapq.merge(*found)))
        return list(itertools.islice(merged, query.limit + 1))

    def rebuild(self) -> None:
        """Drop the file and make an empty one."""
        self.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        rows: list[tuple[str, int | bytes]] = [
            ("version", SCHEMA_VERSION),
            ("chain_id", self._chain_id),
            ("height", 0),
            ("log_size", 0),
        ]
        with _failures_named():
            connection = self._connected()
            connection.executescript(_SCHEMA)
            with _transaction(connection):
                connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # The owner serialises all use; only the thread changes, between opening and use.
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            self._connection = connection
        return self._connection

    def _is_usable(self) -> bool:
        if not self._path.exists():
            return False
        try:
            rows = dict(self._connected().execute("SELECT name, value FROM meta").fetchall())
        except sqlite3.DatabaseError:
            return False
        wanted = {"version": SCHEMA_VERSION, "chain_id": self._chain_id}
        return wanted.items() <= rows.items() and {"height", "log_size"} <= rows.keys()


@contextlib.contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, KeyError, ValueError) as error:
        raise ReadModelUnavailable(f"audit database: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _by_height(
    entries: Sequence[IndexedEntry],
) -> Iterator[tuple[int, list[IndexedEntry]]]:
    for height, rows in itertools.groupby(entries, key=lambda one: one.height):
        yield height, list(rows)


def _position_range(connection: sqlite3.Connection, query: AuditQuery) -> tuple[int, int]:
    """Turn period, height and cursor into one range of positions: all of them only grow."""
    start = _column(connection, _FIRST_SINCE, (query.from_ms,)) or [_BEYOND_ALL]
    stop = _column(connection, _STOP_AT, (query.as_of_height,)) or [0]
    if query.to_ms:
        stop += _column(connection, _FIRST_SINCE, (query.to_ms,))
    if query.after is not None:
        start.append(query.after + 1)
    return max(start), min(stop)


def _column(connection: sqlite3.Connection, sql: str, values: tuple[int | bytes, ...]) -> list[int]:
    return [int(row[0]) for row in connection.execute(sql, values)]
