"""A real FastAPI service behind the gateway, called over real HTTP by the calling side."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainnode.exchange.headers import CALL_ID_HEADER, REPLY_HEADER
from chainnode.gateway.asgi import METRICS_PATH
from chainnode.gateway.calling.caller import CallOutcome
from chainnode.gateway.calling.steps import EXTENSION, StreamedOutcome
from chainnode.gateway.core import CLIENT_GONE
from chainnode.gateway.messages import Unrecorded
from tests.builders import SUITES
from tests.builders_gateway import (
    ADDRESS,
    INTENT,
    NAME,
    PERSON_ID,
    SEX,
    Queue,
    World,
    half_of,
    with_grant,
)
from tests.gateway_site import calling, gated, serving

PERSON = {"name": "张三", "sex": "1", "address": "x", "secret": "y"}
LARGE = 3 * 1024 * 1024
COMPARED = (
    *("item", "item_version", "fields", "grant", "subjects", "people", "decision"),
    *("status", "count", "request_commitment", "response_commitment"),
)


def service(seen: list[str] | None = None) -> FastAPI:
    app = FastAPI()
    calls = [] if seen is None else seen

    @app.post("/people")
    async def people(request: Request) -> dict[str, str]:
        calls.append((await request.json())["id_card"])
        return PERSON

    @app.post("/slow")
    async def slow(request: Request) -> dict[str, str]:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return PERSON

    @app.post("/broken")
    async def broken() -> dict[str, str]:
        raise RuntimeError(PERSON_ID)

    @app.post("/large")
    async def large(request: Request) -> StreamingResponse:
        fails = "fail" in request.query_params

        async def parts() -> AsyncIterator[bytes]:
            for number in range(LARGE // 65_536):
                if fails and number == 20:
                    raise RuntimeError("in the middle")
                yield bytes(65_536)

        return StreamingResponse(parts(), media_type="application/octet-stream")

    @app.head("/people")
    @app.options("/people")
    async def nothing() -> Response:
        return Response()

    return app


def outcome_of(response: httpx.Response) -> CallOutcome:
    outcome = response.extensions[EXTENSION]
    if isinstance(outcome, StreamedOutcome):
        outcome = outcome.outcome
    assert isinstance(outcome, CallOutcome)
    return outcome


def require_pair(world: World, queue: Queue) -> None:
    """Both sides recorded the same call, each with the other's signature."""
    (provider,), (requester,) = world.halves, [half_of(one) for one in queue.entries]
    assert {name: provider[name] for name in COMPARED} == {
        name: requester[name] for name in COMPARED
    }
    assert provider["other"]
    assert requester["other"]


@pytest.mark.parametrize("suite_name", SUITES)
async def test_call_over_http_leaves_two_halves_that_say_the_same(suite_name: str) -> None:
    world, queue = World(suite_name), Queue()
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        response = await client.post("/people?x=1", json={"id_card": PERSON_ID})
    assert (response.status_code, response.json()) == (200, {"name": "张三", "sex": "1"})
    assert outcome_of(response).is_proven
    assert outcome_of(response).call_id.hex() == response.headers[CALL_ID_HEADER]
    require_pair(world, queue)


async def test_denied_call_leaves_two_halves_and_never_reaches_the_service() -> None:
    world, queue, seen = World(), Queue(), list[str]()
    with_grant(world, state=6)
    async with serving(gated(world, service(seen))) as url, calling(world, queue, url) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert (response.status_code, seen) == (403, [])
    require_pair(world, queue)


async def test_service_that_fails_is_recorded_by_both_sides_and_shows_nothing() -> None:
    world, queue = World(), Queue()
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        response = await client.post("/broken", json={"id_card": PERSON_ID})
    assert response.status_code == 500
    assert PERSON_ID not in response.text
    assert world.halves[0]["decision"] == 0
    require_pair(world, queue)


async def test_large_answer_streams_and_its_reply_token_is_fetched_after_its_end() -> None:
    world, queue = World(), Queue()
    with_grant(world, fields=NAME | SEX | ADDRESS)
    everything = replace(INTENT, fields=NAME | SEX | ADDRESS)
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        request = client.build_request(
            "POST", "/large", json={"id_card": PERSON_ID}, extensions={EXTENSION: everything}
        )
        response = await client.send(request)
    assert len(response.content) == LARGE
    assert REPLY_HEADER not in response.headers
    assert outcome_of(response).is_proven
    require_pair(world, queue)


async def test_large_answer_is_not_released_when_not_every_field_is_given() -> None:
    world, queue = World(), Queue()
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        response = await client.post("/large", json={"id_card": PERSON_ID})
    assert (response.status_code, response.json()["code"]) == (403, "WHOLE_ITEM_NOT_GRANTED")
    require_pair(world, queue)


