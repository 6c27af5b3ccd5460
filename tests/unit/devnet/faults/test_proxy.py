"""A proxy breaks a link the way it says, and counts what it did."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devnet.faults.proxy import CONNECTIONS_MAX, OPEN, Flow, LinkProxy, Shape, Way
from devnet.topology import HOST

_WAIT_S = 10.0


class Listener:
    """The node behind the proxy: remembers what it hears and can answer."""

    def __init__(self) -> None:
        self.heard = b""
        self.writers: list[asyncio.StreamWriter] = []
        self.ends = 0
        self.changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self.changed:
            self.writers.append(writer)
            self.changed.notify_all()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                async with self.changed:
                    self.heard += data
                    self.changed.notify_all()
        writer.close()
        async with self.changed:
            self.ends += 1
            self.changed.notify_all()

    async def until_heard(self, data: bytes) -> None:
        async with asyncio.timeout(_WAIT_S), self.changed:
            await self.changed.wait_for(lambda: self.heard == data)

    async def until_connected(self, count: int = 1) -> None:
        async with asyncio.timeout(_WAIT_S), self.changed:
            await self.changed.wait_for(lambda: len(self.writers) >= count)

    async def until_ended(self, count: int = 1) -> None:
        async with asyncio.timeout(_WAIT_S), self.changed:
            await self.changed.wait_for(lambda: self.ends >= count)


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[LinkProxy, Listener]]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, HOST, 0)
    proxy = LinkProxy(upstream_port=server.sockets[0].getsockname()[1])
    serving = asyncio.create_task(proxy.serve())
    try:
        yield proxy, listener
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        server.close()


async def dial(proxy: LinkProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, proxy.port)


async def until(proxy: LinkProxy, effect: str, count: int) -> None:
    async with asyncio.timeout(_WAIT_S):
        while proxy.effects[effect] < count:  # noqa: ASYNC110 - a counter wakes nobody
            await asyncio.sleep(0)


async def test_a_whole_link_carries_both_ways_and_ends_with_its_ends() -> None:
    async with linked() as (proxy, listener):
        reader, writer = await dial(proxy)
        writer.write(b"there")
        await listener.until_heard(b"there")
        listener.writers[0].write(b"back")

        assert await reader.readexactly(4) == b"back"
        writer.close()
        await listener.until_ended()


async def test_a_cut_resets_connections_and_refuses_new_ones() -> None:
    async with linked() as (proxy, listener):
        reader, writer = await dial(proxy)
        writer.write(b"there")
        await listener.until_heard(b"there")

        proxy.is_cut = True
        proxy.reset_connections()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await listener.until_ended()
        late, _ = await dial(proxy)
        with pytest.raises(ConnectionResetError):
            await late.read(1)

        assert proxy.effects["reset"] == 1
        assert proxy.effects["refused"] == 1
        assert len(listener.writers) == 1


async def test_a_swallowed_direction_loses_bytes_while_the_other_one_goes_on() -> None:
    async with linked() as (proxy, listener):
        reader, writer = await dial(proxy)
        await listener.until_connected()
        proxy.change({Way.OUT: Shape(flow=Flow.SWALLOW)})

        writer.write(b"lost")
        await until(proxy, "swallowed_bytes", 4)
        listener.writers[0].write(b"back")

        assert await reader.readexactly(4) == b"back"
        assert listener.heard == b""


async def test_a_connection_that_lost_bytes_stays_dumb_and_a_new_one_speaks() -> None:
    async with linked() as (proxy, listener):
        _, writer = await dial(proxy)
        proxy.change({Way.OUT: Shape(flow=Flow.SWALLOW)})
        writer.write(b"lost")
        await until(proxy, "swallowed_bytes", 4)
        proxy.change(dict.fromkeys(Way, OPEN))

        writer.write(b"dumb")
        await until(proxy, "swallowed_bytes", 8)
        _, other = await dial(proxy)
        other.write(b"heard")

        await listener.until_heard(b"heard")


async def test_only_connections_that_lost_bytes_are_reset_when_that_is_asked() -> None:
    async with linked() as (proxy, listener):
        lossy, writer = await dial(proxy)
        proxy.change({Way.OUT: Shape(flow=Flow.SWALLOW)})
        writer.write(b"lost")
        await until(proxy, "swallowed_bytes", 4)
        proxy.change(dict.fromkeys(Way, OPEN))
        _, whole = await dial(proxy)
        await listener.until_connected(2)

        proxy.reset_connections(only_lossy=True)

        with pytest.raises(ConnectionResetError):
            await lossy.read(1)
        whole.write(b"goes on")
        await listener.until_heard(b"goes on")


async def test_what_is_held_comes_whole_and_in_order_when_it_is_released() -> None:
    async with linked() as (proxy, listener):
        _, writer = await dial(proxy)
        await listener.until_connected()
        proxy.change({Way.OUT: Shape(flow=Flow.HOLD)})
        data = bytes(range(256)) * 4096
        writer.write(data)
        await until(proxy, "held", 1)
        assert listener.heard == b""

        proxy.change({Way.OUT: OPEN})

        await listener.until_heard(data)


@pytest.mark.parametrize("shape", [Shape(delay_s=0.001), Shape(bytes_per_s=100_000_000)])
async def test_a_slow_link_changes_no_byte(shape: Shape) -> None:
    async with linked() as (proxy, listener):
        proxy.change({Way.OUT: shape})
        _, writer = await dial(proxy)
        data = bytes(range(256)) * 1024

        writer.write(data)

        await listener.until_heard(data)
        assert proxy.effects["delayed"] + proxy.effects["throttled_bytes"] > 0


async def test_a_torn_connection_brings_half_and_dies_and_the_next_one_is_whole() -> None:
    async with linked() as (proxy, listener):
        reader, writer = await dial(proxy)
        await listener.until_connected()
        proxy.tears_next = True

        writer.write(b"12345678")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await listener.until_ended()
        torn = listener.heard
        _, other = await dial(proxy)
        other.write(b"whole")

        await listener.until_heard(torn + b"whole")
        # The reset may overtake the half; never does more arrive.
        assert torn in {b"", b"1234"}
        assert proxy.effects["torn"] == 1


async def test_a_dead_listener_resets_the_dialler() -> None:
    with socket.create_server((HOST, 0)) as gone:
        port = int(gone.getsockname()[1])
    proxy = LinkProxy(upstream_port=port)
    serving = asyncio.create_task(proxy.serve())

    reader, _ = await dial(proxy)

    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_connections_beyond_the_limit_are_refused() -> None:
    async with linked() as (proxy, listener):
        kept = [await dial(proxy) for _ in range(CONNECTIONS_MAX)]
        await listener.until_connected(CONNECTIONS_MAX)

        beyond, _ = await dial(proxy)

        with pytest.raises(ConnectionResetError):
            await beyond.read(1)
        assert len(kept) == CONNECTIONS_MAX
