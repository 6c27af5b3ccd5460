"""The tables of the read model and every SQL statement on them, the same in all databases.

`trail_rows` and `trail_chunks` hold each trail; `trail_nodes` the tree over its chunks from level
4 on; `trails` where each key stands; `entries` which kinds of keys an entry carries; `tallies` how
often what was reported. What differs between databases stands behind `Session`.
"""

import itertools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from chainnode.audit.port import (
    INTEGER_MAX,
    ChunkPlace,
    DamagedReadModel,
    Growth,
    Progress,
    RowPlace,
    TrailState,
)

# A database with another number was made by another version and is rebuilt.
SCHEMA_VERSION = 3
# SQLite takes at least 999 parameters.
_KEYS_PER_QUERY = 500

Value: TypeAlias = int | bytes | str

TABLES = {
    "progress": "version BIGINT, chain_id BLOB, first_position BIGINT, log_size BIGINT,"
    " PRIMARY KEY (version)",
    "entries": "position BIGINT NOT NULL, kinds BIGINT NOT NULL, PRIMARY KEY (position)",
    "trails": "trail BIGINT NOT NULL, index_key BLOB NOT NULL, row_count BIGINT NOT NULL,"
    " chunk_count BIGINT NOT NULL, peaks BLOB NOT NULL, PRIMARY KEY (index_key)",
    "trail_rows": "trail BIGINT NOT NULL, position BIGINT NOT NULL, row_number BIGINT NOT NULL,"
    " chunk_number BIGINT NOT NULL, PRIMARY KEY (trail, position)",
    "trail_chunks": "trail BIGINT NOT NULL, chunk_number BIGINT NOT NULL,"
    " first_row BIGINT NOT NULL, row_count BIGINT NOT NULL, first_position BIGINT NOT NULL,"
    " root BLOB NOT NULL, nodes BLOB NOT NULL, PRIMARY KEY (trail, chunk_number)",
    "trail_nodes": "trail BIGINT NOT NULL, level BIGINT NOT NULL, node_number BIGINT NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (trail, level, node_number)",
    "tallies": "tally BLOB NOT NULL, tally_count BIGINT NOT NULL, PRIMARY KEY (tally)",
}
_PROGRESS = "SELECT version, chain_id, first_position, log_size FROM progress"
_REACHED = "UPDATE progress SET log_size = ?"
_LAST_TRAIL = "SELECT COALESCE(MAX(trail), 0) FROM trails"
_STATES = "SELECT index_key, trail, row_count, chunk_count, peaks FROM trails WHERE index_key IN"
_MOVE = "UPDATE trails SET row_count = ?, chunk_count = ?, peaks = ? WHERE index_key = ?"
_ROW_BEFORE = """
SELECT position, row_number, chunk_number FROM trail_rows WHERE trail = ? AND position < ?
ORDER BY position DESC LIMIT 1
"""
_ROWS_FROM = """
SELECT position, row_number, chunk_number FROM trail_rows WHERE trail = ? AND position >= ?
ORDER BY position LIMIT ?
"""
_CHUNKS = """
SELECT chunk_number, first_row, row_count, first_position, root, nodes FROM trail_chunks
WHERE trail = ? AND chunk_number >= ? AND chunk_number < ? ORDER BY chunk_number
"""
_NODE = "SELECT digest FROM trail_nodes WHERE trail = ? AND level = ? AND node_number = ?"
# Kinds × departments × roles: a fraction of this; a table that somebody filled is cut.
_TALLIES = "SELECT tally, tally_count FROM tallies LIMIT 65536"
_COUNT = "UPDATE tallies SET tally_count = tally_count + ? WHERE tally = ?"
_POSITIONS = """
SELECT position FROM entries WHERE position >= ? AND position < ? AND kinds & ? <> 0
ORDER BY position LIMIT ?
"""


