"""The calling side: threads as well as loops, and calls that are not made or not answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import httpx
import pytest

from chainnode.exchange import CallReason
from chainnode.gateway import CallNotMade, CallTransport, HeaderOfOurs, PersonalText
from chainnode.gateway.calling.caller import Caller, CallOutcome
from chainnode.gateway.calling.steps import EXTENSION
from chainnode.gateway.core import Gateway
from chainnode.gateway.messages import HttpAnswer, HttpRequest
from chainnode.gateway.recording import OpenCall
from chainnode.gateway.service import OnFailure
from tests.builders_gateway import INTENT, PERSON_ID, Queue, World, half_of, json_answer
from tests.gateway_site import caller_of, calling


def http_request(request: httpx.Request) -> HttpRequest:
    """Return what a server reads of a request."""
    return HttpRequest(
        method=request.method,
        target=request.url.raw_path.decode(),
        headers=tuple((name.lower(), value) for name, value in request.headers.multi_items()),
        body=request.read(),
    )


async def answered(gateway: Gateway, request: httpx.Request) -> httpx.Response:
    """Answer a request as the gateway of a small service does."""
    admitted = await gateway.admit(http_request(request))
    if isinstance(admitted, OpenCall):
        admitted = await gateway.answer(admitted, json_answer())
    return response_of(admitted)


def response_of(answer: HttpAnswer) -> httpx.Response:
    return httpx.Response(
        answer.status, headers=list(answer.headers), stream=httpx.ByteStream(answer.body)
    )


class Blocking(httpx.BaseTransport):
    """A network for threads that ends at a gateway in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(answered(self._world.gateway, request))


