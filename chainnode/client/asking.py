"""Plans for reading: a recorded question to the audit log, records, headers, node status.

A question is first brought to finality like any submission, so its own record is proven before
the answer is asked for; pages then name it by its digest. A page is evidence of kind `trail`:
whether the rows are *all* rows is computed here from the proofs of all pages. A node that claims
more than it proves is named, and the next one is asked. A question about all values of a kind is
answered by records, each proven, that nothing proves to be all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from chainnode.client.calls import audit_question
from chainnode.client.exchange import Plan
from chainnode.client.reports import CannotDecide, NodeLied, NodeReport
from chainnode.client.results import AuditAnswer, AuditAsked, Final, NodeStatus, Outcome
from chainnode.client.session import Ask, Reports, Session, Unhelpful, hash_names
from chainnode.client.submitting import WAIT_S_DEFAULT, submit
from chainnode.errors import NodeError
from chainnode.verify.answer import join_pages
from chainnode.verify.consistency import verify_consistency_evidence
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts, verify_record_evidence, verify_record_item
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import (
    JsonObject,
    as_array,
    as_integer,
    as_object,
    as_text,
)
from chainnode.verify.trail import verify_trail_evidence
from contracts.schemas import audit
from contracts.schemas.index_kinds import IndexKind, index_key

PAGE_ROWS_MAX = 500
PAGE_ROWS_DEFAULT = 100
# The first page may have to wait until the read model has caught up.
PAGE_TIMEOUT_S = 30.0
NOT_PROVEN = "NOT_PROVEN"
_CURSOR_CHARACTERS_MAX = 64
_REASON_CHARACTERS_MAX = 64


class QuestionNotRecorded(NodeError):
    """The chain did not accept the question, or it is unknown whether it did: no answer."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        told = type(outcome).__name__.lower()
        if isinstance(outcome, Final):
            codes = [outcome.code_name, *(one.code_name for one in outcome.calls)]
            told = next((one for one in codes if one != "ACCEPTED"), told)
        super().__init__(f"the question is not recorded: {told}")


def question(
    session: Session,
    *,
    kind: IndexKind,
    values: Sequence[bytes | str],
    period: tuple[int, int],
    purpose: str,
    basis: audit.Basis = audit.Basis.SUPERVISION,
    limit: int = PAGE_ROWS_DEFAULT,
    wait_s: float = WAIT_S_DEFAULT,
) -> Plan[AuditAnswer]:
    """Record a question and return the first page of its answer; `next_page` goes on.

    Raises:
        QuestionNotRecorded: refused by the chain, or not final in time.
        CannotDecide: recorded, but no node gave an answer that can be checked.

    """
    raw = [one.encode() if isinstance(one, str) else one for one in values]
    call = audit_question(
        kind=kind,
        values=raw,
        from_ms=period[0],
        to_ms=period[1],
        purpose=purpose,
        basis=basis,
        rules=session.trust.parameters.rules,
    )
    outcome = yield from submit(session, contract=audit.NAME, calls=(call,), wait_s=wait_s)
    if not isinstance(outcome, Final) or not outcome.is_accepted:
        raise QuestionNotRecorded(outcome)
    digest = session.trust.suite.digest
    asked = AuditAsked(
        kind=kind,
        keys=frozenset(index_key(digest, kind, one) for one in raw),
        from_ms=period[0],
        to_ms=period[1],
    )
    return (yield from _page(session, outcome, asked, limit=limit, before=None))


def next_page(session: Session, answer: AuditAnswer, *, limit: int) -> Plan[AuditAnswer]:
    """Return the answer with one page more; at its end the same answer."""
    if answer.next_cursor is None:
        return answer
    return (yield from _page(session, answer.question, answer.asked, limit=limit, before=answer))


def record(session: Session, position: int) -> Plan[tuple[RecordFacts, JsonObject]]:
    """Return the proven record at a log position, and its evidence.

    Raises:
        CannotDecide: no node gave a proof.

    """

    def read(told: JsonObject) -> tuple[RecordFacts, JsonObject]:
        facts = verify_record_evidence(told, session.trust)
        if facts.position != position:
            raise InvalidEvidence(
                check="record", expected=f"position {position}", actual=f"{facts.position}"
            )
        session.observe(facts.header)
        return facts, told

    ask = Ask(method="GET", path=f"/v1/records/{position}")
    return (yield from session.first_checked(ask, read, Reports()))


