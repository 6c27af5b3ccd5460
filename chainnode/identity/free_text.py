"""Finds numbers of people in free text: identity numbers, mobile numbers, bank cards, blobs.

It catches what a clerk writes by mistake, not who wants to hide something: a name or an
address passes. Organisation codes, case numbers, dates, certificate identifiers and UUIDs pass,
but for the one in thousands that is also a number of a person: then the person comes first.
"""

import base64
import binascii
import re
import string
import unicodedata
from enum import StrEnum
from typing import Final

from chainnode.identity.numbers import (
    CITIZEN_CHARACTERS,
    OLD_CITIZEN_CHARACTERS,
    is_citizen_number,
    is_date,
    is_organisation_code,
)
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

# Longer than any field that has free text; what is longer is not text.
TEXT_CHARACTERS_MAX: Final = 4096


class Finding(StrEnum):
    """What a text holds that must not be in it."""

    CITIZEN_NUMBER = "citizen_number"
    MOBILE_NUMBER = "mobile_number"
    BANK_CARD = "bank_card"
    BLOB = "blob"


# Written between the digits of one number; zero-width characters cannot be seen at all.
_SPACES: Final = r"[\s\u200b-\u200d\u2060\ufeff]"
_RUN: Final = re.compile(rf"\d(?:{_SPACES}{{0,3}}\d)*(?:{_SPACES}{{0,3}}[Xx](?![0-9A-Za-z]))?")
_PLAIN_RUN: Final = re.compile(r"\d+[Xx]?")
_GAP: Final = rf"(?:{_SPACES}|-)?"
_MOBILE: Final = re.compile(
    rf"(?<!\d)(?:(?:\+|00)?86{_GAP})?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?!\d)"
)
_CARD: Final = re.compile(rf"(?<!\d)\d{{4}}(?:{_GAP}\d{{4}}){{3}}(?:{_GAP}\d{{1,3}})?(?!\d)")
# GB 32100: the registering authority and the kind of organisation that it registers, then the
# division; no card of the kinds in use begins with 6 as an authority's does.
_ORGANISATION: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:1[1239]|2[19]|3[1-59]|4[19]|5[1239]|9[1239]|A[19]|N[1239]|Y1)"
    r"[0-9A-Z]{16}(?![0-9A-Za-z])"
)
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_DOTTED: Final = re.compile(r"[0-9A-Z]+(?:\.[0-9A-Z]+){5,}")
_TOKEN: Final = re.compile(r"[0-9A-Za-z+/_=-]+")
_HEX: Final = re.compile(r"[0-9A-Fa-f]+\Z")
# A UUID or trace id without hyphens has 32 hexadecimal digits and passes.
_BLOB_CHARACTERS_MIN: Final = 40
# 15 digits in base64, the shortest number that is looked for inside an encoding.
_ENCODED_CHARACTERS_MIN: Final = 20
_LONG_TOKEN: Final = re.compile(rf"[0-9A-Za-z+/_=-]{{{_ENCODED_CHARACTERS_MIN}}}")
# A mobile number has the fewest digits of all that is looked for in clear.
_DIGITS_MIN: Final = 11
_FOREIGN_DIGIT: Final = re.compile(r"(?![0-9])\d")
_OLD_CENTURY: Final = "19"
# The first two digits of an administrative division.
_PROVINCES: Final = frozenset(
    f"{one}"
    for block in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55))
    for one in (*block, *range(61, 66), 71, 81, 82, 83, 91)
)
# First digits of the cards in use; a number that begins with a year (20…) has none of them.
_CARD_ISSUER: Final = re.compile(r"4|5[1-5]|6[02589]|3[57]|22[2-9]|2[3-6]|27[01]|9558")
_CASE_YEARS: Final = range(2000, 2100)


