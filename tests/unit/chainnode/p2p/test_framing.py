"""Frames: any bytes in any pieces give the same frames or the room's one error."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.p2p.errors import FailureCode, InvalidFrame
from chainnode.p2p.framing import (
    ACCEPTOR_FRAMES,
    APPLICATION_KIND_MAX,
    CORRELATION_MAX,
    DIALLER_FRAMES,
    FAILURE,
    FRAME_BYTES_MAX,
    HANDSHAKE_BYTES_MAX,
    HANDSHAKE_FRAMES,
    HEARTBEAT,
    HELLO,
    PAYLOAD_BYTES_MAX,
    REFUSAL,
    REQUEST,
    RESPONSE,
    Failure,
    Frame,
    FrameDecoder,
    FrameLimits,
    Request,
    Response,
    decode_failure,
    decode_request,
    decode_response,
    encode_failure,
    encode_frame,
    frame_header,
    request_header,
    response_header,
)

TABLES = (HANDSHAKE_FRAMES, ACCEPTOR_FRAMES, DIALLER_FRAMES)
BATCH_BYTES_MAX = 2 * 1024 * 1024


def frames_of(pieces: Sequence[bytes], limits: FrameLimits) -> tuple[list[Frame], str]:
    """Return the frames and the sentence of the error that ended the stream, if any."""
    decoder = FrameDecoder(limits)
    frames = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (frame := decoder.next_frame()) is not None:
                frames.append(frame)
    except InvalidFrame as error:
        return frames, str(error)
    return frames, ""


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(
    st.lists(st.tuples(st.integers(0, APPLICATION_KIND_MAX), st.binary(max_size=300))),
    st.lists(st.integers(0, 10_000)),
)
def test_frames_survive_any_cut_of_the_stream(
    frames: list[tuple[int, bytes]], places: list[int]
) -> None:
    stream = b"".join(encode_frame(kind, payload) for kind, payload in frames)
    assert frames_of(cut(stream, places), ACCEPTOR_FRAMES) == ([Frame(*one) for one in frames], "")


@given(st.binary(max_size=400), st.lists(st.integers(0, 400)), st.sampled_from(TABLES))
def test_random_bytes_give_frames_or_the_typed_error_however_they_are_cut(
    data: bytes, places: list[int], limits: FrameLimits
) -> None:
    assert frames_of(cut(data, places), limits) == frames_of([data], limits)


@pytest.mark.parametrize(
    ("limits", "kind", "maximum"),
    [
        (ACCEPTOR_FRAMES, 0, PAYLOAD_BYTES_MAX),
        (ACCEPTOR_FRAMES, APPLICATION_KIND_MAX, PAYLOAD_BYTES_MAX),
        (ACCEPTOR_FRAMES, REQUEST, PAYLOAD_BYTES_MAX + 9),
        (ACCEPTOR_FRAMES, HEARTBEAT, 8),
        (DIALLER_FRAMES, RESPONSE, PAYLOAD_BYTES_MAX + 8),
        (DIALLER_FRAMES, FAILURE, 9),
        (HANDSHAKE_FRAMES, HELLO, HANDSHAKE_BYTES_MAX),
        (HANDSHAKE_FRAMES, REFUSAL, HANDSHAKE_BYTES_MAX),
    ],
)
def test_each_kind_is_taken_at_its_limit_and_refused_one_byte_over(
    limits: FrameLimits, kind: int, maximum: int
) -> None:
    payload = bytes(maximum)
    assert frames_of([encode_frame(kind, payload)], limits) == ([Frame(kind, payload)], "")
    # One over: refused on the header alone, before a byte of it is stored.
    frames, error = frames_of([frame_header(kind, maximum + 1)], limits)
    assert frames == []
    assert error == (
        f"payload of frame kind 0x{kind:02x}: expected ≤ {maximum} bytes, got {maximum + 1}"
    )


def test_the_largest_frame_holds_a_full_batch_and_its_certificates() -> None:
    assert len(request_header(0, 0, 0)) + PAYLOAD_BYTES_MAX == FRAME_BYTES_MAX
    assert PAYLOAD_BYTES_MAX >= 2 * BATCH_BYTES_MAX


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (HANDSHAKE_FRAMES, 0),
        (HANDSHAKE_FRAMES, REQUEST),
        (HANDSHAKE_FRAMES, HEARTBEAT),
        (ACCEPTOR_FRAMES, HELLO),
        (ACCEPTOR_FRAMES, REFUSAL),
        (ACCEPTOR_FRAMES, RESPONSE),
        (ACCEPTOR_FRAMES, FAILURE),
        (DIALLER_FRAMES, 0),
        (DIALLER_FRAMES, APPLICATION_KIND_MAX),
        (DIALLER_FRAMES, REQUEST),
        (DIALLER_FRAMES, HELLO),
        *((limits, 0xFF) for limits in TABLES),
    ],
)
def test_a_kind_that_does_not_belong_on_this_end_in_this_phase_is_refused(
    limits: FrameLimits, kind: int
) -> None:
    _, error = frames_of([encode_frame(kind)], limits)
    assert error == f"frame kind: expected one allowed on this link now, got 0x{kind:02x}"


def test_limits_may_change_between_two_frames_of_one_piece() -> None:
    decoder = FrameDecoder(HANDSHAKE_FRAMES)
    decoder.feed(encode_frame(HELLO, b"h") + encode_frame(7, b"m"))
    assert decoder.next_frame() == Frame(HELLO, b"h")
    decoder.limits = ACCEPTOR_FRAMES
    assert decoder.next_frame() == Frame(7, b"m")


@given(st.integers(0, CORRELATION_MAX), st.integers(0, APPLICATION_KIND_MAX), st.binary())
def test_requests_and_responses_come_back_as_they_were(
    correlation: int, kind: int, payload: bytes
) -> None:
    request = request_header(correlation, kind, len(payload)) + payload
    [frame], _ = frames_of([request], ACCEPTOR_FRAMES)
    assert decode_request(frame.payload) == Request(correlation, kind, payload)
    response = response_header(correlation, len(payload)) + payload
    [frame], _ = frames_of([response], DIALLER_FRAMES)
    assert decode_response(frame.payload) == Response(correlation, payload)


@pytest.mark.parametrize("code", list(FailureCode))
def test_failures_come_back_as_they_were(code: FailureCode) -> None:
    [frame], _ = frames_of([encode_failure(5, code)], DIALLER_FRAMES)
    assert decode_failure(frame.payload) == Failure(5, code)


@pytest.mark.parametrize(
    ("decode", "payload", "sentence"),
    [
        (decode_request, bytes(8), "request: expected ≥ 9 bytes, got 8"),
        (decode_request, bytes(8) + b"\xf0", "request kind: expected ≤ 0xef, got 0xf0"),
        (decode_response, bytes(7), "response: expected ≥ 8 bytes, got 7"),
        (decode_failure, bytes(8), "failure: expected ≥ 9 bytes, got 8"),
        (decode_failure, bytes(9), "failure code: expected a known code, got 0"),
    ],
)
def test_malformed_requests_and_answers_are_refused(
    decode: Callable[[bytes], object], payload: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidFrame) as caught:
        decode(payload)
    assert str(caught.value) == sentence


@given(st.binary(max_size=40))
def test_random_payloads_raise_nothing_but_the_typed_error(payload: bytes) -> None:
    for decode in (decode_request, decode_response, decode_failure):
        with suppress(InvalidFrame):
            decode(payload)
