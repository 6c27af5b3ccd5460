"""How much of this node one peer may have: one answer at a time, and so many bytes a second.

Peers that catch up wait for each other and for themselves, never votes for them (checklist H5).
Loop thread only.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

# A snapshot of 1 GB in half a minute; three such peers leave the disk and a core to the chain.
BYTES_PER_S = 32 * 1024 * 1024
# What may go out at once, before the pace is kept: a few answers.
BURST_BYTES = 16 * 1024 * 1024
# A request costs this much even when its answer is small.
_REQUEST_BYTES = 4 * 1024


class PeerPace:
    """Delays the answers of peers that ask for more than their share."""

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        bytes_per_s: int = BYTES_PER_S,
        burst_bytes: int = BURST_BYTES,
    ) -> None:
        self._now_s = now_s
        self._sleep = sleep
        self._bytes_per_s = bytes_per_s
        self._burst_s = burst_bytes / bytes_per_s
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        # When what went out to a peer is paid for.
        self._paid_at_s: dict[int, float] = {}

    async def answer(self, peer: int, work: Callable[[], Awaitable[bytes]]) -> bytes:
        """Do the work of one request when it is the peer's turn, and charge for it."""
        async with self._turns[peer]:
            due_s = self._paid_at_s.get(peer, 0.0) - self._burst_s - self._now_s()
            if due_s > 0:
                await self._sleep(due_s)
            size = 0
            try:
                answer = await work()
                size = len(answer)
                return answer
            finally:
                cost_s = (size + _REQUEST_BYTES) / self._bytes_per_s
                paid_at_s = max(self._paid_at_s.get(peer, 0.0), self._now_s())
                self._paid_at_s[peer] = paid_at_s + cost_s
