"""Days and months of ledger time in +08:00, against the standard library's calendar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.schemas.days import is_within_days, local_day, local_month

CHINA = timezone(timedelta(hours=8))
# The last millisecond that the standard library has a date for.
LIBRARY_MS_MAX = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1000


def calendar_day(instant_ms: int) -> int:
    moment = datetime.fromtimestamp(instant_ms // 1000, tz=CHINA)
    return (moment.year * 100 + moment.month) * 100 + moment.day


@given(st.integers(0, LIBRARY_MS_MAX))
@example(0)
@example(951_753_599_999)  # 2000-02-28, the last millisecond of a day before a leap day
@example(951_753_600_000)
@example(4_107_513_600_000)  # 2100-03-01: 2100 is no leap year
def test_a_day_is_that_of_the_calendar(instant_ms: int) -> None:
    assert local_day(instant_ms) == calendar_day(instant_ms)
    assert local_month(instant_ms) == calendar_day(instant_ms) // 100


def test_every_day_of_four_centuries_follows_the_one_before() -> None:
    start = datetime(1970, 1, 1, tzinfo=CHINA)
    for number in range(400 * 366):
        expected = start + timedelta(days=number)
        noon_ms = number * 86_400_000 + 4 * 3_600_000
        assert local_day(noon_ms) == int(f"{expected:%Y%m%d}")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-31T15:59:59.999+00:00", 20260331),
        ("2026-03-31T16:00:00.000+00:00", 20260401),
        ("2026-12-31T23:59:59.999+08:00", 20261231),
        ("2028-02-29T00:00:00.000+08:00", 20280229),
    ],
)
def test_a_day_ends_at_midnight_in_china(text: str, day: int) -> None:
    moment = datetime.fromisoformat(text)
    instant_ms = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    assert local_day(instant_ms) == day


def test_the_last_instant_of_the_ledger_has_a_day_too() -> None:
    assert local_day(2**53 - 1) == 287396_10_12


@pytest.mark.parametrize(
    ("day", "first", "last", "is_within"),
    [
        (20260101, 20260101, 20260101, True),
        (20260102, 20260101, 20260101, False),
        (20251231, 20260101, 20260101, False),
        (99991231, 20260101, 0, True),
        (20251231, 20260101, 0, False),
    ],
)
def test_the_last_day_belongs_to_a_period_and_0_is_no_end(
    day: int, first: int, last: int, *, is_within: bool
) -> None:
    assert is_within_days(day, first=first, last=last) is is_within
