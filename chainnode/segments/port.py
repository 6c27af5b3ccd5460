"""What a log asks of whoever knows its records, and how far it reaches."""

from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from chainnode.segments.frames import CHAIN_START

R = TypeVar("R")


class RecordCodec(Protocol[R]):
    """Bytes of a record; the log does not know what it says."""

    def encode(self, record: R) -> bytes:
        """Return the payload of `record`."""
        ...

    def decode(self, payload: bytes) -> R:
        """Read a payload.

        Raises:
            InvalidInput: it is no record.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a log reaches: segment, bytes of it, and the hash of the last frame."""

    segment: int
    length: int
    chain: bytes


# Before the first segment there is nothing.
NOWHERE: Final = Position(segment=0, length=0, chain=CHAIN_START)
