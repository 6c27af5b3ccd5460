"""Invented numbers with right check characters, as tests and strategies need them."""

from datetime import date, timedelta

from hypothesis import strategies as st

from chainnode.identity.numbers import (
    citizen_check_character,
    is_citizen_number,
    organisation_check_character,
)

# A region that does not exist, so that no number here is anybody's.
REGION = "999900"
_FIRST_BIRTH = date(1930, 1, 1)
_BIRTH_DAYS = 36_000
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def citizen_number(*, born: str = "19900307", serial: int = 451, region: str = REGION) -> str:
    """Return the number of an invented person."""
    digits = f"{region}{born}{serial:03d}"
    return digits + citizen_check_character(digits)


def luhn_card(payload: str) -> str:
    """Return a card number: the digits and their Luhn digit."""
    total = 0
    for place, one in enumerate(reversed(payload)):
        value = int(one) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return payload + str(-total % 10)


@st.composite
def citizen_numbers(draw: st.DrawFn) -> str:
    """Numbers of people in real and invented regions."""
    born = _FIRST_BIRTH + timedelta(days=draw(st.integers(0, _BIRTH_DAYS)))
    region = draw(st.sampled_from(["110105", "310104", "440305", "510104", "650102", REGION]))
    serial = draw(st.integers(1, 999))
    return citizen_number(born=born.strftime("%Y%m%d"), serial=serial, region=region)


@st.composite
def organisation_codes(draw: st.DrawFn) -> str:
    """统一社会信用代码 that are not at once the number of a person."""
    first = draw(st.sampled_from(["11", "12", "51", "52", "91", "92", "93"]))
    region = draw(st.sampled_from(["110119", "310120", "440300", "510100", "620100"]))
    body = draw(st.text(_ORGANISATION_ALPHABET, min_size=9, max_size=9))
    payload = first + region + body
    code = payload + organisation_check_character(payload)
    return code if not is_citizen_number(code) else code[:8] + "MB00000" + code[15:]
