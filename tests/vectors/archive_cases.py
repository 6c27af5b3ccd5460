"""Cases of the archive itself: the same members in any form of zip but the one that counts.

The export is one of an answer without rows, so that the files stay small.
"""

import io
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from chainnode.verify.archive import END, ROWS, write_archive
from tests.vectors.export_story import Case, ExportStory

EXPECT = "UNREADABLE archive"
# Where a directory entry says how its member is packed (APPNOTE 4.3.12).
_FLAGS, _METHOD, _CRC, _SIZES = 8, 10, 16, 20
_DIRECTORY_MARK, _LOCAL_MARK = b"PK\x01\x02", b"PK\x03\x04"


def archive_cases(story: ExportStory) -> Iterator[Case]:
    """One export, packed in other ways or damaged; nothing inside is looked at."""
    members = story.answered()
    good = write_archive(members)
    for name, data in (
        *_damaged(good),
        *_packed_otherwise(members),
        *_lying_directories(good),
    ):
        assert data != good, name
        yield Case(name=f"archive, {name}", trust=story.pinned, archive=data, expect=EXPECT)


def _damaged(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Bytes gone, added or changed."""
    yield "nothing", b""
    yield "the last byte gone", good[:-1]
    yield "the first half", good[: len(good) // 2]
    yield "the first byte gone", good[1:]
    yield "a byte behind it", good + b"\n"
    yield "something before it", b"#!/bin/sh\n" + good
    yield "twice", good + good
    yield "a bit of a member", _flipped(good, good.index(b'"as_of_height"'))
    yield "a bit of a checksum", _flipped(good, good.index(_DIRECTORY_MARK) + _CRC)


def _packed_otherwise(members: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """What zip allows and an export does not."""
    rows = [(name, members[name]) for name in sorted(members)]
    yield "members in another order", _zipped(rows[::-1])
    yield "packed members", _zipped(rows, method=zipfile.ZIP_DEFLATED)
    yield "a comment", _zipped(rows, comment=b"x")
    yield "another date", _zipped(rows, date=(2026, 1, 1, 0, 0, 0))
    yield "a member that runs", _zipped(rows, mode=0o100755)
    yield "a symbolic link", _zipped(rows, mode=0o120777)
    yield "a member twice", _zipped([*rows, rows[0]])
    yield "an extra field", _zipped(rows, extra=b"\xff\xff\x00\x00")
    for name, added in (
        ("an unknown member", "README.md"),
        ("a path above", "../rows.jsonl"),
        ("an absolute path", "/rows.jsonl"),
        ("a folder", "proofs/"),
        ("capital letters", "proofs/TRAIL.json"),
        ("a name too long", f"proofs/{'a' * 65}.json"),
    ):
        yield name, _zipped(sorted([*rows, (added, b"{}")]))


def _lying_directories(good: bytes) -> Iterator[tuple[str, bytes]]:
    """A directory that says something else than what is stored."""
    first = good.index(_DIRECTORY_MARK)
    local = good.index(_LOCAL_MARK)
    sizes = struct.pack("<II", 2**31, 2**31)
    yield "a size beyond all bytes", _written(good, first + _SIZES, sizes)
    yield "another method", _written(good, first + _METHOD, struct.pack("<H", 8))
    yield "an encrypted member", _written(good, first + _FLAGS, struct.pack("<H", 1))
    yield "another name in the directory", _written(good, first + 46, b"manifest.jsom")
    yield "another name before the member", _written(good, local + 30, b"manifest.jsom")
    last = good.rindex(ROWS.encode())
    yield "two members with one place", _written(good, last - 4, bytes(4))
    fields = list(END.unpack(good[-END.size :]))
    for name, place, value in (
        ("one member fewer in the directory", 4, fields[4] - 1),
        ("one member more in the directory", 4, fields[4] + 1),
        ("a directory beyond all bytes", 5, 2**31),
        ("a directory elsewhere", 6, fields[6] + 1),
        ("another disk", 1, 1),
    ):
        changed = [*fields[:place], value, *fields[place + 1 :]]
        yield name, good[: -END.size] + END.pack(*changed)


def _zipped(
    rows: Sequence[tuple[str, bytes]],
    *,
    method: int = zipfile.ZIP_STORED,
    mode: int = 0o100644,
    date: tuple[int, int, int, int, int, int] = (1980, 1, 1, 0, 0, 0),
    extra: bytes = b"",
    comment: bytes = b"",
) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in rows:
            info = zipfile.ZipInfo(name, date_time=date)
            info.create_system = 3
            info.external_attr = mode << 16
            info.compress_type = method
            info.extra = extra
            archive.writestr(info, data)
        archive.comment = comment
    return written.getvalue()


def _flipped(data: bytes, at: int) -> bytes:
    return _written(data, at, bytes([data[at] ^ 1]))


def _written(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]
