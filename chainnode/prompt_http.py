"""A uvicorn protocol that gives the head of a request so long and no longer.

uvicorn bounds the time between two requests alone; who sends a head byte by byte, or none, would
keep a connection for ever, and a few hundred of them a whole door.
"""

import asyncio
from typing import Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# 32 KiB over a poor line.
HEAD_S_MAX: Final = 10.0


class PromptHttp(H11Protocol):
    """Closes a connection whose next head has begun, or is the first, and is not whole in time."""

    head_s_max = HEAD_S_MAX
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        # What asyncio gives the protocol of a stream.
        super().connection_made(cast("asyncio.Transport", transport))
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; from the first of a head to its last the time runs."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._end_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._end_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_s_max, self.transport.abort)

    def _end_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
