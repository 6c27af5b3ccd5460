"""Requests: every one ends in a response or a typed error, and no failure costs the link."""

import asyncio
import logging
from dataclasses import replace

import pytest

from chainnode.p2p import (
    PAYLOAD_BYTES_MAX,
    FailureCode,
    PeerUnavailable,
    RequestFailed,
    RequestTimeout,
)
from chainnode.p2p.framing import encode_failure, encode_frame, response_header
from tests.integration.p2p.harness import (
    CHAIN_ID,
    SETTINGS,
    Consortium,
    introduce,
    linked,
    make_node,
    running,
    until,
)
from tests.integration.p2p.raw import listening_raw, read_frame

ASK = 0x11


async def test_responses_find_their_requests_whatever_the_order(consortium: Consortium) -> None:
    gates = [asyncio.Event() for _ in range(8)]

    async def wait_for_gate(_peer: int, _kind: int, payload: bytes) -> bytes:
        await gates[int(payload)].wait()
        if int(payload):
            gates[int(payload) - 1].set()
        return b"answer " + payload

    async with linked(consortium, 2, on_request=wait_for_gate) as (a, _):
        gates[7].set()
        asked = [a.transport.request(1, ASK, b"%d" % number, 20) for number in range(8)]
        assert await asyncio.gather(*asked) == [b"answer %d" % number for number in range(8)]


async def test_a_handler_sees_who_asks_what(consortium: Consortium) -> None:
    async def describe(peer: int, kind: int, payload: bytes) -> bytes:
        return b"%d %d %s" % (peer, kind, payload)

    async with linked(consortium, 3, on_request=describe) as (a, _, c):
        assert await a.transport.request(2, ASK, b"x", 5) == b"0 17 x"
        assert await c.transport.request(0, 0, b"", 5) == b"2 0 "


async def test_an_unanswered_request_times_out_and_its_late_answer_is_ignored(
    consortium: Consortium,
) -> None:
    late = asyncio.Event()

    async def dawdle(_peer: int, _kind: int, payload: bytes) -> bytes:
        if payload == b"slow":
            await late.wait()
        return payload

    async with linked(consortium, 2, on_request=dawdle) as (a, _):
        with pytest.raises(RequestTimeout) as caught:
            await a.transport.request(1, ASK, b"slow", 0.05)
        assert str(caught.value) == "replica 1: no response to request kind 17 within 0.05 s"
        late.set()
        counters = a.transport.metrics.of(1)
        await until(lambda: counters.responses_late == 1, what="the late answer")
        assert await a.transport.request(1, ASK, b"fast", 5) == b"fast"
        assert (counters.requests_unanswered, counters.reconnects) == (1, 0)


async def test_a_failing_handler_answers_with_a_failure_and_keeps_link_and_secrets(
    consortium: Consortium, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_peer: int, _kind: int, payload: bytes) -> bytes:
        if payload:
            raise ValueError(f"secret {payload!r}")
        return b"ok"

    caplog.set_level(logging.DEBUG)
    async with linked(consortium, 2, on_request=fail) as (a, b):
        with pytest.raises(RequestFailed) as caught:
            await a.transport.request(1, ASK, b"secret", 5)
        assert caught.value.code is FailureCode.HANDLER_FAILED
        assert await a.transport.request(1, ASK, b"", 5) == b"ok"
        assert b.transport.metrics.of(0).handlers_failed == 1
    [record] = [one for one in caplog.records if one.msg == "handler_failed"]
    assert record.__dict__["error"] == "ValueError"
    assert not any("secret" in str(one.__dict__) for one in caplog.records)


async def test_a_failing_message_handler_keeps_the_link(consortium: Consortium) -> None:
    seen = []

    def fail_once(_peer: int, _kind: int, payload: bytes) -> None:
        seen.append(payload)
        if payload == b"bad":
            raise LookupError

    a = make_node(0, consortium.issue(0))
    b = make_node(1, consortium.issue(1), on_message=fail_once)
    async with running(a, b):
        introduce((a, b))
        for payload in (b"bad", b"good"):
            a.transport.send(1, 1, payload)
        await until(lambda: len(seen) == 2, what="both messages")
        counters = b.transport.metrics.of(0)
        assert (counters.handlers_failed, counters.links_invalid) == (1, 0)


