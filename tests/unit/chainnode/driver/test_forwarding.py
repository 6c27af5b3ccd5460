"""Submissions between nodes: to the primary at once, to all when it takes too long."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chainnode.codec import InvalidEncoding, encode
from chainnode.driver.forwarding import Forwarding
from chainnode.driver.kinds import FrameKind
from chainnode.driver.network import PeerNetwork, decode_forwarded
from chainnode.errors import StorageError
from chainnode.p2p import Transport
from chainnode.p2p.framing import PAYLOAD_BYTES_MAX
from consensus.codec import message_to_plain
from consensus.types import ReplicaId
from tests.builders import secret_key, submission_of
from tests.integration.p2p.harness import until
from tests.unit.chainnode.driver.fakes import status
from tests.unit.chainnode.driver.test_admission import Door


class NotedTransport(Transport):
    """Notes what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[int | None, int, bytes]] = []

    def send(self, peer: int, kind: int, payload: bytes) -> None:
        self.sent.append((peer, kind, payload))

    def broadcast(self, kind: int, payload: bytes) -> None:
        self.sent.append((None, kind, payload))


class Bench:
    """Forwarding between a real admission and links that lead nowhere."""

    def __init__(self) -> None:
        self.door = Door()
        self.transport = NotedTransport()
        self.primary: ReplicaId | None = ReplicaId(2)
        self.forwarding = Forwarding(
            network=PeerNetwork(self.transport), primary=lambda: self.primary, patience_s=0.01
        )

    def come(self, payload: bytes, *, peer: int = 1) -> None:
        self.forwarding.on_frame(self.door.admission, peer, payload)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.door.threads.shutdown()


def test_a_submission_goes_to_the_primary_and_nowhere_when_that_is_us(bench: Bench) -> None:
    bench.forwarding.forward([b"one"])
    bench.primary = None
    bench.forwarding.forward([b"two"])
    assert bench.transport.sent == [(2, FrameKind.SUBMISSIONS, encode((b"one",)))]


def test_consensus_messages_travel_in_their_wire_form(bench: Bench) -> None:
    network = PeerNetwork(bench.transport)
    network.send(ReplicaId(3), status())
    network.broadcast(status())
    payload = encode(message_to_plain(status()))
    assert bench.transport.sent == [
        (3, FrameKind.CONSENSUS, payload),
        (None, FrameKind.CONSENSUS, payload),
    ]


@pytest.mark.parametrize(
    "sizes", [[1] * 4097, [1_048_576] * 3, [1_572_864, 1_572_864], [2_097_152, 1, 1], []]
)
def test_frames_of_submissions_stay_under_every_limit_and_lose_nothing(
    bench: Bench, sizes: list[int]
) -> None:
    submissions = [bytes(size) for size in sizes]
    PeerNetwork(bench.transport).forward(submissions, to=None)
    frames = [payload for _, _, payload in bench.transport.sent]
    assert all(len(one) <= PAYLOAD_BYTES_MAX for one in frames)
    assert [one for frame in frames for one in decode_forwarded(frame)] == submissions


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", encode(1), encode((1,)), encode(("a",)), encode(((b"a",),))]
)
def test_a_frame_that_is_no_list_of_byte_strings_is_refused_and_counted(
    bench: Bench, payload: bytes
) -> None:
    with pytest.raises(InvalidEncoding):
        decode_forwarded(payload)
    bench.come(payload)
    assert bench.forwarding.refused == {"MALFORMED": 1}


def test_a_frame_with_one_submission_too_many_is_refused() -> None:
    assert len(decode_forwarded(encode((b"",) * 4096))) == 4096
    with pytest.raises(InvalidEncoding):
        decode_forwarded(encode((b"",) * 4097))


