"""What an audit read model is, whatever database stands behind it.

It finds log positions by index key and proves nothing: whoever answers takes entry and path
from the ledger. It is untrusted and may be dropped and rebuilt at any time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chainnode.errors import InvalidInput, NodeError
from chainnode.ledger.types import Header

INTEGER_MAX = 2**53 - 1
KIND_MAX = 255
# docs/wire-format.md §6 and §9: a question has at most 16 values, a key at most 64 bytes.
KEYS_MAX = 16
KEY_BYTES_MAX = 64
# With paths and usual bodies a row has 3 KB, so an answer stays under the 4 MiB of readers.
LIMIT_MAX = 500
_CURSOR = re.compile(r"(\d{1,16})\.(\d{1,16})\Z", re.ASCII)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next page starts: after `position`, in the log as it was at `as_of_height`."""

    as_of_height: int
    position: int

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `__str__` wrote.

        Raises:
            InvalidCursor: anything else.

        """
        found = _CURSOR.match(text)
        numbers = [int(one) for one in found.groups()] if found else []
        if not numbers or max(numbers) > INTEGER_MAX:
            raise InvalidCursor(
                what="cursor", expected="a cursor of this API", actual=ascii(text[:32])
            )
        return cls(as_of_height=numbers[0], position=numbers[1])

    def __str__(self) -> str:
        return f"{self.as_of_height}.{self.position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Entries that carry one of `keys` (`kind ‖ value`); no keys: any key of the kind.

    The period is ledger time, `from_ms` ≤ block time < `to_ms`; `to_ms` 0 means no end.
    Only positions after `after` count, in blocks up to `as_of_height`.
    """

    kind: int
    keys: tuple[bytes, ...]
    from_ms: int
    to_ms: int
    as_of_height: int
    limit: int
    after: int | None = None

    def __post_init__(self) -> None:
        _require("kind", self.kind, 1, KIND_MAX)
        _require("number of keys", len(self.keys), 0, KEYS_MAX)
        _require("limit", self.limit, 1, LIMIT_MAX)
        _require("from_ms", self.from_ms, 0, INTEGER_MAX)
        _require("to_ms", self.to_ms, 0, INTEGER_MAX)
        for key in self.keys:
            _require("bytes of a key", len(key), 1, KEY_BYTES_MAX)
            _require("kind of a key", key[0], self.kind, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Positions found, ascending; `next_cursor` is None on the last page."""

    positions: tuple[int, ...]
    as_of_height: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedEntry:
    """What the read model keeps of a log entry; a key is `kind (1 byte) ‖ value`."""

    position: int
    height: int
    time_ms: int
    index_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a read model has come: all entries below `log_size`, blocks up to `height`."""

    height: int
    log_size: int


class AuditDatabase(Protocol):
    """A database behind the read model; used by one thread at a time.

    A method may raise `ReadModelUnavailable` when the database fails.
    """

    def progress(self) -> Progress:
        """Return how far it has come; height and size 0 when it is new."""
        ...

    def append(self, entries: Sequence[IndexedEntry], *, upto: Progress) -> None:
        """Add the next entries and move on to `upto`, in one transaction."""
        ...

    def find(self, query: AuditQuery) -> list[int]:
        """Return up to `limit` + 1 positions, ascending."""
        ...

    def rebuild(self) -> None:
        """Drop everything."""
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
    def base_height(self) -> int:
        """Height below which entries are not here; 0: all are."""
        ...

    def header(self, height: int) -> Header:
        """Return the header of a block."""
        ...

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the encoded log entries at positions `start` … `stop − 1`."""
        ...


def _require(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidAuditQuery(what=what, expected=f"{low} … {high}", actual=f"{value}")