async def test_a_handler_that_hangs_gives_its_place_back(consortium: Consortium) -> None:
    async def hang(_peer: int, _kind: int, _payload: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    hasty = replace(SETTINGS, answer_timeout_s=0.05)
    async with linked(consortium, 2, on_request=hang, settings=hasty) as (a, _):
        with pytest.raises(RequestFailed) as caught:
            await a.transport.request(1, ASK, b"", 5)
        assert caught.value.code is FailureCode.HANDLER_TIMEOUT


async def test_a_response_at_the_limit_passes_and_one_byte_more_fails(
    consortium: Consortium,
) -> None:
    async def make(_peer: int, _kind: int, payload: bytes) -> bytes:
        return bytes(int(payload))

    async with linked(consortium, 2, on_request=make) as (a, _):
        largest = await a.transport.request(1, ASK, b"%d" % PAYLOAD_BYTES_MAX, 20)
        assert len(largest) == PAYLOAD_BYTES_MAX
        with pytest.raises(RequestFailed) as caught:
            await a.transport.request(1, ASK, b"%d" % (PAYLOAD_BYTES_MAX + 1), 20)
        assert caught.value.code is FailureCode.RESPONSE_TOO_LARGE
        assert await a.transport.request(1, ASK, b"0", 5) == b""


async def test_requests_in_flight_are_bounded_at_home_and_at_the_peer(
    consortium: Consortium,
) -> None:
    gate = asyncio.Event()
    started: list[bytes] = []

    async def wait(_peer: int, _kind: int, payload: bytes) -> bytes:
        started.append(payload)
        await gate.wait()
        return payload

    a = make_node(0, consortium.issue(0), settings=replace(SETTINGS, requests_max=4))
    b = make_node(
        1, consortium.issue(1), on_request=wait, settings=replace(SETTINGS, requests_max=3)
    )
    async with running(a, b):
        introduce((a, b))
        await until(lambda: a.transport.connected == (1,), what="the link")
        asked = [
            asyncio.ensure_future(a.transport.request(1, ASK, b"%d" % number, 20))
            for number in range(4)
        ]
        await until(asked[3].done, what="the fourth is refused there")
        error = asked[3].exception()
        assert isinstance(error, RequestFailed)
        assert error.code is FailureCode.BUSY

        fourth = asyncio.ensure_future(a.transport.request(1, ASK, b"again", 0.05))
        await asyncio.sleep(0)
        with pytest.raises(PeerUnavailable, match="4 requests in flight already"):
            await a.transport.request(1, ASK, b"fifth", 5)
        with pytest.raises(RequestFailed):
            await fourth
        gate.set()
        assert await asyncio.gather(*asked[:3]) == [b"0", b"1", b"2"]
        assert started == [b"0", b"1", b"2"]
        assert b.transport.metrics.of(0).requests_refused == 2


async def test_requests_being_answered_are_bounded_in_bytes(consortium: Consortium) -> None:
    gate = asyncio.Event()

    async def wait(_peer: int, _kind: int, _payload: bytes) -> bytes:
        await gate.wait()
        return b"done"

    async with linked(consortium, 2, on_request=wait) as (a, _):
        large = bytes(PAYLOAD_BYTES_MAX)
        asked = [asyncio.ensure_future(a.transport.request(1, ASK, large, 20)) for _ in range(3)]
        await until(asked[2].done, what="the third is refused")
        gate.set()
        assert await asyncio.gather(*asked[:2]) == [b"done", b"done"]
        assert isinstance(asked[2].exception(), RequestFailed)
        assert await a.transport.request(1, ASK, large, 20) == b"done"


async def test_a_request_to_nobody_fails_at_once(consortium: Consortium) -> None:
    a = make_node(0, consortium.issue(0))
    async with running(a):
        with pytest.raises(PeerUnavailable, match="replica 3: not a configured peer"):
            await a.transport.request(3, ASK, b"", 5)
        a.transport.set_peers({3: a.address})
        with pytest.raises(PeerUnavailable, match="replica 3: not connected"):
            await a.transport.request(3, ASK, b"", 5)


async def test_a_lost_link_ends_the_requests_on_it(consortium: Consortium) -> None:
    asked, gave_up = asyncio.Event(), asyncio.Event()

    async def hang(_peer: int, _kind: int, _payload: bytes) -> bytes:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gave_up.set()
        return b""

    async with linked(consortium, 2, on_request=hang) as (a, b):
        request = asyncio.ensure_future(a.transport.request(1, ASK, b"", 60))
        await asked.wait()
        await b.transport.close()
        with pytest.raises(PeerUnavailable, match="link lost"):
            await request
        # Nobody goes on working for an answer that has nowhere to go.
        await until(gave_up.is_set, what="the handler is cancelled")


async def test_closing_ends_the_requests_that_wait(consortium: Consortium) -> None:
    async def hang(_peer: int, _kind: int, _payload: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with linked(consortium, 2, on_request=hang) as (a, _):
        request = asyncio.ensure_future(a.transport.request(1, ASK, b"", 60))
        await asyncio.sleep(0)
        await a.transport.close()
        with pytest.raises(PeerUnavailable):
            await request


async def test_answers_to_nothing_are_counted_and_ignored(consortium: Consortium) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response_header(77, 0) + encode_failure(78, FailureCode.BUSY))
        correlation = int.from_bytes((await read_frame(reader)).payload[:8])
        twice = response_header(correlation, 2) + b"ok"
        writer.write(twice + twice)
        await reader.read()

    a = make_node(0, consortium.issue(0))
    async with running(a), listening_raw(consortium.issue(1), 1, babble) as address:
        a.transport.set_peers({1: address})
        await until(lambda: a.transport.connected == (1,), what="the link")
        assert await a.transport.request(1, ASK, b"", 5) == b"ok"
        counters = a.transport.metrics.of(1)
        await until(lambda: counters.responses_late == 3, what="three answers to nothing")
        assert counters.links_invalid == 0


async def test_a_malformed_answer_ends_the_link_and_the_request(consortium: Consortium) -> None:
    async def answer_with_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(encode_frame(0xF4, CHAIN_ID[:7]))
        await reader.read()

    a = make_node(0, consortium.issue(0))
    async with running(a), listening_raw(consortium.issue(1), 1, answer_with_noise) as address:
        a.transport.set_peers({1: address})
        await until(lambda: a.transport.connected == (1,), what="the link")
        with pytest.raises(PeerUnavailable, match="link lost"):
            await a.transport.request(1, ASK, b"", 20)
        assert a.transport.metrics.of(1).links_invalid == 1
