"""How fast tokens are made: token buckets per key and per organisation, and asks seen before.

In memory; the desk notes both with each count, and `Allowances` restores them after a start.
Thread-safe under its lock only.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final

from chainnode.custodian.marks import TakenAsk
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
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

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
        if len(self._levels) > _BUCKETS_MAX:
            self._levels.popitem(last=False)

    def level(self, name: str, *, now_s: float) -> float:
        """Return what is left in a bucket; below 0 it has a debt."""
        level, at_s = self._levels.get(name, (float(self._rate.burst), now_s))
        return min(self._rate.burst, level + (now_s - at_s) * self._rate.per_second)


class AsksSeen:
    """Nonces of asks that may still be within their time: each is taken once.

    What was forgotten stays known by its time, so that no step of the clock brings it back.
    """

    def __init__(
        self, *, window_ms: int, asks: Iterable[TakenAsk] = (), forgotten_ms: int = -1
    ) -> None:
        self._window_ms = window_ms
        self._asks = OrderedDict(((one.key_id, one.nonce), one) for one in asks)
        self._forgotten_ms = forgotten_ms

    def admit(self, key_id: bytes, nonce: bytes, *, at_ms: int, now_ms: int) -> TakenAsk:
        """Remember an ask of a registered key, signed at `at_ms`.

        Raises:
            AskRefused: it was seen or may have been, or there are too many to remember.

        """
        self._forget(now_ms)
        if (key_id, nonce) in self._asks:
            raise AskRefused(AskCode.REPLAYED)
        if at_ms <= self._forgotten_ms:
            raise AskRefused(AskCode.CLOCK)
        if len(self._asks) >= _ASKS_MAX:
            raise AskRefused(AskCode.BUSY, retry_after_s=1)
        # Signed at most one window ahead of us, and good for one window after that.
        until_ms = now_ms + 2 * self._window_ms
        ask = TakenAsk(key_id=key_id, nonce=nonce, at_ms=at_ms, until_ms=until_ms)
        self._asks[key_id, nonce] = ask
        return ask

    def _forget(self, now_ms: int) -> None:
        while self._asks:
            oldest = next(iter(self._asks.values()))
            if oldest.until_ms >= now_ms:
                return
            self._asks.popitem(last=False)
            self._forgotten_ms = max(self._forgotten_ms, oldest.at_ms)
