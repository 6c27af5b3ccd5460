"""Months, days and instants as people write them, in milliseconds. Pure leaf; zone +08:00."""

import calendar
import re
from datetime import datetime, timedelta, timezone

from chainnode.errors import InvalidInput

LOCAL_ZONE = timezone(timedelta(hours=8))
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})\Z")


class NoInstant(InvalidInput):
    """A text that is no month, no day and no instant; it is not repeated."""

    def __init__(self) -> None:
        super().__init__("expected 2026-03, 2026-03-01 or 2026-03-01T12:00:00+08:00")


def bounds(text: str) -> tuple[datetime, datetime]:
    """Return where a month or a day begins, and where it has ended; an instant is both.

    Raises:
        NoInstant: none of the three.

    """
    try:
        if month := _MONTH.match(text):
            year, number = int(month[1]), int(month[2])
            begin = datetime(year, number, 1, tzinfo=LOCAL_ZONE)
            return begin, begin + timedelta(days=calendar.monthrange(year, number)[1])
        if day := DAY.match(text):
            begin = datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=LOCAL_ZONE)
            return begin, begin + timedelta(days=1)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise NoInstant from error
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=LOCAL_ZONE)
    return instant, instant


def milliseconds(instant: datetime) -> int:
    """Return an instant in milliseconds of ledger time, which begins in 1970."""
    return max(0, round(instant.timestamp() * 1000))