class Network(httpx.AsyncBaseTransport):
    """A network that answers as the test says."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client_over(world: World, queue: Queue, network: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return calling(world, queue, "http://service", network=network)


def test_calls_are_made_from_a_thread_without_a_loop() -> None:
    world, queue = World(), Queue()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Caller]:
        yield caller_of(world, queue)

    transport = CallTransport(opened, INTENT, inner=Blocking(world))
    with httpx.Client(base_url="http://service", transport=transport) as client:
        response = client.post("/people", json={"id_card": PERSON_ID})
    outcome = response.extensions[EXTENSION]
    assert isinstance(outcome, CallOutcome)
    assert outcome.is_proven
    assert [half_of(one)["status"] for one in queue.entries] == [200]


@pytest.mark.parametrize("name", ["kun-purpose", "Kun-Call", "KUN-OPERATOR"])
async def test_request_that_has_a_header_of_its_call_already_is_not_sent(name: str) -> None:
    world, queue, network = World(), Queue(), Network()
    async with client_over(world, queue, network) as client:
        with pytest.raises(HeaderOfOurs, match="CallReason"):
            await client.post("/people", json={"id_card": PERSON_ID}, headers={name: "x"})
    assert (network.requests, queue.entries) == ([], [])


async def test_call_without_an_answer_is_recorded_with_status_0() -> None:
    world, queue = World(), Queue()
    network = Network(httpx.ConnectError("refused"))
    async with client_over(world, queue, network) as client:
        with pytest.raises(httpx.ConnectError):
            await client.post("/people", json={"id_card": PERSON_ID})
    (half,) = [half_of(one) for one in queue.entries]
    assert (half["status"], half["decision"], half["other"]) == (0, 0, b"")


async def test_answer_without_a_reply_token_is_recorded_without_the_other_side() -> None:
    world, queue = World(), Queue()
    network = Network(httpx.Response(502, stream=httpx.ByteStream(b"bad gateway")))
    async with client_over(world, queue, network) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert not response.extensions[EXTENSION].is_proven
    assert [(half_of(one)["status"], half_of(one)["other"]) for one in queue.entries] == [
        (502, b"")
    ]


async def test_reply_token_of_another_call_proves_nothing() -> None:
    world, queue = World(), Queue()
    _, first = await world.call()
    network = Network(response_of(first))
    async with client_over(world, queue, network) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert not response.extensions[EXTENSION].is_proven


@pytest.mark.parametrize(
    ("late_ms", "is_proven"),
    [(-5_000, True), (-5_001, False), (5_000, True), (5_001, False)],
    ids=["before", "too-long-before", "ahead", "too-far-ahead"],
)
async def test_reply_token_counts_only_for_the_time_of_its_call(
    late_ms: int, *, is_proven: bool
) -> None:
    """A key that has ended can sign for any time at which it was valid."""
    world, queue = World(), Queue()

    class Dated(Network):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            admitted = await world.gateway.admit(http_request(request))
            assert isinstance(admitted, OpenCall)
            world.clock.now_ms += late_ms
            answer = await world.gateway.answer(admitted, json_answer())
            world.clock.now_ms -= late_ms
            return response_of(answer)

    async with client_over(world, queue, Dated()) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.extensions[EXTENSION].is_proven is is_proven
    assert bool(half_of(queue.entries[0])["other"]) is is_proven


async def test_call_that_has_no_receipt_yet_is_asked_again_with_the_same_token() -> None:
    world, queue = World(on_failure=OnFailure.BLOCK), Queue()
    world.queue.settles = False

    class Settling(Network):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            world.queue.settles = len(self.requests) > 1
            return await answered(world.gateway, request)

    network = Settling()
    async with client_over(world, queue, network) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert (response.status_code, len(network.requests)) == (200, 2)
    assert response.extensions[EXTENSION].receipt
    assert len(world.halves) == len(queue.entries) == 1


async def test_call_that_stays_without_a_receipt_is_recorded_as_not_answered() -> None:
    world, queue = World(on_failure=OnFailure.BLOCK), Queue()
    world.queue.settles = False

    class Pending(Network):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await answered(world.gateway, request)

    async with client_over(world, queue, Pending()) as client:
        response = await client.post("/people", json={"id_card": PERSON_ID})
    assert response.status_code == 503
    assert [half_of(one)["status"] for one in queue.entries] == [0]


async def test_call_whose_subject_has_no_token_is_not_made() -> None:
    world, queue = World(), Queue()
    world.tokens.fails_with = "UNREACHABLE"
    network = Network()
    async with client_over(world, queue, network) as client:
        with pytest.raises(CallNotMade):
            await client.post("/people", json={"id_card": PERSON_ID})
    assert (network.requests, queue.entries) == ([], [])


@pytest.mark.parametrize("body", [{}, {"id_card": [str(one) for one in range(65)]}])
async def test_call_with_no_subject_or_too_many_is_not_made(body: object) -> None:
    network = Network()
    async with client_over(World(), Queue(), network) as client:
        with pytest.raises(CallNotMade):
            await client.post("/people", json=body)
    assert network.requests == []


async def test_call_whose_subject_could_be_read_in_two_ways_is_not_made() -> None:
    network = Network()
    async with client_over(World(), Queue(), network) as client:
        with pytest.raises(CallNotMade):
            await client.post("/people", json={"id_card": "1", "idCard": "2"})
    assert network.requests == []


async def test_reason_with_a_personal_number_is_not_sent() -> None:
    network = Network()
    intent = replace(INTENT, reason=CallReason(reason=f"for {PERSON_ID}"))
    async with client_over(World(), Queue(), network) as client:
        send = partial(client.post, "/people", json={"id_card": "1"})
        with pytest.raises(PersonalText):
            await send(extensions={EXTENSION: intent})
    assert network.requests == []


async def test_subject_leaves_in_the_body_alone_and_stands_in_no_half() -> None:
    world, queue = World(), Queue()
    network = Network(httpx.ConnectError("refused"))
    async with client_over(world, queue, network) as client:
        with pytest.raises(httpx.ConnectError):
            await client.post("/people", json={"id_card": PERSON_ID})
    assert PERSON_ID not in str(network.requests[0].headers.multi_items())
    assert all(PERSON_ID.encode() not in one.public for one in queue.entries[0].calls)
