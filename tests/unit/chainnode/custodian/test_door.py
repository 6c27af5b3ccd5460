"""The custodian's door over real sockets: mutual TLS, who is slow, many, or too large."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainnode import prompt_http
from chainnode.custodian import server
from chainnode.custodian.asks import BODY_BYTES_MAX, HEADER, TOKENS_PATH
from chainnode.custodian.desk import DeskLimits, SignedAsk
from chainnode.custodian.run import CONNECTIONS_MAX
from chainnode.custodian.server import CustodianApp
from chainnode.pki import Credentials, create_authority, issue_node_certificate, write_credentials
from chainnode.rates import Rate
from chainnode.service_door import TlsFiles, server_config
from tests.builders_custodian import HOUSING, POLICE, World, app_of, ask_for
from tests.gateway_site import served_by

NOW = datetime.now(UTC)
LARGE = Rate(per_second=1_000_000, burst=1_000_000)


@dataclass(frozen=True)
class Consortium:
    """An authority, another one, and files of certificates."""

    folder: Path
    authority: Credentials
    stranger: Credentials

    def files(self, name: str, *, by: Credentials | None = None, age_days: int = 0) -> TlsFiles:
        """Write a certificate that was made so long ago for a month."""
        made = issue_node_certificate(
            by or self.authority,
            replica_id=1,
            hosts=(),
            now=NOW - timedelta(days=age_days),
            days=30,
        )
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        write_credentials(made, certificate=certificate, key=key)
        ca = self.folder / "ca.pem"
        ca.write_bytes(self.authority.certificate_pem)
        return TlsFiles(certificate=certificate, key=key, client_ca=ca)

    def client(self, files: TlsFiles | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.certificate_pem.decode())
        if files is not None:
            context.load_cert_chain(files.certificate, files.key)
        return context


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return Consortium(
        folder=tmp_path_factory.mktemp("tls"),
        authority=create_authority(name="consortium", now=NOW - timedelta(days=90), days=365),
        stranger=create_authority(name="strangers", now=NOW - timedelta(days=90), days=365),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, limits=DeskLimits(key=LARGE, organisation=LARGE))


@pytest.fixture
def app(world: World) -> Iterator[CustodianApp]:
    with ThreadPoolExecutor(max_workers=4) as threads:
        yield app_of(world, threads)


@asynccontextmanager
async def door(app: CustodianApp, tls: TlsFiles | None = None) -> AsyncIterator[int]:
    async with served_by(server_config(tls, app, connections_max=CONNECTIONS_MAX)) as port:
        yield port


async def asked(client: httpx.AsyncClient, ask: SignedAsk) -> httpx.Response:
    return await client.post(TOKENS_PATH, content=ask.body, headers={HEADER: ask.header})


def mutual(consortium: Consortium, port: int, files: TlsFiles | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"https://127.0.0.1:{port}", verify=consortium.client(files), trust_env=False
    )


async def test_with_a_certificate_of_the_consortium_an_ask_is_answered(
    world: World, app: CustodianApp, consortium: Consortium
) -> None:
    async with (
        door(app, consortium.files("server")) as port,
        mutual(consortium, port, consortium.files("police")) as client,
    ):
        response = await asked(client, world.signed(ask_for()))
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


async def test_without_a_valid_certificate_nobody_gets_to_ask(
    world: World, app: CustodianApp, consortium: Consortium
) -> None:
    strangers: dict[str, TlsFiles | None] = {
        "none": None,
        "of another authority": consortium.files("other", by=consortium.stranger),
        "expired": consortium.files("old", age_days=60),
        "not yet valid": consortium.files("new", age_days=-5),
    }
    async with door(app, consortium.files("server")) as port:
        for files in strangers.values():
            async with mutual(consortium, port, files) as client:
                with pytest.raises(httpx.TransportError):
                    await asked(client, world.signed(ask_for()))
    assert world.counters.totals() == (0, 0)


async def test_certificate_opens_the_door_and_speaks_for_nobody(
    world: World, app: CustodianApp, consortium: Consortium
) -> None:
    """What entitles is the signature: another department's certificate adds nothing to it."""
    claims_police = world.signed(ask_for(), key=world.housing)
    wants_police = world.signed(ask_for(), key=world.housing, organisation=HOUSING)
    async with (
        door(app, consortium.files("server")) as port,
        mutual(consortium, port, consortium.files("police")) as client,
    ):
        answers = [await asked(client, one) for one in (claims_police, wants_police)]
        codes = [one.json()["code"] for one in answers]
    assert codes == ["UNKNOWN_KEY", "NOT_ENTITLED"]


