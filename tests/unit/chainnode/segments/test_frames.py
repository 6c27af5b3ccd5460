"""Frames: every cut is torn, every change is found, and neither is taken for the other."""

import itertools
import struct

import google_crc32c
import pytest

from chainnode.errors import InvariantBroken
from chainnode.segments.frames import (
    CHAIN_START,
    HEADER_BYTES,
    PAYLOAD_BYTES_MAX,
    BrokenFrame,
    encode_frame,
    read_frames,
)

PAYLOADS = (b"first", b"second" * 100, b"\x00\x01", b"last")


def chained(*payloads: bytes) -> bytes:
    """Return the frames of `payloads`, one after another."""
    data, chain = b"", CHAIN_START
    for payload in payloads:
        frame, chain = encode_frame(payload, previous=chain)
        data += frame
    return data


def payloads_of(data: bytes) -> tuple[bytes, ...]:
    """Read all frames."""
    return tuple(frame.payload for frame in read_frames(data))


def header(length: int, previous: bytes = CHAIN_START, payload: bytes = b"") -> bytes:
    """Return a header with good checksums and any length."""
    covered = struct.pack(">I32sI", length, previous, google_crc32c.value(payload))
    return covered + struct.pack(">I", google_crc32c.value(covered))


DATA = chained(*PAYLOADS)


def test_what_was_written_is_read_and_ends_where_the_file_ends() -> None:
    frames = list(read_frames(DATA))
    assert tuple(frame.payload for frame in frames) == PAYLOADS
    assert frames[-1].end == len(DATA)
    assert frames[-1].chain == encode_frame(PAYLOADS[-1], previous=frames[-2].chain)[1]
    assert payloads_of(b"") == ()


def test_a_file_cut_anywhere_gives_the_frames_before_the_cut() -> None:
    ends = [frame.end for frame in read_frames(DATA)]
    for cut in range(len(DATA) + 1):
        assert payloads_of(DATA[:cut]) == PAYLOADS[: sum(end <= cut for end in ends)]


@pytest.mark.parametrize("zeros", [1, 7, 43, 44, 45, 511, 512, 5000])
def test_zeros_after_the_last_frame_are_torn(zeros: int) -> None:
    assert payloads_of(DATA + bytes(zeros)) == PAYLOADS


def test_a_last_frame_whose_end_was_never_written_is_torn() -> None:
    long = chained(*PAYLOADS, b"x" * 3000)
    for sector in range(-(-len(DATA) // 512) * 512, len(long), 512):
        holed = long[:sector] + bytes(len(long) - sector)
        assert payloads_of(holed) == PAYLOADS
        assert payloads_of(holed + bytes(4096)) == PAYLOADS


def test_a_changed_bit_anywhere_is_corruption_also_in_the_last_frame() -> None:
    for place in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(BrokenFrame):
            payloads_of(bytes(damaged))


def test_a_changed_length_is_corruption_and_not_a_missing_end() -> None:
    for length in (0, 1, 4, 6, 2**31, 2**32 - 1):
        damaged = length.to_bytes(4) + DATA[4:]
        with pytest.raises(BrokenFrame, match="header"):
            payloads_of(damaged)


def test_zeros_inside_the_file_are_corruption_when_something_follows() -> None:
    long = chained(b"x" * 3000, b"after")
    with pytest.raises(BrokenFrame):
        payloads_of(long[:1024] + bytes(512) + long[1536:])


@pytest.mark.parametrize(
    "order",
    [(1, 0, 2, 3), (0, 2, 3), (0, 1, 1, 2, 3), (1, 2, 3), (0, 0)],
    ids=["swapped", "left out", "twice", "without the first", "the first again"],
)
def test_frames_in_another_order_are_corruption(order: tuple[int, ...]) -> None:
    ends = [0, *(frame.end for frame in read_frames(DATA))]
    parts = [DATA[start:end] for start, end in itertools.pairwise(ends)]
    with pytest.raises(BrokenFrame, match="the frame before"):
        payloads_of(b"".join(parts[number] for number in order))


def test_a_frame_of_another_log_is_corruption() -> None:
    other = chained(b"other", b"another")
    start = next(read_frames(other)).end
    with pytest.raises(BrokenFrame, match="the frame before"):
        payloads_of(DATA + other[start:])


@pytest.mark.parametrize("length", [0, PAYLOAD_BYTES_MAX + 1])
def test_a_well_formed_header_with_an_impossible_length_is_corruption(length: int) -> None:
    with pytest.raises(BrokenFrame, match="bytes"):
        payloads_of(header(length) + b"payload")


def test_a_header_of_the_largest_length_is_only_torn() -> None:
    assert payloads_of(header(PAYLOAD_BYTES_MAX)) == ()
    assert len(header(1)) == HEADER_BYTES


@pytest.mark.parametrize("size", [0, PAYLOAD_BYTES_MAX + 1])
def test_a_payload_that_no_reader_takes_is_never_written(size: int) -> None:
    with pytest.raises(InvariantBroken, match=f"got {size}"):
        encode_frame(bytes(size), previous=CHAIN_START)
