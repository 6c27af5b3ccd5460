"""Heads of MessagePack values, read without recursion, to say what is wrong with a public part.

Belongs to the refusal path alone: what is well-formed is decoded by `shape`. The outcome must
be equal on every machine, so nothing here depends on a library's words or on stack depth.
"""

from dataclasses import dataclass
from enum import IntEnum


class WireType(IntEnum):
    """Type of a value on the wire; these numbers stand in the details of `WRONG_TYPE`."""

    INTEGER = 0
    BYTES = 1
    TEXT = 2
    ARRAY = 3
    OTHER = 4


@dataclass(frozen=True, slots=True)
class Head:
    """Type of a value; `value` is the integer, or the length; `start` is where content begins."""

    wire_type: WireType
    value: int
    start: int


# First byte: (type, bytes of the integer or length that follows).
_SIZED = {
    0xC4: (WireType.BYTES, 1),
    0xC5: (WireType.BYTES, 2),
    0xC6: (WireType.BYTES, 4),
    0xCC: (WireType.INTEGER, 1),
    0xCD: (WireType.INTEGER, 2),
    0xCE: (WireType.INTEGER, 4),
    0xCF: (WireType.INTEGER, 8),
    0xD9: (WireType.TEXT, 1),
    0xDA: (WireType.TEXT, 2),
    0xDB: (WireType.TEXT, 4),
    0xDC: (WireType.ARRAY, 2),
    0xDD: (WireType.ARRAY, 4),
}
# First byte: (first of the range, last, type); the value is the distance from the first.
_SHORT = (
    (0x00, 0x7F, WireType.INTEGER),
    (0x90, 0x9F, WireType.ARRAY),
    (0xA0, 0xBF, WireType.TEXT),
)


def read_head(data: bytes, offset: int) -> Head | None:
    """Read the head at `offset`; None when the data ends within it."""
    if offset >= len(data):
        return None
    first = data[offset]
    for low, high, wire_type in _SHORT:
        if low <= first <= high:
            return Head(wire_type, first - low, offset + 1)
    wire_type, size = _SIZED.get(first, (WireType.OTHER, 0))
    start = offset + 1 + size
    if start > len(data):
        return None
    return Head(wire_type, int.from_bytes(data[offset + 1 : start]), start)
