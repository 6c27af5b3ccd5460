"""Memory of signatures that were verified, keyed by their whole content. Thread-safe."""

import threading
from collections import OrderedDict


class VerifiedCache:
    """Remembers the newest `entries_max` verified things; forgetting one only costs time.

    A key must contain signer, signature and signed content (or its digest): a key that omits
    one of them would let a forged signature pass.
    """

    def __init__(self, *, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: OrderedDict[tuple[bytes, ...], None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: tuple[bytes, ...]) -> bool:
        with self._lock:
            if key not in self._entries:
                return False
            self._entries.move_to_end(key)
            return True

    def add(self, key: tuple[bytes, ...]) -> None:
        """Remember `key`; the least recently used one is forgotten when full."""
        with self._lock:
            self._entries[key] = None
            self._entries.move_to_end(key)
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
