"""Transports over real TLS sockets: order, sizes, reconnects, silence, membership."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import permutations

import pytest

from chainnode.errors import ConfigurationError, InvariantBroken
from chainnode.p2p import APPLICATION_KIND_MAX, PAYLOAD_BYTES_MAX, PeerAddress, RefusalReason
from chainnode.p2p.framing import encode_heartbeat
from chainnode.pki import CertificateError, load_tls_contexts
from devnet.faults.proxy import OPEN, Flow, Shape, Way
from tests.integration.p2p.harness import (
    SETTINGS,
    Consortium,
    introduce,
    linked,
    make_node,
    running,
    until,
)
from tests.integration.p2p.raw import (
    Wire,
    dialled_raw,
    dialled_tls,
    holed,
    is_hung_up,
    listening_raw,
)

# Longer than any test, so that what happens does not happen because of these times.
PATIENT = replace(SETTINGS, heartbeat_s=900, reconnect_first_s=900, reconnect_max_s=900)
HURRIED = replace(SETTINGS, handshake_timeout_s=900, redial_after_s=0.5)
SILENT_SOON = replace(SETTINGS, heartbeat_s=0.02, silent_heartbeats_max=10)


async def test_two_nodes_hear_each_other(consortium: Consortium) -> None:
    async with linked(consortium, 2) as (a, b):
        a.transport.send(1, 7, b"from a")
        b.transport.send(0, 9, b"from b")
        await until(lambda: bool(a.received and b.received), what="both messages")
        assert (a.received, b.received) == ([(1, 9, b"from b")], [(0, 7, b"from a")])
        assert a.transport.software_versions == {1: "0.1.0+test"}


async def test_a_broadcast_reaches_all_others_and_not_the_sender(consortium: Consortium) -> None:
    async with linked(consortium, 4) as nodes:
        for id_, node in enumerate(nodes):
            node.transport.broadcast(id_, b"hello from %d" % id_)
        await until(lambda: all(len(node.received) == 3 for node in nodes), what="12 messages")
        heard = {(message[0], id_) for id_, node in enumerate(nodes) for message in node.received}
        assert heard == set(permutations(range(4), 2))
        for node in nodes:
            assert all(body == b"hello from %d" % peer for peer, _, body in node.received)


async def test_ten_thousand_small_frames_arrive_in_order(consortium: Consortium) -> None:
    async with linked(consortium, 2) as (a, b):
        for number in range(10_000):
            a.transport.send(1, 1, b"%08d" % number)
        await until(lambda: len(b.received) == 10_000, what="all frames")
        assert [int(body) for _, _, body in b.received] == list(range(10_000))
        counters = a.transport.metrics.of(1)
        assert (counters.frames_out, counters.frames_dropped) == (10_000, 0)
        assert counters.bytes_out == 10_000 * (5 + 8)


async def test_payloads_pass_at_their_limit_and_no_larger_one_is_sent(
    consortium: Consortium,
) -> None:
    largest = bytes(range(256)) * (PAYLOAD_BYTES_MAX // 256)
    async with linked(consortium, 2) as (a, b):
        a.transport.send(1, APPLICATION_KIND_MAX, largest)
        assert await b.transport.request(0, 0, largest, 20) == largest
        await until(lambda: len(b.received) == 1, what="the largest message")
        assert b.received == [(0, APPLICATION_KIND_MAX, largest)]
        for kind, payload in ((0, largest + b"x"), (APPLICATION_KIND_MAX + 1, b""), (-1, b"")):
            with pytest.raises(InvariantBroken):
                a.transport.send(1, kind, payload)
            with pytest.raises(InvariantBroken):
                a.transport.broadcast(kind, payload)
            with pytest.raises(InvariantBroken):
                await a.transport.request(1, kind, payload, 1)


async def test_a_restarted_peer_is_linked_again_and_gets_what_waited(
    consortium: Consortium,
) -> None:
    a = make_node(0, consortium.issue(0))
    async with Wire() as wire, running(a):
        first = make_node(1, consortium.issue(1))
        a.transport.set_peers({1: wire.address})
        async with running(first):
            first.transport.set_peers({0: a.address})
            wire.target = first.address
            await until(lambda: a.transport.connected == (1,), what="the first link")
        await until(lambda: a.transport.connected == (), what="the loss")
        a.transport.send(1, 1, b"while you were away")

        second = make_node(1, consortium.issue(1))
        async with running(second):
            second.transport.set_peers({0: a.address})
            wire.target = second.address
            await until(lambda: bool(second.received), what="the message that waited")
            assert second.received == [(0, 1, b"while you were away")]
            assert a.transport.metrics.of(1).reconnects >= 1


async def test_a_cut_link_comes_back_by_itself(consortium: Consortium) -> None:
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(Wire())
        a, b = (make_node(id_, consortium.issue(id_)) for id_ in range(2))
        await stack.enter_async_context(running(a, b))
        wire.target = b.address
        introduce((a, b))
        a.transport.set_peers({1: wire.address})
        for round_ in range(3):
            await until(
                lambda round_=round_: a.transport.metrics.of(1).links_opened > round_,  # type: ignore[misc]  # mypy cannot infer a default argument
                what="a link",
            )
            wire.cut()
        await until(lambda: a.transport.connected == (1,), what="the last link")


async def test_a_peer_behind_a_dead_wire_is_noticed_and_found_again(
    consortium: Consortium,
) -> None:
    async with Wire() as wire:
        a, b = (make_node(id_, consortium.issue(id_), settings=SILENT_SOON) for id_ in range(2))
        async with running(a, b):
            wire.target = b.address
            a.transport.set_peers({1: wire.address})
            b.transport.set_peers({0: a.address})
            await until(lambda: a.transport.connected == (1,), what="the link")
            wire.go_dead()
            await until(lambda: a.transport.metrics.of(1).links_silent >= 1, what="silence seen")
            assert a.transport.connected == ()
            wire.revive()
            await until(lambda: a.transport.connected == (1,), what="the link again")


async def test_a_dial_that_hangs_in_a_hole_is_tried_anew_beside_itself(
    consortium: Consortium,
) -> None:
    a = make_node(0, consortium.issue(0), settings=HURRIED)
    b = make_node(1, consortium.issue(1))
    async with running(a, b), holed(b.address) as hole:
        hole.change({Way.OUT: Shape(flow=Flow.SWALLOW)})
        b.transport.set_peers({0: a.address})
        a.transport.set_peers({1: PeerAddress(host="127.0.0.1", port=hole.port)})
        # Those beside the first: that one alone would outlast every deadline, and it stays dumb.
        await until(lambda: a.transport.metrics.of(1).dials_failed >= 2, what="two dials more")
        hole.change({Way.OUT: OPEN})
        await until(lambda: a.transport.connected == (1,), what="the link")


async def test_of_two_dials_that_open_at_once_one_link_remains_and_works(
    consortium: Consortium,
) -> None:
    async with Wire() as wire:
        a = make_node(0, consortium.issue(0), settings=HURRIED)
        b = make_node(1, consortium.issue(1))
        async with running(a, b):
            wire.go_dead()
            wire.target = b.address
            b.transport.set_peers({0: a.address})
            a.transport.set_peers({1: wire.address})
            await until(lambda: wire.accepted >= 2, what="a second dial beside the first")
            wire.revive()
            await until(lambda: a.transport.connected == (1,), what="the link")
            a.transport.send(1, 1, b"heard")
            await until(lambda: bool(b.received), what="the message")
            assert await a.transport.request(1, 1, b"asked", 20) == b"asked"


STOPPED_PEER = """
import asyncio, sys
from pathlib import Path
from chainnode.p2p import PeerAddress
from tests.integration.p2p.harness import make_node, running
from tests.integration.p2p.harness import TlsPaths

