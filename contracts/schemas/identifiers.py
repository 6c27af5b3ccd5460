"""证照标识: identifiers of e-certificates, built, read and checked. Pure.

`1.2.156.3005.2.<type>.<issuer>.<serial>.<version>.<check>`: the type is the 18-character code
of the body that defines it and three digits, the issuer an 18-character 统一社会信用代码. The check
character is ISO 7064 MOD 37,36 over the four parts joined; it catches every single substitution.
"""

from dataclasses import dataclass
from enum import IntEnum

ROOT = "1.2.156.3005.2"
TYPE_CHARACTERS = 21
ISSUER_CHARACTERS = 18
SERIAL_CHARACTERS_MAX = 32
VERSION_CHARACTERS = 3
IDENTIFIER_CHARACTERS_MAX = (
    len(ROOT) + TYPE_CHARACTERS + ISSUER_CHARACTERS + SERIAL_CHARACTERS_MAX + VERSION_CHARACTERS + 6
)
# The name of certificates of no defined type, and its type code, which no body can own.
GENERIC_TYPE = "generic"
GENERIC_TYPE_CODE = "0" * TYPE_CHARACTERS

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_MODULUS = len(_ALPHABET)
_SEPARATOR = "."
_PREFIX = ROOT + _SEPARATOR
_PARTS = 5
# 16 characters of base 36 hold 80 bits: two clerks who issue at once do not meet.
_SERIAL_CHARACTERS = 16


class IdentifierFault(IntEnum):
    """What is wrong with an identifier; these numbers stand in the details of a refusal."""

    ROOT = 1
    PART_COUNT = 2
    TYPE = 3
    ISSUER = 4
    SERIAL = 5
    VERSION = 6
    CHECK_CHARACTER = 7
    ILLEGAL_CHARACTER = 8


class InvalidIdentifier(ValueError):
    """Not a 证照标识.

    `expected` and `actual` are: `ROOT` characters that agree · `PART_COUNT` parts · a part's
    length · `CHECK_CHARACTER` code points · `ILLEGAL_CHARACTER` the part (the number of its
    fault) and the code point.
    """

    def __init__(self, fault: IdentifierFault, *, expected: int, actual: int) -> None:
        self.fault = fault
        self.expected = expected
        self.actual = actual
        super().__init__(f"{fault.name.lower()}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIdentifier:
    """The four parts of an identifier; its text carries the check character in addition."""

    type_code: str
    issuer: str
    serial: str
    version: str = "001"

    def __post_init__(self) -> None:
        _require_part(self.type_code, TYPE_CHARACTERS, IdentifierFault.TYPE)
        _require_digits(self.type_code[ISSUER_CHARACTERS:], IdentifierFault.TYPE)
        _require_part(self.issuer, ISSUER_CHARACTERS, IdentifierFault.ISSUER)
        # Any length up to the largest is right; an empty one is measured against one.
        serial_size = min(len(self.serial), SERIAL_CHARACTERS_MAX) or 1
        _require_part(self.serial, serial_size, IdentifierFault.SERIAL)
        _require_part(self.version, VERSION_CHARACTERS, IdentifierFault.VERSION)
        _require_digits(self.version, IdentifierFault.VERSION)

    def __str__(self) -> str:
        parts = (self.type_code, self.issuer, self.serial, self.version)
        return _SEPARATOR.join((ROOT, *parts, check_character("".join(parts))))


def parse_identifier(text: str) -> CertificateIdentifier:
    """Read an identifier and check its check character.

    Raises:
        InvalidIdentifier: the first fault found.

    """
    text = text[: IDENTIFIER_CHARACTERS_MAX + 1]
    _require_root(text)
    parts = text.removeprefix(_PREFIX).split(_SEPARATOR)
    if len(parts) != _PARTS:
        raise InvalidIdentifier(IdentifierFault.PART_COUNT, expected=_PARTS, actual=len(parts))
    type_code, issuer, serial, version, check = parts
    identifier = CertificateIdentifier(
        type_code=type_code, issuer=issuer, serial=serial, version=version
    )
    _require_check_character("".join(parts[:-1]), check)
    return identifier


def is_identifier_shaped(text: str) -> bool:
    """Tell whether a text means to be an identifier, right or wrong."""
    return text.startswith(_PREFIX)


def generic_identifier(*, issuer: str, entropy: bytes) -> CertificateIdentifier:
    """Build an identifier of type `generic`; `entropy` of 16 random bytes makes its serial.

    Raises:
        InvalidIdentifier: the issuer is not an 18-character code.

    """
    return CertificateIdentifier(
        type_code=GENERIC_TYPE_CODE, issuer=issuer, serial=serial_from(entropy)
    )


def type_code_of(certificate_type: str) -> str:
    """Return the type code that an identifier of this type carries."""
    return GENERIC_TYPE_CODE if certificate_type == GENERIC_TYPE else certificate_type


def serial_from(entropy: bytes) -> str:
    """Return a serial of 16 characters out of random bytes."""
    number = int.from_bytes(entropy) % _MODULUS**_SERIAL_CHARACTERS
    characters = []
    for _ in range(_SERIAL_CHARACTERS):
        number, value = divmod(number, _MODULUS)
        characters.append(_ALPHABET[value])
    return "".join(reversed(characters))


def check_character(payload: str) -> str:
    """Return the ISO/IEC 7064 MOD 37,36 check character of `0–9 A–Z` text."""
    carry = _MODULUS
    for character in payload:
        carry = (carry + _VALUES[character]) % _MODULUS or _MODULUS
        carry = carry * 2 % (_MODULUS + 1)
    return _ALPHABET[(1 - carry) % _MODULUS]


def _require_root(text: str) -> None:
    agreeing = 0
    while agreeing < len(_PREFIX) and text[agreeing : agreeing + 1] == _PREFIX[agreeing]:
        agreeing += 1
    if agreeing != len(_PREFIX):
        raise InvalidIdentifier(IdentifierFault.ROOT, expected=len(_PREFIX), actual=agreeing)


def _require_part(part: str, size: int, fault: IdentifierFault) -> None:
    if len(part) != size:
        raise InvalidIdentifier(fault, expected=size, actual=len(part))
    _require_characters(part, _ALPHABET, fault)


def _require_digits(part: str, fault: IdentifierFault) -> None:
    _require_characters(part, _DIGITS, fault)


def _require_characters(part: str, alphabet: str, fault: IdentifierFault) -> None:
    for character in part:
        if character not in alphabet:
            raise InvalidIdentifier(
                IdentifierFault.ILLEGAL_CHARACTER, expected=fault, actual=ord(character)
            )


def _require_check_character(payload: str, actual: str) -> None:
    expected = check_character(payload)
    if actual != expected:
        raise InvalidIdentifier(
            IdentifierFault.CHECK_CHARACTER,
            expected=ord(expected),
            actual=ord(actual) if len(actual) == 1 else 0,
        )
