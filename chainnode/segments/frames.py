"""The frames of a segment: pure bytes in, frames out.

A frame is `length (4) ‖ hash of the previous frame (32) ‖ CRC32C of the payload (4) ‖ CRC32C of
these 40 bytes (4) ‖ payload`, big-endian. Its own SHA-256 is what the next one carries: SHA-256
on every chain, because these files are local, are no evidence, and stand on the way of every vote.

Torn or corrupt (checklist G5): a frame that the file ends inside of, or that runs into zeros
reaching to the end of the file, was being written when the machine stopped. A frame of full
length with a wrong checksum had been written and has changed. The header's own checksum is
what tells a changed length from a missing end.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import google_crc32c

from chainnode.errors import InvariantBroken

CHAIN_BYTES: Final = 32
CHAIN_START: Final = bytes(CHAIN_BYTES)
# A batch of 2 MiB, or a NEW-VIEW of 31 replicas with full windows, with room to spare.
PAYLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
# Zeros come from sectors that were allocated and never written.
_SECTOR_BYTES: Final = 512
_COVERED: Final = struct.Struct(">I32sI")
_CHECKSUM: Final = struct.Struct(">I")
HEADER_BYTES: Final = _COVERED.size + _CHECKSUM.size


class BrokenFrame(ValueError):
    """A frame that was complete once and is not what was written."""

    def __init__(self, *, at: int, expected: str, actual: str) -> None:
        self.at = at
        self.expected = expected
        self.actual = actual
        super().__init__(f"at {at}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One payload; `end` is where the next frame starts, `chain` what it must carry."""

    payload: bytes
    end: int
    chain: bytes


def encode_frame(payload: bytes, *, previous: bytes) -> tuple[bytes, bytes]:
    """Return the frame and its hash.

    Raises:
        InvariantBroken: a payload that `read_frames` would refuse.

    """
    if not 1 <= len(payload) <= PAYLOAD_BYTES_MAX:
        raise InvariantBroken(
            f"segment: expected a payload of 1 … {PAYLOAD_BYTES_MAX} bytes, got {len(payload)}"
        )
    covered = _COVERED.pack(len(payload), previous, google_crc32c.value(payload))
    frame = covered + _CHECKSUM.pack(google_crc32c.value(covered)) + payload
    return frame, hashlib.sha256(frame).digest()


def read_frames(data: bytes) -> Iterator[Frame]:
    """Yield the frames up to the end of the file or to a torn one.

    The `end` of the last frame is where a torn tail is to be cut.

    Raises:
        BrokenFrame: at the first frame that has changed.

    """
    written = len(data.rstrip(b"\0"))
    at, previous = 0, CHAIN_START
    while (frame := _read_frame(data, at, previous, written=written)) is not None:
        yield frame
        at, previous = frame.end, frame.chain


def _read_frame(data: bytes, at: int, previous: bytes, *, written: int) -> Frame | None:
    """Return the frame at `at`, None when it is torn; zeros only stand from `written` on."""
    start = at + HEADER_BYTES
    if start > len(data):
        return None
    length, carried, payload_crc = _COVERED.unpack_from(data, at)
    (header_crc,) = _CHECKSUM.unpack_from(data, at + _COVERED.size)
    if google_crc32c.value(data[at : at + _COVERED.size]) != header_crc:
        _require_torn(at, start, written=written, what="a header with its checksum")
        return None
    if carried != previous:
        raise BrokenFrame(at=at, expected="the hash of the frame before", actual="another one")
    if not 1 <= length <= PAYLOAD_BYTES_MAX:
        raise BrokenFrame(at=at, expected=f"1 … {PAYLOAD_BYTES_MAX} bytes", actual=f"{length}")
    end = start + length
    if end > len(data):
        return None
    payload = data[start:end]
    if google_crc32c.value(payload) != payload_crc:
        _require_torn(at, end, written=written, what="a payload with its checksum")
        return None
    return Frame(payload=payload, end=end, chain=hashlib.sha256(data[at:end]).digest())


def _require_torn(at: int, end: int, *, written: int, what: str) -> None:
    """Accept the bytes at … end as torn if zeros to the end of the file start in one sector."""
    zeros = -(-written // _SECTOR_BYTES) * _SECTOR_BYTES
    if zeros >= end and written > at:
        raise BrokenFrame(at=at, expected=what, actual="another checksum")
