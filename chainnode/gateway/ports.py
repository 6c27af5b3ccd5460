"""What the gateway needs of the world beside its queue: proven rows, tokens, a guard, a clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from chainnode.errors import NodeError
from contracts.schemas.catalog import ItemRow
from contracts.schemas.grants import GrantRow
from contracts.schemas.members import KeyRow

# A clock of another department may be ahead of ours by this much.
AHEAD_MS_MAX: Final = 5_000
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven(Generic[RowT]):
    """A row of the ledger's state with the height at which it was proven; None: not there."""

    row: RowT | None
    height: int


class RowsUnavailable(NodeError):
    """No node proved a row in time, and none that is young enough is remembered."""


class NoNodeAnswers(RowsUnavailable):
    """None of the nodes of the settings answers, so it is not known as whom our key speaks."""

    def __init__(self, nodes: Sequence[str], *, reason: str) -> None:
        self.nodes = tuple(nodes)
        super().__init__(f"no node answers: {', '.join(nodes)}; {reason}")


class LedgerRows(Protocol):
    """Rows of the ledger, proven by a quorum. Every method may raise `RowsUnavailable`."""

    async def key(self, key_id: bytes) -> Proven[KeyRow]:
        """Return the row of a submission key."""
        ...

    async def item(self, item: str) -> Proven[ItemRow]:
        """Return the row of a catalogue item."""
        ...

    async def grant(self, grant: str) -> Proven[GrantRow]:
        """Return the row of a grant."""
        ...

    async def used(self, grant: str, day: int) -> Proven[int]:
        """Return how many permitted calls of this day the ledger has; `day` is YYYYMMDD."""
        ...


class Tokeniser(Protocol):
    """Makes the pseudonyms of subjects at the providing department."""

    async def tokens(self, id_type: str, identifiers: Sequence[str]) -> tuple[bytes, ...]:
        """Return the 32-byte tokens of these subjects, in their order.

        Raises:
            NotTokenised: for at least one of them none could be made. The call fails closed.

        """
        ...


class TextGuard(Protocol):
    """Lets free text into a record, or not: no identity, mobile or card numbers, no blobs."""

    def __call__(self, texts: Mapping[str, str]) -> None:
        """Let texts pass, by the name of their field.

        Raises:
            InvalidInput: the first that must not enter a record; its words do not repeat it.

        """
        ...


class Clock(Protocol):
    """The gateway's own clock."""

    def __call__(self) -> int:
        """Return milliseconds since 1970."""
        ...
