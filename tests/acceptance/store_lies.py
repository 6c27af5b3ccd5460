"""One row changed in a node's SQLite audit store, behind the node's back."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from contracts.schemas.index_kinds import IndexKind

_SUBJECT = bytes((IndexKind.SUBJECT,))


@dataclass(frozen=True, slots=True)
class StoreLie:
    """A change to the rows of one trail."""

    name: str
    change: Callable[[sqlite3.Connection, int], None]

    def tell(self, store: sqlite3.Connection, subject: bytes) -> None:
        """Change the trail of a subject, and keep it."""
        (trail,) = store.execute(
            "SELECT trail FROM trails WHERE index_key = ?", (_SUBJECT + subject,)
        ).fetchone()
        before = _rows(store, trail)
        self.change(store, trail)
        store.commit()
        assert _rows(store, trail) != before


def _rows(store: sqlite3.Connection, trail: int) -> list[tuple[int, ...]]:
    return store.execute(
        "SELECT position, row_number, chunk_number FROM trail_rows WHERE trail = ?", (trail,)
    ).fetchall()


def _drop(store: sqlite3.Connection, trail: int) -> None:
    store.execute("DELETE FROM trail_rows WHERE trail = ? AND row_number = 1", (trail,))


def _add(store: sqlite3.Connection, trail: int) -> None:
    """Count a stranger's entry as one more row, every number kept consistent."""
    known = {row[0] for row in _rows(store, trail)}
    stranger = next(position for position in range(len(known) + 1) if position not in known)
    store.execute(
        "UPDATE trail_rows SET row_number = -1 - row_number WHERE trail = ? AND position > ?",
        (trail, stranger),
    )
    store.execute(
        "UPDATE trail_rows SET row_number = -row_number WHERE trail = ? AND row_number < 0",
        (trail,),
    )
    below = sum(position < stranger for position in known)
    store.execute(
        "INSERT INTO trail_rows (trail, position, row_number, chunk_number) VALUES (?, ?, ?, 0)",
        (trail, stranger, below),
    )
    store.execute("UPDATE trails SET row_count = row_count + 1 WHERE trail = ?", (trail,))
    store.execute(
        "UPDATE trail_chunks SET row_count = row_count + 1 WHERE trail = ? AND chunk_number = 0",
        (trail,),
    )


def _swap(store: sqlite3.Connection, trail: int) -> None:
    store.execute(
        "UPDATE trail_rows SET row_number = 1 - row_number WHERE trail = ? AND row_number < 2",
        (trail,),
    )


def _change(store: sqlite3.Connection, trail: int) -> None:
    known = {row[0] for row in _rows(store, trail)}
    stranger = next(position for position in range(len(known) + 1) if position not in known)
    store.execute(
        "UPDATE trail_rows SET position = ? WHERE trail = ? AND row_number = 0", (stranger, trail)
    )


STORE_LIES = (
    StoreLie("a row dropped", _drop),
    StoreLie("a row added", _add),
    StoreLie("two rows swapped", _swap),
    StoreLie("a row changed", _change),
)
