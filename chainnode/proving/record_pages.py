"""Pages of records whose number nothing proves: each is proven in the log, and no more.

Shown where no trail can be: for all keys of a kind, of which the index knows nothing, and by a
node that stands on a snapshot above which a trail does not begin. Runs on the thread of the read
model.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from chainnode.audit import AuditDatabase, Cursor, DamagedReadModel, InvalidCursor
from chainnode.ledger.chain import Ledger
from chainnode.ledger.errors import UnknownPosition
from chainnode.proving.evidence import NotCertified, Proofs
from chainnode.verify.strict_json import JsonObject

# A body may lie in a batch of 2 MiB, which is read for it; and an answer stays below 1 MiB.
_ROWS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsQuestion:
    """Records with one of `keys`, or with any key of `kind` when there are none.

    The period is ledger time; `to_ms` 0 means no end.
    """

    kind: int
    keys: tuple[bytes, ...] = field(repr=False)
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """Records, each with its path under the header of `as_of_height`."""

    items: tuple[JsonObject, ...] = field(repr=False)
    as_of_height: int
    next_cursor: Cursor | None


class RecordPages:
    """Builds pages."""

    def __init__(self, *, ledger: Ledger, proofs: Proofs) -> None:
        self._ledger = ledger
        self._proofs = proofs

    def page(
        self,
        database: AuditDatabase,
        question: RecordsQuestion,
        *,
        height: int,
        cursor: Cursor | None,
        limit: int,
    ) -> RecordPage:
        """Return the page at `cursor`; None: the first, and all stand at `height`.

        Raises:
            InvalidCursor: a height above `height`, or another index size than was at its height.

        """
        head = self._ledger.header(height).head
        place = cursor or Cursor(as_of_height=height, index_size=head.index_size, key=0, at=0)
        require_pinned(self._ledger, place, height)
        start = max(place.at, first_since(self._ledger, question.from_ms, place.as_of_height))
        stop = place.index_size
        if question.to_ms:
            stop = min(stop, first_since(self._ledger, question.to_ms, place.as_of_height))
        count = min(limit, _ROWS_MAX)
        found = _positions(database, question, range(start, stop), count + 1)
        following = None
        if len(found) > count:
            following = Cursor(
                as_of_height=place.as_of_height,
                index_size=place.index_size,
                key=0,
                at=found[count],
            )
        try:
            items = tuple(self._proofs.row(one, place.as_of_height) for one in found[:count])
        except (NotCertified, UnknownPosition) as error:
            raise DamagedReadModel("positions of a kind: expected those of the log") from error
        return RecordPage(items=items, as_of_height=place.as_of_height, next_cursor=following)


def _positions(
    database: AuditDatabase, question: RecordsQuestion, within: range, limit: int
) -> list[int]:
    """Return up to `limit` positions, ascending, each once."""
    if not question.keys:
        return database.positions(question.kind, within.start, within.stop, limit=limit)
    states = database.states(question.keys).values()
    found = (_rows(database, one.identity, within, limit) for one in states)
    distinct = (position for position, _ in itertools.groupby(heapq.merge(*found)))
    return list(itertools.islice(distinct, limit))


def _rows(database: AuditDatabase, trail: int, within: range, limit: int) -> Iterator[int]:
    rows = database.rows_from(trail, within.start, limit=limit)
    return (one.position for one in rows if one.position < within.stop)


def require_pinned(ledger: Ledger, place: Cursor, height: int, *, keys: int = 1) -> None:
    """Refuse a cursor that no first page at or below `height` can have made, of so many keys.

    Raises:
        InvalidCursor: another height, another index size than was there, or no such key.

    """
    is_known = ledger.base_height <= place.as_of_height <= height
    size = ledger.header(place.as_of_height).head.index_size if is_known else -1
    if place.index_size != size or place.key >= keys:
        raise InvalidCursor(what="cursor", expected="one of this question", actual=f"{place}")


def first_since(ledger: Ledger, time_ms: int, height: int) -> int:
    """Return the first log position in blocks up to `height` whose time is not below `time_ms`."""
    low, high = ledger.base_height, height + 1
    while low < high:
        middle = (low + high) // 2
        if ledger.header(middle).head.time_ms < time_ms:
            low = middle + 1
        else:
            high = middle
    if low <= ledger.base_height:
        return ledger.first_position
    return ledger.header(low - 1).head.log_size
