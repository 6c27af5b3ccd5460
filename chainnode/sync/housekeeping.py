"""Keeps the disk as small as the operator wants it: drops old batches, sweeps what is left over.

In small steps on a thread, with pauses in which blocks go first; any step may be the last one
before a crash. Never above what a quorum certified, and never what a proof needs (ADR-0013).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from chainnode.ledger.chain import Ledger
from chainnode.sync.serving import BlockServer

_PAUSE_S = 1.0
_STEP_PAUSE_S = 0.01
# Keys of a state that is not live any more, deleted at a time: about a millisecond.
_SWEPT_PER_STEP = 256


class Housekeeping:
    """Follows the certified height at a distance of `keep_blocks`; 0 keeps every batch.

    `is_fetching` tells whether state is being transferred, or is to be.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        server: BlockServer,
        keep_blocks: int,
        is_fetching: Callable[[], bool],
        threads: Executor,
    ) -> None:
        self._ledger = ledger
        self._server = server
        self._keep_blocks = keep_blocks
        self._is_fetching = is_fetching
        self._threads = threads
        self._started_at = ledger.height

    async def keep_going(self) -> None:
        """Work until cancelled."""
        while True:
            has_more = await asyncio.get_running_loop().run_in_executor(self._threads, self.step)
            await asyncio.sleep(_STEP_PAUSE_S if has_more else _PAUSE_S)
            if not has_more:
                await self._server.expire()

    def step(self) -> bool:
        """Do a little; tell whether there is more to do."""
        ledger = self._ledger
        if self._keep_blocks and ledger.floor < (below := self._first_kept()):
            return ledger.prune_batches(below)
        if self._is_fetching() or ledger.height <= self._started_at:
            # What an interrupted transfer left may be just what the next one needs.
            return False
        return ledger.staging.sweep(keys_max=_SWEPT_PER_STEP)

    def _first_kept(self) -> int:
        return max(0, self._ledger.certified_height - self._keep_blocks + 1)
