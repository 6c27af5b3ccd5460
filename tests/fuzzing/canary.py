"""A fault that is known to be there: a fuzzer that does not find it looks at nothing.

The decoder below forgets the bound of a count that stands behind four checks; only a search that
follows coverage gets through them in a few seconds.
"""

from collections.abc import Iterator

_MAGIC = b"kun"
_ROOM = 8


def decode(data: bytes) -> bytes:
    """Return the digest that a count points at; refuses with ValueError, but for one case."""
    if len(data) < len(_MAGIC) + 2:
        raise ValueError("too short")
    for at, byte in enumerate(_MAGIC):
        if data[at] != byte:
            raise ValueError("another magic")
    kind, count = data[len(_MAGIC)], data[len(_MAGIC) + 1]
    if kind == 0x7F:
        digests = [bytes(32)] * _ROOM
        return digests[count]
    raise ValueError("another kind")


def run(data: bytes) -> None:
    """Fuzz the decoder: IndexError is the fault."""
    try:
        decode(data)
    except ValueError:
        return


def seeds() -> Iterator[bytes]:
    """Begin with nothing that helps."""
    yield bytes(8)
