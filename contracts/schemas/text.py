"""Which texts and dates may stand in a public part. Pure; the same on every machine.

Texts are judged by Unicode 3.2, the one database that every Python carries beside its own: the
newest one differs between Python 3.11 and 3.12, and two replicas must never differ. Of later
versions only the unified ideographs are let in, which no normal form ever changes.
"""

import unicodedata
from functools import lru_cache

_UNICODE = unicodedata.ucd_3_2_0
# First letters of the general categories letter, mark, number, punctuation, symbol.
_VISIBLE_CATEGORIES = "LMNPS"
# 中日韩统一表意文字 with all extensions to Unicode 15; unified ones have no decomposition.
_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2EBEF),
    (0x30000, 0x323AF),
)
_ORGANISATION_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
ORGANISATION_CHARACTERS_MIN = 2
ORGANISATION_CHARACTERS_MAX = 32
_YEAR_MIN = 1800
_YEAR_MAX = 9999
_MONTHS = 12
_FEBRUARY = 2
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


# Items and grants come again and again; a text has at most some hundred bytes.
@lru_cache(maxsize=4096)
def first_illegal(text: str) -> int | None:
    """Return the position of the first character that is not allowed, or None.

    Allowed: visible characters in NFC, and single spaces between them.
    """
    if text.isascii() and text.isprintable() and " " not in text:
        return None
    for position, character in enumerate(text):
        if not _is_visible(character) and not _is_inner_space(text, position):
            return position
    normal = _UNICODE.normalize("NFC", text)
    if normal == text:
        return None
    return next(
        (place for place, (a, b) in enumerate(zip(text, normal, strict=False)) if a != b),
        min(len(text), len(normal)),
    )


# As many as a consortium has organisations; a hostile name only costs its place.
@lru_cache(maxsize=1024)
def first_illegal_in_organisation(organisation: str) -> int | None:
    """Return the position of the first character outside `A–Z 0–9 -`, or None."""
    return next(
        (
            position
            for position, character in enumerate(organisation)
            if character not in _ORGANISATION_ALPHABET
        ),
        None,
    )


def is_date(date: int) -> bool:
    """Tell whether an integer YYYYMMDD is a day of the Gregorian calendar from 1800 on."""
    year, month, day = date // 10_000, date // 100 % 100, date % 100
    if not (_YEAR_MIN <= year <= _YEAR_MAX and 1 <= month <= _MONTHS):
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _DAYS[month - 1] + (is_leap and month == _FEBRUARY)


def _is_visible(character: str) -> bool:
    return _UNICODE.category(character)[0] in _VISIBLE_CATEGORIES or any(
        first <= ord(character) <= last for first, last in _IDEOGRAPHS
    )


def _is_inner_space(text: str, position: int) -> bool:
    return text[position] == " " and 0 < position < len(text) - 1 and text[position - 1] != " "
