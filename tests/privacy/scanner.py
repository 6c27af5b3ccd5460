"""Looks for secrets (identity numbers, names) in everything that processes have left in folders.

Every file is read as raw bytes, and opened as what it is: LevelDB stores by key and value,
SQLite tables by column, zip members, gzip, MessagePack, JSON and JSON lines, each value again as
what it is, to a depth. Text and bytes are searched for each secret as UTF-8, UTF-16, hexadecimal
and base64 in all three alignments; what looks like base64 or hexadecimal is decoded and searched.
A scan reports where something was found, never what was around it.
"""

import base64
import binascii
import gzip
import io
import json
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgpack
import plyvel

# How often a value may stand inside another one: a zip in a body in a batch in a store.
DEPTH_MAX: Final = 8
# Larger values are searched as raw bytes only; no value of ours is.
VALUE_BYTES_MAX: Final = 64 * 1024 * 1024
# Bytes of a secret that are searched for first.
_BEGINNING: Final = 6
_SQLITE_MARK: Final = b"SQLite format 3\0"
_ZIP_MARK: Final = b"PK\x03\x04"
_GZIP_MARK: Final = b"\x1f\x8b"
_ENCODED: Final = re.compile(rb"[0-9A-Za-z+/_-]{12,}={0,2}")
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){6,}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hit:
    """Where a secret was found: the file, the way inside it, and the form; `secret` by number."""

    place: str
    form: str
    secret: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one scan saw: how many places of each kind it opened, and what it found."""

    hits: tuple[Hit, ...]
    opened: dict[str, int]


class Scanner:
    """Searches for the same secrets in any number of folders."""

    def __init__(self, secrets: Sequence[str]) -> None:
        # Lower case finds small x and either case of hexadecimal; base64 is then compared exactly.
        self._needles: dict[bytes, list[tuple[int, str, bytes]]] = {}
        for number, secret in enumerate(secrets):
            for form, needle in _forms(secret):
                self._needles.setdefault(needle.lower(), []).append((number, form, needle))
        # One pass for all of them; most places hold nothing. A trie fails at the first byte.
        self._any = re.compile(_trie_pattern(set(self._needles)))
        self._hits: set[Hit] = set()
        self._opened: dict[str, int] = {}

    def scan(self, folders: Sequence[Path], *, besides: Sequence[Path] = ()) -> Scan:
        """Open everything under these folders, but for what stands under `besides`.

        A store or database that is open elsewhere is read as it lies on the disk.
        """
        self._hits, self._opened = set(), {}
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if any(path == one or one in path.parents for one in besides):
                    continue
                if path.is_dir():
                    self._open_store(path)
                elif path.is_file() and not path.is_symlink():
                    self._search(str(path).encode(), f"{path} (name)")
                    self._open(path.read_bytes(), str(path), DEPTH_MAX)
        return Scan(hits=tuple(sorted(self._hits)), opened=dict(self._opened))

    def _open_store(self, folder: Path) -> None:
        """Read a copy of a LevelDB store by key and value, as its reader sees them."""
        if not (folder / "CURRENT").is_file():
            return
        self._count("leveldb")
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(folder, Path(copy) / "store")
            store = plyvel.DB(str(Path(copy) / "store"))
            try:
                for number, (key, value) in enumerate(store):
                    self._open(key, f"{folder}#{number}.key", DEPTH_MAX)
                    self._open(value, f"{folder}#{number}.value", DEPTH_MAX)
            finally:
                store.close()

    def _open(self, content: bytes, place: str, depth: int) -> None:
        """Search a value as it is, then as everything that it can be read as."""
        self._search(content, place)
        if depth == 0 or len(content) > VALUE_BYTES_MAX:
            return
        if content.startswith(_SQLITE_MARK):
            self._open_sqlite(content, place, depth - 1)
        elif content.startswith(_ZIP_MARK):
            self._open_zip(content, place, depth - 1)
        elif content.startswith(_GZIP_MARK):
            self._open_gzip(content, place, depth - 1)
        elif not self._open_json(content, place, depth - 1):
            self._open_msgpack(content, place, depth - 1)
        self._open_encoded(content, place, depth - 1)

    def _open_sqlite(self, content: bytes, place: str, depth: int) -> None:
        self._count("sqlite")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "database"
            copy.write_bytes(content)
            log = Path(f"{place}-wal")
            if log.is_file():
                shutil.copy(log, f"{copy}-wal")
            database = sqlite3.connect(copy)
            try:
                for table, column, value in _cells(database):
                    self._open_plain(value, f"{place}:{table}.{column}", depth)
            finally:
                database.close()

    def _open_zip(self, content: bytes, place: str, depth: int) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                self._count("zip")
                for one in archive.infolist():
                    self._search(one.filename.encode(), f"{place}!{one.filename}")
                    self._open(archive.read(one), f"{place}!{one.filename}", depth)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
            return

    def _open_gzip(self, content: bytes, place: str, depth: int) -> None:
        try:
            self._open(gzip.decompress(content), f"{place}!gzip", depth)
        except (OSError, EOFError, zlib.error):
            return
        self._count("gzip")

    def _open_json(self, content: bytes, place: str, depth: int) -> bool:
        """Read a document, or lines of documents; tells whether it was one."""
        first = content.lstrip()[:1]
        if first not in {b"{", b"["}:
            return False
        try:
            self._open_plain(json.loads(content), place, depth)
        except (ValueError, RecursionError):
            lines = [_json_line(one) for one in content.splitlines()]
            if all(one is None for one in lines):
                return False
            for number, one in enumerate(lines):
                self._open_plain(one, f"{place}:{number + 1}", depth)
        self._count("json")
        return True

    def _open_msgpack(self, content: bytes, place: str, depth: int) -> None:
        try:
            value = msgpack.unpackb(content, strict_map_key=False)
        except (ValueError, TypeError, RecursionError):
            return
        if not isinstance(value, list | dict | str | bytes):
            return
        self._count("msgpack")
        self._open_plain(value, f"{place}~msgpack", depth)

    def _open_plain(self, value: object, place: str, depth: int) -> None:
        """Search a decoded value, and open the byte strings and texts in it."""
        if isinstance(value, dict):
            for name, one in value.items():
                self._open_plain(name, f"{place}.name", depth)
                self._open_plain(one, f"{place}.{str(name)[:32]}", depth)
        elif isinstance(value, list | tuple):
            for number, one in enumerate(value):
                self._open_plain(one, f"{place}[{number}]", depth)
        elif isinstance(value, str):
            self._open(value.encode("utf-8", "replace"), place, max(depth - 1, 0))
        elif isinstance(value, bytes):
            self._open(value, place, max(depth - 1, 0))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._search(str(value).encode(), place)

    def _open_encoded(self, content: bytes, place: str, depth: int) -> None:
        """Decode every run of base64 and hexadecimal digits, at every alignment."""
        for match in _HEX.finditer(content):
            decoded = bytes.fromhex(match.group().decode())
            self._open(decoded, f"{place}@hex", 0)
        for match in _ENCODED.finditer(content):
            text = match.group().rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
            for start in range(4):
                part = text[start:]
                whole = part[: len(part) - (len(part) % 4 == 1)]
                with_padding = whole + b"=" * (-len(whole) % 4)
                try:
                    decoded = base64.b64decode(with_padding)
                except (ValueError, binascii.Error):
                    continue
                self._open(decoded, f"{place}@base64", depth if start == 0 else 0)

    def _search(self, content: bytes, place: str) -> None:
        lower = content.lower()
        match = self._any.search(lower)
        while match is not None:
            exact = content[match.start() : match.end()]
            for number, form, needle in self._needles[match.group()]:
                if needle == exact or form in {"utf-8", "hex"}:
                    self._hits.add(Hit(place=place, form=form, secret=number))
            match = self._any.search(lower, match.start() + 1)

    def _count(self, kind: str) -> None:
        self._opened[kind] = self._opened.get(kind, 0) + 1


def _trie_pattern(words: set[bytes]) -> bytes:
    """Return a pattern that matches any of these, sharing what they begin with."""
    by_first: dict[bytes, set[bytes]] = {}
    for word in words:
        by_first.setdefault(word[:1], set()).add(word[1:])
    # A word that ends here matches whatever follows it.
    ways = [
        re.escape(first) + (b"" if b"" in rest else _trie_pattern(rest))
        for first, rest in sorted(by_first.items())
    ]
    return ways[0] if len(ways) == 1 else b"(?:" + b"|".join(ways) + b")"


def _forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Return every form in which a secret is searched for in bytes."""
    for name, raw in (
        ("utf-8", secret.encode()),
        ("utf-16-le", secret.encode("utf-16-le")),
        ("utf-16-be", secret.encode("utf-16-be")),
    ):
        yield name, raw
        yield "hex", raw.hex().encode()
        for before in range(3):
            yield "base64", _inner_base64(raw, before)
            yield "base64", _inner_base64(raw, before).translate(bytes.maketrans(b"+/", b"-_"))


def _inner_base64(raw: bytes, before: int) -> bytes:
    """Return the characters of base64 that `raw` alone decides, after `before` other bytes."""
    encoded = base64.b64encode(bytes(before) + raw)
    first = -(-before * 8 // 6)
    return encoded[first : (before + len(raw)) * 8 // 6]


def _json_line(line: bytes) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value


def _cells(database: sqlite3.Connection) -> Iterator[tuple[str, str, object]]:
    try:
        names = [
            one
            for (one,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in names:
            cursor = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own name
            columns = [one[0] for one in cursor.description]
            for row in cursor:
                yield from ((table, name, value) for name, value in zip(columns, row, strict=True))
    except sqlite3.DatabaseError:
        return