async def test_good_ones_of_a_frame_are_pooled_and_bad_ones_counted_by_code(bench: Bench) -> None:
    genesis = bench.door.genesis
    good = submission_of(genesis)
    stranger = submission_of(genesis, key=secret_key("intl", 9))
    expired = submission_of(genesis, valid_until_ms=1, nonce=1)
    bench.come(encode((b"junk", stranger.encoded, good.encoded, expired.encoded)))
    await until(lambda: bench.forwarding.refused.total() == 3, what="all looked at")

    assert bench.forwarding.refused == {"MALFORMED": 1, "UNKNOWN_KEY": 1, "EXPIRED": 1}
    assert good.digest in bench.door.pool
    assert bench.transport.sent == []


async def test_a_peer_may_have_so_many_submissions_waiting_and_no_more(bench: Bench) -> None:
    frame = encode((b"x",) * 4096)
    for _ in range(3):
        bench.come(frame)
    assert bench.forwarding.refused == {"OVER_BUDGET": 4096}
    bench.come(encode((b"y",)), peer=2)
    assert bench.forwarding.refused == {"OVER_BUDGET": 4096}

    await until(lambda: bench.forwarding.refused["MALFORMED"] == 8193, what="all looked at")
    await until(lambda: bench.forwarding.held(1) == 0, what="the budget free again")
    bench.come(frame)
    assert bench.forwarding.refused["OVER_BUDGET"] == 4096
    await until(lambda: bench.forwarding.refused["MALFORMED"] == 12_289, what="the rest")


async def test_a_peer_may_have_so_many_bytes_waiting_and_no_more(bench: Bench) -> None:
    frame = encode((bytes(3 * 1024 * 1024),))
    for _ in range(6):
        bench.come(frame)
    assert bench.forwarding.refused == {"OVER_BUDGET": 1}
    await until(lambda: bench.forwarding.refused["OVERSIZE"] == 5, what="all looked at")
    await until(lambda: bench.forwarding.held(1) == 0, what="the budget free again")
    bench.come(frame)
    await until(lambda: bench.forwarding.refused["OVERSIZE"] == 6, what="one more")


async def test_a_fault_of_our_own_frees_the_budget_and_is_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: bytes) -> bool:
        raise StorageError("disk")

    monkeypatch.setattr(bench.door.registry, "is_key_registered", fail)
    bench.come(encode((submission_of(bench.door.genesis).encoded,) * 4096))
    await until(lambda: bench.forwarding.refused["FAILED"] == 1, what="the fault")
    bench.come(encode((b"x",) * 4096))
    bench.come(encode((b"x",) * 4096))
    assert "OVER_BUDGET" not in bench.forwarding.refused
    await until(lambda: bench.forwarding.refused["MALFORMED"] == 8192, what="the rest")


async def test_what_waits_longer_than_the_patience_is_shown_to_all_until_it_is_final(
    bench: Bench,
) -> None:
    submission = submission_of(bench.door.genesis)
    await bench.door.admission.admit_own(submission.encoded)
    showing = asyncio.create_task(bench.forwarding.keep_showing(bench.door.admission))
    await until(lambda: len(bench.transport.sent) >= 2, what="shown twice")
    bench.door.admission.forget([submission.digest])
    bench.door.pool.remove([submission.digest])
    shown = len(bench.transport.sent)
    second = submission_of(bench.door.genesis, nonce=1)
    await bench.door.admission.admit_own(second.encoded)
    await until(lambda: len(bench.transport.sent) > shown, what="the second one shown")
    showing.cancel()

    assert bench.transport.sent[0] == (
        None,
        FrameKind.SUBMISSIONS,
        encode((submission.encoded,)),
    )
    assert bench.transport.sent[-1][2] == encode((second.encoded,))


async def test_what_a_peer_kept_from_the_primary_reaches_it_from_us(bench: Bench) -> None:
    submission = submission_of(bench.door.genesis)
    bench.come(encode((submission.encoded,)))
    showing = asyncio.create_task(bench.forwarding.keep_showing(bench.door.admission))
    await until(lambda: len(bench.transport.sent) >= 1, what="passed on")
    showing.cancel()

    assert bench.transport.sent[0] == (2, FrameKind.SUBMISSIONS, encode((submission.encoded,)))
