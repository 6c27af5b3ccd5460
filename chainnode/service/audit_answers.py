"""What a recorded question is answered with: trails that are proven whole, or records.

A question that names values gets the trails of its index keys as evidence, verified here. One
that names a kind alone gets records, each proven, whose number nothing proves. Every answer says
whether it is complete and, if not, why; docs/operating.md says what to do about each reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.audit import (
    AuditStore,
    Cursor,
    DamagedReadModel,
    InvalidAuditQuery,
)
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.errors import Pruned
from chainnode.proving.evidence import Proofs
from chainnode.proving.record_pages import RecordPages, RecordsQuestion
from chainnode.proving.trail_pages import TrailPage, TrailPages, TrailQuestion
from chainnode.service.errors import Refused
from chainnode.suites.port import Suite
from chainnode.verify.strict_json import JsonObject

NO_KEY = "NO_KEY"
MORE_PAGES = "MORE_PAGES"
NOT_COVERED_YET = "NOT_COVERED_YET"
STORE_DIFFERS = "AUDIT_STORE_DIFFERS"
ROWS_PRUNED = "PRUNED"
# The index advances within a second of ledger time; then a block covers the question itself.
COVERAGE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question as the ledger accepted it: index keys, ascending, and a period of ledger time.

    `to_ms` 0 means no end; `position` is that of the question's own record.
    """

    kind: int
    keys: tuple[bytes, ...] = field(repr=False)
    from_ms: int
    to_ms: int
    position: int


class AuditAnswers:
    """Answers questions that are recorded; the work is done on the thread of the read model."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        ledger: Ledger,
        proofs: Proofs,
        store: AuditStore,
        coverage_timeout_s: float = COVERAGE_TIMEOUT_S,
    ) -> None:
        self._coverage_timeout_s = coverage_timeout_s
        self._ledger = ledger
        self._proofs = proofs
        self._store = store
        self._trail_pages = TrailPages(genesis=genesis, suite=suite, ledger=ledger, proofs=proofs)
        self._record_pages = RecordPages(ledger=ledger, proofs=proofs)

    async def answer(
        self,
        question: AskedQuestion,
        *,
        cursor: str | None,
        limit: int,
        held_chunks: tuple[int, ...],
    ) -> JsonObject:
        """Return one page: the first, or the one at `cursor`.

        `held_chunks`, when not empty, says for each key how many chunks of its trail the client
        holds: their rows are left out.

        Raises:
            Refused: cursor or chunks are not of this question.

        """
        try:
            place = None if cursor is None else Cursor.parse(cursor)
            if not question.keys:
                return await self._records(question, place, limit, because=NO_KEY)
            try:
                return await self._trails(question, place, limit, held_chunks)
            except Pruned:
                return await self._records(question, place, limit, because=ROWS_PRUNED)
        except InvalidAuditQuery as error:
            raise Refused(
                "INVALID_PARAMETER", expected=f"{error.what} of this question", actual=str(error)
            ) from error
        except DamagedReadModel:
            return _answer(
                evidence=None,
                as_of_height=self._ledger.certified_height,
                as_of_ms=None,
                next_cursor=None,
                because=STORE_DIFFERS,
            )

    async def _trails(
        self,
        question: AskedQuestion,
        cursor: Cursor | None,
        limit: int,
        held_chunks: tuple[int, ...],
    ) -> JsonObject:
        """Answer with trails, as soon as the index covers the question itself."""
        asked = TrailQuestion(
            keys=question.keys,
            from_ms=question.from_ms,
            to_ms=question.to_ms,
            held_chunks=held_chunks,
        )
        if cursor is None:
            await self._store.wait_grown(
                lambda: self._covered > question.position, timeout_s=self._coverage_timeout_s
            )
        height = await self._reached()

        page = await self._store.ask(
            lambda database: self._trail_pages.page(
                database, asked, height=height, cursor=cursor, limit=limit
            )
        )
        return _answer(
            evidence=page.evidence,
            as_of_height=height if cursor is None else cursor.as_of_height,
            as_of_ms=page.as_of_ms,
            next_cursor=page.next_cursor,
            because=_because(page, question),
        )

    async def _records(
        self, question: AskedQuestion, cursor: Cursor | None, limit: int, *, because: str
    ) -> JsonObject:
        """Answer with records, each proven, and with nothing that says that they are all."""
        height = await self._reached()
        asked = RecordsQuestion(
            kind=question.kind,
            keys=question.keys,
            from_ms=question.from_ms,
            to_ms=question.to_ms,
        )
        page = await self._store.ask(
            lambda database: self._record_pages.page(
                database, asked, height=height, cursor=cursor, limit=limit
            )
        )
        return self._proofs.certified_header(page.as_of_height) | _answer(
            evidence=None,
            as_of_height=page.as_of_height,
            as_of_ms=None,
            next_cursor=page.next_cursor,
            because=because,
            items=page.items,
        )

    @property
    def _covered(self) -> int:
        """How many log entries the index of the newest certified header covers."""
        return self._ledger.header(self._ledger.certified_height).head.index_size

    async def _reached(self) -> int:
        """Return the newest certified height, when the read model has what its index covers."""
        height = self._ledger.certified_height
        await self._store.reach(self._ledger.header(height).head.index_size)
        return height


def _because(page: TrailPage, question: AskedQuestion) -> str | None:
    """Say why the pages so far do not prove the answer whole, as whoever joins them will find."""
    if page.next_cursor is not None:
        return MORE_PAGES
    end = question.to_ms or page.first_as_of_ms
    is_covered = question.from_ms <= end <= page.first_as_of_ms
    return None if is_covered else NOT_COVERED_YET


def _answer(
    *,
    evidence: JsonObject | None,
    as_of_height: int,
    as_of_ms: int | None,
    next_cursor: Cursor | None,
    because: str | None,
    items: Sequence[JsonObject] | None = None,
) -> JsonObject:
    listed: JsonObject = {} if items is None else {"items": [*items]}
    return listed | {
        "evidence": evidence,
        "complete": because is None,
        "incomplete_because": because,
        "as_of_height": as_of_height,
        "as_of_ms": as_of_ms,
        "next_cursor": None if next_cursor is None else str(next_cursor),
    }