class Session(Protocol):
    """One connection to a database; the placeholder is `?`.

    A database that cannot be asked is `ReadModelUnavailable`; tables that are not those that
    were made are `DamagedReadModel`. No error repeats a value: keys are about people.
    """

    def query(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Return all rows of a question."""
        ...

    def insert(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Add rows that are not there yet, all columns of each, as fast as it can."""
        ...

    def change(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Carry out a statement for each row of values."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make what happens inside durable as a whole, or not at all."""
        ...

    def recreate(self) -> None:
        """Drop everything of the read model and make `TABLES`, empty."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class AuditTables:
    """An `AuditDatabase` over a session; it belongs to one chain."""

    def __init__(self, session: Session, *, chain_id: bytes) -> None:
        self._session = session
        self._chain_id = chain_id

    def progress(self) -> Progress:
        """Return how far it has come; tables of another chain, version or shape are rebuilt."""
        try:
            rows = self._session.query(_PROGRESS)
        except DamagedReadModel:
            rows = []
        if len(rows) != 1 or tuple(rows[0][:2]) != (SCHEMA_VERSION, self._chain_id):
            self.rebuild()
            return Progress(first_position=0, log_size=0)
        _, _, first, size = rows[0]
        return Progress(first_position=_number(first), log_size=_number(size))

    def states(self, keys: Iterable[bytes]) -> dict[bytes, TrailState]:
        """Return where the trails of these keys stand."""
        found: dict[bytes, TrailState] = {}
        asked = iter(keys)
        while some := list(itertools.islice(asked, _KEYS_PER_QUERY)):
            marks = ",".join("?" * len(some))
            for key, *state in self._session.query(f"{_STATES} ({marks})", some):
                trail, rows, chunks, peaks = state
                found[_data(key)] = TrailState(
                    identity=_number(trail),
                    rows=_number(rows),
                    chunks=_number(chunks),
                    peaks=_data(peaks),
                )
        return found

    def next_identity(self) -> int:
        """Return a number above those of all trails."""
        return _number(self._session.query(_LAST_TRAIL)[0][0]) + 1

    def append(self, growth: Growth) -> None:
        """Add a step in one transaction."""
        with self._session.transaction():
            known = self.states(growth.states)
            fresh = [
                (one.identity, key, one.rows, one.chunks, one.peaks)
                for key, one in growth.states.items()
                if key not in known
            ]
            moved = [
                (one.rows, one.chunks, one.peaks, key)
                for key, one in growth.states.items()
                if key in known
            ]
            self._session.insert("entries", growth.entries)
            self._session.insert("trails", fresh)
            self._session.change(_MOVE, moved)
            self._session.insert("trail_rows", growth.rows)
            self._session.insert("trail_chunks", growth.chunks)
            self._session.insert("trail_nodes", growth.nodes)
            self._count(growth.tallies)
            self._session.change(_REACHED, [(growth.log_size,)])

    def tallies(self) -> dict[bytes, int]:
        """Return all counts; they are few."""
        return {_data(tally): _number(count) for tally, count in self._session.query(_TALLIES)}

    def row_before(self, trail: int, position: int) -> RowPlace | None:
        """Return the last row of a trail below `position`."""
        found = self._session.query(_ROW_BEFORE, (trail, position))
        return _row(found[0]) if found else None

    def rows_from(self, trail: int, position: int, *, limit: int) -> list[RowPlace]:
        """Return up to `limit` rows of a trail from `position` on."""
        return [_row(one) for one in self._session.query(_ROWS_FROM, (trail, position, limit))]

    def chunks(self, trail: int, first: int, stop: int) -> list[ChunkPlace]:
        """Return the chunks `first … stop − 1` of a trail."""
        return [_chunk(one) for one in self._session.query(_CHUNKS, (trail, first, stop))]

    def node(self, trail: int, level: int, number: int) -> bytes | None:
        """Return a complete node of the tree over the chunks."""
        found = self._session.query(_NODE, (trail, level, number))
        return _data(found[0][0]) if found else None

    def positions(self, kind: int, start: int, stop: int, *, limit: int) -> list[int]:
        """Return up to `limit` positions of entries with any key of `kind`."""
        found = self._session.query(_POSITIONS, (start, stop, 1 << kind, limit))
        return [_number(row[0]) for row in found]

    def _count(self, added: Sequence[tuple[bytes, int]]) -> None:
        known = self.tallies() if added else {}
        self._session.insert("tallies", [one for one in added if one[0] not in known])
        self._session.change(_COUNT, [(count, one) for one, count in added if one in known])

    def rebuild(self, first_position: int = 0) -> None:
        """Drop all tables; begin anew with the entry at `first_position`."""
        self._session.recreate()
        with self._session.transaction():
            self._session.insert(
                "progress", [(SCHEMA_VERSION, self._chain_id, first_position, first_position)]
            )

    def close(self) -> None:
        """Release the database."""
        self._session.close()


def _row(values: Sequence[Value]) -> RowPlace:
    position, row, chunk = values
    return RowPlace(position=_number(position), row=_number(row), chunk=_number(chunk))


def _chunk(values: Sequence[Value]) -> ChunkPlace:
    number, first_row, rows, first_position, root, nodes = values
    return ChunkPlace(
        number=_number(number),
        first_row=_number(first_row),
        rows=_number(rows),
        first_position=_number(first_position),
        root=_data(root),
        nodes=_data(nodes),
    )


def _number(value: Value) -> int:
    """Read a count; SQLite keeps whatever type somebody has put into a column."""
    if not isinstance(value, int) or not 0 <= value <= INTEGER_MAX:
        raise DamagedReadModel("audit database: expected a count, got something else")
    return value


def _data(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise DamagedReadModel("audit database: expected bytes, got something else")
    return value
