"""Peers that do not keep the rules: the far end of a link written by hand, and a wire to cut."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from chainnode.p2p import PeerAddress, TlsPaths
from chainnode.p2p.framing import Frame
from chainnode.p2p.handshake import Hello, encode_hello
from chainnode.pki import load_tls_contexts
from devnet.faults.proxy import LinkProxy
from tests.integration.p2p.harness import CHAIN_ID, Node

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    header = await reader.readexactly(5)
    return Frame(header[4], await reader.readexactly(int.from_bytes(header[:4])))


async def is_hung_up(reader: asyncio.StreamReader) -> bool:
    """Read on until the other side is gone, politely or not; heartbeats may come before."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while await reader.read(65_536):
                pass
    return True


def hello(replica_id: int, chain_id: bytes = CHAIN_ID) -> bytes:
    return encode_hello(Hello(chain_id=chain_id, replica_id=replica_id, software_version="raw"))


@asynccontextmanager
async def dialled_tls(address: PeerAddress, context: ssl.SSLContext) -> AsyncIterator[Streams]:
    """Yield a TLS connection without any hello."""
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname=""
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def dialled_raw(node: Node, tls: TlsPaths, replica_id: int) -> AsyncIterator[Streams]:
    """Yield a link that the node has accepted as `replica_id`'s."""
    context = load_tls_contexts(tls, replica_id=replica_id).client
    async with dialled_tls(node.address, context) as (reader, writer):
        writer.write(hello(replica_id))
        assert (await read_frame(reader)).kind == hello(0)[4]
        yield reader, writer


@asynccontextmanager
async def listening_raw(
    tls: TlsPaths,
    replica_id: int,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[PeerAddress]:
    """Yield the address of a peer that accepts the hello and then does what `serve` does."""
    tasks: set[asyncio.Task[None]] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await read_frame(reader)
            writer.write(hello(replica_id))
            await serve(reader, writer)
        writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(greet(reader, writer)))

    server = await asyncio.start_server(
        accept,
        "127.0.0.1",
        0,
        ssl=load_tls_contexts(tls, replica_id=replica_id).server,
        limit=2**14,
    )
    try:
        host, port = server.sockets[0].getsockname()
        yield PeerAddress(host=host, port=port)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Wire:
    """A TCP proxy with an address of its own: its node may move, and it can go dead or be cut."""

    def __init__(self) -> None:
        self.target: PeerAddress | None = None
        self.accepted = 0
        self._is_alive = asyncio.Event()
        self._is_alive.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> PeerAddress:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return PeerAddress(host=host, port=port)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def go_dead(self) -> None:
        """Swallow everything from now on, connections stay: what a stopped process looks like."""
        self._is_alive.clear()

    def revive(self) -> None:
        self._is_alive.set()

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(self._join(reader, writer)))

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.accepted += 1
        await self._is_alive.wait()
        if self.target is None:
            writer.transport.abort()
            return
        try:
            far = await asyncio.open_connection(self.target.host, self.target.port)
        except ConnectionError:
            writer.transport.abort()
            return
        self._writers.add(far[1])
        await asyncio.gather(self._pump(reader, far[1]), self._pump(far[0], writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self._is_alive.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def holed(target: PeerAddress) -> AsyncIterator[LinkProxy]:
    """Yield a proxy in front of a node that can lose what it carries."""
    proxy = LinkProxy(upstream_port=target.port)
    serving = asyncio.get_running_loop().create_task(proxy.serve())
    try:
        yield proxy
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
