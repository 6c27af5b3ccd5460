"""Both directions of the guard: numbers of people never pass, the words of an office always do."""

import base64
import uuid

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chainnode.identity.free_text import TEXT_CHARACTERS_MAX, Finding, personal_finding
from chainnode.identity.numbers import is_citizen_number, is_organisation_code
from contracts.schemas.identifiers import CertificateIdentifier
from tests.builders_identity import (
    citizen_number,
    citizen_numbers,
    luhn_card,
    organisation_codes,
)

FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
WORDS = st.sampled_from(["", "核验住房公积金 ", "办件：", "for case, ", "(", "身份证号", "No."])
SEPARATORS = st.sampled_from(["", " ", "  ", "\u3000", "\u200b", "\n", "\u00a0"])


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """An identity number as people write it: spaces, full width, small x, text around it."""
    number = draw(citizen_numbers())
    gap = draw(SEPARATORS)
    cuts = sorted(draw(st.sets(st.integers(1, 17), max_size=4)))
    parts = [number[a:b] for a, b in zip([0, *cuts], [*cuts, 18], strict=True)]
    text = gap.join(parts)
    form = draw(st.sampled_from(["plain", "lower", "wide"]))
    if form == "lower":
        text = text.lower()
    elif form == "wide":
        text = text.translate(FULL_WIDTH)
    return draw(WORDS) + text + draw(st.sampled_from(["", "。", " 2026-03-01", "，13号", " 等3人"]))


@given(written_numbers())
def test_an_identity_number_is_found_however_it_is_written(text: str) -> None:
    assert personal_finding(text) is Finding.CITIZEN_NUMBER


@given(citizen_numbers(), st.integers(0, 2), st.sampled_from(["b64", "url", "hex", "HEX"]))
def test_an_identity_number_is_found_inside_base64_and_hexadecimal(
    number: str, before: int, form: str
) -> None:
    raw = b"id"[:before] + number.encode()
    encoded = {
        "b64": base64.b64encode(raw).decode(),
        "url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
    }[form]
    assert personal_finding(f"见附件 {encoded} 。") is Finding.CITIZEN_NUMBER


@given(citizen_numbers())
def test_an_identity_number_of_the_old_form_is_found(number: str) -> None:
    assume(number.startswith(("11", "31", "44", "51", "65")) and number[6:8] == "19")
    old = number[:6] + number[8:17]
    assert personal_finding(f"原号码{old}") is Finding.CITIZEN_NUMBER
    assert personal_finding(f"原号码{old[:6]} {old[6:12]} {old[12:]}") is Finding.CITIZEN_NUMBER


@given(
    st.integers(3, 9),
    st.integers(0, 10**9 - 1),
    st.sampled_from(["", "+86", "0086", "86 ", "+86-", "电话", "tel"]),
    st.sampled_from(["", " ", "-"]),
)
def test_a_mobile_number_is_found(second: int, rest: int, before: str, gap: str) -> None:
    digits = f"1{second}{rest:09d}"
    text = before + gap.join((digits[:3], digits[3:7], digits[7:]))
    assert personal_finding(text) is Finding.MOBILE_NUMBER


@example(issuer="955880", digits=17, rest=999_999_999_990, gap="")
@given(
    st.sampled_from(["622202", "621700", "436742", "512345", "955880", "356868", "601428"]),
    st.integers(15, 18),
    st.integers(0, 10**12 - 1),
    st.sampled_from(["", " ", "-"]),
)
def test_a_bank_card_is_found(issuer: str, digits: int, rest: int, gap: str) -> None:
    card = luhn_card((issuer + f"{rest:012d}" + "3" * 3)[:digits])
    # A card whose middle is a day of this century is read as division, day and number of a case.
    assume(not (card[:2] in {"62", "43", "51", "35"} and card[6:8] == "20"))
    # 18 digits that an association could have as its code, check character included, are one.
    assume(not (card.startswith(("51", "35")) and is_organisation_code(card)))
    groups = [card[start : start + 4] for start in range(0, len(card), 4)]
    found = personal_finding("账户" + gap.join(groups))
    assert found in {Finding.BANK_CARD, Finding.CITIZEN_NUMBER}


@given(st.binary(min_size=30, max_size=400))
def test_long_encoded_content_is_found(content: bytes) -> None:
    for text in (base64.b64encode(content).decode(), content.hex()):
        assert personal_finding(f"见 {text}") is not None


@given(st.text("0123456789１９xX-年 ab", max_size=30))
def test_what_a_text_holds_is_the_same_beside_dates(text: str) -> None:
    # Texts with few digits are let pass at a glance; with two dates before them they are not.
    assert personal_finding(text) == personal_finding(f"2026-03-01；2026-03-02；{text}")


def test_text_longer_than_any_field_is_refused_unread() -> None:
    assert personal_finding("字" * (TEXT_CHARACTERS_MAX + 1)) is Finding.BLOB


@given(organisation_codes())
def test_an_organisation_code_passes(code: str) -> None:
    assert personal_finding(f"受{code}委托") is None
    assert personal_finding(code) is None


@given(st.uuids())
def test_a_uuid_passes(value: uuid.UUID) -> None:
    assert personal_finding(f"call {value}, trace {str(value).upper()}") is None


@given(st.datetimes())
def test_dates_and_times_pass(value: object) -> None:
    text = str(value)
    assert personal_finding(f"{text} 至 {text.replace('-', '/')}") is None
    assert personal_finding(text[:10].replace("-", "")) is None
    assert personal_finding(f"{text[:4]}年{text[5:7]}月{text[8:10]}日") is None


@given(
    st.integers(2015, 2035),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 9_999_999),
    st.sampled_from(["310104", "440305", "510104", "620102", "110105"]),
)
def test_case_numbers_pass(year: int, month: int, day: int, serial: int, region: str) -> None:
    number = f"{region}{year}{month:02d}{day:02d}{serial % 10_000:04d}"
    forms = [
        f"（{year}）京0105民初{serial}号",
        f"CASE-{year}-{serial:07d}",
        f"办件{year}{month:02d}{day:02d}{serial:07d}",
        f"{region}-{year}{month:02d}{day:02d}-{serial:07d}",
        f"GJ{year}{month:02d}{serial:06d}号",
    ]
    # Division, day and four digits are at once a newborn's number in one of eleven cases.
    forms += [] if is_citizen_number(number) else [number]
    for text in forms:
        assert personal_finding(text) is None, text


@given(
    organisation_codes(),
    organisation_codes(),
    st.text("0123456789ABCDEFGHJ", min_size=1, max_size=16),
)
def test_a_certificate_identifier_passes(body: str, issuer: str, serial: str) -> None:
    identifier = CertificateIdentifier(type_code=f"{body}032", issuer=issuer, serial=serial)
    assert personal_finding(f"证照 {identifier}") is None


@pytest.mark.parametrize(
    "identifier",
    [
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    ],
)
def test_published_certificate_identifiers_pass(identifier: str) -> None:
    assert personal_finding(identifier) is None


def test_a_number_that_stands_in_an_identifier_or_touches_other_digits_is_found() -> None:
    number = citizen_number()
    assert personal_finding(f"1.2.156.3005.2.{number}") is Finding.CITIZEN_NUMBER
    assert personal_finding(f"20260301{number}07") is Finding.CITIZEN_NUMBER
    assert personal_finding(f"{number} 13800138000") is Finding.CITIZEN_NUMBER


@given(st.text(max_size=300))
def test_no_text_makes_the_guard_fail(text: str) -> None:
    assert personal_finding(text) in {None, *Finding}
