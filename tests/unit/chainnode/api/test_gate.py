"""What requests in work may hold together, and how slow readers are treated."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from chainnode.api import gate
from chainnode.api.addresses import Addresses
from chainnode.config import ApiLimits
from tests.builders import sized_submission, submission_of
from tests.integration.p2p.harness import until
from tests.unit.chainnode.api.web import MEDIA_TYPE, Web, problem_of

Sender = Callable[[Message], Awaitable[None]]


class Reader:
    """A client that takes each piece of an answer only when it is told to."""

    def __init__(self, web: Web, path: str, **headers: str) -> None:
        self.messages: list[Message] = []
        self.may_read = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("node", 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        self.serving = asyncio.ensure_future(web.app(scope, self._receive, self._send))

    @property
    def body(self) -> bytes:
        return b"".join(one.get("body", b"") for one in self.messages)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    async def _receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    async def _send(self, message: Message) -> None:
        self.messages.append(message)
        await self.may_read.wait()


async def test_a_large_block_leaves_in_pieces_that_together_are_the_whole(web: Web) -> None:
    web.site.grow(sized_submission(web.site.genesis, 200_000))
    whole = await web.get("/v1/blocks/1")
    reader = Reader(web, "/v1/blocks/1")
    await until(lambda: len(reader.messages) == 1, what="the head")
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(reader.messages) == 1

    reader.may_read.set()
    await reader.serving
    sizes = [len(one["body"]) for one in reader.messages[1:]]
    assert max(sizes) == 64 * 1024
    assert len(sizes) > 3
    assert reader.body == whole.content
    assert int(whole.headers["content-length"]) == len(reader.body)


async def test_slow_readers_of_blocks_are_so_many_and_no_more(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.site.grow(submission_of(web.site.genesis))
    readers = [Reader(web, "/v1/blocks/1") for _ in range(gate.LARGE_ANSWERS_MAX)]
    await until(lambda: all(one.messages for one in readers), what="all are being served")

    refused = await web.get("/v1/blocks/1")
    problem_of(refused, "BUSY", 429)
    assert refused.headers["retry-after"] == "1"
    assert (await web.get("/v1/headers/1")).status_code == 200

    readers[0].may_read.set()
    await readers[0].serving
    assert (await web.get("/v1/blocks/1")).status_code == 200
    for one in readers:
        one.may_read.set()
        await one.serving
    assert monkeypatch is not None


async def test_a_reader_that_takes_too_long_loses_the_rest_and_its_place(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_READING_S_MAX", 0.01)
    web.site.grow(sized_submission(web.site.genesis, 200_000))
    reader = Reader(web, "/v1/blocks/1")
    await reader.serving
    assert len(reader.messages) == 1
    assert web.app.state.large_answers.held == 0


async def test_requests_in_work_are_so_many_and_no_more(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "REQUESTS_MAX", 2)
    limited = Web(web.site)
    readers = [Reader(limited, "/healthz") for _ in range(2)]
    await until(lambda: all(one.messages for one in readers), what="both are being served")

    refused = await limited.get("/healthz", **{"Accept-Language": "en"})
    document = problem_of(refused, "BUSY", 429)
    assert document["title"] == "The node is busy"
    for one in readers:
        one.may_read.set()
        await one.serving
    assert (await limited.get("/healthz")).status_code == 200
    await limited.client.aclose()


async def test_bodies_in_work_are_so_large_and_no_larger(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = submission_of(web.site.genesis).encoded
    monkeypatch.setattr(gate, "BODY_BYTES_MAX", len(submission))
    limited = Web(web.site)
    waiting = asyncio.create_task(limited.submit(submission, prefer="wait=20"))
    await until(lambda: web.site.finality.waiting == 1, what="the first one waits")
    problem_of(await limited.submit(b"\x01"), "BUSY", 429)

    web.site.grow(submission_of(web.site.genesis))
    assert (await waiting).status_code == 200
    assert limited.app.state.body_bytes.held == 0
    assert (await limited.submit(submission)).status_code == 200
    problem_of(
        await limited.post_bytes("/v1/submissions", submission + b"\x01", content_type=MEDIA_TYPE),
        "BUSY",
        429,
    )
    assert limited.app.state.body_bytes.held == 0
    await limited.client.aclose()


async def test_what_is_no_request_passes_through(web: Web) -> None:
    seen: list[str] = []

    async def inner(scope: object, _receive: object, _send: object) -> None:
        assert isinstance(scope, dict)
        seen.append(scope["type"])

    through = gate.Gate(inner, addresses=Addresses(ApiLimits()))
    await through({"type": "lifespan"}, web.app, web.app)  # type: ignore[arg-type]  # never called
    assert seen == ["lifespan"]
