"""Months, days, instants and ages as people write them."""

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.instants import age_ms, day_number, end_ms, last_ms, start_ms

_MARCH = 1_772_294_400_000  # 2026-03-01T00:00:00+08:00
_DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-03", _MARCH, _MARCH + 31 * _DAY),
        ("2026-02", _MARCH - 28 * _DAY, _MARCH),
        ("2026-03-01", _MARCH, _MARCH + _DAY),
        ("2026-03-01T00:00:01+08:00", _MARCH + 1000, _MARCH + 1000),
        ("2026-02-28T16:00:01Z", _MARCH + 1000, _MARCH + 1000),
        ("2026-03-01T00:00:01", _MARCH + 1000, _MARCH + 1000),
    ],
)
def test_months_and_days_are_those_of_china(text: str, begin: int, end: int) -> None:
    assert start_ms(text, option="--from") == begin
    assert end_ms(text, option="--to") == end


def test_a_day_is_judged_at_its_last_millisecond() -> None:
    assert last_ms("2026-03-01", option="--as-of") == _MARCH + _DAY - 1
    assert last_ms("2026-03-01T00:00:00+08:00", option="--as-of") == _MARCH


@pytest.mark.parametrize(
    "text", ["", "march", "2026", "2026-13", "2026-02-30", "10000-01-01", "２０２６-03", "0000-01"]
)
def test_what_is_no_time_is_refused_naming_the_option(text: str) -> None:
    with pytest.raises(UsageProblem, match="--from"):
        start_ms(text, option="--from")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90_000), ("90s", 90_000), ("15m", 900_000), ("24h", _DAY), ("7d", 7 * _DAY)],
)
def test_an_age_has_a_unit(text: str, expected: int) -> None:
    assert age_ms(text, option="--max-age") == expected


@pytest.mark.parametrize("text", ["", "-1", "1w", "1.5h", "9" * 10])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        age_ms(text, option="--max-age")


def test_a_day_is_a_number_on_the_chain() -> None:
    assert day_number("2026-03-01", option="x") == 20260301
    assert day_number("20260301", option="x") == 20260301


@pytest.mark.parametrize("text", ["", "20260230", "2026-3-1", "today", "202603010"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        day_number(text, option="x")
