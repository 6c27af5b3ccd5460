"""One form of archive: what was written is read, and every other zip file is refused."""

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from chainnode.verify import UnreadableEvidence
from chainnode.verify.archive import END, MEMBERS_MAX, read_archive, write_archive

MEMBERS = {
    "manifest.json": b"{}\n",
    "rows.jsonl": b"{}\n" * 9,
    "signatures.json": b"{}\n",
    "proofs/question.json": bytes(range(256)),
    "proofs/trail-0001.json": b"",
}
GOOD = write_archive(MEMBERS)


def refused(data: bytes) -> None:
    with pytest.raises(UnreadableEvidence) as caught:
        read_archive(data)
    assert caught.value.check == "archive"


def test_what_was_written_is_read_and_the_same_members_give_the_same_bytes() -> None:
    assert read_archive(GOOD) == MEMBERS
    assert write_archive(dict(reversed(MEMBERS.items()))) == GOOD
    with zipfile.ZipFile(io.BytesIO(GOOD)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == sorted(MEMBERS)


def zipped(
    *members: tuple[str, bytes],
    method: int = zipfile.ZIP_STORED,
    mode: int = 0o100644,
    comment: bytes = b"",
) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = method
            archive.writestr(info, data)
        archive.comment = comment
    return written.getvalue()


def many() -> bytes:
    return zipped(*((f"proofs/{number}.json", b"") for number in range(MEMBERS_MAX + 1)))


def claiming(size: int) -> bytes:
    """A member that says it is larger than what is stored: the beginning of a zip bomb."""
    data = bytearray(zipped(("rows.jsonl", b"x")))
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<II", data, at + 20, size, size)
    return bytes(data)


def with_directory_size(size: int) -> bytes:
    fields = list(END.unpack(GOOD[-END.size :]))
    fields[5] = size
    return GOOD[: -END.size] + END.pack(*fields)


def large_zip64(count: int = 20_000) -> bytes:
    """A small directory by the last record, a large one by the record before it."""
    entry = struct.pack(_ENTRY, b"PK\x01\x02", *_PLAIN_ENTRY, 0) + b"rows.jsonl"
    directory = entry * count
    place = (count, count, len(directory), 0)
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *place)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    return directory + large + locator + END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(entry), 0, 0)


def far_away(at: int) -> bytes:
    """A member whose extra field (4.5.3) says that it stands at this byte."""
    extra = struct.pack("<HHQ", 1, 8, at)
    fields = list(_PLAIN_ENTRY)
    fields[12] = len(extra)
    entry = struct.pack(_ENTRY, b"PK\x01\x02", *fields, 0xFFFF_FFFF) + b"rows.jsonl" + extra
    return bytes(64) + entry + END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(entry), 64, 0)


# An entry of the directory (4.3.12) but for its mark at the start and its offset at the end.
_ENTRY = "<4s4B4HL2L5H2L"
_PLAIN_ENTRY = (20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, len("rows.jsonl"), 0, 0, 0, 0, 0o100644 << 16)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no archive": lambda: b"{}" * 100,
    "an empty archive with a comment": lambda: zipped(comment=b"x"),
    "a path above": lambda: zipped(("../manifest.json", b"")),
    "an absolute path": lambda: zipped(("/etc/passwd", b"")),
    "a path of another system": lambda: zipped(("proofs\\a.json", b"")),
    "a folder": lambda: zipped(("proofs/", b"")),
    "an unknown name": lambda: zipped(("README", b"")),
    "capital letters": lambda: zipped(("proofs/A.json", b"")),
    "a name that is too long": lambda: zipped((f"proofs/{'a' * 65}.json", b"")),
    "a name twice": lambda: zipped(("rows.jsonl", b"1"), ("rows.jsonl", b"2")),
    "a symbolic link": lambda: zipped(("rows.jsonl", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "a file that runs": lambda: zipped(("rows.jsonl", b""), mode=0o100755),
    "packed members": lambda: zipped(("rows.jsonl", bytes(10**6)), method=zipfile.ZIP_DEFLATED),
    "too many members": many,
    "a larger size than is stored": lambda: claiming(2**31),
    "a directory that is said to be large": lambda: with_directory_size(2**31),
    "a member beyond any size": lambda: far_away(2**64 - 1),
    "something before it": lambda: b"#!/bin/sh\n" + GOOD,
    "something behind it": lambda: GOOD + b"\n",
    "two archives": lambda: GOOD + GOOD,
    "other members in another order": lambda: zipped(("rows.jsonl", b""), ("manifest.json", b"")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused(name: str) -> None:
    refused(HOSTILE[name]())


def test_a_directory_that_a_second_record_makes_large_is_not_read() -> None:
    with pytest.raises(UnreadableEvidence, match="zip64"):
        read_archive(large_zip64())


def test_every_flipped_bit_and_every_truncation_is_refused() -> None:
    for at in range(len(GOOD)):
        refused(GOOD[:at])
        for bit in range(8):
            changed = bytearray(GOOD)
            changed[at] ^= 1 << bit
            refused(bytes(changed))


def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainnode.verify.archive.ARCHIVE_BYTES_MAX", len(GOOD) - 1)
    refused(GOOD)
