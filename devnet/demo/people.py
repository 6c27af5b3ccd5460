"""The population that the demo's registry serves: 200 invented people in a SQLite file.

Ids have the form of a 公民身份号码, right check character included, with a region (999900) that
does not exist: no number here is anybody's.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from chainnode.identity.numbers import citizen_check_character

PEOPLE = 200
_REGION = "999900"
_UNKNOWN_SERIAL = 999
# Every 40th is under protection: the registry denies access to the entry.
_PROTECTED_EVERY = 40
_STREETS = ("样例路", "示范街", "测试巷", "虚构大道")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person."""

    person_id: str
    name: str
    born: str
    address: str
    is_protected: bool


def invent_people() -> tuple[Person, ...]:
    """Return the same 200 people every time."""
    return tuple(
        Person(
            person_id=_person_id(number),
            name=f"样例人{number:03d} Sample {number:03d}",
            born=_born(number).isoformat(),
            address=f"虚构市{_STREETS[number % len(_STREETS)]}{number}号",
            is_protected=number % _PROTECTED_EVERY == 0,
        )
        for number in range(1, PEOPLE + 1)
    )


def unknown_person() -> str:
    """Return the identity number of somebody whom the registry does not know."""
    return _person_id(_UNKNOWN_SERIAL)


def _born(number: int) -> date:
    return date(1950 + number % 60, number % 12 + 1, number % 28 + 1)


def _person_id(number: int) -> str:
    digits = f"{_REGION}{_born(number):%Y%m%d}{number:03d}"
    return digits + citizen_check_character(digits)


def write_registry(path: Path, people: tuple[Person, ...]) -> None:
    """Write the registry's database."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE person (person_id TEXT PRIMARY KEY, name TEXT NOT NULL,"
            " born TEXT NOT NULL, address TEXT NOT NULL, is_protected INTEGER NOT NULL)"
        )
        database.executemany(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?)",
            [
                (one.person_id, one.name, one.born, one.address, int(one.is_protected))
                for one in people
            ],
        )
    database.close()


class Registry:
    """Reads the database; one connection per process, opened read-only."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )

    def find(self, person_id: str) -> Person | None:
        """Return the entry of one person."""
        row = self._database.execute(
            "SELECT person_id, name, born, address, is_protected FROM person WHERE person_id = ?",
            (person_id,),
        ).fetchone()
        if row is None:
            return None
        return Person(
            person_id=row[0], name=row[1], born=row[2], address=row[3], is_protected=bool(row[4])
        )

    def close(self) -> None:
        """Close the database."""
        self._database.close()
