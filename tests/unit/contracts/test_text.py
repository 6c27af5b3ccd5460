"""Texts, organisation ids and dates that may stand in a public part."""

import pytest

from contracts.schemas.text import first_illegal, first_illegal_in_organisation, is_date


@pytest.mark.parametrize(
    "text",
    [
        "",
        "item-1/ab:c",
        "two words",
        "人口基本信息",
        "㐀龥鿿",
        "𠮷野家",
        "\U0002a700\U0002ebe0\U00030000\U000323af",
        "é",
        "〇①№",
    ],
)
def test_visible_text_in_nfc_is_legal(text: str) -> None:
    assert first_illegal(text) is None


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a\n", 1),
        ("\x00", 0),
        ("\x7f", 0),
        ("a\u200bb", 1),
        ("a\u202eb", 1),
        ("a\u00a0b", 1),
        ("a\u3000b", 1),
        ("\ufeffa", 0),
        ("a\ue000", 1),
        ("a\u0378", 1),
        ("😀", 0),
        (" a", 0),
        ("a ", 1),
        ("a  b", 2),
        ("e\u0301", 0),
        ("xe\u0301", 1),
        ("\uf900", 0),
        ("\U0002f800", 0),
        ("\u1100\u1161", 0),
    ],
)
def test_illegal_character_is_named_by_its_position(text: str, position: int) -> None:
    assert first_illegal(text) == position


@pytest.mark.parametrize("organisation", ["11220000013544541J", "DEPT-A", "A" * 32])
def test_organisation_ids_are_capitals_digits_and_hyphens(organisation: str) -> None:
    assert first_illegal_in_organisation(organisation) is None


@pytest.mark.parametrize(
    ("organisation", "position"), [("DEPT_A", 4), ("dEPT", 0), ("A B", 1), ("AＢ", 1), ("A\n", 1)]
)
def test_other_characters_in_an_organisation_id_are_named(organisation: str, position: int) -> None:
    assert first_illegal_in_organisation(organisation) == position


@pytest.mark.parametrize("date", [18000101, 20240229, 20000229, 20231231, 99991231, 20240430])
def test_days_of_the_calendar_are_dates(date: int) -> None:
    assert is_date(date)


@pytest.mark.parametrize(
    "date",
    [
        *(0, 1, 17991231, 20230229, 19000229, 20240230, 20240431, 20240100, 20240132),
        *(20240001, 20241301, 100000101, 2**53 - 1),
    ],
)
def test_other_numbers_are_no_dates(date: int) -> None:
    assert not is_date(date)
