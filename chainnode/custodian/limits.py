"""How fast tokens are made: token buckets per key and per organisation, and asks seen before.

In memory: a restart fills the buckets, so the ceiling of a day, which outlives restarts, stands
in `counters`. Thread-safe together with the desk's lock only.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from typing import Final

from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.errors import ConfigurationError

# Registered keys and organisations of a large consortium; strangers get no bucket.
_BUCKETS_MAX: Final = 65_536
# Signed asks within a minute, at more than a thousand a second.
_ASKS_MAX: Final = 100_000


# More than one machine makes.
_PER_SECOND_MAX: Final = 1_000_000
_BURST_MAX: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Tokens a second on average, and at once."""

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
    """Token buckets of one rate, by name."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        # name -> what is left, and when that was so; the longest unused first.
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: Hashable, amount: int, *, now_s: float) -> int:
        """Return after how many seconds `amount` can be taken; 0 = now.

        More than the burst can never be taken at once: it is let through from a full bucket,
        which then has a debt.
        """
        missing = min(amount, self._rate.burst) - self._level(name, now_s)
        return ceil(missing / self._rate.per_second) if missing > 0 else 0

    def take(self, name: Hashable, amount: int, *, now_s: float) -> None:
        """Take it; `wait_s` has said that it can be taken."""
        self._levels[name] = (self._level(name, now_s) - amount, now_s)
        self._levels.move_to_end(name)
        if len(self._levels) > _BUCKETS_MAX:
            self._levels.popitem(last=False)

    def _level(self, name: Hashable, now_s: float) -> float:
        level, at_s = self._levels.get(name, (float(self._rate.burst), now_s))
        return min(self._rate.burst, level + (now_s - at_s) * self._rate.per_second)


class AsksSeen:
    """Nonces of asks that may still be within their time: each is taken once."""

    def __init__(self, *, window_ms: int) -> None:
        self._window_ms = window_ms
        self._until: OrderedDict[tuple[bytes, bytes], int] = OrderedDict()

    def admit(self, key_id: bytes, nonce: bytes, *, now_ms: int) -> None:
        """Remember an ask of a registered key.

        Raises:
            AskRefused: it was seen, or there are too many to remember.

        """
        while self._until and next(iter(self._until.values())) < now_ms:
            self._until.popitem(last=False)
        if (key_id, nonce) in self._until:
            raise AskRefused(AskCode.REPLAYED)
        if len(self._until) >= _ASKS_MAX:
            raise AskRefused(AskCode.BUSY, retry_after_s=1)
        # Signed at most one window ahead of us, and good for one window after that.
        self._until[key_id, nonce] = now_ms + 2 * self._window_ms
