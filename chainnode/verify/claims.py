"""Which certificate a call issues or imports, in the short form of docs/wire-format.md §13.

The short form leaves out what follows from the rest: root, separators and check character of
the identifier, its type when that is `generic`, roots that are empty. Reading builds the public
part again and holds it against its schema, so a claim is what the contract would have read.
"""

from dataclasses import dataclass
from typing import TypeAlias

from chainnode.codec import InvalidEncoding, Plain, as_array, as_bytes, as_int, encode
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.codes import Rejection
from contracts.schemas.identifiers import (
    GENERIC_TYPE,
    GENERIC_TYPE_CODE,
    ISSUER_CHARACTERS,
    SERIAL_CHARACTERS_MAX,
    TYPE_CHARACTERS,
    VERSION_CHARACTERS,
    CertificateIdentifier,
    InvalidIdentifier,
    parse_identifier,
)
from contracts.schemas.shape import DIGEST_BYTES, SALT_BYTES, Schema, encode_part

ISSUE, IMPORT = 1, 2
_ACTIONS = {ISSUE: "issue", IMPORT: "import"}
_ISSUE_FIELDS, _IMPORT_FIELDS = 6, 10
# Marks before the characters of an identifier; they keep its leading zeros.
_GENERIC, _TYPED = "1", "2"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IDENTIFIER_CHARACTERS_MAX = (
    TYPE_CHARACTERS + ISSUER_CHARACTERS + SERIAL_CHARACTERS_MAX + VERSION_CHARACTERS
)
# The mark and this many characters of base 36.
_IDENTIFIER_BYTES_MAX = ((3 * 36**_IDENTIFIER_CHARACTERS_MAX).bit_length() + 7) // 8
_FIXED_BYTES = SALT_BYTES + DIGEST_BYTES
_METADATA, _HOLDER, _PRIVATE = 1, 2, 4
_SHOWN_MAX = _METADATA | _HOLDER | _PRIVATE

Part: TypeAlias = Issue | Import
_SCHEMAS: dict[int, Schema[Issue] | Schema[Import]] = {ISSUE: Schema(Issue), IMPORT: Schema(Import)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateClaim:
    """A call that puts a certificate on the chain; `private_digest` None: no private part."""

    part: Part
    private_digest: bytes | None

    @property
    def kind(self) -> int:
        """`ISSUE` or `IMPORT`: kind of the record, and outcome of the call."""
        return IMPORT if isinstance(self.part, Import) else ISSUE

    @property
    def action(self) -> str:
        """Name of the contract's action."""
        return _ACTIONS[self.kind]

    @property
    def issuer(self) -> str:
        """The issuing organisation: the contract takes no other sender."""
        return parse_identifier(self.part.identifier).issuer

    @property
    def public(self) -> bytes:
        """The public part of the call."""
        return encode_part(self.part)


def claim_of(action: str, public: bytes, *, private_digest: bytes | None) -> CertificateClaim:
    """Read a call that put a certificate on the chain.

    Raises:
        InvalidEncoding: another action, or not its public part.

    """
    kind = next((kind for kind, name in _ACTIONS.items() if name == action), 0)
    return CertificateClaim(part=_part(kind, public), private_digest=private_digest)


def claim_plain(claim: CertificateClaim) -> Plain:
    """Return the short form."""
    part = claim.part
    shown, parts = 0, part.salt + part.file_digest
    for bit, value in (
        (_METADATA, part.metadata_root),
        (_HOLDER, part.holder_commitment),
        (_PRIVATE, claim.private_digest or b""),
    ):
        if value:
            shown, parts = shown | bit, parts + value
    plain: tuple[Plain, ...] = (
        claim.kind,
        _packed(part),
        shown,
        parts,
        part.valid_from,
        part.valid_to,
    )
    if isinstance(part, Import):
        plain += (part.code_system, part.code, part.state, part.since_ms)
    return plain


def read_claim(value: Plain) -> CertificateClaim:
    """Read the short form.

    Raises:
        InvalidEncoding: not a call that the contract could have accepted.

    """
    fields = as_array(value, None, "record", maximum=_IMPORT_FIELDS)
    kind = as_int(fields[0], "record kind") if fields else 0
    size = _IMPORT_FIELDS if kind == IMPORT else _ISSUE_FIELDS
    _, packed, shown, parts, *others = as_array(value, size, "record")
    certificate_type, identifier = _unpacked(packed)
    salt, file_digest, *shown_digests = _read_parts(shown, parts)
    metadata_root, holder_commitment, private_digest = shown_digests
    public = encode(
        (salt, identifier, certificate_type, file_digest, metadata_root, holder_commitment, *others)
    )
    return CertificateClaim(part=_part(kind, public), private_digest=private_digest or None)


def _part(kind: int, public: bytes) -> Part:
    schema = _SCHEMAS.get(kind)
    if schema is None:
        raise InvalidEncoding(what="record", expected="an issue or import", actual=f"kind {kind}")
    try:
        return schema.decode(public)
    except Rejection as error:
        raise InvalidEncoding(
            what="public part", expected="one that the contract reads", actual=error.code.name
        ) from error


def _read_parts(shown: Plain, parts: Plain) -> tuple[bytes, ...]:
    """Return salt, file digest, metadata root, holder commitment and private digest."""
    bits = as_int(shown, "shown", maximum=_SHOWN_MAX)
    size = _FIXED_BYTES + DIGEST_BYTES * bits.bit_count()
    data = as_bytes(parts, "parts", size=size)
    found = [data[:SALT_BYTES], data[SALT_BYTES:_FIXED_BYTES]]
    at = _FIXED_BYTES
    for bit in (_METADATA, _HOLDER, _PRIVATE):
        end = at + DIGEST_BYTES if bits & bit else at
        found.append(data[at:end])
        at = end
    return tuple(found)


def _packed(part: Part) -> bytes:
    identifier = parse_identifier(part.identifier)
    characters = f"{identifier.issuer}{identifier.serial}{identifier.version}"
    if part.type == GENERIC_TYPE:
        number = int(_GENERIC + characters, len(_DIGITS))
    else:
        number = int(_TYPED + identifier.type_code + characters, len(_DIGITS))
    return number.to_bytes((number.bit_length() + 7) // 8)


def _unpacked(value: Plain) -> tuple[str, str]:
    """Return type and identifier out of the number that holds their characters."""
    data = as_bytes(value, "identifier", maximum=_IDENTIFIER_BYTES_MAX)
    text = _base36(int.from_bytes(data))
    mark, characters = text[:1], text[1:]
    type_code, certificate_type = GENERIC_TYPE_CODE, GENERIC_TYPE
    if mark == _TYPED:
        type_code, characters = characters[:TYPE_CHARACTERS], characters[TYPE_CHARACTERS:]
        certificate_type = type_code
    if not data or not data[0] or mark not in {_GENERIC, _TYPED}:
        raise InvalidEncoding(
            what="identifier", expected="a number that begins with mark 1 or 2", actual="another"
        )
    try:
        identifier = CertificateIdentifier(
            type_code=type_code,
            issuer=characters[:ISSUER_CHARACTERS],
            serial=characters[ISSUER_CHARACTERS:-VERSION_CHARACTERS],
            version=characters[-VERSION_CHARACTERS:],
        )
    except InvalidIdentifier as error:
        raise InvalidEncoding(
            what="identifier", expected="a certificate identifier", actual=str(error)
        ) from error
    return certificate_type, str(identifier)


def _base36(number: int) -> str:
    digits = []
    while number:
        number, value = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[value])
    return "".join(reversed(digits))
