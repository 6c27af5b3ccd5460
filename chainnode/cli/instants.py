"""Instants and periods as people write them. Days and months are those of +08:00."""

import re
from datetime import datetime

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text
from chainnode.periods import DAY, NoInstant, bounds, milliseconds

_AGE = re.compile(r"([0-9]{1,9})(s|m|h|d)?\Z")
_AGE_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def start_ms(text: str, *, option: str) -> int:
    """Return where a month, a day or an instant begins, in ms.

    Raises:
        UsageProblem: none of the three.

    """
    return milliseconds(_bounds(text, option=option)[0])


def end_ms(text: str, *, option: str) -> int:
    """Return where a month or a day ends (its first ms after), or the instant itself.

    Raises:
        UsageProblem: none of the three.

    """
    return milliseconds(_bounds(text, option=option)[1])


def last_ms(text: str, *, option: str) -> int:
    """Return the last ms of a month or a day, or the instant itself.

    Raises:
        UsageProblem: none of the three.

    """
    begin, end = (milliseconds(one) for one in _bounds(text, option=option))
    return end if begin == end else end - 1


def age_ms(text: str, *, option: str) -> int:
    """Return `90`, `90s`, `15m`, `24h` or `7d` in ms.

    Raises:
        UsageProblem: another form.

    """
    match = _AGE.match(text)
    if match is None:
        raise UsageProblem(
            "AGE",
            Text(
                f"{option}：应为 90s、15m、24h 或 7d，收到 {text!r:.40}",
                f"{option}: expected 90s, 15m, 24h or 7d, got {text!r:.40}",
            ),
        )
    return int(match[1]) * _AGE_MS[match[2] or "s"]


def day_number(text: str, *, option: str) -> int:
    """Return a day `YYYY-MM-DD` (or `YYYYMMDD`) as the integer YYYYMMDD.

    Raises:
        UsageProblem: no day of the calendar.

    """
    whole = f"{text[:4]}-{text[4:6]}-{text[6:]}" if text.isdecimal() else text
    if DAY.match(whole) is None:
        raise _no_instant(text, option)
    return int(f"{_bounds(whole, option=option)[0]:%Y%m%d}")


def _bounds(text: str, *, option: str) -> tuple[datetime, datetime]:
    try:
        return bounds(text)
    except NoInstant as error:
        raise _no_instant(text, option) from error


def _no_instant(text: str, option: str) -> UsageProblem:
    return UsageProblem(
        "INSTANT",
        Text(
            f"{option}：应为 2026-03、2026-03-01 或 2026-03-01T12:00:00+08:00，收到 {text!r:.40}",
            f"{option}: expected 2026-03, 2026-03-01 or 2026-03-01T12:00:00+08:00,"
            f" got {text!r:.40}",
        ),
    )
