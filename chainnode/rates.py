"""How fast somebody may do something: token buckets by name, in bounded memory. Pure.

Who calls says what time it is.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from chainnode.errors import ConfigurationError

# Registered keys and organisations of a large consortium, or addresses of a city.
NAMES_MAX: Final = 65_536
# More than one machine does.
_PER_SECOND_MAX: Final = 1_000_000
_BURST_MAX: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much a second on average, and at once."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        legal = 0 < self.per_second <= _PER_SECOND_MAX and 1 <= self.burst <= _BURST_MAX
        if not legal:
            raise ConfigurationError(
                f"rate: expected 0 < per second ≤ {_PER_SECOND_MAX} and 1 ≤ burst ≤ {_BURST_MAX},"
                f" got {self.per_second:g} and {self.burst}"
            )


class Buckets:
    """Token buckets of one rate, by name; of more than `names_max` the longest unused one goes."""

    def __init__(self, rate: Rate, *, names_max: int = NAMES_MAX) -> None:
        self._rate = rate
        self._names_max = names_max
        # name -> what is left, and when that was so; the longest unused first.
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many names have a bucket that was used."""
        return len(self._levels)

    def wait_s(self, name: str, amount: int, *, now_s: float) -> int:
        """Return after how many seconds `amount` can be taken; 0 = now.

        More than the burst can never be taken at once: it is let through from a full bucket,
        which then has a debt.
        """
        missing = min(amount, self._rate.burst) - self.level(name, now_s=now_s)
        return ceil(missing / self._rate.per_second) if missing > 0 else 0

    def take(self, name: str, amount: int, *, now_s: float) -> None:
        """Take it; `wait_s` has said that it can be taken."""
        self.restore(name, self.level(name, now_s=now_s) - amount, now_s=now_s)

    def charge(self, name: str, amount: int, *, now_s: float) -> None:
        """Take it for a refusal, whether it is there or not, down to a debt of one burst.

        The debt is bounded so that who asks too fast is heard again a known time after it stops.
        """
        level = self.level(name, now_s=now_s)
        self.take(name, max(0, min(amount, ceil(level) + self._rate.burst)), now_s=now_s)

    def restore(self, name: str, level: float, *, now_s: float) -> None:
        """Set what is left in a bucket."""
        self._levels[name] = (min(level, self._rate.burst), now_s)
        self._levels.move_to_end(name)
        if len(self._levels) > self._names_max:
            self._levels.popitem(last=False)

    def level(self, name: str, *, now_s: float) -> float:
        """Return what is left in a bucket; below 0 it has a debt."""
        level, at_s = self._levels.get(name, (float(self._rate.burst), now_s))
        return min(self._rate.burst, level + (now_s - at_s) * self._rate.per_second)
