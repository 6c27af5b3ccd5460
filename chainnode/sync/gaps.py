"""Closes gaps in the certificates: a height that was overtaken before its votes came.

A block is proven under its own header, so each needs a certificate of its own, although the
next one makes it final. Votes for a height that is stable are not repeated; a peer that saw
them in time is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable

from chainnode.ledger.chain import Ledger

_PAUSE_S = 1.0
# Looked at again after a start; gaps close within seconds, so older ones have been closed.
_HEIGHTS_BACK_MAX = 1024


class CertificateGaps:
    """Follows the certified height. `fetch` brings one certificate and tells whether it could."""

    def __init__(self, *, ledger: Ledger, fetch: Callable[[int], Awaitable[bool]]) -> None:
        self._ledger = ledger
        self._fetch = fetch
        # Every height up to this one has its certificate.
        self._whole_to = max(0, ledger.certified_height - _HEIGHTS_BACK_MAX)

    async def keep_closing(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            await self.close()

    async def close(self) -> None:
        """Fetch what is missing below the certified height, as far as peers can help now."""
        while (height := self._whole_above_base() + 1) <= self._ledger.certified_height:
            if self._ledger.certificate(height) is None and not await self._fetch(height):
                return
            self._whole_to = height

    def _whole_above_base(self) -> int:
        """Below the snapshot that this node stands on there are no blocks to certify."""
        return max(self._whole_to, self._ledger.base_height)