async def test_clear_text_gets_no_answer_from_a_door_with_tls(
    app: CustodianApp, consortium: Consortium
) -> None:
    async with door(app, consortium.files("server")) as port:
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(f"http://127.0.0.1:{port}/healthz")


async def sent(port: int, content: bytes) -> bytes:
    """Send bytes as they are, and read until the door hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


HEAD = f"POST {TOKENS_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{HEADER}: kw\r\n".encode()


@pytest.mark.parametrize(
    "head", [b"", b"POST /v1/tok", HEAD + b"X: " + b"x" * 100], ids=["none", "line", "fields"]
)
async def test_head_that_does_not_come_is_not_waited_for(
    head: bytes, app: CustodianApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_http.PromptHttp, "head_s_max", 0.05)
    async with door(app) as port:
        with suppress(ConnectionResetError):
            assert await sent(port, head) == b""


async def test_second_head_that_begins_and_does_not_come_is_not_waited_for(
    app: CustodianApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b'"up"}')
        monkeypatch.setattr(prompt_http.PromptHttp, "head_s_max", 0.05)
        writer.write(b"GET /hea")
        async with asyncio.timeout(20):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()


async def test_body_that_does_not_come_is_not_waited_for_and_gives_its_place_back(
    world: World, app: CustodianApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_BODY_S_MAX", 0.05)
    monkeypatch.setattr(server, "ASKS_MAX", 2)
    monkeypatch.setattr(server, "ASKS_OF_ONE_MAX", 2)
    async with door(app) as port:
        slow = [sent(port, HEAD + b"Content-Length: 9\r\n\r\n{") for _ in range(2)]
        for answer in await asyncio.gather(*slow):
            assert answer.startswith(b"HTTP/1.1 400")
        monkeypatch.setattr(server, "_BODY_S_MAX", 20)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await asked(client, world.signed(ask_for()))).status_code == 200


async def test_one_address_takes_no_more_than_its_share_of_places(
    app: CustodianApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ASKS_OF_ONE_MAX", 1)
    held = asyncio.Event()

    async def status(address: str, body: Any) -> int:  # noqa: ANN401 - an ASGI callable
        scope = {
            "type": "http",
            "method": "POST",
            "path": TOKENS_PATH,
            "query_string": b"",
            "headers": [(HEADER.lower().encode(), b"kw")],
            "client": (address, 1),
        }
        statuses: list[int] = []

        async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
            statuses.append(message.get("status", 0))

        await app(scope, body, send)
        return statuses[0]

    async def slow() -> dict[str, object]:
        await held.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def whole() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    first = asyncio.create_task(status("10.0.0.1", slow))
    await asyncio.sleep(0)
    assert await status("10.0.0.1", whole) == 503
    assert await status("10.0.0.2", whole) == 400
    held.set()
    assert await first == 400
    assert await status("10.0.0.1", whole) == 400


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1) + b"x" * (BODY_BYTES_MAX + 1),
        b"Transfer-Encoding: chunked\r\n\r\n10000\r\n"
        + b"x" * 65536
        + b"\r\n"
        + b"40001\r\n"
        + b"x" * 0x40001
        + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
async def test_body_over_its_bound_is_refused(framed: bytes, app: CustodianApp) -> None:
    async with door(app) as port:
        answer = await sent(port, HEAD + framed)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"OVERSIZE" in answer


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"X\x00Y: 1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + bytes(100),
        b"CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\nConnection: close\r\n\r\n",
    ],
    ids=["large", "two-framings", "two-lengths", "null", "tls", "connect"],
)
async def test_head_that_is_none_gets_a_refusal_alone(head: bytes, app: CustodianApp) -> None:
    async with door(app) as port:
        answer = await sent(port, head)
    assert answer.split(b" ", 2)[1] in {b"400", b"404"}
    assert b"tokens" not in answer


async def test_many_asks_at_once_are_all_answered_and_counted_once(
    world: World, app: CustodianApp
) -> None:
    asks = [world.signed(ask_for()) for _ in range(100)]
    limits = httpx.Limits(max_connections=200)
    async with (
        door(app) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60, trust_env=False
        ) as client,
    ):
        # Each twice: a copy that comes at the same time is not answered too.
        answers = await asyncio.gather(*(asked(client, one) for one in asks * 2))
    statuses = Counter(one.status_code for one in answers)
    assert statuses == {200: 100, 401: 100}
    assert {one.json()["code"] for one in answers if one.status_code == 401} == {"REPLAYED"}
    assert world.counters.totals() == (100, 0)
    assert world.counters.departments() == (POLICE,)
