"""The hello: what fits opens a link, everything else is refused with both sides' values."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import Plain, encode
from chainnode.p2p.errors import HandshakeRefused, InvalidFrame, RefusalReason
from chainnode.p2p.framing import (
    HANDSHAKE_FRAMES,
    HEARTBEAT,
    HELLO,
    REFUSAL,
    Frame,
    FrameDecoder,
    encode_frame,
)
from chainnode.p2p.handshake import (
    PROTOCOL_VERSION,
    Handshake,
    Hello,
    decode_hello,
    decode_refusal,
    encode_hello,
    encode_refusal,
)

CHAIN_ID = bytes(range(32))
OTHER_CHAIN_ID = bytes(32)


def hello(replica_id: int, *, chain_id: bytes = CHAIN_ID, software: str = "0.1.0") -> Hello:
    return Hello(chain_id=chain_id, replica_id=replica_id, software_version=software)


def frame_of(data: bytes) -> Frame:
    decoder = FrameDecoder(HANDSHAKE_FRAMES)
    decoder.feed(data)
    frame = decoder.next_frame()
    assert frame is not None
    return frame


def hello_frame(*fields: Plain) -> Frame:
    return Frame(HELLO, encode(tuple(fields)))


def acceptor(own: Hello, certified: int) -> Handshake:
    handshake = Handshake(own=own, dialled=None, members=(0, 1, 2, 3))
    assert handshake.begin(certified) == b""
    return handshake


def dialler(own: Hello, *, dialled: int, certified: int) -> Handshake:
    handshake = Handshake(own=own, dialled=dialled, members=(dialled,))
    assert handshake.begin(certified) == encode_hello(own)
    return handshake


def test_two_nodes_of_one_chain_open_a_link() -> None:
    dialling = dialler(hello(0), dialled=1, certified=1)
    accepting = acceptor(hello(1), certified=0)
    answer = accepting.on_frame(frame_of(encode_hello(hello(0))))
    assert accepting.peer == hello(0)
    assert dialling.on_frame(frame_of(answer)) == b""
    assert dialling.peer == hello(1)


@pytest.mark.parametrize(
    ("theirs", "certified", "reason", "expected", "actual"),
    [
        (
            hello(2, chain_id=OTHER_CHAIN_ID),
            2,
            RefusalReason.CHAIN_ID,
            CHAIN_ID.hex(),
            OTHER_CHAIN_ID.hex(),
        ),
        (hello(2), 3, RefusalReason.CERTIFIED_ID, "3", "2"),
        (hello(1), 1, RefusalReason.OWN_ID, "a replica other than 1", "1"),
        (hello(4), 4, RefusalReason.UNKNOWN_REPLICA, "a configured peer", "4"),
    ],
)
def test_an_acceptor_refuses_a_hello_that_does_not_fit_and_says_why_to_both(
    theirs: Hello, certified: int, reason: RefusalReason, expected: str, actual: str
) -> None:
    accepting = acceptor(hello(1), certified)
    with pytest.raises(HandshakeRefused) as caught:
        accepting.on_frame(frame_of(encode_hello(theirs)))
    refusal = caught.value
    assert (refusal.reason, refusal.expected, refusal.actual) == (reason, expected, actual)
    assert accepting.peer is None

    dialling = dialler(theirs, dialled=1, certified=1)
    with pytest.raises(HandshakeRefused) as told:
        dialling.on_frame(frame_of(accepting.refusal_to_send(refusal)))
    assert str(told.value) == str(refusal).replace("this node", "the peer")
    assert told.value.by_peer
    assert dialling.peer is None


def test_another_protocol_version_is_refused_whatever_else_its_hello_holds() -> None:
    for fields in ((CHAIN_ID, 0, "0.1.0"), (), ("from", "the", "future")):
        with pytest.raises(HandshakeRefused) as caught:
            decode_hello(hello_frame("kun.hello", PROTOCOL_VERSION + 1, *fields))
        assert str(caught.value) == "this node refused: protocol_version: expected 3, got 4"


def test_a_dialler_refuses_another_replica_than_it_dialled() -> None:
    dialling = Handshake(own=hello(0), dialled=1, members=(1,))
    with pytest.raises(HandshakeRefused) as caught:
        dialling.begin(2)
    assert caught.value.reason is RefusalReason.DIALLED_ID
    assert (caught.value.expected, caught.value.actual) == ("1", "2")
    assert dialling.refusal_to_send(caught.value) == b""


def test_a_dialler_refuses_a_hello_that_its_certificate_does_not_bear_out() -> None:
    for theirs, reason in (
        (hello(2), RefusalReason.CERTIFIED_ID),
        (hello(1, chain_id=OTHER_CHAIN_ID), RefusalReason.CHAIN_ID),
    ):
        dialling = dialler(hello(0), dialled=1, certified=1)
        with pytest.raises(HandshakeRefused) as caught:
            dialling.on_frame(frame_of(encode_hello(theirs)))
        assert caught.value.reason is reason


def test_an_acceptor_does_not_take_a_refusal_for_a_hello() -> None:
    refusal = HandshakeRefused(reason=RefusalReason.CHAIN_ID, expected="a", actual="b")
    with pytest.raises(InvalidFrame):
        acceptor(hello(1), certified=0).on_frame(frame_of(encode_refusal(refusal)))


@pytest.mark.parametrize(
    "frame",
    [
        Frame(HEARTBEAT, b""),
        Frame(HELLO, b""),
        Frame(HELLO, b"\xc1"),
        Frame(HELLO, bytes(1025)),
        hello_frame(),
        hello_frame("kun.hello"),
        hello_frame("kun.other", 1, CHAIN_ID, 0, "0.1.0"),
        hello_frame("kun.hello", "1", CHAIN_ID, 0, "0.1.0"),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0, "0.1.0", 0),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID[:31], 0, "0.1.0"),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID + b"\x00", 0, "0.1.0"),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, "0", "0.1.0"),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0, ""),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0, "a" * 65),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0, "two\nlines"),
        hello_frame("kun.hello", PROTOCOL_VERSION, CHAIN_ID, 0, (1,)),
    ],
)
def test_a_malformed_hello_is_refused(frame: Frame) -> None:
    with pytest.raises(InvalidFrame):
        decode_hello(frame)


@pytest.mark.parametrize(
    "fields",
    [
        ("kun.refusal", "chain_id", "a"),
        ("kun.refusal", "of no known reason", "a", "b"),
        ("kun.other", "chain_id", "a", "b"),
        ("kun.refusal", "chain_id", "a" * 161, "b"),
        ("kun.refusal", "chain_id", "a", "line\nforged log line"),
        ("kun.refusal", "chain_id", 1, "b"),
    ],
)
def test_a_malformed_refusal_is_refused(fields: tuple[Plain, ...]) -> None:
    with pytest.raises(InvalidFrame):
        decode_refusal(Frame(REFUSAL, encode(fields)))


@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_a_hello_comes_back_as_it_was(replica_id: int, chain_id: bytes) -> None:
    sent = hello(replica_id, chain_id=chain_id)
    assert decode_hello(frame_of(encode_hello(sent))) == sent


@given(st.binary(max_size=200))
@pytest.mark.parametrize("decode", [decode_hello, decode_refusal])
def test_random_bytes_raise_nothing_but_typed_errors(
    decode: Callable[[Frame], object], data: bytes
) -> None:
    for kind in (HELLO, REFUSAL):
        with pytest.raises((InvalidFrame, HandshakeRefused)):
            decode(Frame(kind, data))


@given(st.data())
def test_a_hello_with_one_changed_byte_never_passes_for_the_same(data: st.DataObject) -> None:
    frame = frame_of(encode_hello(hello(2)))
    at = data.draw(st.integers(0, len(frame.payload) - 1))
    changed = bytearray(frame.payload)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        theirs = decode_hello(Frame(HELLO, bytes(changed)))
    except (InvalidFrame, HandshakeRefused):
        return
    assert theirs != hello(2)


def test_own_values_that_no_peer_would_accept_are_refused_at_once() -> None:
    with pytest.raises(InvalidFrame, match="chain id of a hello: expected 32 bytes, got 31"):
        hello(0, chain_id=bytes(31))
    with pytest.raises(InvalidFrame, match="software version"):
        hello(0, software="0.1 beta")


def test_hello_frames_are_far_below_the_limit_of_unproven_frames() -> None:
    largest = encode_hello(hello(2**53 - 1, software="v" * 64))
    assert len(largest) < 256
    assert len(encode_frame(HELLO)) == 5
