"""Requests that mean another request to the service, and answers that say more than was given."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request, Response

from chainnode.gateway import connections
from chainnode.gateway.messages import HttpAnswer, HttpRequest
from chainnode.gateway.proxy.app import request_headers
from chainnode.gateway.proxy.run import proxy_app
from chainnode.gateway.proxy.settings import ProxySettings
from chainnode.gateway.proxy.upstreams import Upstream
from chainnode.gateway.recording import OpenCall
from tests.builders_gateway import (
    ADDRESS,
    INTENT,
    NAME,
    PERSON_ID,
    SEX,
    Queue,
    World,
    code_of,
    header_of,
    with_grant,
)
from tests.gateway_site import calling, gated, serving

WHOLE = replace(INTENT, fields=NAME | SEX | ADDRESS)


@pytest.mark.parametrize(
    "name",
    [
        *("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X_Original_URL"),
        *("X-Forwarded-Uri", "Kun_Purpose", "KUN_call"),
    ],
)
@pytest.mark.parametrize("path", ["/people", "/health"], ids=["call", "open-path"])
async def test_service_sees_no_header_that_names_another_request_or_another_reason(
    name: str, path: str
) -> None:
    world, queue, app = World(open_paths=frozenset({"/health"})), Queue(), FastAPI()
    seen: list[str] = []

    @app.post(path)
    async def people(request: Request) -> dict[str, str]:
        seen.extend(request.headers)
        return {}

    async with serving(gated(world, app)) as url, calling(world, queue, url) as client:
        await client.post(path, json={"id_card": PERSON_ID}, headers={name: "/other"})
    assert "content-type" in seen
    assert name.lower() not in seen


def test_proxy_passes_no_second_spelling_of_a_header_that_is_its_own() -> None:
    """CGI and its heirs read `X_Forwarded_For` as `X-Forwarded-For`."""
    names = (b"X_Forwarded_For", b"Transfer_Encoding", b"Content_Length", b"Kun_Call", b"X_Y")
    assert request_headers([(name, b"1") for name in names]) == (("x_y", "1"),)


async def closed(world: World, response: HttpAnswer, *, method: str, whole: bool) -> HttpAnswer:
    if whole:
        with_grant(world, fields=WHOLE.fields)
    _, request = world.signed(WHOLE if whole else INTENT, method=method)
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    return await world.gateway.answer(call, response)


TELLING = (
    (b"content-type", b"text/plain"),
    (b"content-length", b"1047"),
    (b"etag", b"an address"),
    (b"location", b"/people?address=x"),
    (b"x-address", b"x"),
)


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [("HEAD", 200, b"x"), ("GET", 204, b""), ("GET", 200, b""), ("GET", 302, b"")],
    ids=["head", "no-content", "empty", "redirect"],
)
@pytest.mark.parametrize("whole", [False, True], ids=["some-fields", "all-fields"])
async def test_headers_of_an_answer_without_a_body_say_no_more_than_its_body_could(
    method: str, status: int, body: bytes, *, whole: bool
) -> None:
    world = World()
    answer = await closed(
        world, HttpAnswer(status=status, headers=TELLING, body=body), method=method, whole=whole
    )
    names = {name for name, _ in answer.headers} & {name for name, _ in TELLING}
    if status == 302:
        assert names == ({b"location"} if whole else set())
    else:
        assert names == ({name for name, _ in TELLING} if whole else {b"content-type"})
    assert (answer.status, answer.body, len(world.halves)) == (status, b"", 1)
    assert header_of(answer, "kun-reply")


@pytest.mark.parametrize("status", [101, 103, 42, 999])
async def test_answer_with_a_number_that_is_no_final_status_is_a_failed_call(status: int) -> None:
    world, queue, app = World(), Queue(), FastAPI()

    @app.post("/people")
    async def people() -> Response:
        return Response(status_code=status)

    async with serving(gated(world, app)) as url, calling(world, queue, url) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert (response.status_code, response.json()["code"]) == (500, "SERVICE_ANSWERED")
    assert [half["status"] for half in world.halves] == [500]


@contextmanager
def raw_service(*answers: bytes) -> Iterator[int]:
    """Answer one connection after the other with these bytes, whatever it asks."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"name": "x"}'


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nrest",
            502,
        ),
        (b"HTTP/1.1 103 Early\r\nX: 1\r\n\r\n" + JSON + b"Content-Length: 13\r\n\r\n" + BODY, 200),
        (JSON + b"Content-Length: 13\r\nContent-Length: 14\r\n\r\n" + BODY, 502),
        (JSON + b"Content-Length: 99\r\n\r\n" + BODY, 500),
        (
            JSON
            + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n"
            + BODY
            + b"\r\n0\r\nX-Trailer: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            200,
        ),
        (JSON + b"X: a\r\n b\r\nX-Y\x00: 1\r\n\r\n" + BODY, 502),
        (JSON + b"X: " + b"x" * 200_000 + b"\r\n\r\n" + BODY, 502),
        (b"garbage\r\n\r\n", 502),
        (b"", 502),
    ],
    ids=[
        *("upgrade", "early-hints", "two-lengths", "short", "trailers", "null"),
        *("large-head", "garbage", "nothing"),
    ],
)
async def test_service_that_speaks_no_clean_http_is_a_failed_call_or_read_in_one_way(
    answer: bytes, status: int
) -> None:
    world, queue = World(), Queue()
    with raw_service(answer) as port:
        settings = ProxySettings(
            host="127.0.0.1",
            port=0,
            upstreams=(Upstream.parse(f"http://127.0.0.1:{port}"),),
            tls=None,
            drain_s=1,
        )
        async with (
            proxy_app(settings, world.gateway) as app,
            serving(app) as url,
            calling(world, queue, url) as client,
        ):
            response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.status_code == status
    assert [half["status"] for half in world.halves] == [status]
    assert not {"x", "x-trailer"} & set(response.headers)
    if status == 200:
        assert response.json() == {"name": "x"}


