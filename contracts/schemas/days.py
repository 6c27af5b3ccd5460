"""Days and months of ledger time in +08:00, as integers YYYYMMDD and YYYYMM. Pure integers.

Contracts count days with this module alone: no clock, no time zone database, no float. The
calendar is the Gregorian one; a year is as long as it is, so every instant has its day.
"""

_OFFSET_MS = 8 * 3_600_000
_DAY_MS = 86_400_000
# Days from 0000-03-01, where an era of 400 years begins, to 1970-01-01.
_EPOCH_DAYS = 719_468
_ERA_DAYS = 146_097
_CENTURY_DAYS = 36_524
_FOUR_YEARS_DAYS = 1_460
_YEAR_DAYS = 365
_MONTHS = 12
# In a year that begins in March, January is month 10.
_MARCH = 3
_JANUARY_FROM_MARCH = 10


def local_day(instant_ms: int) -> int:
    """Return the day YYYYMMDD, +08:00, of an instant in milliseconds since 1970."""
    era, day_of_era = divmod((instant_ms + _OFFSET_MS) // _DAY_MS + _EPOCH_DAYS, _ERA_DAYS)
    year_of_era = (
        day_of_era
        - day_of_era // _FOUR_YEARS_DAYS
        + day_of_era // _CENTURY_DAYS
        - day_of_era // (_ERA_DAYS - 1)
    ) // _YEAR_DAYS
    day_of_year = day_of_era - (_YEAR_DAYS * year_of_era + year_of_era // 4 - year_of_era // 100)
    # Months of 30.6 days on average, counted from March: 153 days are five of them.
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    is_next_year = month_from_march >= _JANUARY_FROM_MARCH
    month = month_from_march + _MARCH - (_MONTHS if is_next_year else 0)
    year = 400 * era + year_of_era + is_next_year
    return (year * 100 + month) * 100 + day


def local_month(instant_ms: int) -> int:
    """Return the month YYYYMM, +08:00, of an instant in milliseconds since 1970."""
    return local_day(instant_ms) // 100


def is_within_days(day: int, *, first: int, last: int) -> bool:
    """Tell whether a day lies in a period; its last day belongs to it, and 0 is no end."""
    return first <= day and (last == 0 or day <= last)
