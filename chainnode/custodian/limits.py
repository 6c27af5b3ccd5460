"""Asks that were seen before: each is taken once.

In memory; the desk notes them with each count, and `Allowances` restores them after a start.
Thread-safe under its lock only.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from chainnode.custodian.marks import TakenAsk
from chainnode.custodian.refusals import AskCode, AskRefused

# Signed asks within a minute, at more than a thousand a second.
_ASKS_MAX: Final = 100_000


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
