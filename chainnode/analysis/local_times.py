"""Days, hours and minutes of an instant in +08:00, as integers. Pure."""

from contracts.schemas.days import local_day

OFFSET_MS = 8 * 3_600_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
MINUTES_OF_DAY = 1_440
# 1970-01-01 was a Thursday, the fourth day of its week.
_THURSDAY = 3
_WEEK = 7
SATURDAY = 6


def minute_of_day(instant_ms: int) -> int:
    """Return the minute of the local day, 0 to 1,439."""
    return (instant_ms + OFFSET_MS) % DAY_MS // MINUTE_MS


def weekday(instant_ms: int) -> int:
    """Return the day of the week: 1 is Monday, 7 is Sunday."""
    return ((instant_ms + OFFSET_MS) // DAY_MS + _THURSDAY) % _WEEK + 1


def is_weekend(instant_ms: int) -> bool:
    """Tell whether it is Saturday or Sunday."""
    return weekday(instant_ms) >= SATURDAY


def day_text(instant_ms: int) -> str:
    """Return the local day as 2026-03-31."""
    day = local_day(instant_ms)
    return f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}"


def hour_text(instant_ms: int) -> str:
    """Return the local day and the hour that begins, as 2026-03-31T09."""
    return f"{day_text(instant_ms)}T{minute_of_day(instant_ms) // 60:02}"


def minute_text(minute: int) -> str:
    """Return a minute of the day as 08:30."""
    return f"{minute // 60:02}:{minute % 60:02}"


def is_within_minutes(minute: int, *, start: int, end: int) -> bool:
    """Tell whether start ≤ minute < end, over midnight where the end is not after the start.

    Equal ends are the whole day.
    """
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
