"""How fast one address may ask, over real sockets; who says who asks; and what is remembered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

import httpx
import pytest

from chainnode.api import addresses as module
from chainnode.api.addresses import METRICS, READS, SUBMISSIONS, Addresses
from chainnode.api.app import create_app
from chainnode.api.server import api_server, open_listener
from chainnode.config import Address, ApiLimits
from tests.streams import AppReader
from tests.unit.chainnode.api.web import MEDIA_TYPE, Web, problem_of

READ = "/v1/headers/latest"
# Nobody is spared: the tests themselves come from this machine.
STRICT = ApiLimits(unlimited=(), reads_per_s=1, reads_burst=3)
BEHIND_A_PROXY = replace(STRICT, trusted_proxies=(ip_network("127.0.0.1/32"),))


class Door:
    """A served application, and clients at addresses of this machine."""

    def __init__(self, url: str, addresses: Addresses) -> None:
        self.url = url
        self.addresses = addresses
        self.clients: dict[str, httpx.AsyncClient] = {}

    async def ask(
        self, path: str = READ, *, local: str = "127.0.0.1", method: str = "GET", **headers: str
    ) -> httpx.Response:
        if local not in self.clients:
            transport = httpx.AsyncHTTPTransport(local_address=local)
            self.clients[local] = httpx.AsyncClient(base_url=self.url, transport=transport)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.clients[local].request(method, path, headers=named)

    async def statuses(self, count: int, **how: str) -> list[int]:
        return [(await self.ask(**how)).status_code for _ in range(count)]


@asynccontextmanager
async def served(web: Web, limits: ApiLimits) -> AsyncIterator[Door]:
    addresses = Addresses(limits, now_s=web.site.now_s)
    app = create_app(web.site.service(), addresses)
    server = api_server(app, trusted_proxies=limits.trusted_proxies)
    listener = open_listener(Address(host="127.0.0.1", port=0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    door = Door(f"http://127.0.0.1:{listener.getsockname()[1]}", addresses)
    try:
        yield door
    finally:
        for one in door.clients.values():
            await one.aclose()
        server.should_exit = True
        await serving


@pytest.fixture
async def strict(web: Web) -> AsyncIterator[Door]:
    web.site.grow()
    async with served(web, STRICT) as door:
        yield door


@pytest.fixture
async def proxied(web: Web) -> AsyncIterator[Door]:
    web.site.grow()
    async with served(web, BEHIND_A_PROXY) as door:
        yield door


async def test_who_asks_faster_is_told_when_to_come_back_and_is_then_let_in(
    web: Web, strict: Door
) -> None:
    assert await strict.statuses(3) == [200, 200, 200]
    refused = await strict.ask(accept_language="en")
    document = problem_of(refused, "ADDRESS_QUOTA", 429)
    assert document["title"] == "Too many requests from this address"
    assert refused.headers["retry-after"] == "1"

    web.site.clock.set(web.site.clock.now_ms() + 999)
    assert (await strict.ask()).status_code == 429
    web.site.clock.set(web.site.clock.now_ms() + 1)
    assert await strict.statuses(2) == [200, 429]


async def test_another_address_is_let_in_meanwhile(strict: Door) -> None:
    assert await strict.statuses(4) == [200, 200, 200, 429]
    assert await strict.statuses(1, local="127.0.0.2") == [200]


async def test_whatever_a_stranger_says_of_its_address_is_not_believed(strict: Door) -> None:
    told = [
        await strict.ask(
            x_forwarded_for=f"203.0.113.{number}",
            forwarded=f"for=203.0.113.{number}",
            x_real_ip=f"203.0.113.{number}",
        )
        for number in range(4)
    ]
    assert [one.status_code for one in told] == [200, 200, 200, 429]
    assert strict.addresses.known == 1


async def test_the_environment_makes_nobody_a_proxy(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    web.site.grow()
    async with served(web, STRICT) as door:
        told = [await door.ask(x_forwarded_for=f"203.0.113.{one}") for one in range(4)]
    assert told[-1].status_code == 429


async def test_behind_a_trusted_proxy_each_client_has_its_own_bucket(proxied: Door) -> None:
    for client in ("203.0.113.1", "203.0.113.2"):
        assert await proxied.statuses(4, x_forwarded_for=client) == [200, 200, 200, 429]
    assert await proxied.statuses(1, x_forwarded_for="203.0.113.3") == [200]


async def test_what_a_client_puts_before_the_word_of_the_proxy_is_not_believed(
    proxied: Door,
) -> None:
    forged = ("127.0.0.1", "198.51.100.7", "nonsense", "203.0.113.8, 198.51.100.9")
    told = [await proxied.ask(x_forwarded_for=f"{one}, 203.0.113.1") for one in forged]
    assert [one.status_code for one in told] == [200, 200, 200, 429]


async def test_what_the_proxy_calls_no_address_is_one_client(proxied: Door) -> None:
    told = [await proxied.ask(x_forwarded_for=one) for one in ("unknown", "x" * 900, "_a", "-")]
    assert [one.status_code for one in told] == [200, 200, 200, 429]
    assert proxied.addresses.known == 1


async def test_who_is_no_proxy_is_not_believed_beside_one(proxied: Door) -> None:
    told = [
        await proxied.ask(local="127.0.0.2", x_forwarded_for=f"203.0.113.{one}") for one in range(4)
    ]
    assert [one.status_code for one in told] == [200, 200, 200, 429]


async def test_one_network_of_ipv6_is_one_client(proxied: Door) -> None:
    same = ("2001:db8:0:7::1", "2001:db8:0:7::2", "2001:db8:0:7:ffff::", "2001:db8:0:7:1:2:3:4")
    told = [await proxied.ask(x_forwarded_for=one) for one in same]
    assert [one.status_code for one in told] == [200, 200, 200, 429]
    assert await proxied.statuses(1, x_forwarded_for="2001:db8:0:8::1") == [200]


async def test_an_ipv4_address_is_the_same_over_an_ipv6_socket(proxied: Door) -> None:
    assert await proxied.statuses(2, x_forwarded_for="203.0.113.5") == [200, 200]
    assert await proxied.statuses(2, x_forwarded_for="::ffff:203.0.113.5") == [200, 429]


async def test_readers_submitters_and_watchmen_do_not_keep_each_other_out(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_METRICS_BURST", 2)
    limits = replace(STRICT, submissions_per_s=1, submissions_burst=2)
    async with served(web, limits) as door:
        assert (await door.statuses(4))[-1] == 429
        assert await door.statuses(3, path="/metrics") == [200, 200, 429]
        sent = {"path": "/v1/submissions", "method": "POST", "content_type": MEDIA_TYPE}
        assert await door.statuses(3, **sent) == [400, 400, 429]
        for free in ("/healthz", "/readyz"):
            assert set(await door.statuses(20, path=free)) <= {200, 503}
        assert door.addresses.refused == {READS: 1, METRICS: 1, SUBMISSIONS: 1}


async def test_what_no_route_knows_counts_as_read(strict: Door) -> None:
    for path, method in (("/nothing", "GET"), ("/v1/headers", "GET"), ("/verify", "DELETE")):
        assert (await strict.ask(path, method=method)).status_code in (404, 405)
    assert (await strict.ask()).status_code == 429


async def test_this_machine_is_not_limited_unless_the_settings_say_so(web: Web) -> None:
    web.site.grow()
    async with served(web, replace(ApiLimits(), reads_per_s=1, reads_burst=1)) as door:
        assert set(await door.statuses(5)) == {200}
        assert door.addresses.known == 0


async def test_a_rate_of_nothing_is_no_limit(web: Web) -> None:
    web.site.grow()
    async with served(web, replace(STRICT, reads_per_s=0, reads_burst=1)) as door:
        assert set(await door.statuses(5)) == {200}


async def test_a_flood_of_addresses_is_remembered_in_bounded_memory(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_MAX", 8)
    web.site.grow()
    async with served(web, BEHIND_A_PROXY) as door:
        for number in range(40):
            assert await door.statuses(1, x_forwarded_for=f"203.0.113.{number}") == [200]
        assert door.addresses.known == 8
        # Who asks on in vain is not among those that are forgotten.
        assert (await door.statuses(4, x_forwarded_for="192.0.2.1"))[-1] == 429
        for number in range(7):
            await door.ask(x_forwarded_for=f"203.0.113.{number}")
            assert await door.statuses(1, x_forwarded_for="192.0.2.1") == [429]


async def test_streams_of_one_network_of_ipv6_are_those_of_one_client(web: Web) -> None:
    readers = [AppReader(web.app, after="0", address=f"2001:db8::{one:x}") for one in range(1, 17)]
    for one in readers:
        await one.until(lambda one=one: one.status == 200, "the stream is open")  # type: ignore[misc]  # bound at once
    late = AppReader(web.app, after="0", address="2001:db8::ffff")
    await late.until(lambda: late.status != 0, "an answer")
    assert late.status == 429
    for one in readers:
        await one.leave()
    await late.serving
