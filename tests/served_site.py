"""A site that serves its API over a real socket, and orders what comes as soon as it comes."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chainnode.api.server import ApiServer, api_server, open_listener
from chainnode.config import Address, ApiLimits
from chainnode.genesis import Genesis, Parameters
from tests.builders import genesis_of
from tests.sites import Site

EXCHANGE = Parameters(devnet=1, state_map_bits=8, index_map_bits=8)


@dataclass
class Served:
    """Where the site listens; the site itself belongs to its own thread."""

    url: str
    genesis: Genesis


@contextmanager
def served_site(
    folder: Path,
    *,
    suite_name: str = "intl",
    parameters: Parameters = EXCHANGE,
    limits: ApiLimits = ApiLimits(),  # noqa: B008  frozen
) -> Iterator[Served]:
    """Serve a chain until the block ends; its clock stands still, so no bucket fills again."""
    genesis = genesis_of(suite_name, parameters=parameters)
    ready = threading.Event()
    running = _Running(folder, genesis, limits, ready)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(20), "the site did not come up"
        yield Served(url=running.url, genesis=genesis)
    finally:
        running.stop()
        thread.join(20)


class _Running:
    """A site and its server, in one thread with one loop."""

    def __init__(
        self, folder: Path, genesis: Genesis, limits: ApiLimits, ready: threading.Event
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._genesis = genesis
        self._ready = ready
        self._listener = open_listener(Address(host="127.0.0.1", port=0))
        self._server: ApiServer | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def serve(self) -> None:
        site = Site(self._folder, genesis=self._genesis)
        now_ms = time.time_ns() // 1_000_000
        site.clock.set(now_ms)
        site.grow(time_ms=now_ms)
        site.orders_at_once = True
        site.api_limits = self._limits
        self._server = api_server(site.app())
        self._ready.set()
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            site.close()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
