"""Replays a spool in the background. What ends replay or spool ends both, and is told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from chainnode.errors import StorageError
from chainnode.gateway.replay.replayer import Replayer
from chainnode.gateway.spool.spool import Spool

EndListener: TypeAlias = Callable[[BaseException], None]

_LOG: Final = logging.getLogger(__name__)


@asynccontextmanager
async def running(
    replayer: Replayer,
    spool: Spool,
    *,
    on_end: EndListener | None = None,
    drain_s: float = 0.0,
) -> AsyncIterator[None]:
    """Replay until the block ends, and then what still waits, for `drain_s` at most.

    Once replay or spool has failed, the spool takes nothing more, and `on_end` hears why.
    """
    failures: list[BaseException] = []

    def tell_end(task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is None or failures:
            return
        failures.append(error)
        name = type(error).__name__
        _LOG.critical("nothing is recorded until a new start: %s", name)
        spool.end(StorageError(f"the spool is replayed no more: {name}"))
        if on_end is not None:
            on_end(error)

    # A replay that rests, or waits for a receipt, would learn late that the disk failed.
    tasks = (
        asyncio.create_task(replayer.run(), name="kun-replay"),
        asyncio.create_task(spool.wait_for_end(), name="kun-spool-end"),
    )
    try:
        for task in tasks:
            task.add_done_callback(tell_end)
        try:
            yield
        finally:
            if drain_s > 0:
                await replayer.drain(within_s=drain_s)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if waiting := spool.state.waiting_count:
            _LOG.warning(
                "spool_not_empty waiting=%d; they go out at the next start, or by"
                " `kun gateway spool send`",
                waiting,
            )
