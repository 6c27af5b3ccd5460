"""Pages of a trail answer: evidence (kind `trail`) built from the read model and the ledger.

The read model says where rows stand, the ledger what they hold, and the index root of a certified
header what is true: every page is verified here, like a client verifies it, before anybody sees
it. What does not verify is `DamagedReadModel`, never an answer. Runs on the thread of the model.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chainnode.audit import AuditDatabase, Cursor, InvalidAuditQuery
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.errors import HeightNotKept
from chainnode.ledger.merkle import Hash
from chainnode.ledger.types import Header
from chainnode.proving.evidence import NotCertified, Proofs
from chainnode.proving.record_pages import first_since, require_pinned
from chainnode.proving.trail_runs import Budget, Start, TrailUnderHeader, Window
from chainnode.suites.port import Suite
from chainnode.verify.forms import TailItem, TrailItem
from chainnode.verify.strict_json import JsonObject

# In base64 a third more: well below the 4 MiB of evidence, and rendered in a few milliseconds.
_PAGE_BYTES_MAX = 1024 * 1024
# Bodies lie in batches of up to 2 MiB, one to be read for each row: the next page goes on.
_PAGE_S_MAX = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailQuestion:
    """Whose trails are asked for: index keys, ascending; `to_ms` 0 means to `as of`.

    `held_chunks`, when not empty, says for each key how many chunks the client holds: their
    rows are not shown again.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    from_ms: int
    to_ms: int
    held_chunks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.held_chunks and len(self.held_chunks) != len(self.keys):
            raise InvalidAuditQuery(
                what="chunks",
                expected=f"one number for each of {len(self.keys)} values",
                actual=f"{len(self.held_chunks)}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailPage:
    """Verified evidence; `as_of_ms` is how far the index covers ledger time at its header.

    `first_as_of_ms` is that of the first page: no more is claimed for all of them.
    """

    evidence: JsonObject = field(repr=False)
    as_of_ms: int
    first_as_of_ms: int
    next_cursor: Cursor | None


class TrailPages:
    """Builds and verifies pages."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        ledger: Ledger,
        proofs: Proofs,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._bits = genesis.parameters.index_map_bits
        self._h = suite.digest
        self._ledger = ledger
        self._proofs = proofs

    def page(
        self,
        database: AuditDatabase,
        question: TrailQuestion,
        *,
        height: int,
        cursor: Cursor | None,
        limit: int,
    ) -> TrailPage:
        """Return the page at `cursor` (None: the first) under the header of `height`.

        Raises:
            DamagedReadModel: the read model contradicts ledger or index.
            InvalidAuditQuery: not a cursor or a number of chunks of this question.
            Pruned: rows of a trail stand below the snapshot of this node.
            NotCertified: `height` is too long ago to be proven.

        """
        header = self._ledger.header(height)
        begin = cursor or _first(header)
        require_pinned(self._ledger, begin, height, keys=len(question.keys))
        deadline = self._now_s() + _PAGE_S_MAX
        budget = Budget(rows=limit, bytes=_PAGE_BYTES_MAX, is_late=lambda: self._now_s() > deadline)
        maker = _PageMaker(
            ledger=self._ledger,
            database=database,
            h=self._h,
            bits=self._bits,
            header=header,
            question=question,
            window=self._window(question, height, begin.index_size),
        )
        try:
            trails, following = maker.make(begin, budget, is_first=cursor is None)
        except HeightNotKept as error:
            raise NotCertified(height=self._ledger.height, stable_height=height) from error
        tail = self._tail(header)
        evidence = self._proofs.trail(
            height, trails, from_ms=question.from_ms, to_ms=question.to_ms, tail=tail
        )
        return TrailPage(
            evidence=evidence,
            as_of_ms=self._as_of_ms(header),
            first_as_of_ms=self._as_of_ms(self._ledger.header(begin.as_of_height)),
            next_cursor=following,
        )

    def _as_of_ms(self, header: Header) -> int:
        """Return before which ledger time the index of a header covers every entry."""
        head = header.head
        if head.index_size == head.log_size:
            return head.time_ms
        return decode_entry(self._ledger.entry(head.index_size)).time_ms

    def _window(self, question: TrailQuestion, height: int, pin: int) -> Window:
        low = first_since(self._ledger, question.from_ms, height)
        stop = pin
        if question.to_ms:
            stop = min(pin, first_since(self._ledger, question.to_ms, height))
        return Window(low=low, stop=stop)

    def _tail(self, header: Header) -> TailItem | None:
        """Return the first entry that the index does not cover, with its path."""
        size = header.head.index_size
        if size == header.head.log_size:
            return None
        path = self._ledger.record_path(size, header.head.log_size)
        return TailItem(entry=self._ledger.entry(size), path=path)


def _first(header: Header) -> Cursor:
    """Return where an answer begins that stands at this header."""
    return Cursor(as_of_height=header.height, index_size=header.head.index_size, key=0, at=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageMaker:
    """Fills one page with the trails of one key after the other."""

    ledger: Ledger
    database: AuditDatabase
    h: Hash
    bits: int
    header: Header
    question: TrailQuestion
    window: Window

    def make(
        self, begin: Cursor, budget: Budget, *, is_first: bool
    ) -> tuple[list[TrailItem], Cursor | None]:
        """Return the trails from `begin` on, as far as the budget goes, and where to go on."""
        items: list[TrailItem] = []
        for number in range(begin.key, len(self.question.keys)):
            trail = self._trail(number)
            is_continued = number == begin.key and not is_first
            start = self._start(trail, number, begin.at if is_continued else None)
            if start is None:
                items.append(trail.bare_item())
                continue
            if items and budget.is_spent:
                return items, self._cursor(begin, number, trail.first_row_from(start.position))
            run = trail.run(start.position, self.window, budget)
            items.append(trail.item(run, self.window, start))
            if run.following is not None:
                return items, self._cursor(begin, number, run.following)
            budget = budget.less(run)
        return items, None

    def _trail(self, number: int) -> TrailUnderHeader:
        return TrailUnderHeader(
            self.ledger,
            self.database,
            h=self.h,
            bits=self.bits,
            header=self.header,
            key=self.question.keys[number],
        )

    def _start(self, trail: TrailUnderHeader, number: int, continued: int | None) -> Start | None:
        """Say where to go on, or begin, with a key; None: there are no rows to show."""
        if not trail.trail.rows:
            return None
        if continued is not None:
            return trail.start_at_row(continued)
        held = self.question.held_chunks[number] if self.question.held_chunks else 0
        if held and held == trail.trail.chunks:
            return None
        return trail.start_of_chunk(held) if held else trail.start_of_period(self.window)

    def _cursor(self, begin: Cursor, number: int, position: int) -> Cursor:
        return Cursor(
            as_of_height=begin.as_of_height, index_size=begin.index_size, key=number, at=position
        )
