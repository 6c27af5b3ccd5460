"""Frames on a peer link, sans-I/O: `[4-byte payload length][1-byte kind][payload]`, big-endian.

Kinds 0x00 … 0xEF belong to the application and are opaque here; the rest are the transport's
own. Which kinds may arrive, and how long each may be, is a table per phase and end of a link,
checked on the five header bytes, before a payload byte is stored. Not hashed or signed, so the
layout may change between releases (`handshake.PROTOCOL_VERSION` tells them apart).
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from chainnode.p2p.errors import FailureCode, InvalidFrame

APPLICATION_KIND_MAX: Final = 0xEF
HELLO: Final = 0xF0
REFUSAL: Final = 0xF1
HEARTBEAT: Final = 0xF2
REQUEST: Final = 0xF3
RESPONSE: Final = 0xF4
FAILURE: Final = 0xF5

_HEADER: Final = struct.Struct(">IB")
_REQUEST: Final = struct.Struct(">QB")  # correlation id, application kind
_RESPONSE: Final = struct.Struct(">Q")  # correlation id
_FAILURE: Final = struct.Struct(">QB")  # correlation id, failure code
_HEARTBEAT: Final = struct.Struct(">Q")  # the sender's wall clock, milliseconds
CORRELATION_MAX: Final = 2**64 - 1

# A batch is at most 2 MiB. A new view with 21 view changes of 32 prepared certificates of
# 20 signatures is 1.2 MiB. Twice the batch leaves room for both and is still no burden.
PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
# The largest frame there is, headers included: a request with the largest payload.
FRAME_BYTES_MAX: Final = _HEADER.size + _REQUEST.size + PAYLOAD_BYTES_MAX
# A hello is five short fields; nobody has proven anything yet when it arrives.
HANDSHAKE_BYTES_MAX: Final = 1024

# kind -> longest payload; a kind that is missing is refused.
FrameLimits = Mapping[int, int]

HANDSHAKE_FRAMES: Final[FrameLimits] = {HELLO: HANDSHAKE_BYTES_MAX, REFUSAL: HANDSHAKE_BYTES_MAX}
ACCEPTOR_FRAMES: Final[FrameLimits] = {
    **dict.fromkeys(range(APPLICATION_KIND_MAX + 1), PAYLOAD_BYTES_MAX),
    HEARTBEAT: _HEARTBEAT.size,
    REQUEST: _REQUEST.size + PAYLOAD_BYTES_MAX,
}
DIALLER_FRAMES: Final[FrameLimits] = {
    HEARTBEAT: _HEARTBEAT.size,
    RESPONSE: _RESPONSE.size + PAYLOAD_BYTES_MAX,
    FAILURE: _FAILURE.size,
}


class Frame(NamedTuple):
    """One frame, its kind allowed and its length within the table."""

    kind: int
    payload: bytes


class Request(NamedTuple):
    """The payload of a REQUEST frame."""

    correlation: int
    kind: int
    payload: bytes


class Response(NamedTuple):
    """The payload of a RESPONSE frame."""

    correlation: int
    payload: bytes


class Failure(NamedTuple):
    """The payload of a FAILURE frame."""

    correlation: int
    code: FailureCode


class FrameDecoder:
    """Cuts a byte stream into frames; holds at most one frame and what came with its end.

    `feed` then `next_frame` until it returns None. After an `InvalidFrame` the stream has no
    known boundary any more: the link must go.
    """

    def __init__(self, limits: FrameLimits) -> None:
        # May be exchanged between two frames, when the link leaves its handshake.
        self.limits = limits
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next whole frame, or None when more bytes are needed.

        Raises:
            InvalidFrame: a kind that may not come here, or longer than its kind may be.

        """
        body = self._start + _HEADER.size
        if len(self._buffer) < body:
            self._forget_read()
            return None
        length, kind = _HEADER.unpack_from(self._buffer, self._start)
        self._check(kind, length)
        end = body + length
        if len(self._buffer) < end:
            self._forget_read()
            return None
        with memoryview(self._buffer) as view:
            payload = bytes(view[body:end])
        self._start = end
        return Frame(kind, payload)

    def _check(self, kind: int, length: int) -> None:
        maximum = self.limits.get(kind)
        if maximum is None:
            raise InvalidFrame(
                what="frame kind", expected="one allowed on this link now", actual=f"0x{kind:02x}"
            )
        if length > maximum:
            raise InvalidFrame(
                what=f"payload of frame kind 0x{kind:02x}",
                expected=f"≤ {maximum} bytes",
                actual=f"{length}",
            )

    def _forget_read(self) -> None:
        del self._buffer[: self._start]
        self._start = 0


