"""What an audit read model is, whatever database stands behind it.

It finds the rows and chunks of a trail (docs/wire-format.md §10) by index key, so that a proof
needs a look at few log entries instead of all. It proves nothing: whoever answers takes the
entries from the ledger and checks the whole proof against the index root. It is untrusted and
may be dropped and rebuilt at any time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chainnode.errors import InvalidInput, NodeError
from chainnode.ledger.types import Header

INTEGER_MAX = 2**53 - 1
# Kinds stand as bits of a signed 64-bit number; index rules version 1 have eight.
KIND_MAX = 62
# docs/wire-format.md §9: a question has at most 16 values.
KEYS_MAX = 16
# Nodes of the tree over a trail's chunks below this level are hashed again from ≤ 8 chunks.
CHUNK_NODE_LEVEL_MIN = 4
# The tree over the rows of a chunk is kept from this level on: one digest for 64 rows.
ROW_NODE_LEVEL = 6
_CURSOR = re.compile(r"\d{1,16}(?:\.\d{1,16}){3}\Z", re.ASCII)


class InvalidAuditQuery(InvalidInput):
    """A query out of bounds; `what` names the field."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class InvalidCursor(InvalidAuditQuery):
    """A cursor that this read model did not give, or that points beyond what it knows."""


class ReadModelUnavailable(NodeError):
    """The read model cannot answer now: still catching up, or its database fails."""


class DamagedReadModel(NodeError):
    """What the read model says is not what the ledger says: it is dropped and built anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next page starts.

    The first page stood at `as_of_height`, where the index had `index_size` entries: rows above
    are not part of this answer. `key` counts the keys of the question in ascending order; `at`
    is the number of the next row of that key, or the next position when there are no keys.
    """

    as_of_height: int
    index_size: int
    key: int
    at: int

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `__str__` wrote.

        Raises:
            InvalidCursor: anything else.

        """
        numbers = [int(one) for one in text.split(".")] if _CURSOR.match(text) else []
        if not numbers or max(numbers) > INTEGER_MAX or numbers[2] >= KEYS_MAX:
            raise InvalidCursor(
                what="cursor", expected="a cursor of this API", actual=ascii(text[:32])
            )
        height, size, key, at = numbers
        return cls(as_of_height=height, index_size=size, key=key, at=at)

    def __str__(self) -> str:
        return f"{self.as_of_height}.{self.index_size}.{self.key}.{self.at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailState:
    """Where the trail of a key stands: `peaks` as in docs/wire-format.md §10, but packed."""

    identity: int
    rows: int = 0
    chunks: int = 0
    peaks: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlace:
    """A row of a trail: its number, its log position, and the number of its chunk."""

    position: int
    row: int
    chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlace:
    """A chunk of a trail; `nodes` are the packed digests of its complete runs of 64 rows."""

    number: int
    first_row: int
    rows: int
    first_position: int
    root: bytes
    nodes: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one step adds, as rows of the tables. `states` are those after the step."""

    log_size: int
    states: Mapping[bytes, TrailState] = field(repr=False)
    entries: Sequence[tuple[int, int]] = field(repr=False)
    rows: Sequence[tuple[int, int, int, int]] = field(repr=False)
    chunks: Sequence[tuple[int, int, int, int, int, bytes, bytes]] = field(repr=False)
    nodes: Sequence[tuple[int, int, int, bytes]] = field(repr=False)
    # What is counted (`Tally.encoded`), and how many more.
    tallies: Sequence[tuple[bytes, int]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a read model has come: the entries `first_position … log_size − 1` are in it."""

    first_position: int
    log_size: int


class AuditDatabase(Protocol):
    """A database behind the read model; used by one thread at a time.

    A method may raise `ReadModelUnavailable` when the database fails, and `DamagedReadModel`
    when it answers what nobody wrote.
    """

    def progress(self) -> Progress:
        """Return how far it has come; a database that cannot be used is made anew first."""
        ...

    def states(self, keys: Iterable[bytes]) -> dict[bytes, TrailState]:
        """Return where the trails of these keys stand; unknown keys are left out."""
        ...

    def next_identity(self) -> int:
        """Return a number above those of all trails."""
        ...

    def append(self, growth: Growth) -> None:
        """Add a step, in one transaction."""
        ...

    def tallies(self) -> dict[bytes, int]:
        """Return how many of each thing were counted since the first position."""
        ...

    def row_before(self, trail: int, position: int) -> RowPlace | None:
        """Return the last row of a trail below `position`."""
        ...

    def rows_from(self, trail: int, position: int, *, limit: int) -> list[RowPlace]:
        """Return up to `limit` rows of a trail from `position` on, ascending."""
        ...

    def chunks(self, trail: int, first: int, stop: int) -> list[ChunkPlace]:
        """Return the chunks `first … stop − 1` of a trail, ascending."""
        ...

    def node(self, trail: int, level: int, number: int) -> bytes | None:
        """Return a complete node of the tree over the chunks, from level 4 on."""
        ...

    def positions(self, kind: int, start: int, stop: int, *, limit: int) -> list[int]:
        """Return up to `limit` positions of entries with any key of `kind`, ascending."""
        ...

    def rebuild(self, first_position: int = 0) -> None:
        """Drop everything; begin anew with the entry at `first_position`."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...


class EntrySource(Protocol):
    """The part of the ledger that the read model follows; safe to read from any thread."""

    @property
    def height(self) -> int:
        """Height of the last block."""
        ...

    @property
    def first_covered(self) -> int:
        """Where the index stood at the snapshot that the ledger stands on; 0: on none."""
        ...

    def header(self, height: int) -> Header:
        """Return the header of a block."""
        ...

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the encoded log entries at positions `start` … `stop − 1`."""
        ...

    def advance_ends(self, start: int, stop: int) -> Iterable[int]:
        """Yield, ascending, the sizes at which the index stood in `start < size ≤ stop`."""
        ...
