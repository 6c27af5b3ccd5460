"""Strangers, liars and garbage: refused, counted by reason, and nobody else notices."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from chainnode.p2p import PAYLOAD_BYTES_MAX, RefusalReason, TlsPaths
from chainnode.p2p.framing import (
    HEARTBEAT,
    HELLO,
    REFUSAL,
    REQUEST,
    RESPONSE,
    encode_frame,
    encode_heartbeat,
    frame_header,
)
from chainnode.p2p.handshake import decode_refusal
from chainnode.pki import load_tls_contexts
from tests.integration.p2p.harness import (
    SETTINGS,
    Consortium,
    Node,
    introduce,
    linked,
    make_node,
    running,
    until,
)
from tests.integration.p2p.raw import (
    dialled_raw,
    dialled_tls,
    hello,
    is_hung_up,
    listening_raw,
    read_frame,
)

HASTY = replace(SETTINGS, handshake_timeout_s=0.2)


def refused(node: Node, reason: RefusalReason) -> int:
    return node.transport.metrics.refused[reason]


@asynccontextmanager
async def healthy_pair(consortium: Consortium) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes whose links must be the same after the attack as before."""
    async with linked(consortium, 2) as (a, b):
        await until(lambda: a.transport.receiving == (1,), what="both directions")
        yield a, b
        assert (a.transport.connected, a.transport.receiving) == ((1,), (1,))
        assert a.transport.metrics.of(1).reconnects == 0
        a.transport.send(1, 1, b"still here")
        await until(lambda: (0, 1, b"still here") in b.received, what="a healthy link")


async def both_refuse(a: Node, b: Node, a_reason: RefusalReason, *b_reasons: RefusalReason) -> None:
    async with running(a, b):
        introduce((a, b))
        await until(lambda: refused(a, a_reason) > 0, what=f"a: {a_reason}")
        await until(lambda: any(refused(b, one) for one in b_reasons), what=f"b: {b_reasons}")
        assert (a.transport.connected, b.transport.connected) == ((), ())
        assert (a.transport.receiving, b.transport.receiving) == ((), ())


async def test_nodes_of_two_authorities_do_not_link(consortium: Consortium) -> None:
    foreign = Consortium(consortium.folder / "foreign")
    await both_refuse(
        make_node(0, consortium.issue(0)),
        make_node(1, foreign.issue(1)),
        RefusalReason.TLS,
        RefusalReason.TLS,
    )


async def test_an_expired_certificate_does_not_link(consortium: Consortium) -> None:
    expired = consortium.issue(1, age=timedelta(days=40), days=30)
    await both_refuse(
        make_node(0, consortium.issue(0)),
        make_node(1, expired),
        RefusalReason.TLS,
        # asyncio closes without sending the alert that would say why.
        *(RefusalReason.TLS, RefusalReason.LOST),
    )


async def test_nodes_of_two_chains_do_not_link_and_both_know_why(consortium: Consortium) -> None:
    await both_refuse(
        make_node(0, consortium.issue(0)),
        make_node(1, consortium.issue(1), chain_id=bytes(32)),
        RefusalReason.CHAIN_ID,
        RefusalReason.CHAIN_ID,
    )


async def test_another_replica_at_a_configured_address_is_refused(consortium: Consortium) -> None:
    a, b = make_node(0, consortium.issue(0)), make_node(2, consortium.issue(2))
    async with running(a, b):
        b.transport.set_peers({0: a.address})
        a.transport.set_peers({1: b.address, 2: b.address})
        await until(lambda: refused(a, RefusalReason.DIALLED_ID) > 0, what="the refusal")
        await until(lambda: a.transport.connected == (2,), what="the right one")
        attempts = a.transport.metrics.of(1).dials_failed
        await until(
            lambda: a.transport.metrics.of(1).dials_failed > attempts + 2, what="more attempts"
        )
        # The wrong address does not harm the link to the replica that lives there.
        assert a.transport.connected == (2,)
        assert b.transport.metrics.of(0).sessions_accepted == 1


async def test_a_hello_in_the_name_of_another_replica_is_refused_with_both_ids(
    consortium: Consortium,
) -> None:
    context = load_tls_contexts(consortium.issue(2), replica_id=2).client
    async with healthy_pair(consortium) as (a, _):
        async with dialled_tls(a.address, context) as (reader, writer):
            writer.write(hello(1))
            refusal = decode_refusal(await read_frame(reader))
            assert await is_hung_up(reader)
        assert refusal.reason is RefusalReason.CERTIFIED_ID
        assert (refusal.expected, refusal.actual) == ("2", "1")
        await until(lambda: refused(a, RefusalReason.CERTIFIED_ID) >= 1, what="the count")


async def test_a_certificate_that_names_no_replica_is_refused(consortium: Consortium) -> None:
    context = load_tls_contexts(consortium.issue(2), replica_id=2).client
    nameless = consortium.folder / "nameless.pem"
    nameless.write_bytes(consortium.authority.certificate_pem + consortium.authority.key_pem)
    async with healthy_pair(consortium) as (a, _):
        context.load_cert_chain(nameless)
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            async with dialled_tls(a.address, context) as (reader, writer):
                writer.write(hello(1))
                assert await is_hung_up(reader)
        reasons = (RefusalReason.CERTIFICATE, RefusalReason.TLS)
        await until(lambda: any(refused(a, one) for one in reasons), what="the refusal")


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        bytes(2000),
        encode_heartbeat(0),
        encode_frame(0, b"message before hello"),
        encode_frame(HELLO),
        encode_frame(REFUSAL),
        frame_header(HELLO, 1025),
    ],
    ids=["http", "zeros", "heartbeat", "message", "empty_hello", "refusal", "oversize_hello"],
)
async def test_garbage_instead_of_a_hello_is_refused(consortium: Consortium, first: bytes) -> None:
    context = load_tls_contexts(consortium.issue(2), replica_id=2).client
    async with healthy_pair(consortium) as (a, _):
        async with dialled_tls(a.address, context) as (reader, writer):
            writer.write(first)
            assert await is_hung_up(reader)
        await until(lambda: refused(a, RefusalReason.MALFORMED) == 1, what="the count")


