"""The reverse proxy: a foreign server process behind it, and where it never connects to."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from chainnode.errors import ConfigurationError
from chainnode.gateway.calling.steps import EXTENSION
from chainnode.gateway.proxy.app import request_headers
from chainnode.gateway.proxy.run import proxy_app
from chainnode.gateway.proxy.settings import ProxySettings, proxy_settings
from chainnode.gateway.proxy.upstreams import (
    Address,
    PinnedUpstream,
    Upstream,
    is_forbidden,
    is_rebound,
    pin,
)
from tests.builders_gateway import PERSON_ID, Queue, World, half_of
from tests.gateway_site import calling, serving
from tests.unit.chainnode.gateway.foreign import foreign_service


def before(*ports: int) -> ProxySettings:
    return ProxySettings(
        host="127.0.0.1",
        port=0,
        upstreams=tuple(Upstream.parse(f"http://127.0.0.1:{port}") for port in ports),
        tls=None,
        drain_s=1,
    )


@asynccontextmanager
async def proxied(world: World, settings: ProxySettings) -> AsyncIterator[str]:
    async with proxy_app(settings, world.gateway) as app, serving(app) as url:
        yield url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_foreign_service_gets_admitted_calls_and_leaves_a_pair_of_halves() -> None:
    world, queue = World(), Queue()
    with foreign_service() as service:
        async with (
            proxied(world, before(service.port)) as url,
            calling(world, queue, url) as client,
        ):
            response = await client.post("/people?a=%20b", json={"id_card": PERSON_ID})
            async with httpx.AsyncClient() as anybody:
                refused = await anybody.post(url + "/people", json={})
    assert (response.status_code, response.json()) == (200, {"name": "x"})
    assert response.extensions[EXTENSION].is_proven
    assert refused.status_code == 401
    ((method, path, headers, _),) = service.seen
    assert (method, path) == ("POST", "/people?a=%20b")
    assert headers["Host"] == f"127.0.0.1:{service.port}"
    assert not {"Kun-Call", "kun-call"} & set(headers)
    assert (
        world.halves[0]["response_commitment"] == half_of(queue.entries[0])["response_commitment"]
    )


async def test_redirect_of_a_service_is_never_followed() -> None:
    world, queue = World(), Queue()
    with foreign_service() as service:
        async with (
            proxied(world, before(service.port)) as url,
            calling(world, queue, url) as client,
        ):
            response = await client.post("/moved", json={"id_card": PERSON_ID})
    assert response.status_code == 302
    assert [path for _, path, _, _ in service.seen] == ["/moved"]
    assert world.halves[0]["status"] == 302


async def test_cookies_of_a_service_do_not_stay_with_the_proxy() -> None:
    world, queue = World(), Queue()
    with foreign_service() as service:
        async with (
            proxied(world, before(service.port)) as url,
            calling(world, queue, url) as client,
        ):
            for _ in range(2):
                await client.post("/people", json={"id_card": PERSON_ID})
                client.cookies.clear()
    assert all("Cookie" not in headers for _, _, headers, _ in service.seen)


async def test_service_that_is_down_is_recorded_as_a_failed_call() -> None:
    world, queue = World(), Queue()
    async with (
        proxied(world, before(free_port())) as url,
        calling(world, queue, url) as client,
    ):
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.status_code == 502
    assert [half["status"] for half in world.halves] == [502]


async def test_next_service_of_the_list_answers_when_the_first_is_down() -> None:
    world, queue = World(), Queue()
    with foreign_service() as service:
        async with (
            proxied(world, before(free_port(), service.port)) as url,
            calling(world, queue, url) as client,
        ):
            response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: +2\r\n",
    ],
    ids=["two", "both", "twice", "coded", "not-last", "sign"],
)
async def test_request_whose_length_two_readers_could_read_differently_is_refused(
    head: bytes,
) -> None:
    world = World()
    with foreign_service() as service:
        async with proxied(world, before(service.port)) as url:
            port = int(url.rpartition(":")[2])
            answer = await _raw(
                port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n{}"
            )
    assert answer.split(b" ", 2)[1] == b"400"
    assert service.seen == []
    assert world.queue.entries == []


async def test_length_that_is_said_twice_alike_is_one_length() -> None:
    """RFC 9110 §8.6 lets a reader take it so; what is forwarded is framed anew in any case."""
    world = World()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2, 2\r\n\r\n"
    with foreign_service() as service:
        async with proxied(world, before(service.port)) as url:
            answer = await _raw(int(url.rpartition(":")[2]), head + b"{}")
    assert answer.split(b" ", 2)[1] == b"401"
    assert service.seen == []


async def _raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def test_headers_between_hops_and_those_that_connection_names_stay_behind() -> None:
    passed = request_headers(
        [
            (b"Connection", b"close, X-Secret"),
            (b"X-Secret", b"1"),
            (b"TE", b"trailers"),
            (b"Upgrade", b"h2c"),
            (b"Host", b"evil"),
            (b"X-Forwarded-For", b"1.1.1.1"),
            (b"Forwarded", b"for=1.1.1.1"),
            (b"Kun-Call", b"AAAA"),
            (b"Kun-Purpose", b"a"),
            (b"Content-Length", b"9"),
            (b"Accept", b"*/*"),
        ]
    )
    assert passed == (("kun-purpose", "a"), ("accept", "*/*"))


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254"),
        *("224.0.0.1", "::", "0.1.2.3", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd20:ce::254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1"),
        *("::ffff:100.100.100.200", "2001:0:1:1::5601:5601"),
    ],
)
def test_addresses_that_no_name_may_lead_to(address: str) -> None:
    assert is_forbidden(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1"])
def test_addresses_of_services_in_a_department(address: str) -> None:
    assert not is_forbidden(ipaddress.ip_address(address))


async def test_address_that_is_listed_literally_is_meant() -> None:
    pinned = await pin(Upstream.parse("http://169.254.169.254:80"))
    assert pinned.addresses == (ipaddress.ip_address("169.254.169.254"),)


async def test_name_is_pinned_to_its_addresses() -> None:
    pinned = await pin(Upstream.parse("http://localhost:1"))
    assert set(map(str, pinned.addresses)) <= {"127.0.0.1", "::1"}
    assert pinned.url(pinned.addresses[0]).host == str(pinned.addresses[0])


async def test_name_that_leads_to_an_address_of_the_link_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolved(_upstream: Upstream) -> tuple[Address, ...]:
        return (ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("169.254.169.254"))

    monkeypatch.setattr("chainnode.gateway.proxy.upstreams.resolved", resolved)
    with pytest.raises(ConfigurationError):
        await pin(Upstream.parse("http://service.dept.local"))


def test_name_that_is_bound_anew_is_noticed_and_a_lost_address_is_not() -> None:
    one, two = ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.2")
    pinned = PinnedUpstream(upstream=Upstream.parse("http://a.local"), addresses=(one, two))
    assert not is_rebound(pinned, (one,))
    assert not is_rebound(pinned, ())
    assert is_rebound(pinned, (one, ipaddress.ip_address("127.0.0.1")))


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u@a", "http://a:x", "a:1"),
        "http://a:99999",
    ],
)
def test_upstream_is_scheme_host_and_port_alone(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Upstream.parse(url)


def test_section_of_the_proxy_is_read(tmp_path: Path) -> None:
    settings = proxy_settings(
        {
            "listen": "[::1]:8443",
            "upstream": ["http://127.0.0.1:9000", "https://b.local"],
            "tls_cert": "a.pem",
            "tls_key": "a.key",
            "drain_s": 5,
        },
        folder=tmp_path,
    )
    assert (settings.host, settings.port, settings.drain_s) == ("::1", 8443, 5)
    assert [one.authority for one in settings.upstreams] == ["127.0.0.1:9000", "b.local"]
    assert settings.tls is not None
    assert settings.tls.certificate == tmp_path / "a.pem"


@pytest.mark.parametrize(
    "change",
    [
        {"listen": "nowhere"},
        {"listen": "a:70000"},
        {"upstream": []},
        {"upstream": 1},
        {"drain_s": 0},
        {"drain_s": "5"},
        {"tls_cert": "a"},
        {"listn": "x"},
    ],
)
def test_section_with_a_fault_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    section = {"listen": "127.0.0.1:0", "upstream": "http://127.0.0.1:1", **change}
    with pytest.raises(ConfigurationError):
        proxy_settings(section, folder=tmp_path)


async def test_open_path_takes_no_larger_body_than_a_call() -> None:
    world = World(open_paths=frozenset({"/health"}), request_bytes_max=1000)
    with foreign_service() as service:
        async with proxied(world, before(service.port)) as url, httpx.AsyncClient() as anybody:
            large = await anybody.post(url + "/health", content=bytes(1001))
            small = await anybody.post(url + "/health", content=bytes(1000))
    assert (large.status_code, small.status_code) == (413, 200)
    assert [len(body) for _, _, _, body in service.seen] == [1000]


async def test_target_reaches_the_service_as_it_was_signed() -> None:
    world = World()
    target = "/people/../%2e//x?y=%20"
    with foreign_service() as service:
        async with proxied(world, before(service.port)) as url:
            _, request = world.signed(target=target)
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
            length = f"Host: x\r\nConnection: close\r\nContent-Length: {len(request.body)}\r\n\r\n"
            raw = f"POST {target} HTTP/1.1\r\n{head}{length}".encode() + request.body
            answer = await _raw(int(url.rpartition(":")[2]), raw)
    assert answer.startswith(b"HTTP/1.1 200")
    assert [path for _, path, _, _ in service.seen] == [target]
