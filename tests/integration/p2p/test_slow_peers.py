"""A peer that reads slowly, or not at all, costs a bounded amount of memory and nobody's time."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from chainnode.p2p import FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX, RequestTimeout
from chainnode.p2p.framing import (
    HEARTBEAT,
    RESPONSE,
    encode_frame,
    encode_heartbeat,
    request_header,
)
from tests.integration.p2p.harness import (
    SETTINGS,
    Consortium,
    introduce,
    make_node,
    process_memory_bytes,
    running,
    until,
)
from tests.integration.p2p.raw import dialled_raw, listening_raw, read_frame

MIB = 1024 * 1024
THRIFTY = replace(SETTINGS, requests_max=2)
FRAMES = 1200
PAYLOAD_BYTES = 256 * 1024


def numbered(number: int) -> bytes:
    return b"%08d" % number + bytes(PAYLOAD_BYTES - 8)


async def test_a_peer_that_does_not_read_costs_bounded_memory_and_delays_nobody(
    consortium: Consortium,
) -> None:
    may_read = asyncio.Event()
    read: list[int] = []

    async def sleep_then_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not may_read.is_set():
            writer.write(encode_heartbeat(0))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await may_read.wait()
        while True:
            frame = await read_frame(reader)
            if frame.kind != HEARTBEAT:
                read.append(int(frame.payload[:8]))

    heard: list[int] = []
    a = make_node(0, consortium.issue(0))
    b = make_node(
        1, consortium.issue(1), on_message=lambda _peer, _kind, body: heard.append(int(body[:8]))
    )
    async with running(a, b), listening_raw(consortium.issue(2), 2, sleep_then_read) as address:
        introduce((a, b))
        a.transport.set_peers({1: b.address, 2: address})
        await until(lambda: a.transport.connected == (1, 2), what="both links")
        before = process_memory_bytes()
        for number in range(FRAMES):
            a.transport.broadcast(1, numbered(number))
            if number % 16 == 15:
                await until(lambda: len(heard) == number + 1, what="the healthy peer keeps up")  # noqa: B023 - awaited within the round
        grown = process_memory_bytes() - before

        assert heard == list(range(FRAMES))
        assert grown < FRAMES * PAYLOAD_BYTES / 4, f"{grown / MIB:.0f} MiB"
        slow = a.transport.metrics.of(2)
        # What is neither written nor dropped waits in the queue, within its bound.
        waiting = FRAMES - slow.frames_out - slow.frames_dropped
        assert waiting * PAYLOAD_BYTES <= SETTINGS.queue_bytes_max
        assert slow.frames_dropped > FRAMES / 2
        assert (slow.reconnects, slow.links_silent) == (0, 0)

        may_read.set()
        await until(lambda: bool(read) and read[-1] == FRAMES - 1, what="the newest frame")
        assert read == sorted(set(read))
        assert len(read) == FRAMES - slow.frames_dropped


async def test_a_peer_that_asks_without_reading_the_answers_is_soon_not_answered_at_all(
    consortium: Consortium,
) -> None:
    async def answer(_peer: int, _kind: int, _payload: bytes) -> bytes:
        return bytes(2 * MIB)

    a = make_node(0, consortium.issue(0), on_request=answer, settings=THRIFTY)
    async with running(a):
        a.transport.set_peers({1: a.address})
        counters = a.transport.metrics.of(1)
        async with dialled_raw(a, consortium.issue(1), 1) as (reader, writer):
            asked = 0
            while not counters.requests_refused:
                writer.write(request_header(asked, 1, 0))
                asked += 1
                await until(
                    lambda: counters.requests_answered + counters.requests_refused >= asked,  # noqa: B023 - awaited within the round
                    what="one more request",
                )
            # Both places are taken by answers that find no room in the connection.
            answered, before = counters.requests_answered, process_memory_bytes()
            for number in range(500):
                writer.write(request_header(asked + number, 1, 0))
            writer.write(encode_frame(9, b"still heard"))
            await until(lambda: a.received == [(1, 9, b"still heard")], what="all requests read")
            assert counters.requests_refused == 501
            assert process_memory_bytes() - before < 10 * MIB

            kinds = [(await read_frame(reader)).kind for _ in range(answered)]
            kinds = [kind for kind in kinds if kind != HEARTBEAT]
            assert set(kinds) == {RESPONSE}


async def test_requests_that_timed_out_unsent_leave_the_queue(consortium: Consortium) -> None:
    async def sleep(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a reader that does not read has no public name
        await asyncio.Event().wait()

    one_frame = replace(SETTINGS, queue_bytes_max=FRAME_BYTES_MAX, silent_heartbeats_max=900)
    a = make_node(0, consortium.issue(0), settings=one_frame)
    async with running(a), listening_raw(consortium.issue(1), 1, sleep) as address:
        a.transport.set_peers({1: address})
        await until(lambda: a.transport.connected == (1,), what="the link")
        counters = a.transport.metrics.of(1)
        while not counters.frames_dropped:
            a.transport.send(1, 1, bytes(PAYLOAD_BYTES_MAX))
            await asyncio.sleep(0.01)
        for _ in range(3):
            with pytest.raises(RequestTimeout):
                await a.transport.request(1, 1, bytes(PAYLOAD_BYTES_MAX), 0.02)