async def test_garbage_instead_of_tls_is_refused(consortium: Consortium) -> None:
    async with healthy_pair(consortium) as (a, _):
        reader, writer = await asyncio.open_connection(a.address.host, a.address.port)
        writer.write(hello(1))
        assert await is_hung_up(reader)
        writer.close()
        reasons = (RefusalReason.TLS, RefusalReason.LOST)
        await until(lambda: any(refused(a, one) for one in reasons), what="the refusal")


@asynccontextmanager
async def accepted(consortium: Consortium) -> AsyncIterator[tuple[Node, TlsPaths]]:
    """A pair with a third replica that will not keep the rules."""
    async with healthy_pair(consortium) as (a, b):
        tls = consortium.issue(2)
        a.transport.set_peers({1: b.address, 2: b.address})
        yield a, tls


@pytest.mark.parametrize(
    "data",
    [
        frame_header(0, PAYLOAD_BYTES_MAX + 1),
        frame_header(REQUEST, PAYLOAD_BYTES_MAX + 10),
        frame_header(HEARTBEAT, 9),
        encode_frame(REQUEST, bytes(8)),
        encode_frame(RESPONSE, bytes(8)),
        encode_frame(HELLO),
        b"\xff" * 64,
    ],
    ids=[
        *("oversize_message", "oversize_request", "long_heartbeat", "short_request"),
        *("response_nobody_asked_for_here", "second_hello", "noise"),
    ],
)
async def test_garbage_after_the_handshake_ends_that_link_alone(
    consortium: Consortium, data: bytes
) -> None:
    async with accepted(consortium) as (a, tls):
        async with dialled_raw(a, tls, 2) as (reader, writer):
            writer.write(encode_frame(5, b"good") + data)
            assert await is_hung_up(reader)
        await until(lambda: a.transport.receiving == (1,), what="the session is over")
        assert a.transport.metrics.of(2).links_invalid == 1
        assert a.received == [(2, 5, b"good")]


async def test_the_largest_frame_is_read_and_one_byte_more_is_not(
    consortium: Consortium,
) -> None:
    largest = bytes(PAYLOAD_BYTES_MAX)
    async with accepted(consortium) as (a, tls):
        async with dialled_raw(a, tls, 2) as (reader, writer):
            writer.write(frame_header(5, len(largest)) + largest)
            await until(lambda: len(a.received) == 1, what="the largest frame")
            writer.write(frame_header(5, len(largest) + 1) + largest + b"x")
            assert await is_hung_up(reader)
        assert a.received == [(2, 5, largest)]


@pytest.mark.parametrize("kind", [0, HELLO, REQUEST])
async def test_a_dialled_peer_may_only_answer(consortium: Consortium, kind: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_frame(kind, b"out of turn"))
        await is_hung_up(reader)

    async with (
        healthy_pair(consortium) as (a, b),
        listening_raw(consortium.issue(2), 2, talk) as address,
    ):
        a.transport.set_peers({1: b.address, 2: address})
        await until(lambda: a.transport.metrics.of(2).links_invalid > 0, what="the hang-up")
        assert a.received == []


@pytest.mark.parametrize("is_trickling", [False, True])
async def test_a_handshake_that_does_not_end_is_ended(
    consortium: Consortium,
    is_trickling: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    a = make_node(0, consortium.issue(0), settings=HASTY)
    context = load_tls_contexts(consortium.issue(1), replica_id=1).client
    async with running(a), dialled_tls(a.address, context) as (reader, writer):
        for byte in hello(1)[:-1]:
            if not is_trickling or refused(a, RefusalReason.TIMEOUT):
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(HASTY.handshake_timeout_s / 10)
        assert await is_hung_up(reader)
        await until(lambda: refused(a, RefusalReason.TIMEOUT) == 1, what="the count")


async def test_a_crowd_of_silent_strangers_does_not_lock_a_peer_out(
    consortium: Consortium,
) -> None:
    crowded = replace(SETTINGS, handshakes_max=4, handshake_timeout_s=60)
    a = make_node(0, consortium.issue(0), settings=crowded)
    b = make_node(1, consortium.issue(1))
    async with running(a, b):
        strangers = [
            await asyncio.open_connection(a.address.host, a.address.port) for _ in range(20)
        ]
        await until(lambda: refused(a, RefusalReason.CROWDED) == 16, what="the oldest give way")
        for reader, _ in strangers[:16]:
            assert await is_hung_up(reader)
        introduce((a, b))
        await until(lambda: b.transport.connected == (0,), what="the peer gets in")
        for _, writer in strangers:
            writer.close()


async def test_a_peer_that_lies_silent_in_tls_is_given_up_and_dialled_again(
    consortium: Consortium,
) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    a = make_node(0, consortium.issue(0), settings=HASTY)
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with running(a), server:
        host, port = server.sockets[0].getsockname()
        a.transport.set_peers({1: replace(a.address, host=host, port=port)})
        await until(lambda: refused(a, RefusalReason.TIMEOUT) >= 2, what="two attempts")