async def main() -> None:
    ca, certificate, key, port = sys.argv[1:]
    tls = TlsPaths(ca=Path(ca), certificate=Path(certificate), key=Path(key))
    node = make_node(1, tls, peers={0: PeerAddress(host="127.0.0.1", port=int(port))})
    async with running(node):
        print(node.address.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_stopped_process_is_noticed_by_both_directions_and_comes_back(
    consortium: Consortium,
) -> None:
    a = make_node(0, consortium.issue(0), settings=SILENT_SOON)
    tls = consortium.issue(1)
    async with running(a):
        files = (str(tls.ca), str(tls.certificate), str(tls.key))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", STOPPED_PEER, *files, str(a.address.port)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            port = int(await process.stdout.readline())
            a.transport.set_peers({1: PeerAddress(host="127.0.0.1", port=port)})
            await until(
                lambda: (a.transport.connected, a.transport.receiving) == ((1,), (1,)),
                what="both links",
            )
            process.send_signal(signal.SIGSTOP)
            await until(
                lambda: (a.transport.connected, a.transport.receiving) == ((), ()),
                what="silence seen on both links",
            )
            assert a.transport.metrics.of(1).links_silent == 2
            process.send_signal(signal.SIGCONT)
            await until(
                lambda: (a.transport.connected, a.transport.receiving) == ((1,), (1,)),
                what="both links again",
            )
        finally:
            process.kill()
            await process.wait()


async def test_a_newer_session_of_a_peer_replaces_the_older(consortium: Consortium) -> None:
    nowhere = {1: PeerAddress(host="127.0.0.1", port=9)}
    a = make_node(0, consortium.issue(0), peers=nowhere, settings=PATIENT)
    tls = consortium.issue(1)
    async with running(a), dialled_raw(a, tls, 1) as (older, _), dialled_raw(a, tls, 1):
        assert await is_hung_up(older)
        assert a.transport.receiving == (1,)
        assert a.transport.metrics.of(1).sessions_replaced == 1


async def test_a_link_that_had_worked_is_dialled_again_without_the_pause_of_failures(
    consortium: Consortium,
) -> None:
    async def beat_and_hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_heartbeat(0))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    unforgiving = replace(SETTINGS, reconnect_first_s=0.001, reconnect_max_s=900)
    a = make_node(0, consortium.issue(0), settings=unforgiving)
    async with running(a), listening_raw(consortium.issue(1), 1, beat_and_hang_up) as address:
        a.transport.set_peers({1: address})
        # Doubled each time, the thirtieth pause alone would outlast every deadline.
        await until(lambda: a.transport.metrics.of(1).links_opened >= 30, what="30 links")