async def test_half_of_an_answer_that_streams_is_set_aside_before_its_first_byte_leaves() -> None:
    world, queue = World(), Queue()
    with_grant(world, fields=NAME | SEX | ADDRESS)
    everything = replace(INTENT, fields=NAME | SEX | ADDRESS)
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        request = client.build_request(
            "POST", "/large", json={"id_card": PERSON_ID}, extensions={EXTENSION: everything}
        )
        response = await client.send(request, stream=True)
        (begun,) = map(half_of, world.queue.begun)
        await response.aread()
    (half,) = world.halves
    same = ("call_id", "decision", "status", "count", "subjects", "request_commitment", "other")
    assert {name: begun[name] for name in same} == {name: half[name] for name in same}
    assert begun["response_commitment"] != half["response_commitment"]


async def test_answer_that_cannot_be_set_aside_does_not_begin_to_leave() -> None:
    world, queue = World(), Queue()
    with_grant(world, fields=NAME | SEX | ADDRESS, quota=1)
    everything = replace(INTENT, fields=NAME | SEX | ADDRESS)
    world.queue.is_full = True
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        for status in (503, 200):
            response = await client.post(
                "/large", json={"id_card": PERSON_ID}, extensions={EXTENSION: everything}
            )
            assert response.status_code == status
            world.queue.is_full = False


async def test_streamed_answer_whose_half_is_not_kept_never_comes_to_its_end() -> None:
    world, queue = World(), Queue()
    with_grant(world, fields=NAME | SEX | ADDRESS)
    everything = replace(INTENT, fields=NAME | SEX | ADDRESS)
    world.queue.fills_up = True
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        request = client.build_request(
            "POST", "/large", json={"id_card": PERSON_ID}, extensions={EXTENSION: everything}
        )
        with pytest.raises(httpx.RemoteProtocolError):
            await client.send(request)
    (half,) = [half_of(one) for one in queue.entries]
    assert (half["status"], half["other"]) == (0, b"")


async def test_service_that_fails_while_its_answer_streams_is_recorded_with_what_left() -> None:
    world, queue = World(), Queue()
    with_grant(world, fields=NAME | SEX | ADDRESS)
    everything = replace(INTENT, fields=NAME | SEX | ADDRESS)
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        request = client.build_request(
            "POST", "/large?fail=1", json={"id_card": PERSON_ID}, extensions={EXTENSION: everything}
        )
        with pytest.raises(httpx.RemoteProtocolError):
            await client.send(request)
    assert [(half["status"], half["count"]) for half in world.halves] == [(200, 1)]
    assert [half_of(one)["status"] for one in queue.entries] == [0]


async def test_caller_that_goes_away_is_recorded_by_both_sides() -> None:
    world, queue = World(), Queue()
    async with serving(gated(world, service())) as url:
        async with calling(world, queue, url) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/slow", json={"id_card": PERSON_ID}, timeout=0.2)
        await asyncio.wait_for(world.queue.has_entry.wait(), timeout=20)
    assert (world.halves[0]["status"], world.halves[0]["decision"]) == (CLIENT_GONE, 0)
    assert [half_of(one)["status"] for one in queue.entries] == [0]


async def test_caller_that_hangs_up_before_the_last_part_has_used_its_quota() -> None:
    world, queue, app = World(), Queue(), FastAPI()
    with_grant(world, fields=NAME | SEX | ADDRESS, quota=1)

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)
            await asyncio.sleep(0)

    @app.post("/endless")
    async def endless() -> StreamingResponse:
        return StreamingResponse(parts(), media_type="application/octet-stream")

    call: dict[str, Any] = {
        "json": {"id_card": PERSON_ID},
        "extensions": {EXTENSION: replace(INTENT, fields=NAME | SEX | ADDRESS)},
    }
    async with serving(gated(world, app)) as url, calling(world, queue, url) as client:
        async with client.stream("POST", "/endless", **call) as response:
            taken = await anext(response.aiter_raw())
        await asyncio.wait_for(world.queue.has_entry.wait(), timeout=20)
        again = await client.post("/endless", **call)
    assert taken
    assert (world.halves[0]["status"], world.halves[0]["count"]) == (200, 1)
    assert again.status_code == 429


@pytest.mark.parametrize("name", ["Range", "If-Range", "If-None-Match", "If-Modified-Since"])
async def test_service_is_never_asked_for_a_part_or_a_version_of_its_answer(name: str) -> None:
    world, queue, app = World(subjects=()), Queue(), FastAPI()
    seen: list[str] = []

    @app.get("/people")
    async def people(request: Request) -> dict[str, str]:
        seen.extend(request.headers)
        return PERSON

    async with serving(gated(world, app)) as url, calling(world, queue, url) as client:
        await client.request(
            "GET", "/people", json={"id_card": PERSON_ID}, headers={name: "bytes=0-1"}
        )
    assert "kun-call" in seen
    assert name.lower() not in seen


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_methods_without_a_body_are_calls_too(method: str) -> None:
    world, queue = World(subjects=()), Queue()
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        response = await client.request(method, "/people", json={"id_card": PERSON_ID})
    assert (response.status_code, response.content) == (200, b"")
    assert outcome_of(response).is_proven


async def test_request_without_a_token_is_refused_and_leaves_no_half() -> None:
    world = World()
    async with serving(gated(world, service())) as url, httpx.AsyncClient(base_url=url) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Kun-Call"
    assert response.headers["content-type"] == "application/problem+json"
    assert world.queue.entries == []
    assert world.gateway.counters.refusals(Unrecorded.CALL_MISSING) == 1


