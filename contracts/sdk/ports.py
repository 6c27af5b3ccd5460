"""What a contract sees of the world, and what the world sees of a contract.

A contract is a pure function of state, context and call: the same three give the same answer,
everywhere and for ever. It reads any table and writes its own ones alone.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from contracts.schemas.state import Part, Table

RowT = TypeVar("RowT")


class StateView(Protocol):
    """State as it is before this call, with what the call itself has put."""

    def find(self, table: Table[RowT], *parts: Part) -> RowT | None:
        """Return the row under this key, if there is one."""
        ...

    def put(self, table: Table[RowT], row: RowT, *parts: Part) -> None:
        """Set the row under this key; undone when the call is refused."""
        ...


class Crypto(Protocol):
    """What the ledger's suite lends to contracts; a contract never names an algorithm."""

    def digest(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""
        ...

    def merkle_root(self, leaves: Sequence[bytes]) -> bytes:
        """Return the RFC 9162 root over these leaves."""
        ...

    def key_id(self, public_key: bytes) -> bytes:
        """Return the 20-byte id of a public key."""
        ...

    def is_public_key(self, public_key: bytes) -> bool:
        """Tell whether these bytes are one canonical public key of the suite."""
        ...


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, when, and where the call stands; `now_ms` is the ledger's time."""

    now_ms: int
    height: int
    organisation: str
    roles: tuple[int, ...]
    key_id: bytes
    submission_digest: bytes
    call_index: int
    crypto: Crypto


class Accepted(msgspec.Struct, frozen=True):
    """A call that becomes a record: its outcome, and the keys under which it is found."""

    outcome: int
    index_keys: tuple[bytes, ...]


class Contract(Protocol):
    """A set of actions under a name and version; a version never changes its behaviour."""

    @property
    def name(self) -> str:
        """Name in submissions, and first part of the keys of its state."""
        ...

    @property
    def version(self) -> int:
        """Version in submissions."""
        ...

    def call(
        self, state: StateView, context: Context, *, action: str, public: bytes, private: bytes
    ) -> Accepted:
        """Carry out one call.

        Raises:
            Rejection: the call is refused; what it put is to be dropped.

        """
        ...
