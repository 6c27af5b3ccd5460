"""What the wall clocks of peers show beside ours. For people only: nothing is decided by it.

A heartbeat says what its sender's clock shows; by the time it is read that is a little while
ago. So every reading is late, and of several the greatest is the nearest to the truth.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

# Heartbeats, two a second, over which the least delayed one is looked for.
_READINGS: Final = 8


class PeerClocks:
    """Our own wall clock, and how far each peer's is from it. Event loop thread only."""

    def __init__(self, own_ms: Callable[[], int]) -> None:
        self._own_ms = own_ms
        self._offsets: dict[int, deque[int]] = {}

    def own_ms(self) -> int:
        """Return our wall time in milliseconds."""
        return self._own_ms()

    def note(self, peer: int, clock_ms: int) -> None:
        """Take a reading; what the peer says may be anything."""
        offsets = self._offsets.setdefault(peer, deque(maxlen=_READINGS))
        offsets.append(clock_ms - self._own_ms())

    def offset_ms(self, peer: int) -> int | None:
        """Return by how much a peer says its clock is ahead of ours; None: it said nothing."""
        offsets = self._offsets.get(peer)
        return max(offsets) if offsets else None
