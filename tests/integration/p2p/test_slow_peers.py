"""A peer that reads slowly, or not at all, costs a bounded amount of memory and nobody's time."""

import asyncio
import contextlib
from dataclasses import replace

from chainnode.p2p.framing import HEARTBEAT, encode_frame, request_header
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
            writer.write(encode_frame(HEARTBEAT))
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


async def test_a_peer_that_asks_without_reading_the_answers_is_answered_a_bounded_number_of_times(
    consortium: Consortium,
) -> None:
    async def answer(_peer: int, _kind: int, _payload: bytes) -> bytes:
        return bytes(2 * MIB)

    settings = replace(SETTINGS, requests_max=2)
    a = make_node(0, consortium.issue(0), on_request=answer, settings=settings)
    tls = consortium.issue(1)
    async with running(a):
        a.transport.set_peers({1: a.address})
        before = process_memory_bytes()
        async with dialled_raw(a, tls, 1) as (_, writer):
            for number in range(500):
                writer.write(request_header(number, 1, 0))
            writer.write(encode_frame(9, b"still heard"))
            await until(lambda: a.received == [(1, 9, b"still heard")], what="all requests read")
            counters = a.transport.metrics.of(1)
            # Two in the making, and what the sockets between the two take in.
            assert counters.requests_answered < 20
            assert counters.requests_refused > 450
            assert process_memory_bytes() - before < 100 * MIB
