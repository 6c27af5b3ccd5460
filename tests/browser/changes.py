"""Seeded random changes of values and bytes, for mutants that two verifiers must judge alike."""

import random

from chainnode.codec import Plain

# Code points that a text may hold in UTF-8.
SCALARS = [*range(0xD800), *range(0xE000, 0x110000)]


def changed_value(value: Plain, rng: random.Random) -> Plain:
    """Return the value with one small change somewhere in it."""
    if isinstance(value, tuple) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        return (*value[:at], changed_value(value[at], rng), *value[at + 1 :])
    return rng.choice(neighbours(value, rng))


def neighbours(value: Plain, rng: random.Random) -> list[Plain]:
    """Return values near this one, and some of other types."""
    match value:
        case tuple():
            return [(*value, 0), value[:-1], value[::-1], ()]
        case int():
            near = (value + 1, abs(value - 1), value ^ 1 << rng.randrange(20), 0, 2**53 - 1)
            return [*(min(one, 2**53 - 1) for one in near), b"", "x", ()]
        case bytes():
            flipped = bytearray(value or b"\x00")
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
            return [*[bytes(flipped)] * 6, value + b"\x00", value[1:], b"", 7]
        case _:
            character = chr(rng.choice(SCALARS))
            return [str(value) + character, character, "", str(value)[1:], 7]


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one of them changed, gone or added, or cut off."""
    at = rng.randrange(len(data) + 1)
    one = bytes([rng.randrange(256)])
    return rng.choice(
        [data[:at] + one + data[at + 1 :]] * 5
        + [data[:at] + one + data[at:], data[:at] + data[at + 1 :], data[:at]]
    )
