"""The scanner finds a planted number in every kind of place, before its silence means anything."""

import base64
import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from chainnode.codec import encode
from tests.builders_identity import citizen_number
from tests.privacy.scanner import Scanner

NUMBER = citizen_number()
NAME = "样例人007"
RAW = NUMBER.encode()

Plant = Callable[[Path], object]


def leveldb(folder: Path, key: bytes, value: bytes) -> None:
    store = plyvel.DB(str(folder / "store"), create_if_missing=True)
    for filler in range(50):
        store.put(b"k%d" % filler, bytes(100))
    store.put(key, value)
    store.close()


def sqlite(folder: Path, value: object) -> None:
    with sqlite3.connect(folder / "read-model") as database:
        database.execute("CREATE TABLE t (a, b)")
        database.execute("INSERT INTO t VALUES (1, ?)", (value,))
    database.close()


def sqlite_log(folder: Path) -> None:
    """Leave a row in the write-ahead log alone, as a killed process does."""
    database = sqlite3.connect(folder / "live", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES (?)", (base64.b85encode(RAW),))
    database.execute("INSERT INTO t VALUES (?)", (RAW,))
    (folder / "copy").write_bytes((folder / "live").read_bytes())
    (folder / "copy-wal").write_bytes((folder / "live-wal").read_bytes())
    database.close()
    (folder / "live").unlink()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("entry", content * 20)
    return buffer.getvalue()


def file(folder: Path, content: bytes, name: str = "file") -> None:
    (folder / name).write_bytes(content)


PLANTS: dict[str, Plant] = {
    "raw bytes": lambda f: file(f, b"\x00\xff" + RAW + b"\x00"),
    "a name of a file": lambda f: file(f, b"", name=f"{NUMBER}.txt"),
    "small x": lambda f: file(f, NUMBER.lower().encode()),
    "UTF-16 LE": lambda f: file(f, b"\x01" + NUMBER.encode("utf-16-le")),
    "UTF-16 BE": lambda f: file(f, NUMBER.encode("utf-16-be")),
    "hexadecimal": lambda f: file(f, b"x=" + RAW.hex().encode()),
    "hexadecimal, upper": lambda f: file(f, RAW.hex().upper().encode()),
    "base64 of UTF-16": lambda f: file(f, base64.b64encode(NUMBER.encode("utf-16-le"))),
    "base64, 0 before": lambda f: file(f, base64.b64encode(RAW)),
    "base64, 1 before": lambda f: file(f, base64.b64encode(b"\xfe" + RAW + b"12")),
    "base64, 2 before": lambda f: file(f, base64.b64encode(b"\xfe\xff" + RAW + b"1")),
    "base64url in base64url": lambda f: file(
        f, base64.urlsafe_b64encode(b"?" + base64.urlsafe_b64encode(b"?>" + RAW))
    ),
    "hexadecimal in base64": lambda f: file(f, base64.b64encode(b"a" + RAW.hex().encode())),
    "a log line": lambda f: file(f, b'{"a":1}\n{"event":"' + RAW + b'"}\n{"cut', name="node.log"),
    "JSON with escapes": lambda f: file(
        f,
        json.dumps({"a": ["".join(f"\\u{ord(c):04x}" for c in NUMBER)]})
        .replace("\\\\", "\\")
        .encode(),
    ),
    "a value in LevelDB": lambda f: leveldb(f, b"key", encode(("a", (1, RAW)))),
    "a key in LevelDB": lambda f: leveldb(f, encode(("state", NUMBER)), b""),
    "zip in MessagePack in LevelDB": lambda f: leveldb(f, b"k", encode((1, zipped(RAW)))),
    "base64 in JSON in LevelDB": lambda f: leveldb(
        f, b"k", json.dumps({"body": base64.b64encode(b"ab" + RAW).decode()}).encode()
    ),
    "SQLite text": lambda f: sqlite(f, f"case {NUMBER}"),
    "SQLite blob": lambda f: sqlite(f, encode((zipped(RAW),))),
    "SQLite write-ahead log": sqlite_log,
    "a zip member": lambda f: file(f, zipped(RAW), name="answer.kunproof"),
    "a zip in a zip": lambda f: file(f, zipped(zipped(RAW))),
    "gzip": lambda f: file(f, gzip.compress(RAW * 9)),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_number_is_found_in_every_kind_of_place(name: str, tmp_path: Path) -> None:
    PLANTS[name](tmp_path)
    file(tmp_path, b"nothing here " * 100, name="other")
    scan = Scanner(["110105194912310021", NUMBER]).scan([tmp_path])
    assert {one.secret for one in scan.hits} == {1}
    assert not any("other" in one.place for one in scan.hits)


@pytest.mark.parametrize("name", ["SQLite text", "a zip member", "a value in LevelDB"])
def test_without_the_number_nothing_is_found_in_the_same_places(name: str, tmp_path: Path) -> None:
    PLANTS[name](tmp_path)
    assert Scanner(["110105194912310021"]).scan([tmp_path]).hits == ()


def test_a_name_in_chinese_is_found_as_text_and_in_json_escapes(tmp_path: Path) -> None:
    file(tmp_path, json.dumps({"holder": NAME}).encode(), name="escaped.json")
    file(tmp_path, f"姓名：{NAME}".encode(), name="plain")
    places = {Path(one.place).name for one in Scanner([NAME]).scan([tmp_path]).hits}
    assert places == {"escaped.json.holder", "plain"}


def test_a_hit_says_where_and_never_what(tmp_path: Path) -> None:
    file(tmp_path, RAW)
    assert NUMBER not in repr(Scanner([NUMBER]).scan([tmp_path]))
