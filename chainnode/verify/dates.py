"""Dates of certificates: integers YYYYMMDD in +08:00 (docs/wire-format.md §1). Pure."""

from datetime import datetime

from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.verdict import LOCAL_ZONE

_DAY_MS = 86_400_000


def day_start_ms(date: int) -> int:
    """Return the first millisecond of the day; it is negative before 1970.

    Raises:
        InvalidEvidence: no such day.

    """
    year, month, day = date // 10_000, date // 100 % 100, date % 100
    try:
        moment = datetime(year, month, day, tzinfo=LOCAL_ZONE)
    except (ValueError, OverflowError) as error:
        raise InvalidEvidence(
            check="date", expected="a day as YYYYMMDD", actual=f"{date}"
        ) from error
    return int(moment.timestamp()) * 1000


def day_end_ms(date: int) -> int:
    """Return the first millisecond after the day: a certificate is good before it.

    Raises:
        InvalidEvidence: no such day.

    """
    return day_start_ms(date) + _DAY_MS
