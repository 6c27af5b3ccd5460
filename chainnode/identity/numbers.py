"""公民身份号码 (GB 11643) and 统一社会信用代码 (GB 32100): checked, and brought to one form.

One person has one token only if everybody writes the number alike, so what is not exactly a
number of its kind is refused, never guessed.
"""

from datetime import date
from enum import StrEnum
from typing import Final

from chainnode.errors import InvalidInput

CITIZEN_CHARACTERS: Final = 18
ORGANISATION_CHARACTERS: Final = 18
# A number with spaces between all characters; longer text is not looked at.
TEXT_CHARACTERS_MAX: Final = 64
OLD_CITIZEN_CHARACTERS: Final = 15

_DIGITS: Final = "0123456789"
# GB 11643: ISO 7064 MOD 11-2 over 17 digits.
_CITIZEN_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS: Final = "10X98765432"
# Nobody alive was born earlier, and no number is given out before a birth.
_BIRTH_YEARS: Final = range(1850, 2100)
# GB 32100: 31 characters without I, O, S, V, Z; weights are powers of 3 modulo 31.
_ORGANISATION_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_MODULUS: Final = 31
# Full-width forms of ASCII (U+FF01 … U+FF5E) and the ideographic space.
_FULL_WIDTH: Final = {0xFF01 + place: 0x21 + place for place in range(0x5E)} | {0x3000: 0x20}


class IdType(StrEnum):
    """Kinds of numbers that get tokens; the codes of certificate metadata."""

    CITIZEN = "111"
    ORGANISATION = "001"


class IdentityFault(StrEnum):
    """What is wrong with a number."""

    TYPE = "type"
    LENGTH = "length"
    CHARACTERS = "characters"
    DATE = "date"
    CHECK = "check"


_EXPECTED: Final = {
    IdentityFault.TYPE: "id type 111 or 001",
    IdentityFault.LENGTH: "18 characters",
    IdentityFault.CHARACTERS: "the digits and letters of its kind",
    IdentityFault.DATE: "a date of birth in characters 7 to 14",
    IdentityFault.CHECK: "the check character of the rest",
}


class InvalidIdentity(InvalidInput):
    """Not a number of its kind. The number itself is never part of this error."""

    def __init__(self, fault: IdentityFault) -> None:
        self.fault = fault
        self.expected = _EXPECTED[fault]
        super().__init__(f"identity number: {fault.value}: expected {self.expected}")


def id_type_of(text: str) -> IdType:
    """Read the code of a kind of number.

    Raises:
        InvalidIdentity: fault `TYPE`.

    """
    try:
        return IdType(text)
    except ValueError:
        raise InvalidIdentity(IdentityFault.TYPE) from None


def normalised(id_type: IdType, text: str) -> str:
    """Return the one form of a number: upper case, half width, no spaces; fully checked.

    Raises:
        InvalidIdentity: the first fault found.

    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise InvalidIdentity(IdentityFault.LENGTH)
    half_width = text if text.isascii() else text.translate(_FULL_WIDTH)
    number = "".join(half_width.split()).upper()
    if id_type is IdType.CITIZEN:
        _check_citizen(number)
    else:
        _check_organisation(number)
    return number


def is_citizen_number(number: str) -> bool:
    """Tell whether 18 characters are a 公民身份号码: digits, date, check character."""
    try:
        _check_citizen(number)
    except InvalidIdentity:
        return False
    return True


def is_organisation_code(code: str) -> bool:
    """Tell whether 18 characters are a 统一社会信用代码."""
    try:
        _check_organisation(code)
    except InvalidIdentity:
        return False
    return True


def citizen_check_character(digits: str) -> str:
    """Return the last character that belongs to the first 17 digits (GB 11643)."""
    total = sum(int(one) * weight for one, weight in zip(digits, _CITIZEN_WEIGHTS, strict=True))
    return _CITIZEN_CHECKS[total % len(_CITIZEN_CHECKS)]


def organisation_check_character(code: str) -> str:
    """Return the last character that belongs to the first 17 (GB 32100)."""
    total = sum(
        _ORGANISATION_ALPHABET.index(one) * pow(3, place, _ORGANISATION_MODULUS)
        for place, one in enumerate(code)
    )
    return _ORGANISATION_ALPHABET[-total % _ORGANISATION_MODULUS]


def is_date(text: str, years: range = _BIRTH_YEARS) -> bool:
    """Tell whether `YYYYMMDD` is a day of the calendar in these years."""
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if year not in years:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _check_citizen(number: str) -> None:
    if len(number) != CITIZEN_CHARACTERS:
        raise InvalidIdentity(IdentityFault.LENGTH)
    digits = number[:-1]
    if any(one not in _DIGITS for one in digits) or number[-1] not in _CITIZEN_CHECKS:
        raise InvalidIdentity(IdentityFault.CHARACTERS)
    if not is_date(digits[6:14]):
        raise InvalidIdentity(IdentityFault.DATE)
    if number[-1] != citizen_check_character(digits):
        raise InvalidIdentity(IdentityFault.CHECK)


def _check_organisation(code: str) -> None:
    if len(code) != ORGANISATION_CHARACTERS:
        raise InvalidIdentity(IdentityFault.LENGTH)
    if any(one not in _ORGANISATION_ALPHABET for one in code):
        raise InvalidIdentity(IdentityFault.CHARACTERS)
    if code[-1] != organisation_check_character(code[:-1]):
        raise InvalidIdentity(IdentityFault.CHECK)