async def test_a_peer_that_links_in_is_dialled_at_once_whatever_the_pause(
    consortium: Consortium,
) -> None:
    async with Wire() as wire:
        a = make_node(0, consortium.issue(0), settings=PATIENT)
        b = make_node(1, consortium.issue(1))
        async with running(a, b):
            a.transport.set_peers({1: wire.address})
            await until(lambda: a.transport.metrics.of(1).dials_failed >= 1, what="a failure")
            wire.target = b.address
            b.transport.set_peers({0: a.address})
            await until(lambda: a.transport.connected == (1,), what="the link")


async def test_a_removed_peer_is_cut_off_and_not_let_in_again(consortium: Consortium) -> None:
    async with linked(consortium, 3) as (a, b, c):
        await until(lambda: a.transport.receiving == (1, 2), what="all sessions")
        a.transport.set_peers({2: c.address})
        await until(
            lambda: (a.transport.connected, a.transport.receiving) == ((2,), (2,)),
            what="the third is left alone",
        )
        refused = a.transport.metrics.refused
        await until(lambda: refused[RefusalReason.UNKNOWN_REPLICA] > 0, what="the refusal")
        await until(
            lambda: b.transport.metrics.refused[RefusalReason.UNKNOWN_REPLICA] > 0,
            what="the removed peer hears why",
        )
        a.transport.send(1, 1, b"to nobody")
        assert b.received == []
        assert c.transport.connected == (0, 1)


async def test_a_node_is_not_its_own_peer(consortium: Consortium) -> None:
    with pytest.raises(ConfigurationError, match="this node itself"):
        make_node(0, consortium.issue(0), peers={0: PeerAddress(host="127.0.0.1", port=1)})


async def test_an_address_in_use_is_named(consortium: Consortium) -> None:
    a = make_node(0, consortium.issue(0))
    async with running(a):
        taken = a.address.port
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{taken}.*in use"):
            await make_node(1, consortium.issue(1), port=taken).transport.start()


async def test_a_renewed_certificate_is_used_for_the_next_connection_without_restart(
    consortium: Consortium,
) -> None:
    a = make_node(0, consortium.issue(0))
    client = load_tls_contexts(consortium.issue(1), replica_id=1).client

    async def serial_number() -> object:
        async with dialled_tls(a.address, client) as (_, writer):
            return writer.get_extra_info("peercert")["serialNumber"]

    async with running(a):
        before = await serial_number()
        consortium.issue(0)
        assert await serial_number() == before
        a.transport.reload_tls()
        renewed = await serial_number()
        assert renewed != before
        consortium.paths("node0").key.write_bytes(b"garbage")
        with pytest.raises(CertificateError):
            a.transport.reload_tls()
        assert await serial_number() == renewed


async def test_a_peer_held_back_waits_without_losing_link_or_order(
    consortium: Consortium,
) -> None:
    async with linked(consortium, 3, settings=SILENT_SOON) as (a, b, c):
        a.transport.hold_back(1, is_held=True)
        for number in range(100):
            b.transport.send(0, 1, b"%d" % number)
        c.transport.send(0, 1, b"not held")
        await until(lambda: bool(a.received), what="the other peer")
        # Longer than the silence that would end a link: heartbeats of the third are the clock.
        beats = a.transport.metrics.of(2).frames_in
        await until(lambda: a.transport.metrics.of(2).frames_in > beats + 20, what="20 beats")
        assert a.received == [(2, 1, b"not held")]
        a.transport.hold_back(1, is_held=False)
        await until(lambda: len(a.received) == 101, what="what was held back")
        assert [int(body) for _, _, body in a.received[1:]] == list(range(100))
        assert a.transport.metrics.of(1).links_silent == 0
        assert b.transport.metrics.of(0).links_silent == 0


async def test_each_end_learns_what_the_clock_of_the_other_shows(consortium: Consortium) -> None:
    a = make_node(0, consortium.issue(0), clock_ms=lambda: 1_000_000)
    b = make_node(1, consortium.issue(1), clock_ms=lambda: 1_240_000)
    async with running(a, b):
        introduce((a, b))
        await until(
            lambda: None not in (a.transport.clock_offset_ms(1), b.transport.clock_offset_ms(0)),
            what="a heartbeat each way",
        )
        assert a.transport.clock_offset_ms(1) == 240_000
        assert b.transport.clock_offset_ms(0) == -240_000
