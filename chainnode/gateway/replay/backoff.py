"""How long to rest after a failure: longer each time, up to a bound, never all at the same time."""

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.25
# Longer rests gain nothing: a node that is back should see its gateways within half a minute.
LONGEST_S: Final = 30.0
# At least this share of a rest is kept; the rest of it is chance, so that gateways spread.
_KEPT_SHARE: Final = 0.5
_DOUBLINGS_MAX: Final = 16


class Backoff:
    """Rests of `first_s`, doubled each time up to `longest_s`, shortened by chance."""

    def __init__(
        self,
        *,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._failures = 0

    def next_s(self) -> float:
        """Return how long to rest now."""
        longest = min(self._longest_s, self._first_s * (1 << self._failures))
        self._failures = min(self._failures + 1, _DOUBLINGS_MAX)
        return longest * (_KEPT_SHARE + (1 - _KEPT_SHARE) * self._chance())

    def reset(self) -> None:
        """Begin with the shortest rest again."""
        self._failures = 0
