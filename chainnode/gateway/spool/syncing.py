"""One thread that makes a log durable, and the event loop that waits for it.

All that is appended while a sync runs shares the next one. The way to the thread and back stands
on the way of every answer, so it is one queue and one callback: no task, no pool, no shield.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue

from chainnode.errors import StorageError


class SyncThread:
    """Runs `sync` on a thread of its own for one event loop; end it by `close`."""

    def __init__(self, sync: Callable[[], None], *, failed: Callable[[StorageError], None]) -> None:
        """`failed` is told of an error on the loop, before anybody who waits."""
        self._sync = sync
        self._failed = failed
        self._loops: SimpleQueue[asyncio.AbstractEventLoop | None] = SimpleQueue()
        self._waiting: list[asyncio.Future[None]] = []
        self._under_way: list[asyncio.Future[None]] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._thread: threading.Thread | None = None

    def durable(self) -> asyncio.Future[None]:
        """Return what is done when all that was appended before this call is synced.

        Whoever waits may be cancelled; nobody else notices. It raises `StorageError`.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(future)
        if self._under_way is None:
            self._start(loop)
        return future

    async def close(self) -> None:
        """Wait for what is under way and end the thread."""
        if self._under_way is not None:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        if self._thread is not None:
            self._loops.put(None)
            self._thread.join()
            self._thread = None

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way, self._waiting = self._waiting, []
        self._hand_over(loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            # A process that ends without `close` waits for nobody: what was told is durable.
            self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
            self._thread.start()
        self._loops.put(loop)

    def _run(self) -> None:
        while (loop := self._loops.get()) is not None:
            self._sync_for(loop)

    def _sync_for(self, loop: asyncio.AbstractEventLoop) -> None:
        failure = None
        try:
            self._sync()
        except StorageError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing may pass for durable
            failure = StorageError(f"spool: {type(error).__name__}")
        with contextlib.suppress(RuntimeError):  # the loop was closed, so nobody waits
            loop.call_soon_threadsafe(self._synced, loop, failure)

    def _synced(self, loop: asyncio.AbstractEventLoop, failure: StorageError | None) -> None:
        if failure is not None:
            self._failed(failure)
        batch, self._under_way = self._under_way or [], None
        for future in batch:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
        if self._waiting:
            self._start(loop)
        elif self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
