"""What was made and refused, in a SQLite file that is written before a token leaves.

A crash between the two counts tokens that nobody got; it never forgets one that somebody got.
No number and no token is in it. Intervals told to the ledger follow each other without a gap:
one is closed into `pending`, sent as it is until the ledger has it, and only then forgotten.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.custodian.marks import SCHEMA as MARKS_SCHEMA
from chainnode.custodian.marks import Mark, Marks, read_marks, write_mark
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.errors import StorageError

FILE: Final = "counters.sqlite"
# Purposes of auditors, newest kept: years of a city's questions.
_AUDITS_MAX: Final = 1_000_000
# Days of totals of each asker.
_DAYS_MAX: Final = 800
_MODE: Final = 0o600
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS daily (day INTEGER, asker TEXT, made INTEGER NOT NULL,
  refused INTEGER NOT NULL, PRIMARY KEY (day, asker)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counting (department TEXT PRIMARY KEY, made INTEGER NOT NULL,
  refused INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending (department TEXT PRIMARY KEY, epoch INTEGER NOT NULL,
  to_ms INTEGER NOT NULL, made INTEGER NOT NULL, refused INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audits (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,
  organisation TEXT NOT NULL, key_id BLOB NOT NULL, places INTEGER NOT NULL,
  identifiers INTEGER NOT NULL, purpose TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """An auditor's ask as it is remembered: who, how much, why; never for whom."""

    at_ms: int
    organisation: str
    key_id: bytes
    places: int
    identifiers: int
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What was counted for a department up to `to_ms`, not yet on the ledger."""

    department: str
    epoch: int
    to_ms: int
    made: int
    refused: int


class Counters:
    """The one writer of the file; may be shared by threads."""

    def __init__(self, folder: Path) -> None:
        """Open or make the file in `folder`.

        Raises:
            StorageError: it cannot be opened.

        """
        self._lock = threading.Lock()
        path = folder / FILE
        with _storage():
            path.touch(mode=_MODE)
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA + MARKS_SCHEMA)

    def count_made(
        self,
        made: Mapping[str, int],
        *,
        asker: str,
        day: int,
        ceiling: int,
        audit: Audit | None = None,
        mark: Mark | None = None,
    ) -> None:
        """Count tokens by department before they are made; durable when this returns.

        What was refused to the asker counts to its ceiling as well: nobody probes for nothing.

        Raises:
            AskRefused: the asker would exceed its ceiling of the day; nothing is counted.
            StorageError: it could not be written; then no token may leave.

        """
        total = sum(made.values())
        with self._transaction() as database:
            row = database.execute(
                "SELECT made + refused FROM daily WHERE day = ? AND asker = ?", (day, asker)
            ).fetchone()
            if (row[0] if row else 0) + total > ceiling:
                raise AskRefused(AskCode.CEILING)
            self._add_daily(database, day=day, asker=asker, made=total, refused=0)
            for department, count in made.items():
                self._add(database, department=department, made=count, refused=0)
            if audit is not None:
                self._add_audit(database, audit)
            if mark is not None:
                write_mark(database, mark)

    def count_refused(
        self,
        refused: Mapping[str, int],
        *,
        asker: str,
        day: int,
        least: int = 0,
        mark: Mark | None = None,
    ) -> None:
        """Count tokens that a registered key did not get, by department.

        The asker is counted at least so many, whether or not there is a department to count under.

        Raises:
            StorageError: it could not be written.

        """
        total = max(least, sum(refused.values()))
        with self._transaction() as database:
            self._add_daily(database, day=day, asker=asker, made=0, refused=total)
            for department, count in refused.items():
                self._add(database, department=department, made=0, refused=count)
            if mark is not None:
                write_mark(database, mark)

    def marks(self) -> Marks:
        """Return what former lives noted of their asks.

        Raises:
            StorageError: it could not be read.

        """
        with self._lock, _storage():
            return read_marks(self._database)

    def close_interval(self, department: str, *, epoch: int, to_ms: int) -> Interval | None:
        """Return what the ledger must be told next of a department, the same until `told`.

        Raises:
            StorageError: it could not be written.

        """
        with self._transaction() as database:
            pending = self._pending(database, department)
            if pending is not None:
                return pending
            row = database.execute(
                "DELETE FROM counting WHERE department = ? RETURNING made, refused", (department,)
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "INSERT INTO pending VALUES (?, ?, ?, ?, ?)", (department, epoch, to_ms, *row)
            )
            return self._pending(database, department)

    def told(self, interval: Interval) -> None:
        """Forget an interval that is on the ledger.

        Raises:
            StorageError: it could not be written.

        """
        with self._transaction() as database:
            database.execute(
                "DELETE FROM pending WHERE department = ? AND to_ms = ?",
                (interval.department, interval.to_ms),
            )

    def departments(self) -> tuple[str, ...]:
        """Return the departments with something that the ledger does not know yet."""
        with self._lock, _storage():
            rows = self._database.execute(
                "SELECT department FROM counting UNION SELECT department FROM pending ORDER BY 1"
            ).fetchall()
        return tuple(one for (one,) in rows)

    def totals(self) -> tuple[int, int]:
        """Return tokens made and refused since this file exists, of the days it still has."""
        with self._lock, _storage():
            made, refused = self._database.execute(
                "SELECT coalesce(sum(made), 0), coalesce(sum(refused), 0) FROM daily"
            ).fetchone()
        return made, refused

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction; it is on the disk when it ends, or did not happen."""
        with self._lock, _storage():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def _add_daily(
        self, database: sqlite3.Connection, *, day: int, asker: str, made: int, refused: int
    ) -> None:
        database.execute(
            "INSERT INTO daily VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " made = made + excluded.made, refused = refused + excluded.refused",
            (day, asker, made, refused),
        )
        database.execute(
            "DELETE FROM daily WHERE day < (SELECT min(day) FROM (SELECT DISTINCT day FROM daily"
            " ORDER BY day DESC LIMIT ?))",
            (_DAYS_MAX,),
        )

    def _add(
        self, database: sqlite3.Connection, *, department: str, made: int, refused: int
    ) -> None:
        database.execute(
            "INSERT INTO counting VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " made = made + excluded.made, refused = refused + excluded.refused",
            (department, made, refused),
        )

    def _add_audit(self, database: sqlite3.Connection, audit: Audit) -> None:
        row = (audit.at_ms, audit.organisation, audit.key_id, audit.places, audit.identifiers)
        cursor = database.execute(
            "INSERT INTO audits (at_ms, organisation, key_id, places, identifiers, purpose)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*row, audit.purpose),
        )
        database.execute(
            "DELETE FROM audits WHERE number <= ?", ((cursor.lastrowid or 0) - _AUDITS_MAX,)
        )

    def _pending(self, database: sqlite3.Connection, department: str) -> Interval | None:
        row = database.execute(
            "SELECT epoch, to_ms, made, refused FROM pending WHERE department = ?", (department,)
        ).fetchone()
        if row is None:
            return None
        epoch, to_ms, made, refused = row
        return Interval(department=department, epoch=epoch, to_ms=to_ms, made=made, refused=refused)


@contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{FILE}: {type(error).__name__}") from error
