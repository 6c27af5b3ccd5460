"""How a file says which certificate it is: PDF metadata, a JSON file beside it, or the caller.

The identifier found is a hint, never proof: it only tells a changed file of a known
certificate (TAMPERED) from a file nobody registered (NOT_REGISTERED). The PDF reader knows
one thing, the entry `/KunlianCertificate` of the document information dictionary as it is
stamped before a file is registered (ISO 32000-1 §14.3.3, strings of §7.3.4). It is bounded
and looks at bytes alone; a PDF that hides its dictionary in compressed objects gets no hint.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from chainnode.errors import InvalidInput
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.strict_json import (
    JsonObject,
    as_constant,
    as_fields,
    as_text,
    read_object,
)

PDF_KEY = "KunlianCertificate"
SIDECAR_SUFFIX = ".kun.json"
SIDECAR_FORMAT = "kunlian-certificate"
SIDECAR_BYTES_MAX = 4096
IDENTIFIER_CHARACTERS_MAX = 128
# Scanned certificates are a few megabytes; the hash needs the whole file in memory.
FILE_BYTES_MAX = 256 * 1024 * 1024

_PDF_ENTRY = re.compile(
    rb"/KunlianCertificate[\x00\t\n\f\r ]{0,16}"
    rb"(?:\((?P<literal>(?:[^()\\\r\n]|\\[0-7]{3}){0,1024}+)\)"
    rb"|<(?P<hex>[0-9A-Fa-f\t\n\f\r ]{0,2048}+)>)"
)
_OCTAL = re.compile(rb"\\([0-7]{3})")
_UTF16_MARK = b"\xfe\xff"


class UnreadableFile(InvalidInput):
    """What was given as a file is empty, a directory, too large or cannot be read."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file as a verifier sees it: its bytes, and the identifier that travels with it."""

    data: bytes
    identifier: str | None


def read_file(path: Path) -> FileContent:
    """Read a file to be verified and the identifier it carries, if any.

    Raises:
        UnreadableFile: empty, not a regular file, over `FILE_BYTES_MAX`, or unreadable.
        FileNotFoundError: nothing is there: a usage error, no verdict.

    """
    data = _read_bounded(path)
    return FileContent(data=data, identifier=pdf_identifier(data) or _beside(path))


def pdf_identifier(data: bytes) -> str | None:
    """Return the identifier stamped into a PDF; the last entry counts, as in PDF updates."""
    if not data.startswith(b"%PDF-"):
        return None
    last = None
    for entry in _PDF_ENTRY.finditer(data):
        last = entry
    return None if last is None else _pdf_string(last)


def sidecar_identifier(data: bytes) -> str:
    """Return the identifier that the text of a `FILE.kun.json` names.

    Raises:
        UnreadableEvidence: not such a text.

    """
    fields = as_fields(
        read_object(data, bytes_max=SIDECAR_BYTES_MAX),
        "sidecar",
        ("format", "version", "identifier"),
    )
    as_constant(fields["format"], "format", SIDECAR_FORMAT)
    as_constant(fields["version"], "version", 1)
    return as_text(fields["identifier"], "identifier", characters_max=IDENTIFIER_CHARACTERS_MAX)


def sidecar_form(identifier: str) -> JsonObject:
    """Return the JSON object of `FILE.kun.json`, for whoever issues a certificate."""
    return {"format": SIDECAR_FORMAT, "version": 1, "identifier": identifier}


def _read_bounded(path: Path) -> bytes:
    try:
        data = _read_regular(path, bytes_max=FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableFile(
            expected="a readable file", actual=error.strerror or type(error).__name__
        ) from error
    if not data or len(data) > FILE_BYTES_MAX:
        raise UnreadableFile(
            expected=f"1 to {FILE_BYTES_MAX} bytes", actual="none" if not data else "more"
        )
    return data


def _beside(path: Path) -> str | None:
    """Read the sidecar; a missing or malformed one gives no hint, as if there were none."""
    try:
        sidecar = path.with_name(path.name + SIDECAR_SUFFIX)
        return sidecar_identifier(_read_regular(sidecar, bytes_max=SIDECAR_BYTES_MAX + 1))
    except (OSError, UnreadableEvidence, UnreadableFile):
        return None


def _read_regular(path: Path, *, bytes_max: int) -> bytes:
    """Read a regular file; a pipe or device would keep the reader waiting for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableFile(expected="a regular file", actual="a directory or device")
        return file.read(bytes_max)


def _pdf_string(entry: re.Match[bytes]) -> str | None:
    literal, digits = entry.group("literal"), entry.group("hex")
    if literal is not None:
        raw = _OCTAL.sub(lambda octal: bytes([int(octal.group(1), 8) & 0xFF]), literal)
    else:
        compact = b"".join(digits.split())
        raw = bytes.fromhex((compact + b"0" * (len(compact) % 2)).decode("ascii"))
    try:
        text = raw[2:].decode("utf-16-be") if raw.startswith(_UTF16_MARK) else raw.decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= IDENTIFIER_CHARACTERS_MAX else None
