"""A real service behind a real gateway: uvicorn on a port of the system's, called by httpx."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.calling.caller import Caller
from chainnode.gateway.calling.transports import AsyncCallTransport
from chainnode.gateway.core import Gateway
from chainnode.gateway.guard import refuse_personal_text
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.selectors import Selector
from tests.builders_gateway import CHAIN_ID, INTENT, Queue, World


class _Server(uvicorn.Server):
    """A server that leaves the signals of the tests alone, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: Callable[..., Any], *, lifespan: str = "auto", port: int = 0
) -> AsyncIterator[str]:
    """Serve an application and return its address; `port` 0: one of the system's."""
    config = uvicorn.Config(app, http="h11", log_config=None, access_log=False, lifespan=lifespan)  # type: ignore[arg-type]  # its literals
    async with served_by(config, port=port) as listens:
        yield f"http://127.0.0.1:{listens}"


@asynccontextmanager
async def served_by(config: uvicorn.Config, *, port: int = 0) -> AsyncIterator[int]:
    """Serve as these settings say, and return the port; 0: one of the system's."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    server = _Server(config)
    serve = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serve
        listener.close()


def gated(world: World, app: Any) -> GatewayMiddleware:  # noqa: ANN401  as Starlette types applications
    """Return an application behind the gateway of a world."""
    return GatewayMiddleware(app, opener=opener_of(world))


def opener_of(world: World) -> Callable[[], contextlib.AbstractAsyncContextManager[Gateway]]:
    """Return what opens the gateway of a world."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Gateway]:
        yield world.gateway

    return opened


def caller_of(world: World, queue: Queue, *, half_entries: HalfEntries | None = None) -> Caller:
    """Return the calling side of a world, with a spool of its own."""
    return Caller(
        requester=world.requester,
        rows=world.rows,
        queue=queue,
        half_entries=half_entries or HalfEntries(chain_id=CHAIN_ID),
        guard=refuse_personal_text,
        now_ms=world.clock,
        tokeniser=world.tokens,
        subjects=(Selector.parse("json:id_card"),),
    )


def calling(
    world: World, queue: Queue, url: str, *, network: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Return an HTTP client whose requests are calls."""
    transport = AsyncCallTransport(caller_of(world, queue), INTENT, inner=network)
    return httpx.AsyncClient(base_url=url, transport=transport)