def personal_finding(text: str) -> Finding | None:
    """Return the first thing in `text` that must not be there, None for a clean text.

    Widths and foreign digits count like ASCII ones. Costs time linear in the text's length.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        return Finding.BLOB
    plain = _with_ascii_digits(text)
    return _finding_in(_UUID.sub(" · ", plain)) if _may_hold_numbers(plain) else None


def _may_hold_numbers(plain: str) -> bool:
    """Tell whether a text has digits enough for any number, or what could be an encoding.

    Most texts have neither: to see that costs a tenth of looking for each kind.
    """
    return (
        sum(map(plain.count, string.digits)) >= _DIGITS_MIN or _LONG_TOKEN.search(plain) is not None
    )


def _finding_in(plain: str) -> Finding | None:
    if _holds_citizen_number(plain) or any(_holds_citizen_number(one) for one in _decoded(plain)):
        return Finding.CITIZEN_NUMBER
    rest = _ORGANISATION.sub(_without_code, _DOTTED.sub(_without_identifier, plain))
    if _MOBILE.search(rest):
        return Finding.MOBILE_NUMBER
    if any(_is_card(re.sub(r"\D", "", one)) for one in _CARD.findall(rest)):
        return Finding.BANK_CARD
    if any(len(one) >= _BLOB_CHARACTERS_MIN for one in _TOKEN.findall(rest)):
        return Finding.BLOB
    return None


def _with_ascii_digits(text: str) -> str:
    """Return the text in compatibility form, every decimal digit of Unicode as an ASCII one."""
    if text.isascii():
        return text
    return _FOREIGN_DIGIT.sub(
        lambda found: str(unicodedata.decimal(found.group())), unicodedata.normalize("NFKC", text)
    )


def _holds_citizen_number(text: str) -> bool:
    return any(_is_citizen_run(one) for one in _RUN.findall(text)) or any(
        _holds_window(one.upper()) for one in _PLAIN_RUN.findall(text)
    )


def _is_citizen_run(run: str) -> bool:
    """Look for a number among groups that spaces divide, and for one of the old form."""
    groups = [one.upper() for one in re.split(rf"{_SPACES}+", run)]
    for start in range(len(groups)):
        joined = ""
        for group in groups[start:]:
            joined += group
            if len(joined) > CITIZEN_CHARACTERS:
                break
            if _is_old_number(joined) or is_citizen_number(joined):
                return True
    return False


def _holds_window(run: str) -> bool:
    """Look for a number that other digits touch."""
    return any(
        is_citizen_number(run[start : start + CITIZEN_CHARACTERS])
        for start in range(len(run) - CITIZEN_CHARACTERS + 1)
    )


def _is_old_number(digits: str) -> bool:
    """Tell whether 15 digits are a number as given out before 1999; it has no check digit."""
    return (
        len(digits) == OLD_CITIZEN_CHARACTERS
        and digits.isdecimal()
        and digits[:2] in _PROVINCES
        and is_date(_OLD_CENTURY + digits[6:12])
    )


def _is_card(digits: str) -> bool:
    """Tell whether 16 to 19 digits are a card: issuer and Luhn digit; division + day are not."""
    if not _CARD_ISSUER.match(digits):
        return False
    if digits[:2] in _PROVINCES and is_date(digits[6:14], _CASE_YEARS):
        return False
    doubled = [
        sum(divmod(int(one) * (2 if place % 2 else 1), 10))
        for place, one in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def _without_identifier(match: re.Match[str]) -> str:
    """Drop a certificate identifier with the right check character; other dotted text stays."""
    try:
        parse_identifier(match.group())
    except InvalidIdentifier:
        return match.group()
    return " · "


def _without_code(match: re.Match[str]) -> str:
    """Drop a 统一社会信用代码 with the right check character."""
    return " · " if is_organisation_code(match.group()) else match.group()


def _decoded(text: str) -> list[str]:
    """Return what stands in the text as base64 or hexadecimal digits, where it is ASCII."""
    found = []
    for token in _TOKEN.findall(text):
        if len(token) < _ENCODED_CHARACTERS_MIN:
            continue
        if _HEX.match(token) and len(token) % 2 == 0:
            found.append(bytes.fromhex(token).decode("ascii", "replace"))
        body = token.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            content = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
        except (ValueError, binascii.Error):
            continue
        found.append(content.decode("ascii", "replace"))
    return found
