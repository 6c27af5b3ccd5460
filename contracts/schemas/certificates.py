"""Schemas of the contract `certificates`: e-certificates 电子证照, their states and history."""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.identifiers import (
    IDENTIFIER_CHARACTERS_MAX,
    InvalidIdentifier,
    parse_identifier,
    type_code_of,
)
from contracts.schemas.shape import (
    Digest,
    Natural,
    OptionalDigest,
    PublicPart,
    require_date,
    require_digest_or_empty,
    require_period,
    require_text,
)
from contracts.schemas.state import InvalidRow, Row, Table

NAME = "certificates"
VERSION = 1
HISTORY_TAG = "kun.certhistory"
FORMAT_VERSION = 1
# The ledger's own code system: its code is the decimal number of the canonical state.
OWN_CODE_SYSTEM = "kun"

_ENCODER = msgspec.msgpack.Encoder()

# One character more than the longest identifier is let in, so that the refusal names the part.
Identifier = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARACTERS_MAX + 1)]
TypeName = Annotated[str, Meta(min_length=1, max_length=21)]
CodeText = Annotated[str, Meta(min_length=1, max_length=32)]


class CertificateOutcome(IntEnum):
    """Outcomes of accepted calls."""

    ISSUED = 1
    IMPORTED = 2
    REVOKED = 3


class CertificatePart(PublicPart, frozen=True):
    """Fields that a certificate brings along when it is issued or imported."""

    identifier: Identifier
    type: TypeName
    file_digest: Digest
    metadata_root: OptionalDigest
    holder_commitment: OptionalDigest
    valid_from: Natural
    valid_to: Natural

    def check(self) -> None:
        """Refuse a bad identifier, another type than its, half a digest, and no dates."""
        check_identifier(self.identifier, certificate_type=self.type)
        require_digest_or_empty(self, "metadata_root", self.metadata_root)
        require_digest_or_empty(self, "holder_commitment", self.holder_commitment)
        require_date(self, "valid_from", self.valid_from)
        if self.valid_to:
            require_date(self, "valid_to", self.valid_to)
        require_period(self.valid_from, self.valid_to)


class Issue(CertificatePart, frozen=True):
    """A certificate that is valid from now on."""


class Import(CertificatePart, frozen=True):
    """A certificate from before the ledger, with the state it has had since `since_ms`."""

    code_system: CodeText
    code: CodeText
    state: Annotated[int, Meta(ge=int(min(CertificateState)), le=int(max(CertificateState)))]
    since_ms: Natural

    def check(self) -> None:
        """Refuse also a code of the own system that names another state."""
        super().check()
        check_state_code(self, self.code_system, self.code, state=CertificateState(self.state))


class Revoke(PublicPart, frozen=True):
    """The end of a certificate, with the code of its own code system and a reason."""

    identifier: Identifier
    code_system: CodeText
    code: CodeText
    reason_code: CodeText

    def check(self) -> None:
        """Refuse a bad identifier, illegal texts, and an own code that is not 撤销."""
        check_identifier(self.identifier)
        check_state_code(self, self.code_system, self.code, state=CertificateState.REVOKED)
        require_text(self, "reason_code", self.reason_code)


class CertificateRow(Row, frozen=True):
    """What the ledger knows of a certificate; dates are YYYYMMDD, `valid_to` 0 = no end."""

    issuer: str
    type: str
    file_digest: bytes
    metadata_root: bytes
    holder_commitment: bytes
    valid_from: int
    valid_to: int
    code_system: str
    code: str
    state: int
    history_count: int
    history_root: bytes


class FileRow(Row, frozen=True):
    """Which certificate a file is."""

    identifier: str


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a certificate: since when, in which block, by which call."""

    height: int
    since_ms: int
    code_system: str
    code: str
    state: int
    submission_digest: bytes
    call_index: int


# Key: identifier.
CERTIFICATES = Table(NAME, "id", CertificateRow)
# Key: file digest.
FILES = Table(NAME, "file", FileRow)
# Key: identifier. The leaves of the history, oldest first; their root stands in the certificate.
HISTORIES: Table[tuple[bytes, ...]] = Table(NAME, "history", tuple[bytes, ...])


class _HistoryLeaf(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    tag: str
    version: int
    height: int
    since_ms: int
    code_system: str
    code: str
    state: int
    submission_digest: bytes
    call_index: int


_LEAF_DECODER = msgspec.msgpack.Decoder(_HistoryLeaf)


def encode_history_entry(entry: HistoryEntry) -> bytes:
    """Return the leaf of the history tree (wire format §9)."""
    return _ENCODER.encode((HISTORY_TAG, FORMAT_VERSION, *msgspec.structs.astuple(entry)))


def decode_history_entry(leaf: bytes) -> HistoryEntry:
    """Read a leaf of the history tree.

    Raises:
        InvalidRow: not a canonical leaf of this version.

    """
    try:
        read = _LEAF_DECODER.decode(leaf)
    except ValueError as error:
        raise InvalidRow(f"history of a certificate: {error}") from error
    entry = HistoryEntry(
        height=read.height,
        since_ms=read.since_ms,
        code_system=read.code_system,
        code=read.code,
        state=read.state,
        submission_digest=read.submission_digest,
        call_index=read.call_index,
    )
    if encode_history_entry(entry) != leaf:
        raise InvalidRow("history of a certificate: expected a canonical leaf, version 1")
    return entry


def own_code(state: CertificateState) -> str:
    """Return the code of a state in the ledger's own code system."""
    return str(int(state))


def check_identifier(identifier: str, *, certificate_type: str | None = None) -> None:
    """Refuse what is no identifier, or one of another type."""
    try:
        parts = parse_identifier(identifier)
    except InvalidIdentifier as error:
        raise Rejection(
            Code.CERTIFICATES_INVALID_IDENTIFIER, (error.fault, error.expected, error.actual)
        ) from error
    if certificate_type is not None and parts.type_code != type_code_of(certificate_type):
        raise Rejection(Code.CERTIFICATES_TYPE_DIFFERS)


def check_state_code(
    part: Import | Revoke, code_system: str, code: str, *, state: CertificateState
) -> None:
    """Refuse illegal texts, and an own code that is not the number of the state."""
    require_text(part, "code_system", code_system)
    require_text(part, "code", code)
    if code_system == OWN_CODE_SYSTEM and code != own_code(state):
        raise Rejection(Code.CERTIFICATES_CODE_DIFFERS, (state,))
