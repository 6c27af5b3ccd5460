"""State entries: where a contract keeps what, and the rows it keeps there (wire format §9).

A `Table` is one collection of one contract. Its keys and rows are encoded here, with the same
canonical MessagePack as everywhere; so a verifier can name and read a row without a contract.
"""

from typing import Generic, TypeVar

import msgspec

Part = str | bytes | int

_ENCODER = msgspec.msgpack.Encoder()


class InvalidRow(ValueError):
    """Bytes that are not a row of their table: corrupt, or not from this ledger."""


class Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """Base of the rows with named columns."""


RowT = TypeVar("RowT")


class Table(Generic[RowT]):
    """One collection of state entries `[contract, collection, part, …]` → row."""

    def __init__(self, contract: str, collection: str, row_type: type[RowT]) -> None:
        self.contract = contract
        self.collection = collection
        self._decoder = msgspec.msgpack.Decoder(row_type)

    def key(self, *parts: Part) -> bytes:
        """Return the canonical bytes of a state key."""
        return _ENCODER.encode((self.contract, self.collection, *parts))

    def encode(self, row: RowT) -> bytes:
        """Return the canonical bytes of a row."""
        return _ENCODER.encode(row)

    def decode(self, value: bytes) -> RowT:
        """Read a row.

        Raises:
            InvalidRow: another shape, or another encoding than the canonical one.

        """
        try:
            row = self._decoder.decode(value)
        except ValueError as error:
            raise InvalidRow(f"{self.contract}/{self.collection}: {error}") from error
        if _ENCODER.encode(row) != value:
            raise InvalidRow(f"{self.contract}/{self.collection}: expected canonical encoding")
        return row
