"""`/v1/stream` over sockets: a client that follows from node to node, and servers that end."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from chainnode.api import stream
from chainnode.api.server import api_server, open_listener
from chainnode.client import AsyncClient, CannotDecide, ChainEvent, Client, NodeLied
from chainnode.config import Address
from contracts.schemas.call_words import Decision, Side
from tests.gap_site import GapSite, call_id, half
from tests.integration.p2p.harness import until

STOPPED_S = 3.0
# So that the system does not take in whole streams for a reader that reads nothing.
SMALL_BUFFER_BYTES = 16 * 1024


@dataclass
class Listening:
    """A site behind a real socket, in the loop of the test."""

    site: GapSite
    app: FastAPI
    address: tuple[str, int]
    serving: "asyncio.Task[None]"
    stop: "asyncio.Event"

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    async def end(self) -> float:
        """Stop the server as a node does; return how long that took."""
        began = time.monotonic()
        self.stop.set()
        await self.serving
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Listening]:
    listener = open_listener(Address(host="127.0.0.1", port=0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER_BYTES)
    site, stop = GapSite(folder), asyncio.Event()
    app = site.app()
    server = api_server(app)

    async def serve() -> None:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await stop.wait()
        server.should_exit = True
        await running

    told = Listening(
        site=site,
        app=app,
        address=listener.getsockname(),
        serving=asyncio.create_task(serve()),
        stop=stop,
    )
    try:
        yield told
    finally:
        await told.end()
        site.close()


async def taken(events: AsyncIterator[ChainEvent], count: int) -> list[ChainEvent]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


def fill(*sites: GapSite) -> None:
    """Put the same blocks on every site: a finding, and a gap that is claimed."""
    for site in sites:
        site.record(half(Side.PROVIDER, 1), half(Side.PROVIDER, 2, decision=Decision.PERMIT))
        site.let_deadlines_pass()


async def test_a_follower_goes_on_at_another_node_and_proves_what_it_heard(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path / "a") as one, listening(tmp_path / "b") as two:
        fill(one.site, two.site)
        async with AsyncClient([one.url, two.url], one.site.trust) as client:
            events = client.follow("0")
            first = await taken(events, 3)
            await one.end()
            two.site.grow()
            rest = await taken(events, 3)
            told = [*first, *rest]
            assert [one.id for one in told] == ["1", "1.1", "2", "2.1", "2.2", "3"]
            assert {one.node for one in first} == {one.url}
            assert rest[-1].node == two.url
            finding, gap = await client.proven(told[1]), await client.proven(told[3])
            assert finding.call is not None
            assert gap.entry.is_ledgers_own
            assert told[3].data["call_id"] == call_id(1).hex()
            with pytest.raises(ValueError, match="about a record"):
                await client.proven(told[0])


async def test_the_blocking_client_follows_and_proves_too(tmp_path: Path) -> None:
    async with listening(tmp_path) as node:
        fill(node.site)

        def followed() -> list[str]:
            with Client([node.url], node.site.trust) as client:
                events = client.follow("1")
                told = [next(events) for _ in range(3)]
                return [client.proven(one).call.action for one in (told[0], told[2])]  # type: ignore[union-attr]  # shown

        assert await asyncio.to_thread(followed) == ["record", "unmatched"]


@pytest.mark.parametrize(
    "lie",
    [
        {"call_id": "00" * 16},
        {"outcome": "one_sided_proven"},
        {"provider": "X"},
        {"side": "requester"},
        {"position": 0},
        {"position": -1},
    ],
    ids=lambda one: f"{one}",
)
async def test_an_event_that_its_record_does_not_bear_out_names_who_told_it(
    tmp_path: Path, lie: dict[str, object]
) -> None:
    async with listening(tmp_path) as node:
        fill(node.site)
        async with AsyncClient([node.url], node.site.trust) as client:
            told = (await taken(client.follow("2"), 1))[0]
            forged = ChainEvent(
                id=told.id,
                name=told.name,
                node="http://liar",
                data=told.data | lie,  # type: ignore[arg-type]  # values of JSON
            )
            with pytest.raises(CannotDecide) as raised:
                await client.proven(forged)
            (report,) = raised.value.reports
            assert isinstance(report, NodeLied)
            assert report.node == "http://liar"


async def test_a_server_with_open_streams_stops_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path) as node, httpx.AsyncClient() as http:
        node.site.grow()

        async def read() -> bytes:
            async with http.stream("GET", f"{node.url}/v1/stream?after=0") as response:
                opened.append(response.status_code)
                return b"".join([part async for part in response.aiter_raw()])

        opened: list[int] = []
        readers = [asyncio.create_task(read()) for _ in range(stream.STREAMS_PER_ADDRESS_MAX)]
        await until(lambda: len(opened) == len(readers), what="all streams")
        assert await node.end() < STOPPED_S
        for body in await asyncio.gather(*readers):
            assert body.endswith(b": this node ends\n\n")


async def test_one_stream_too_many_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with listening(tmp_path) as node, contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())
        for _ in range(stream.STREAMS_PER_ADDRESS_MAX):
            await stack.enter_async_context(http.stream("GET", f"{node.url}/v1/stream"))
        refused = await http.get(f"{node.url}/v1/stream")
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1"


async def test_a_reader_that_reads_nothing_is_let_go_and_its_place_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "READING_S_MAX", 0.2)
    async with listening(tmp_path) as node:
        for first in range(0, 2_000, 500):
            numbers = range(first, first + 500)
            node.site.record(*(half(Side.PROVIDER, n, decision=Decision.PERMIT) for n in numbers))
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
            slow.settimeout(0)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, node.address)
            await loop.sock_sendall(slow, b"GET /v1/stream?after=0 HTTP/1.1\r\nHost: node\r\n\r\n")
            head = await loop.sock_recv(slow, 12)
            assert head == b"HTTP/1.1 200"
            await until(lambda: node.app.state.streams.taken == (0, 0), what="a place")
            taken_in = 0
            while part := await loop.sock_recv(slow, 65_536):
                taken_in += len(part)
            assert 0 < taken_in < 500_000
