"""What an asker may still do: its buckets, and which of its asks were taken already. Thread-safe.

Every ask costs something: the tokens that it gets, those that it is refused through its own
fault, or one. So nobody finds out for nothing who may call whom, and who asks too fast is
refused before anything is looked up for it.
"""

import threading
from dataclasses import dataclass

from chainnode.custodian.limits import AsksSeen
from chainnode.custodian.marks import Mark, Marks, TakenAsk
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.rates import Buckets, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment by both clocks: wall time for what outlives a restart."""

    ms: int
    s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One ask that was taken, and by what its asker's buckets are called."""

    ask: TakenAsk
    key: str
    organisation: str


class Allowances:
    """Buckets of keys and organisations, and asks seen, as a former life left them."""

    def __init__(
        self, *, key: Rate, organisation: Rate, window_ms: int, marks: Marks, now: Moment
    ) -> None:
        self._lock = threading.Lock()
        self._keys = Buckets(key)
        self._organisations = Buckets(organisation)
        self._seen = AsksSeen(window_ms=window_ms, asks=marks.asks, forgotten_ms=marks.forgotten_ms)
        for name, (level, at_ms) in marks.levels.items():
            buckets, rate = (
                (self._keys, key) if _is_of_key(name) else (self._organisations, organisation)
            )
            gained = max(0, now.ms - at_ms) / 1000 * rate.per_second
            buckets.restore(name, level + gained, now_s=now.s)

    def admit(
        self, *, key_id: bytes, nonce: bytes, organisation: str, at_ms: int, now: Moment
    ) -> Asking:
        """Take an ask of a registered key, signed at `at_ms`.

        Raises:
            AskRefused: as `AsksSeen.admit`.

        """
        with self._lock:
            ask = self._seen.admit(key_id, nonce, at_ms=at_ms, now_ms=now.ms)
        return Asking(
            ask=ask, key=f"key {key_id.hex()}", organisation=f"organisation {organisation}"
        )

    def require(self, asking: Asking, amount: int, *, now: Moment) -> None:
        """Let an ask be looked at whose tokens are there; it takes none of them.

        Raises:
            AskRefused: it asks too fast, and has paid for asking.

        """
        with self._lock:
            self._require(asking, amount, now.s)

    def take(self, asking: Asking, amount: int, *, now: Moment) -> None:
        """Take tokens out of both buckets.

        Raises:
            AskRefused: they are not there; nothing but the price of asking was taken.

        """
        with self._lock:
            self._require(asking, amount, now.s)
            self._keys.take(asking.key, amount, now_s=now.s)
            self._organisations.take(asking.organisation, amount, now_s=now.s)

    def charge(self, asking: Asking, amount: int, *, now: Moment) -> None:
        """Take the price of a refusal."""
        with self._lock:
            self._charge(asking, amount, now.s)

    def mark(self, asking: Asking, *, now: Moment) -> Mark:
        """Return what is to be noted of an ask, with the levels as they are now."""
        with self._lock:
            levels = {
                asking.key: self._keys.level(asking.key, now_s=now.s),
                asking.organisation: self._organisations.level(asking.organisation, now_s=now.s),
            }
        return Mark(ask=asking.ask, levels=levels, now_ms=now.ms)

    def _require(self, asking: Asking, amount: int, now_s: float) -> None:
        if self._wait_s(asking, amount, now_s):
            self._charge(asking, 1, now_s)
            wait_s = self._wait_s(asking, amount, now_s)
            raise AskRefused(AskCode.RATE, retry_after_s=wait_s)

    def _charge(self, asking: Asking, amount: int, now_s: float) -> None:
        self._keys.charge(asking.key, amount, now_s=now_s)
        self._organisations.charge(asking.organisation, amount, now_s=now_s)

    def _wait_s(self, asking: Asking, amount: int, now_s: float) -> int:
        return max(
            self._keys.wait_s(asking.key, amount, now_s=now_s),
            self._organisations.wait_s(asking.organisation, amount, now_s=now_s),
        )


def _is_of_key(name: str) -> bool:
    return name.startswith("key ")
