"""Following a chain: blocks, gaps, findings and disputes, over reconnects and from node to node.

A node's word is taken for nothing but order: heights come one after the other without a gap, the
events of a height are counted, and whoever breaks that is named and left. What an event says of a
record is proven on request (`proven`). A node may keep a gap or finding back; who must know that
none is missing asks the audit log, whose lists are proven whole.

Decides what to ask next and what to believe, without I/O; `follow` and `follow_async` carry it out.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import assert_never

from chainnode.client.asking import record
from chainnode.client.exchange import Answer, Exchange, Plan, Unreachable
from chainnode.client.reports import (
    CannotDecide,
    NodeLied,
    NodeRefused,
    NodeReport,
    NodeUnreachable,
)
from chainnode.client.server_events import EventParser, ServerEvent
from chainnode.client.session import Reports, Session, refusal
from chainnode.client.transport import AsyncTransport, BlockingTransport
from chainnode.event_ids import EXPECTED, InvalidEventId, Place
from chainnode.ledger.types import Entry
from chainnode.verify.disputed import DISPUTE_EVENT, dispute_facts
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.strict_json import JsonObject, JsonValue, as_integer, read_object
from contracts.schemas.access import VERSIONS, AccessRecord, findings_in
from contracts.schemas.access_gaps import GapOutcome, GapPart, decode_gap
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.shape import Schema

# Three signs of life that a node did not give.
SILENCE_S = 45.0
# Between two rounds over all nodes.
RETRY_S = 1.0
# As long as a view change or a restart of a group takes; then a person should hear of it.
PATIENCE_S = 120.0
_REFUSAL_BYTES_MAX = 64 * 1024
# Refusals that do not pass: with all nodes agreed, waiting is in vain.
_LASTING = ("PRUNED", "INVALID_EVENT_ID")
_HALF = Schema(AccessRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEvent:
    """One event of the chain as `node` told it: docs/operating.md, “The stream of events”."""

    id: str
    name: str
    node: str
    data: JsonObject = field(repr=False)

    @property
    def height(self) -> int:
        """The block that it is about."""
        return Place.parse(self.id).height


class Follower:
    """Where one follower stands, which node is next, and what its bytes say."""

    def __init__(self, session: Session, after: str | None, *, patience_s: float) -> None:
        """`after`: id of the last event that is known; None: begin now.

        Raises:
            ValueError: it is no id of an event.

        """
        try:
            self._last = None if after is None else Place.parse(after)
        except InvalidEventId as error:
            raise ValueError(f"after: {error}") from error
        self._session = session
        self._patience_s = patience_s
        self._node = ""
        self._has_left = False
        self._parser = EventParser()
        self._reports = Reports()
        self._failed: list[NodeReport] = []
        self._heard_s = session.monotonic_s()

    @property
    def pause_s(self) -> float:
        """How long to wait before the next request: not at all while a node is left to try."""
        return 0.0 if len(self._failed) < len(self._session.nodes) else RETRY_S

    @property
    def has_left(self) -> bool:
        """Whether the present answer is of no use any more."""
        return self._has_left

    def request(self) -> Exchange:
        """Return the next request: a stream of one node, from the last event on.

        Raises:
            CannotDecide: no node has been of use for too long, or all refuse for good.

        """
        self._require_hope()
        self._node = next(iter(self._session.ordered()))
        self._parser = EventParser()
        self._has_left = False
        resuming = () if self._last is None else (("Last-Event-ID", str(self._last)),)
        return Exchange(
            node=self._node,
            method="GET",
            path="/v1/stream",
            headers=(("Accept", "text/event-stream"), *resuming),
            timeout_s=SILENCE_S,
            bytes_max=_REFUSAL_BYTES_MAX,
        )

    def take(self, part: bytes | Answer | Unreachable) -> list[ChainEvent]:
        """Return the events that a part of the answer brings; see `has_left` after it."""
        match part:
            case bytes():
                return self._heard(part)
            case Unreachable(reason=reason):
                self._leave(NodeUnreachable(node=self._node, detail=reason))
            case Answer():
                self._leave(refusal(self._node, part))
            case _:
                assert_never(part)
        return []

    def _heard(self, part: bytes) -> list[ChainEvent]:
        found: list[ChainEvent] = []
        try:
            for one in self._parser.feed(part):
                found += self._checked(one)
        except InvalidEvidence as error:
            self._leave(NodeLied(node=self._node, check=error.check, detail=str(error)))
        else:
            self._heard_s = self._session.monotonic_s()
            if found:
                self._failed.clear()
        return found

    def _checked(self, event: ServerEvent) -> tuple[ChainEvent, ...]:
        """Return an event of the chain, which must be the next one; nothing for one without id."""
        if not event.name and self._last is None:
            # Where this stream begins: what comes before its first event is not missed.
            self._last = _place(event.id or "")
        if event.id is None or not event.name:
            return ()
        place = _place(event.id)
        if self._last is not None:
            height, number = self._last.height, self._last.number
            if place not in {Place(height, number + 1), Place(height + 1)}:
                raise InvalidEvidence(
                    check="order", expected=f"what follows {self._last}", actual=event.id
                )
        data = read_object(event.data.encode())
        if as_integer(data.get("height"), "height") != place.height:
            raise InvalidEvidence(check="height", expected=f"{place.height}", actual="another")
        self._last = place
        return (ChainEvent(id=event.id, name=event.name, node=self._node, data=data),)

    def _leave(self, report: NodeReport) -> None:
        self._has_left = True
        self._reports.add(report)
        self._failed.append(report)
        del self._failed[: -len(self._session.nodes)]
        self._session.turn_from(self._node)

    def _require_hope(self) -> None:
        silent_s = self._session.monotonic_s() - self._heard_s
        is_refused = len(self._failed) == len(self._session.nodes) and all(
            isinstance(one, NodeRefused) and one.code in _LASTING for one in self._failed
        )
        if is_refused or (self._failed and silent_s > self._patience_s):
            raise CannotDecide(self._reports.all)


def follow(
    session: Session,
    transport: BlockingTransport,
    after: str | None,
    *,
    patience_s: float = PATIENCE_S,
) -> Iterator[ChainEvent]:
    """Yield every event after `after`, for ever.

    Raises:
        CannotDecide: as `Follower.request`.

    """
    follower = Follower(session, after, patience_s=patience_s)
    while True:
        transport.pause(follower.pause_s)
        with closing(transport.stream(follower.request())) as parts:
            for part in parts:
                yield from follower.take(part)
                if follower.has_left:
                    break


async def follow_async(
    session: Session,
    transport: AsyncTransport,
    after: str | None,
    *,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[ChainEvent]:
    """As `follow`, in the running event loop."""
    follower = Follower(session, after, patience_s=patience_s)
    while True:
        await transport.pause(follower.pause_s)
        async with aclosing(transport.stream(follower.request())) as parts:
            async for part in parts:
                for event in follower.take(part):
                    yield event
                if follower.has_left:
                    break


def proven(session: Session, event: ChainEvent) -> Plan[RecordFacts]:
    """Return the record that an event is about, proven, if it is as the event says.

    Raises:
        CannotDecide: no node gave a proof, or the proof contradicts the node that told the event.
        ValueError: the event is about a block, not about a record.

    """
    if "position" not in event.data:
        raise ValueError(f"event {event.id}: expected one about a record, got {event.name}")
    try:
        position = as_integer(event.data["position"], "position")
        facts, _ = yield from record(session, position)
        _require_same(event, facts)
    except InvalidEvidence as error:
        report = NodeLied(node=event.node, check=error.check, detail=str(error))
        raise CannotDecide((report,)) from error
    return facts


def _require_same(event: ChainEvent, facts: RecordFacts) -> None:
    """Hold what an event says of a call against the proven record."""
    said = _said_by(facts)
    told: JsonObject = {name: event.data.get(name) for name in said}
    if told | {"event": event.name} != said:
        raise InvalidEvidence(check="event", expected="what its record says", actual="another")


def _said_by(facts: RecordFacts) -> JsonObject:
    """Return what an event about this record must say."""
    entry, call = facts.entry, facts.call
    dispute = dispute_facts(entry)
    if dispute is not None:
        place: JsonObject = {"height": entry.height, "time_ms": entry.time_ms}
        return place | dispute | {"event": DISPUTE_EVENT}
    if call is None:
        raise InvalidEvidence(check="event", expected="a record with its body", actual="none")
    gap = decode_gap(entry.contract, call.action, call.public) if entry.is_ledgers_own else None
    if gap is not None:
        outcome = GapOutcome(entry.outcome).name.lower()
        return _call_of(gap, entry) | {"event": call.action, "outcome": outcome}
    is_half = (entry.contract, call.action) == (NAME, "record")
    if not is_half or entry.contract_version not in VERSIONS:
        raise InvalidEvidence(
            check="event", expected="a half, a gap or a dispute", actual="another record"
        )
    findings: list[JsonValue] = [one.name.lower() for one in findings_in(entry.outcome)]
    return _call_of(_HALF.decode(call.public), entry) | {"event": "finding", "findings": findings}


def _call_of(part: AccessRecord | GapPart, entry: Entry) -> JsonObject:
    return {
        "height": entry.height,
        "time_ms": entry.time_ms,
        "call_id": part.call_id.hex(),
        "requester": part.requester,
        "provider": part.provider,
        "side": Side(part.side).name.lower(),
    }


def _place(event_id: str) -> Place:
    """Read the id of an event that a node told."""
    try:
        return Place.parse(event_id)
    except InvalidEventId as error:
        raise InvalidEvidence(check="id", expected=EXPECTED, actual="another") from error