async def test_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_S_MAX", 0.05)
    world = World()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{"
    async with serving(gated(world, FastAPI())) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(head)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"BODY_TOO_SLOW" in answer


async def test_absolute_target_and_connect_reach_no_service() -> None:
    world = World(subjects=())
    with raw_service() as port:
        settings = ProxySettings(
            host="127.0.0.1",
            port=0,
            upstreams=(Upstream.parse(f"http://127.0.0.1:{port}"),),
            tls=None,
            drain_s=1,
        )
        async with proxy_app(settings, world.gateway) as app, serving(app) as url:
            statuses = [
                await status_of(world, int(url.rpartition(":")[2]), method, target)
                for method, target in (
                    ("POST", "http://169.254.169.254/latest"),
                    ("OPTIONS", "*"),
                    ("CONNECT", "169.254.169.254:80"),
                )
            ]
    assert statuses == [400, 400, 400]


async def status_of(world: World, port: int, method: str, target: str) -> int:
    _, request = world.signed(method=method, target=target)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    length = f"Host: evil\r\nConnection: close\r\nContent-Length: {len(request.body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {target} HTTP/1.1\r\n{head}{length}".encode() + request.body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


def test_request_does_not_show_whom_its_target_names() -> None:
    request = HttpRequest(method="GET", target=f"/p/{PERSON_ID}", headers=(), body=b"")
    assert PERSON_ID not in repr(request)


async def test_call_over_a_websocket_or_an_unknown_protocol_is_refused() -> None:
    world = World()
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def app(*_: object) -> None:
        raise AssertionError("the service was reached")

    middleware = gated(world, app)
    for kind in ("websocket", "webtransport"):
        await middleware({"type": kind, "path": "/", "headers": []}, receive, send)  # type: ignore[arg-type]  # messages as servers send them
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert world.queue.entries == []


async def test_denied_call_does_not_tell_what_the_service_would_answer() -> None:
    world = World()
    answer = await closed(
        world,
        HttpAnswer(status=200, headers=((b"content-type", b"text/csv"),), body=b"x,y"),
        method="GET",
        whole=False,
    )
    assert (answer.status, code_of(answer)) == (403, "WHOLE_ITEM_NOT_GRANTED")
    assert b"x,y" not in answer.body


async def test_http_answer_of_a_service_in_a_coding_cannot_be_cut() -> None:
    world = World()
    headers = ((b"content-type", b"application/json"), (b"content-encoding", b"gzip"))
    gzipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    answer = await closed(
        world, HttpAnswer(status=200, headers=headers, body=gzipped), method="GET", whole=False
    )
    assert code_of(answer) == "WHOLE_ITEM_NOT_GRANTED"
