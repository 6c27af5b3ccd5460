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

    def delete(self, table: Table[RowT], *parts: Part) -> None:
        """Remove the row under this key, if there is one; undone when the call is refused."""
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

    def is_signature(self, *, public_key: bytes, signature: bytes, content: bytes) -> bool:
        """Tell whether this key of the suite signed this content."""
        ...


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, when, and where the call stands; `now_ms` is the ledger's time.

    Where the ledger itself acts, the sender is empty and the digests are zero.
    """

    chain_id: bytes
    match_deadline_ms: int
    dispute_deadline_ms: int
    now_ms: int
    height: int
    organisation: str
    roles: tuple[int, ...]
    key_id: bytes
    submission_digest: bytes
    call_index: int
    crypto: Crypto


class OwnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the ledger makes itself (wire format §14): nobody signed it."""

    action: str
    public: bytes
    outcome: int
    index_keys: tuple[bytes, ...]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract asks to be woken for: not before `due_ms`, with these key parts."""

    due_ms: int
    key: tuple[Part, ...]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule made of a call: its outcome, and what follows from it.

    `index_keys` None: they follow from public part, sender and state.
    """

    outcome: int
    index_keys: tuple[bytes, ...] | None = None
    own: tuple[OwnRecord, ...] = ()
    due: tuple[Due, ...] = ()


class Accepted(msgspec.Struct, frozen=True):
    """A call that becomes a record: its outcome, and the keys under which it is found.

    `own` are records of the ledger itself that it causes, `due` what must be looked at later.
    """

    outcome: int
    index_keys: tuple[bytes, ...]
    own: tuple[OwnRecord, ...] = ()
    due: tuple[Due, ...] = ()


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

    def wake(
        self, state: StateView, context: Context, key: tuple[object, ...]
    ) -> tuple[OwnRecord, ...]:
        """Look at what is due; no submission is behind it, and nothing may refuse it."""
        ...
