"""A thief with every file of ledger, gateway, spool, custodian and logs, and a list of numbers.

Identity numbers of a district and a range of birthdays are few: they can all be tried. The thief
takes every 8 bytes that stand anywhere as the beginning of a possible token, and computes for
each candidate everything that can be computed from what is public or lies in the files.
"""

import hmac
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import plyvel

from chainnode.codec import encode
from chainnode.suites.port import Suite
from tests.builders_identity import citizen_number

_MARK_BYTES: Final = 8
SERIALS: Final = 999
Attempt = Callable[[str], bytes]


def population(count: int, *, first_birth: date) -> Iterator[str]:
    """Yield the numbers of a district whose births fill this many places, in order."""
    for number in range(count):
        day, serial = divmod(number, SERIALS)
        born = (first_birth + timedelta(days=day)).strftime("%Y%m%d")
        yield citizen_number(born=born, serial=serial + 1)


def loot(folders: Sequence[Path]) -> set[bytes]:
    """Return every 8 bytes that stand in any file, LevelDB value or SQLite cell."""
    marks: set[bytes] = set()
    for content in _contents(folders):
        marks.update(
            content[start : start + _MARK_BYTES] for start in range(len(content) - _MARK_BYTES + 1)
        )
    return marks


def recovered(
    candidates: Sequence[str], marks: set[bytes], attempts: Sequence[Attempt]
) -> set[str]:
    """Return the numbers for which some attempt gives what stands in the loot."""
    return {
        one
        for one in candidates
        if any(attempt(one)[:_MARK_BYTES] in marks for attempt in attempts)
    }


def attempts_with(keys: Sequence[bytes], *, suite: Suite, department: str) -> list[Attempt]:
    """Return what can be tried: hashes and HMACs under each known key, our own derivation too."""
    digest, name = suite.digest, suite.hash_name

    def of(key: bytes) -> list[Attempt]:
        content = encode(("kun.pseudonym", 1, keys[0], department, 1))
        epoch_key = hmac.digest(key, content, name)
        return [
            lambda one: digest(key + one.encode()),
            lambda one: digest(one.encode() + key),
            lambda one: digest(key + encode(("111", one))),
            lambda one: hmac.digest(key, one.encode(), name),
            lambda one: hmac.digest(key, encode(("111", one)), name),
            lambda one: hmac.digest(epoch_key, encode(("111", one)), name),
        ]

    return [attempt for key in keys for attempt in of(key)]


def _contents(folders: Sequence[Path]) -> Iterator[bytes]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if (path / "CURRENT").is_file():
                store = plyvel.DB(str(path))
                for key, value in store:
                    yield from (key, value)
                store.close()
            elif path.is_file() and path.read_bytes().startswith(b"SQLite"):
                yield from _cells(path)
            elif path.is_file():
                yield path.read_bytes()


def _cells(path: Path) -> Iterator[bytes]:
    database = sqlite3.connect(path)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - its own name
            yield from (one if isinstance(one, bytes) else str(one).encode() for one in row)
    database.close()
