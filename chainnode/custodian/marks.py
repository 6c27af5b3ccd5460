"""What of asks outlives a restart beside their counts: which were taken, how full buckets are.

Written in the transaction that counts an ask, so it costs no sync of its own. No number and no
token is in it.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS asks (key_id BLOB, nonce BLOB, at_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL, PRIMARY KEY (key_id, nonce)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS asks_by_end ON asks (until_ms);
CREATE TABLE IF NOT EXISTS forgotten (only INTEGER PRIMARY KEY CHECK (only = 0),
  at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS levels (name TEXT PRIMARY KEY, level REAL NOT NULL,
  at_ms INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAsk:
    """A signed ask that was taken: its key and nonce, when it was signed, how long it is kept."""

    key_id: bytes
    nonce: bytes
    at_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is noted of one ask at `now_ms`: itself, and the levels of its asker's buckets."""

    ask: TakenAsk
    levels: Mapping[str, float]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a former life noted; an ask signed at `forgotten_ms` or before may have been taken.

    `levels`: by bucket, what was left in it and when.
    """

    asks: tuple[TakenAsk, ...] = ()
    forgotten_ms: int = -1
    levels: Mapping[str, tuple[float, int]] = field(default_factory=dict)


def write_mark(database: sqlite3.Connection, mark: Mark) -> None:
    """Note an ask within a transaction, and forget those that can no longer come."""
    ask = mark.ask
    (latest,) = database.execute(
        "SELECT max(at_ms) FROM asks WHERE until_ms < ?", (mark.now_ms,)
    ).fetchone()
    if latest is not None:
        database.execute(
            "INSERT INTO forgotten VALUES (0, ?) ON CONFLICT DO UPDATE SET"
            " at_ms = max(at_ms, excluded.at_ms)",
            (latest,),
        )
        database.execute("DELETE FROM asks WHERE until_ms < ?", (mark.now_ms,))
    database.execute(
        "INSERT INTO asks VALUES (?, ?, ?, ?)", (ask.key_id, ask.nonce, ask.at_ms, ask.until_ms)
    )
    database.executemany(
        "INSERT INTO levels VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
        " level = excluded.level, at_ms = excluded.at_ms",
        [(name, level, mark.now_ms) for name, level in mark.levels.items()],
    )


def read_marks(database: sqlite3.Connection) -> Marks:
    """Return everything that is noted, asks in the order in which they end."""
    asks = database.execute(
        "SELECT key_id, nonce, at_ms, until_ms FROM asks ORDER BY until_ms"
    ).fetchall()
    forgotten = database.execute("SELECT at_ms FROM forgotten").fetchone()
    levels = database.execute("SELECT name, level, at_ms FROM levels").fetchall()
    return Marks(
        asks=tuple(
            TakenAsk(key_id=key_id, nonce=nonce, at_ms=at_ms, until_ms=until_ms)
            for key_id, nonce, at_ms, until_ms in asks
        ),
        forgotten_ms=-1 if forgotten is None else forgotten[0],
        levels={name: (level, at_ms) for name, level, at_ms in levels},
    )