def header_latest(session: Session) -> Plan[CertifiedHeader]:
    """Return the newest certified header of a node; never one older than seen before.

    Where nodes hand it out, the proof that its log continues that of the header which was
    remembered is checked as well.

    Raises:
        CannotDecide: no node gave one, or one that continues what was seen.

    """
    before = session.memory.highest

    def read(told: JsonObject) -> CertifiedHeader:
        header = verify_placed_header(told, session.trust)
        session.require_current(header)
        return header

    ask = Ask(method="GET", path="/v1/headers/latest")
    newest = yield from session.first_checked(ask, read, Reports())
    if before is not None and 0 < before.height < newest.height:
        yield from _require_continuation(session, before, newest)
    return newest


def header(session: Session, height: int) -> Plan[CertifiedHeader]:
    """Return the certified header at a height.

    Raises:
        CannotDecide: no node gave one.

    """

    def read(told: JsonObject) -> CertifiedHeader:
        found = verify_placed_header(told, session.trust)
        if found.height != height:
            raise InvalidEvidence(
                check="header", expected=f"height {height}", actual=f"{found.height}"
            )
        session.observe(found)
        return found

    ask = Ask(method="GET", path=f"/v1/headers/{height}")
    return (yield from session.first_checked(ask, read, Reports()))


def _require_continuation(
    session: Session, older: CertifiedHeader, newer: CertifiedHeader
) -> Plan[None]:
    """Check that nothing that was in the log before is gone or changed.

    Raises:
        CannotDecide: a node handed out a proof that does not hold, and none one that does.
        ChainForked: another header was certified at the older height.

    """

    def read(told: JsonObject) -> None:
        facts = verify_consistency_evidence(told, session.trust)
        session.observe(facts.older)
        if (facts.older.digest, facts.header.digest) != (older.digest, newer.digest):
            raise InvalidEvidence(
                check="consistency",
                expected=f"heights {older.height} and {newer.height}",
                actual=f"{facts.older.height} and {facts.header.height}",
            )

    ask = Ask(method="GET", path=f"/v1/consistency?from={older.height}&to={newer.height}")
    try:
        yield from session.first_checked(ask, read, Reports())
    except CannotDecide as error:
        if any(isinstance(one, NodeLied) for one in error.reports):
            raise


def statuses(session: Session, path: str = "/v1/consensus") -> Plan[tuple[NodeStatus, ...]]:
    """Ask every node how it is doing; each answer is that node's word and no more."""
    found = []
    for node in session.nodes:
        told = yield from session.attempt(node, Ask(method="GET", path=path), _unchecked)
        if isinstance(told, NodeReport):
            found.append(NodeStatus(node=node, document=None, report=told))
        else:
            found.append(NodeStatus(node=node, document=told, report=None))
    return tuple(found)


def _unchecked(told: JsonObject) -> JsonObject:
    return told


