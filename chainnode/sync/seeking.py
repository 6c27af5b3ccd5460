"""Finds out that a quorum is ahead when nobody says so by itself.

On a quiet network no votes are sent, and a learner sends no STATUS that peers could answer. So a
node whose tip stands still asks one peer after another for its newest certificate. What comes is
handed to the core as the votes it consists of: the core counts them like any others, and asks
for state transfer if it is behind (checklist D4, H2).
"""

import asyncio
from collections.abc import Awaitable, Callable

from chainnode.ledger.chain import Ledger
from chainnode.ledger.types import Header
from chainnode.sync.peers import PeerBook

_PAUSE_S = 2.0

# The newest certified header of a peer and its certificate, verified; None: no answer.
Newest = Callable[[int], Awaitable[tuple[Header, bytes] | None]]


class TipSeeker:
    """Asks at most one peer a pause. `tell` takes the certificate of a height above ours."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        peers: PeerBook,
        newest: Newest,
        tell: Callable[[bytes], None],
    ) -> None:
        self._ledger = ledger
        self._peers = peers
        self._newest = newest
        self._tell = tell
        self._seen_height = -1

    async def keep_seeking(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            await self.seek()

    async def seek(self) -> None:
        """Ask one peer, unless blocks came since the last time."""
        height = self._ledger.height
        has_moved, self._seen_height = height > self._seen_height, height
        peers = self._peers.in_order()
        if has_moved or not peers:
            return
        newest = await self._newest(peers[0])
        if newest is not None and newest[0].height > self._ledger.height:
            self._tell(newest[1])
