"""What happens on the chain, followed once and told to every open page.

The order of blocks is the SDK's (`chainnode.client.following`); what an event says is a node's
word until its record is opened. Each page has a bounded queue: one that does not read is let go
and comes back by itself.
"""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from chainnode.client import AsyncClient, CannotDecide, ChainEvent, ChainForked

# Blocks that the chart shows.
BLOCKS_SHOWN: Final = 60
PAGES_MAX: Final = 200
HEARTBEAT_S: Final = 15.0
_QUEUE_MAX: Final = 64
_PAUSE_S: Final = 5.0
_BLOCK: Final = "block"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockNews:
    """One block as the chart shows it."""

    height: int
    time_ms: int
    records: int


class News:
    """Follows the chain and fans it out. Belongs to one event loop."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._blocks: deque[BlockNews] = deque(maxlen=BLOCKS_SHOWN)
        self._log_size: int | None = None
        self._pages: set[asyncio.Queue[bytes]] = set()

    @property
    def blocks(self) -> tuple[BlockNews, ...]:
        """The last blocks, oldest first."""
        return tuple(self._blocks)

    @property
    def has_room(self) -> bool:
        """Whether one more page may listen."""
        return len(self._pages) < PAGES_MAX

    async def follow(self) -> None:
        """Follow until cancelled; when no node is of help, try again."""
        while True:
            try:
                newest = await self._client.header_latest()
                start = str(max(0, newest.height - BLOCKS_SHOWN))
                self._blocks.clear()
                self._log_size = None
                async for event in self._client.follow(start):
                    self.take(event)
            except CannotDecide:
                _LOG.warning("stream_lost")
            except ChainForked as error:
                # Until a person has looked at the evidence; then pages hear of blocks again.
                _LOG.error("chain_forked", extra={"height": error.height})
            await asyncio.sleep(_PAUSE_S)

    def take(self, event: ChainEvent) -> None:
        """Remember a block, and tell every page what came."""
        if event.name == _BLOCK:
            self._remember(event)
        content = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
        line = f"id: {event.id}\nevent: {event.name}\ndata: {content}\n\n".encode()
        for page in tuple(self._pages):
            try:
                page.put_nowait(line)
            except asyncio.QueueFull:
                self._pages.discard(page)

    async def heard(self, lives: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Give one page what comes from now on, as long as its session lives and it reads."""
        page: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE_MAX)
        self._pages.add(page)
        try:
            yield b"retry: 2000\n\n"
            while lives() and page in self._pages:
                line = b": still here\n\n"
                with contextlib.suppress(TimeoutError):
                    line = await asyncio.wait_for(page.get(), HEARTBEAT_S)
                yield line
        finally:
            self._pages.discard(page)

    def _remember(self, event: ChainEvent) -> None:
        size, time_ms = event.data.get("log_size"), event.data.get("time_ms")
        if not isinstance(size, int) or not isinstance(time_ms, int):
            return
        if self._log_size is not None and size >= self._log_size:
            self._blocks.append(
                BlockNews(height=event.height, time_ms=time_ms, records=size - self._log_size)
            )
        self._log_size = size
