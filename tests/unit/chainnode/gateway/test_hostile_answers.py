"""A provider that answers without end, or little that becomes much: calls end within bounds."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from chainnode.gateway import CallTransport
from chainnode.gateway.calling.caller import Caller
from chainnode.gateway.calling.reading import (
    REPLY_BYTES_MAX,
    AnswerCoded,
    AnswerTooLarge,
)
from chainnode.gateway.calling.steps import EXTENSION
from chainnode.gateway.calling.transports import AnswerLimits, AsyncCallTransport
from tests.builders_gateway import INTENT, PERSON_ID, Queue, World, half_of
from tests.gateway_site import caller_of

LIMITS = AnswerLimits(bytes_max=10_000, streamed_bytes_max=20_000)
PART = bytes(1000)
STREAMED = {"kun-call-id": "00"}


class Endless(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body that ends only after far more than any bound; tells how much was taken."""

    def __init__(self, parts: int = 1000) -> None:
        self.parts = parts
        self.taken = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.parts):
            self.taken += len(PART)
            yield PART

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    async def aclose(self) -> None:
        self.is_closed = True

    def close(self) -> None:
        self.is_closed = True


class Provider(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Answers calls in turn with these answers."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["kun-call"]
        return self.answers.pop(0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


async def call_in_loop(world: World, queue: Queue, provider: Provider) -> httpx.Response:
    transport = AsyncCallTransport(caller_of(world, queue), INTENT, inner=provider, limits=LIMITS)
    async with httpx.AsyncClient(base_url="http://service", transport=transport) as client:
        return await client.post("/people", json={"id_card": PERSON_ID})


async def call_on_a_thread(world: World, queue: Queue, provider: Provider) -> httpx.Response:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Caller]:
        yield caller_of(world, queue)

    def made() -> httpx.Response:
        transport = CallTransport(opened, INTENT, inner=provider, limits=LIMITS)
        with httpx.Client(base_url="http://service", transport=transport) as client:
            return client.post("/people", json={"id_card": PERSON_ID})

    return await asyncio.to_thread(made)


Call = Callable[[World, Queue, Provider], Awaitable[httpx.Response]]
both = pytest.mark.parametrize("call", [call_in_loop, call_on_a_thread], ids=["loop", "thread"])


async def refused(body: Endless, call: Call, **answer: object) -> type[Exception]:
    """Make a call that is answered so, and return how it ends; it is recorded as not answered."""
    world, queue = World(), Queue()
    provider = Provider(httpx.Response(200, stream=body, **answer))  # type: ignore[arg-type]  # of a response
    with pytest.raises((AnswerTooLarge, AnswerCoded)) as caught:
        await call(world, queue, provider)
    assert body.is_closed
    assert [half_of(one)["status"] for one in queue.entries] == [0]
    return caught.type


@both
@pytest.mark.parametrize(("headers", "bound"), [({}, 10_000), (STREAMED, 20_000)])
async def test_answer_without_end_is_cut_off_at_its_bound(
    headers: dict[str, str], bound: int, call: Call
) -> None:
    body = Endless()
    assert await refused(body, call, headers=headers) is AnswerTooLarge
    assert body.taken == bound + len(PART)


@both
@pytest.mark.parametrize("headers", [{}, STREAMED], ids=["whole", "streamed"])
async def test_answer_in_a_coding_is_refused_before_anybody_decodes_it(
    headers: dict[str, str], call: Call
) -> None:
    body = Endless()
    kind = await refused(body, call, headers={**headers, "content-encoding": "identity, gzip"})
    assert (kind, body.taken) == (AnswerCoded, 0)


async def test_answer_that_was_read_already_is_held_to_the_same_bounds() -> None:
    coded = {"content-encoding": "gzip"}
    for answer, kind in (
        (httpx.Response(200, content=bytes(10_001)), AnswerTooLarge),
        (httpx.Response(200, content=gzip.compress(bytes(9)), headers=coded), AnswerCoded),
    ):
        with pytest.raises(kind):
            await call_in_loop(World(), Queue(), Provider(answer))
    response = await call_in_loop(World(), Queue(), Provider(httpx.Response(200, content=b"x")))
    assert response.content == b"x"


@both
async def test_reply_without_end_brings_no_token_and_the_answer_is_recorded_alone(
    call: Call,
) -> None:
    world, queue, reply = World(), Queue(), Endless()
    provider = Provider(
        httpx.Response(200, stream=Endless(3), headers=STREAMED),
        httpx.Response(204, stream=reply),
    )
    response = await call(world, queue, provider)
    outcome = response.extensions[EXTENSION].outcome
    assert not outcome.is_proven
    assert reply.taken <= REPLY_BYTES_MAX + len(PART)
    (half,) = map(half_of, queue.entries)
    assert (half["status"], half["other"]) == (200, b"")
