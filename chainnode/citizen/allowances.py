"""How much one person may ask of the citizen's view: each view is questions on the ledger."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_HOUR_S: Final = 3_600.0
_MINUTE_S: Final = 60.0
# People whose buckets are remembered; the ones longest unseen had full buckets anyway.
_PEOPLE_MAX: Final = 20_000


class TooFast(Exception):
    """The person has to wait; `retry_after_s` says how long."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"ask again in {retry_after_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """Limits of one person over all sessions, and of one answer."""

    views_per_hour: int = 30
    requests_per_minute: int = 240
    # How long an answer is kept for paging, in seconds.
    kept_s: int = 300
    rows_max: int = 20_000


class Buckets:
    """Token buckets by a person's pseudonym. Belongs to one event loop."""

    def __init__(self, *, burst: int, per_s: float, now_s: Callable[[], float]) -> None:
        self._burst = burst
        self._per_s = per_s
        self._now_s = now_s
        # Pseudonym -> (level, when it had it).
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, pseudonym: str) -> None:
        """Take one token.

        Raises:
            TooFast: there is none.

        """
        now_s = self._now_s()
        level, at_s = self._levels.pop(pseudonym, (float(self._burst), now_s))
        level = min(self._burst, level + (now_s - at_s) * self._per_s)
        is_allowed = level >= 1
        self._levels[pseudonym] = (level - 1 if is_allowed else level, now_s)
        while len(self._levels) > _PEOPLE_MAX:
            self._levels.popitem(last=False)
        if not is_allowed:
            raise TooFast(1 + int((1 - level) / self._per_s))


def view_buckets(limits: Allowances, *, now_s: Callable[[], float]) -> Buckets:
    """Return what limits new questions."""
    count = limits.views_per_hour
    return Buckets(burst=count, per_s=count / _HOUR_S, now_s=now_s)


def request_buckets(limits: Allowances, *, now_s: Callable[[], float]) -> Buckets:
    """Return what limits requests of any kind."""
    count = limits.requests_per_minute
    return Buckets(burst=count, per_s=count / _MINUTE_S, now_s=now_s)
