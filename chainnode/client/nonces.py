"""The next nonce of one key: counted here, corrected from the chain. Thread-safe, no I/O."""

import threading


class NonceCounter:
    """Hands out each nonce once in this process.

    `epoch` numbers the corrections, so that of many threads that meet the same refusal only
    the first one discards the counter.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: int | None = None
        self._floor = 0
        self._epoch = 0

    def take(self) -> tuple[int, int] | None:
        """Return (nonce, epoch), or None when the chain must be asked first."""
        with self._lock:
            if self._next is None:
                return None
            nonce = self._next
            self._next += 1
            return nonce, self._epoch

    def learn(self, nonce_next: int) -> tuple[int, int]:
        """Take over what a node said, unless another thread was faster, and take one."""
        with self._lock:
            if self._next is None:
                self._next = max(nonce_next, self._floor)
            nonce = self._next
            self._next += 1
            return nonce, self._epoch

    def discard(self, *, epoch: int, was_ahead: bool) -> None:
        """Forget the counter after a refusal.

        A used nonce means somebody else counts too: never go back, own submissions may be in
        flight. A nonce ahead of the window means the counter ran away: start where the chain is.
        """
        with self._lock:
            if epoch != self._epoch:
                return
            self._floor = 0 if was_ahead or self._next is None else self._next
            self._next = None
            self._epoch += 1