def _page(
    session: Session,
    recorded: Final,
    asked: AuditAsked,
    *,
    limit: int,
    before: AuditAnswer | None,
) -> Plan[AuditAnswer]:
    query = {"question": hash_names(session.trust, recorded.digest), "limit": f"{limit}"}
    if before is not None and before.next_cursor is not None:
        query["cursor"] = before.next_cursor
    ask = Ask(method="POST", path=f"/audit?{urlencode(query)}", body=b"", timeout_s=PAGE_TIMEOUT_S)
    reports = Reports()
    place = _Place(recorded=recorded, asked=asked, before=before)
    answer = yield from session.first_checked(
        ask, lambda told: _checked_page(session, told, place), reports
    )
    earlier = recorded.reports if before is None else before.reports
    return replace(answer, reports=(*earlier, *reports.all))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a page belongs: to which question, and behind which pages."""

    recorded: Final
    asked: AuditAsked
    before: AuditAnswer | None


def _checked_page(session: Session, told: JsonObject, place: _Place) -> AuditAnswer:
    named = as_object(told.get("question"), "question").get("digest")
    if named != hash_names(session.trust, place.recorded.digest):
        raise InvalidEvidence(
            check="question", expected="an answer to this question", actual="one to another"
        )
    evidence = told.get("evidence")
    if evidence is not None:
        return _proven_page(session, told, as_object(evidence, "evidence"), place)
    if "items" not in told:
        raise Unhelpful(_reason(told))
    return _listed_page(session, told, place)


def _proven_page(
    session: Session, told: JsonObject, evidence: JsonObject, place: _Place
) -> AuditAnswer:
    """Take a page with proof; it must go on where the page before ended."""
    recorded, asked, before = place.recorded, place.asked, place.before
    facts = verify_trail_evidence(evidence, session.trust)
    if facts.header.height < recorded.height:
        raise InvalidEvidence(
            check="as_of_height",
            expected=f"height {recorded.height}, where the question stands, or above",
            actual=f"{facts.header.height}",
        )
    trails = (*(before.trails if before else ()), facts)
    answer = join_pages(trails, keys=asked.keys, from_ms=asked.from_ms, to_ms=asked.to_ms)
    cursor = _cursor(told, has_items=any(one.rows for one in facts.listings))
    if told.get("complete") is True and not answer.is_complete:
        raise InvalidEvidence(check="complete", expected="the proof of it", actual="a claim alone")
    if before is None:
        session.require_current(facts.header)
    else:
        session.observe(facts.header)
    return AuditAnswer(
        question=recorded,
        asked=asked,
        items=answer.rows,
        header=answer.header,
        complete=answer.is_complete,
        complete_to_ms=answer.complete_to_ms,
        incomplete_because="" if answer.is_complete else _reason(told),
        next_cursor=cursor,
        trails=trails,
        pages=(*(before.pages if before else ()), told),
        reports=(),
    )


def _listed_page(session: Session, told: JsonObject, place: _Place) -> AuditAnswer:
    """Take a page of records that are proven one by one: never complete."""
    recorded, asked, before = place.recorded, place.asked, place.before
    header = verify_placed_header(told, session.trust)
    as_of_height = as_integer(told.get("as_of_height"), "as_of_height")
    _require_place(session, as_of_height, header, recorded, before)
    last = before.items[-1].position if before is not None and before.items else -1
    items = []
    for one in as_array(told.get("items"), "items", size_max=PAGE_ROWS_MAX):
        facts = verify_record_item(one, header, session.trust)
        asked.require(facts, as_of_height=as_of_height)
        if facts.position <= last:
            raise InvalidEvidence(
                check="order", expected=f"positions above {last}", actual=f"{facts.position}"
            )
        last = facts.position
        items.append(facts)
    return AuditAnswer(
        question=recorded,
        asked=asked,
        items=(*(before.items if before else ()), *items),
        header=before.header if before is not None else header,
        complete=False,
        complete_to_ms=None,
        incomplete_because=_reason(told),
        next_cursor=_cursor(told, has_items=bool(items)),
        trails=(),
        pages=(*(before.pages if before else ()), told),
        reports=(),
    )


def _require_place(
    session: Session,
    as_of_height: int,
    header: CertifiedHeader,
    recorded: Final,
    before: AuditAnswer | None,
) -> None:
    """Check that the page stands at a height that hides nothing known."""
    lowest = recorded.height if before is None else before.as_of_height
    highest = header.height if before is None else before.as_of_height
    if not lowest <= as_of_height <= min(highest, header.height):
        raise InvalidEvidence(
            check="as_of_height", expected=f"{lowest} … {highest}", actual=f"{as_of_height}"
        )
    if before is None:
        session.require_current(header)
    else:
        session.observe(header)


def _reason(told: JsonObject) -> str:
    reason = told.get("incomplete_because")
    if told.get("complete") is not False or reason is None:
        return NOT_PROVEN
    return as_text(reason, "incomplete_because", characters_max=_REASON_CHARACTERS_MAX)


def _cursor(told: JsonObject, *, has_items: bool) -> str | None:
    cursor = told.get("next_cursor")
    if cursor is None:
        return None
    if not has_items:
        raise InvalidEvidence(check="cursor", expected="rows before a cursor", actual="none")
    return as_text(cursor, "next_cursor", characters_max=_CURSOR_CHARACTERS_MAX)
