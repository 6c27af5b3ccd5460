"""What the ledger says of calls: every row and record here was proven to the client."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chainnode.client import AuditAnswer, Client
from chainnode.client.asking import PAGE_ROWS_MAX
from chainnode.submission import Call
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.trail import TrailRow
from contracts.schemas.access import (
    DISPUTABLE_CALLS,
    OPEN,
    VERSION,
    AccessRecord,
    DisputableCallRow,
    Finding,
    OpenRow,
    findings_in,
)
from contracts.schemas.access_gaps import decode_gap
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.match_states import Match
from contracts.schemas.shape import Schema
from devnet.departments import HOUSING, POLICE
from tests.acceptance.exchange_site import ITEM, Exchange
from tests.acceptance.waiting import until

PURPOSE = "acceptance"
RECORDED_S = 60.0
_HALF = Schema(AccessRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHalf:
    """One half in the log, and what the ledger found about it."""

    position: int
    half: AccessRecord
    findings: tuple[Finding, ...]


@dataclass(slots=True, kw_only=True)
class Trail:
    """All halves under one index key; `is_whole` when it is proven that none is missing.

    `own` are the calls of which the ledger itself has made a record.
    """

    is_whole: bool
    halves: dict[bytes, dict[Side, list[RecordedHalf]]] = field(default_factory=dict)
    own: set[bytes] = field(default_factory=set)

    def sides(self, call_id: bytes) -> dict[Side, list[RecordedHalf]]:
        """Return the halves of a call by side."""
        return self.halves.get(call_id, {})


def trail_of(client: Client, kind: IndexKind, value: str | bytes) -> Trail:
    """Ask an auditor's question for everything under one key, to its last page."""
    answer = client.question(kind, [value], purpose=PURPOSE, limit=PAGE_ROWS_MAX)
    while answer.next_cursor is not None:
        answer = client.next_page(answer, limit=PAGE_ROWS_MAX)
    return _trail(answer)


def _trail(answer: AuditAnswer) -> Trail:
    halves: dict[bytes, dict[Side, list[RecordedHalf]]] = defaultdict(lambda: defaultdict(list))
    own = set[bytes]()
    for item in answer.items:
        call, entry = item.call, item.entry
        assert call is not None
        if (entry.contract, entry.contract_version) != (NAME, VERSION):
            continue
        if call.action == "record":
            half = _half_in(item, call)
            halves[half.half.call_id][Side(half.half.side)].append(half)
        elif (gap := decode_gap(entry.contract, call.action, call.public)) is not None:
            own.add(gap.call_id)
    return Trail(is_whole=answer.complete, halves=dict(halves), own=own)


def _half_in(item: RecordFacts | TrailRow, call: Call) -> RecordedHalf:
    return RecordedHalf(
        position=item.position,
        half=_HALF.decode(call.public),
        findings=findings_in(item.entry.outcome),
    )


def call_row(client: Client, call_id: bytes) -> DisputableCallRow | None:
    """Return how the halves of a call stand, proven."""
    found = client.state(DISPUTABLE_CALLS, HOUSING.organisation, POLICE.organisation, call_id)
    return found.row


def gaps_at(client: Client, organisation: str) -> OpenRow:
    """Return the counter of gaps of an organisation, proven."""
    return client.state(OPEN, organisation).row or OpenRow()


def until_all(
    exchange: Exchange, call_ids: Sequence[bytes], match: Match, *, timeout_s: float
) -> None:
    """Wait until every call has this state on the ledger, each proven to the client."""
    waiting = list(call_ids)

    def done() -> bool:
        with exchange.job.client() as client:
            waiting[:] = _not_yet(client, waiting, match)
        return not waiting

    until(done, timeout_s=timeout_s, what=f"{len(call_ids)} calls {match.name}")


def _not_yet(client: Client, call_ids: Iterable[bytes], match: Match) -> list[bytes]:
    rows = ((one, call_row(client, one)) for one in call_ids)
    return [one for one, row in rows if row is None or row.match != match]


def recorded_half(client: Client, call_id: bytes, side: Side) -> RecordedHalf:
    """Wait for one half in the trail of the item, and return it."""

    def found() -> RecordedHalf | None:
        halves = trail_of(client, IndexKind.ITEM, ITEM).sides(call_id).get(side, [])
        return halves[0] if halves else None

    return until(found, timeout_s=RECORDED_S, what=f"the half of side {side.name}")