async def test_open_path_needs_no_token() -> None:
    world = World(open_paths=frozenset({"/openapi.json"}))
    async with serving(gated(world, service())) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/openapi.json")).status_code == 200
        assert (await client.get("/openapi.json/")).status_code == 401


async def test_figures_are_served_where_that_is_asked_for_and_name_nothing_of_a_call() -> None:
    world, queue = World(serves_metrics=True), Queue()
    async with serving(gated(world, service())) as url, calling(world, queue, url) as client:
        await client.post("/people", json={"id_card": PERSON_ID})
        async with httpx.AsyncClient(base_url=url) as anybody:
            await anybody.post("/people")
            figures = (await anybody.get(METRICS_PATH)).text
    assert 'kunlian_gateway_halves_total{decision="permit",why="2xx"} 1.0' in figures
    assert 'kunlian_gateway_unrecorded_total{reason="call_missing"} 1.0' in figures
    assert "kunlian_gateway_members_removed_total 2.0" in figures
    assert "kunlian_spool_settled_total 1.0" in figures
    assert PERSON_ID not in figures


async def test_figures_are_not_served_by_themselves() -> None:
    async with serving(gated(World(), service())) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get(METRICS_PATH)).status_code == 401


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "chunked"])
async def test_body_over_the_limit_is_refused(*, is_declared: bool) -> None:
    world = World(request_bytes_max=1000)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(100)

    content: Any = bytes(1001) if is_declared else parts()
    async with serving(gated(world, service())) as url, httpx.AsyncClient(base_url=url) as client:
        response = await client.post("/people", content=content)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_websocket_is_refused() -> None:
    sent: list[Any] = []
    connect = {"type": "websocket.connect"}

    async def receive() -> Any:  # noqa: ANN401  an ASGI message
        return connect

    async def send(message: Any) -> None:  # noqa: ANN401  an ASGI message
        sent.append(message)

    await gated(World(), service())({"type": "websocket", "path": "/"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_gateway_opens_at_the_first_request_of_a_server_without_lifespan() -> None:
    world, queue = World(), Queue()
    app = gated(world, service())
    async with serving(app, lifespan="off") as url, calling(world, queue, url) as client:
        assert (await client.post("/people", json={"id_card": PERSON_ID})).status_code == 200


async def test_headers_of_the_service_cannot_pose_as_the_gateways() -> None:
    world, queue = World(), Queue()
    app = FastAPI()

    @app.post("/people")
    async def people() -> Response:
        return Response("{}", media_type="application/json", headers={REPLY_HEADER: "AAAA"})

    async with serving(gated(world, app)) as url, calling(world, queue, url) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert outcome_of(response).is_proven
    assert response.headers.get_list(REPLY_HEADER) != ["AAAA"]


async def test_answer_that_was_changed_on_the_way_is_not_proven() -> None:
    world, queue = World(), Queue()
    inner = gated(world, service())

    async def changing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  as ASGI types them
        async def sending(message: Any) -> None:  # noqa: ANN401  an ASGI message
            if message.get("body"):
                message = {**message, "body": message["body"].replace(b'"1"', b'"2"')}
            await send(message)

        await inner(scope, receive, sending)

    async with serving(changing) as url, calling(world, queue, url) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.json()["sex"] == "2"
    assert not outcome_of(response).is_proven
    assert [(half_of(one)["status"], half_of(one)["other"]) for one in queue.entries] == [
        (200, b"")
    ]


async def test_call_that_the_server_cancels_leaves_its_half() -> None:
    world, has_call = World(), asyncio.Event()
    _, request = world.signed()
    path, _, query = request.target.partition("?")
    scope = {
        "type": "http",
        "method": request.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in request.headers],
    }
    messages = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Any:  # noqa: ANN401  an ASGI message
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:  # noqa: ANN401  an ASGI message
        assert message

    async def silent(*_: object) -> None:
        has_call.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(gated(world, silent)(scope, receive, send))
    await asyncio.wait_for(has_call.wait(), timeout=20)
    task.cancel()
    await asyncio.wait({task}, timeout=20)
    assert task.cancelled()
    assert [(half["status"], half["decision"]) for half in world.halves] == [(500, 0)]


HEADER_NAMES = st.sampled_from([b"kun-call", b"kun-purpose", b"content-length", b"x", b""])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    headers=st.lists(st.tuples(HEADER_NAMES, st.binary(max_size=80)), max_size=5),
    path=st.binary(max_size=20),
    query=st.binary(max_size=20),
)
async def test_whatever_comes_as_headers_and_target_is_answered(
    headers: list[tuple[bytes, bytes]], path: bytes, query: bytes
) -> None:
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
    }

    async def receive() -> Any:  # noqa: ANN401  an ASGI message
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401  an ASGI message
        sent.append(message)

    await gated(World(), service())(scope, receive, send)
    assert sent[0]["status"] in {400, 401, 404, 413}