def frame_header(kind: int, payload_bytes: int) -> bytes:
    """Return the bytes that stand before a payload, which is sent without being copied."""
    return _HEADER.pack(payload_bytes, kind)


def encode_frame(kind: int, payload: bytes = b"") -> bytes:
    """Return a whole frame; for the short ones of the transport itself."""
    return frame_header(kind, len(payload)) + payload


def request_header(correlation: int, kind: int, payload_bytes: int) -> bytes:
    """Return the bytes before the payload of a request."""
    return frame_header(REQUEST, _REQUEST.size + payload_bytes) + _REQUEST.pack(correlation, kind)


def response_header(correlation: int, payload_bytes: int) -> bytes:
    """Return the bytes before the payload of a response."""
    header = frame_header(RESPONSE, _RESPONSE.size + payload_bytes)
    return header + _RESPONSE.pack(correlation)


def encode_failure(correlation: int, code: FailureCode) -> bytes:
    """Return the frame that says a request has no response."""
    return encode_frame(FAILURE, _FAILURE.pack(correlation, code.value))


def encode_heartbeat(clock_ms: int) -> bytes:
    """Return a sign of life that says what the sender's wall clock shows."""
    return encode_frame(HEARTBEAT, _HEARTBEAT.pack(clock_ms))


def decode_heartbeat(payload: bytes) -> int:
    """Return the wall clock of the peer in milliseconds; it may be any number.

    Raises:
        InvalidFrame: too short.

    """
    _check_size("heartbeat", payload, minimum=_HEARTBEAT.size)
    (clock_ms,) = _HEARTBEAT.unpack(payload)
    return int(clock_ms)


def decode_request(payload: bytes) -> Request:
    """Read the payload of a REQUEST frame.

    Raises:
        InvalidFrame: too short, or a kind that is the transport's own.

    """
    _check_size("request", payload, minimum=_REQUEST.size)
    correlation, kind = _REQUEST.unpack_from(payload)
    if kind > APPLICATION_KIND_MAX:
        raise InvalidFrame(
            what="request kind", expected=f"≤ 0x{APPLICATION_KIND_MAX:02x}", actual=f"0x{kind:02x}"
        )
    return Request(correlation, kind, payload[_REQUEST.size :])


def decode_response(payload: bytes) -> Response:
    """Read the payload of a RESPONSE frame.

    Raises:
        InvalidFrame: too short.

    """
    _check_size("response", payload, minimum=_RESPONSE.size)
    (correlation,) = _RESPONSE.unpack_from(payload)
    return Response(correlation, payload[_RESPONSE.size :])


def decode_failure(payload: bytes) -> Failure:
    """Read the payload of a FAILURE frame.

    Raises:
        InvalidFrame: another size, or a code that is not known here.

    """
    _check_size("failure", payload, minimum=_FAILURE.size)
    correlation, code = _FAILURE.unpack_from(payload)
    try:
        return Failure(correlation, FailureCode(code))
    except ValueError as error:
        raise InvalidFrame(
            what="failure code", expected="a known code", actual=f"{code}"
        ) from error


def _check_size(what: str, payload: bytes, *, minimum: int) -> None:
    if len(payload) < minimum:
        raise InvalidFrame(what=what, expected=f"≥ {minimum} bytes", actual=f"{len(payload)}")
