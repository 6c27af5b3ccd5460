"""What the log asks of whoever knows what a vote is."""

from typing import Protocol, TypeVar

R = TypeVar("R")


class RecordCodec(Protocol[R]):
    """Bytes of a record; the log does not know what a vote is."""

    def encode(self, record: R) -> bytes:
        """Return the payload of `record`."""
        ...

    def decode(self, payload: bytes) -> R:
        """Read a payload.

        Raises:
            InvalidInput: it is no record.

        """
        ...
