"""A uvicorn server of a process that runs in the foreground until it is told to end."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

import uvicorn

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class ForegroundServer(uvicorn.Server):
    """A server that ends when it is told to, and leaves the end of the process to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving at a signal; uvicorn would let it end the process as well."""
        loop = asyncio.get_running_loop()
        for one in _SIGNALS:
            loop.add_signal_handler(one, self.end)
        try:
            yield
        finally:
            for one in _SIGNALS:
                loop.remove_signal_handler(one)

    def end(self) -> None:
        """Serve no more: what is in work is answered first."""
        self.should_exit = True
