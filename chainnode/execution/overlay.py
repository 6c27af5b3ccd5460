"""State while a block executes: what calls have put lies over what the ledger holds.

Each call writes into a layer of its own, which is kept when the call is accepted and dropped
when it is refused: a refused call leaves no change.
"""

from collections.abc import Callable
from typing import TypeVar

from chainnode.errors import InvariantBroken
from contracts.schemas.state import Part, Table

RowT = TypeVar("RowT")
ValueReader = Callable[[bytes], bytes | None]


class Overlay:
    """Two layers over the ledger's state: of the block so far, and of the call underway."""

    __slots__ = ("_call", "_read", "changes")

    def __init__(self, read: ValueReader) -> None:
        self._read = read
        # None: deleted.
        self._call: dict[bytes, bytes | None] = {}
        # Values that the accepted calls of the block have put, by encoded key; None: deleted.
        self.changes: dict[bytes, bytes | None] = {}

    def value(self, key: bytes) -> bytes | None:
        """Return the newest value under a key."""
        for layer in (self._call, self.changes):
            if key in layer:
                return layer[key]
        return self._read(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value for the call underway; None deletes."""
        self._call[key] = value

    def keep(self) -> None:
        """Accept what the call underway has put."""
        self.changes.update(self._call)
        self._call.clear()

    def drop(self) -> None:
        """Forget what the call underway has put."""
        self._call.clear()


class ContractState:
    """The overlay as one contract sees it: it reads every table and writes its own."""

    __slots__ = ("_contract", "_overlay")

    def __init__(self, overlay: Overlay, *, contract: str) -> None:
        self._overlay = overlay
        self._contract = contract

    def find(self, table: Table[RowT], *parts: Part) -> RowT | None:
        """Return the row under this key, if there is one."""
        value = self._overlay.value(table.key(*parts))
        return None if value is None else table.decode(value)

    def put(self, table: Table[RowT], row: RowT, *parts: Part) -> None:
        """Set the row under this key; undone when the call is refused.

        Raises:
            InvariantBroken: the table belongs to another contract.

        """
        self._overlay.put(self._own_key(table, *parts), table.encode(row))

    def delete(self, table: Table[RowT], *parts: Part) -> None:
        """Remove the row under this key, if there is one; undone when the call is refused.

        Raises:
            InvariantBroken: the table belongs to another contract.

        """
        key = self._own_key(table, *parts)
        if self._overlay.value(key) is not None:
            self._overlay.put(key, None)

    def _own_key(self, table: Table[RowT], *parts: Part) -> bytes:
        if table.contract != self._contract:
            raise InvariantBroken(
                f"contract {self._contract}: expected its own tables, got one of {table.contract}"
            )
        return table.key(*parts)
