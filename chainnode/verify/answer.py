"""The pages of an answer joined: one list, and to which ledger time it is proven to be whole.

Each page is evidence of kind `trail` and stands alone; together they must show one gapless run
of rows for every index key that was asked for. A gap, a key left out or a page of another
period makes nothing complete, whatever a node says of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.ledger.trail_proofs import covered_until_ms
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.trail import TrailFacts, TrailListing, TrailRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """What the pages prove together.

    `rows` are the records of the period, each once, ascending; before `complete_to_ms` none is
    missing (None: that is not proven). `to_ms` is the end that was asked for, or, where none
    was, the time to which the index reached when the first page was made.
    """

    header: CertifiedHeader
    from_ms: int
    to_ms: int
    rows: tuple[TrailRow, ...] = field(repr=False)
    complete_to_ms: int | None

    @property
    def is_complete(self) -> bool:
        """Whether no record of the period is missing."""
        return self.complete_to_ms is not None and self.from_ms <= self.to_ms == self.complete_to_ms


def join_pages(
    pages: Sequence[TrailFacts], *, keys: frozenset[bytes], from_ms: int, to_ms: int
) -> AnswerFacts:
    """Join verified pages, in the order of the answer; `to_ms` 0: no end was asked for.

    Raises:
        InvalidEvidence: a page of another period or other keys, an older header than the page
            before, or rows that do not go on where the page before ended.

    """
    first = pages[0]
    runs: dict[bytes, list[_Run]] = {}
    before = first
    for page in pages:
        _require_page(page, before, keys=keys, period=(from_ms, to_ms or page.as_of_ms))
        for listing in page.listings:
            run = runs.setdefault(listing.index_key, [])
            _require_next(run, listing)
            run.append(_Run(listing=listing, as_of_ms=page.as_of_ms))
        before = page
    end = to_ms or first.as_of_ms
    covered = [_covered_to_ms(run, from_ms) for run in runs.values()]
    known = [one for one in covered if one is not None]
    is_known = set(runs) == keys and len(known) == len(covered)
    found = {
        row.position: row
        for run in runs.values()
        for one in run
        for row in one.listing.rows
        if from_ms <= row.entry.time_ms < end
    }
    return AnswerFacts(
        header=first.header,
        from_ms=from_ms,
        to_ms=end,
        rows=tuple(found[position] for position in sorted(found)),
        complete_to_ms=min(*known, end) if is_known else None,
    )


def join_answers(answers: Sequence[AnswerFacts]) -> AnswerFacts:
    """Join the answers to questions about one period to one list, each record once.

    It ends where the first of them ends and stands under the oldest of their headers, so that
    what is said of it holds for each of them.
    """
    end = min(one.to_ms for one in answers)
    known = [one.complete_to_ms for one in answers if one.complete_to_ms is not None]
    found = {row.position: row for one in answers for row in one.rows if row.entry.time_ms < end}
    return AnswerFacts(
        header=min((one.header for one in answers), key=lambda header: header.height),
        from_ms=answers[0].from_ms,
        to_ms=end,
        rows=tuple(found[position] for position in sorted(found)),
        complete_to_ms=min(*known, end) if len(known) == len(answers) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The rows of one key on one page."""

    listing: TrailListing
    as_of_ms: int

    @property
    def stop(self) -> int:
        """Number of the row after the last one that is shown."""
        return self.listing.first_row + len(self.listing.rows)


def _require_page(
    page: TrailFacts, before: TrailFacts, *, keys: frozenset[bytes], period: tuple[int, int]
) -> None:
    if (page.from_ms, page.to_ms) != period:
        raise InvalidEvidence(
            check="period",
            expected=f"{period[0]} to {period[1]}",
            actual=f"{page.from_ms} to {page.to_ms}",
        )
    if not keys.issuperset(page.index_keys):
        raise InvalidEvidence(
            check="question", expected="trails of the values asked for", actual="others"
        )
    if page.header.height < before.header.height:
        raise InvalidEvidence(
            check="order",
            expected=f"a height from {before.header.height} on",
            actual=f"{page.header.height}",
        )


def _require_next(run: Sequence[_Run], listing: TrailListing) -> None:
    """Check that a page goes on where the rows of this key ended before."""
    if not run:
        return
    last = run[-1]
    if listing.first_row != last.stop or not listing.rows or not last.listing.rows:
        raise InvalidEvidence(
            check="rows", expected=f"row {last.stop} next", actual=f"row {listing.first_row}"
        )
    if listing.rows[0].position <= last.listing.rows[-1].position:
        raise InvalidEvidence(
            check="rows",
            expected=f"a position above {last.listing.rows[-1].position}",
            actual=f"{listing.rows[0].position}",
        )


def _covered_to_ms(run: Sequence[_Run], from_ms: int) -> int | None:
    """Return before which time no row of the key is missing; None: that is not proven."""
    last = run[-1]
    return covered_until_ms(
        last.listing.trail,
        first_row=run[0].listing.first_row,
        times_ms=[row.entry.time_ms for one in run for row in one.listing.rows],
        from_ms=from_ms,
        as_of_ms=last.as_of_ms,
    )
