"""`.kunproof`: a zip archive with exactly one form, written and read here.

Any zip program opens it; this reader takes only what this writer writes. It reads the members
by their sizes, writes them again and compares the bytes, so that nothing that zip allows (other
attributes, comments, gaps, overlaps, second directories) is left to interpretation. Members are
stored, never packed: what is read is never larger than the file. docs/wire-format.md §12.
"""

import io
import re
import struct
import zipfile
from collections.abc import Mapping

from chainnode.verify.errors import UnreadableEvidence

CHECK = "archive"
ARCHIVE_BYTES_MAX = 64 * 1024 * 1024
MEMBERS_MAX = 1024
MANIFEST = "manifest.json"
ROWS = "rows.jsonl"
CSV = "rows.csv"
PARQUET = "rows.parquet"
SUMMARY = "summary.pdf"
SIGNATURES = "signatures.json"
PAGE = "verify.html"
PROOFS = "proofs/"
QUESTION = "proofs/question.json"
_NAME = re.compile(
    r"manifest\.json|rows\.(?:csv|jsonl|parquet)|signatures\.json|summary\.pdf|verify\.html"
    r"|proofs/[a-z0-9-]{1,64}\.json"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_VERSION = 20
_REGULAR_FILE = 0o100644 << 16
# End of central directory (APPNOTE 4.3.16): mark, disks, entries, size, offset, comment.
END = struct.Struct("<4sHHHHIIH")
_END_MARK = b"PK\x05\x06"
# Mark and size of the record that would send a reader to another end of the directory (4.3.15).
_ZIP64_MARK, _ZIP64_BYTES = b"PK\x06\x07", 20
_DIRECTORY_ENTRY_BYTES_MAX = 46 + 96


def write_archive(members: Mapping[str, bytes]) -> bytes:
    """Return the archive of these members; the same members give the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.create_system = _UNIX
            info.create_version = info.extract_version = _VERSION
            info.external_attr = _REGULAR_FILE
            archive.writestr(info, members[name])
    return written.getvalue()


def read_archive(data: bytes) -> dict[str, bytes]:
    """Return the members of an archive, by name.

    Raises:
        UnreadableEvidence: not an archive that `write_archive` writes.

    """
    if len(data) > ARCHIVE_BYTES_MAX:
        raise _unreadable(f"at most {ARCHIVE_BYTES_MAX} bytes", f"{len(data)} bytes")
    _check_end(data)
    try:
        members = _members(data)
    # What the library raises for hostile bytes is not documented as a whole.
    except (
        zipfile.BadZipFile,
        ValueError,
        ArithmeticError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise _unreadable("a zip archive", type(error).__name__) from error
    if write_archive(members) != data:
        raise _unreadable("the one form of an export", "another form of a zip archive")
    return members


def _check_end(data: bytes) -> None:
    """Bound the directory before it is read: the last record says how much of it there is."""
    end = data[-END.size :]
    if len(end) < END.size or not end.startswith(_END_MARK):
        raise _unreadable("a zip archive without a comment", f"{len(data)} other bytes")
    _, _, _, _, count, size, _, _ = END.unpack(end)
    if data[-END.size - _ZIP64_BYTES : -END.size].startswith(_ZIP64_MARK):
        raise _unreadable("a zip archive", "a zip64 archive")
    if count > MEMBERS_MAX or size > MEMBERS_MAX * _DIRECTORY_ENTRY_BYTES_MAX:
        raise _unreadable(f"at most {MEMBERS_MAX} members", f"{count} in {size} bytes")


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        names = [one.filename for one in infos]
        if len(names) > MEMBERS_MAX or len(set(names)) != len(names):
            raise _unreadable(f"at most {MEMBERS_MAX} different names", f"{len(names)} members")
        strange = next((one for one in names if _NAME.fullmatch(one) is None), None)
        if strange is not None:
            raise _unreadable("names of an export", ascii(strange)[:80])
        if any(one.compress_type != zipfile.ZIP_STORED for one in infos):
            raise _unreadable("stored members", "packed ones")
        if any(one.file_size != one.compress_size for one in infos) or (
            sum(one.file_size for one in infos) > len(data)
        ):
            raise _unreadable("members as large as what is stored", "other sizes")
        return {one.filename: archive.read(one) for one in infos}


def _unreadable(expected: str, actual: str) -> UnreadableEvidence:
    return UnreadableEvidence(check=CHECK, expected=expected, actual=actual)
