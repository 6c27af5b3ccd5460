"""Plan: the lineage of a call, gathered from proofs alone (`chainnode.analysis.lineage`).

Upwards nothing is asked of the audit log: a parent stands under a state key that its child makes,
and is proven present or absent. Downwards the children are rows of a trail that is proven whole,
which takes a recorded question with a purpose; without one they are not asked for, and the answer
says so. What a link leads to is looked at once, so a circle ends where it closes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chainnode.analysis.lineage import (
    CALLS_MAX,
    LEVELS_MAX,
    AskedTrail,
    CallName,
    Lineage,
    Link,
    LinkedCall,
    LinkKind,
    Missing,
    NamedCertificate,
    Note,
    UnknownCall,
    children_in,
    claims_of,
    identifiers_in,
    noted,
    own_records,
)
from chainnode.analysis.rows import QUESTION, AuditRow, audit_row, audit_rows
from chainnode.client.asking import PAGE_ROWS_MAX, next_page, question
from chainnode.client.call_lookup import (
    PAIRS_MAX,
    CallFound,
    Lookup,
    half_records,
    look_up,
    pairs_of,
)
from chainnode.client.exchange import Plan
from chainnode.client.opening import Keyring, opened_parts
from chainnode.client.reading import states_of
from chainnode.client.results import AuditAnswer
from chainnode.client.session import Session
from contracts.schemas.audit import SUBJECTS_MAX, Basis
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.index_kinds import IndexKind

QUESTIONS_MAX = 16
ROWS_MAX = 100_000
# Rules from here on index the halves of chains of calls by their trace.
_RULES_WITH_TRACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """What is traced: the call, between whom parents are looked for, why, and when (0 = no end).

    `keyring` opens encrypted private parts, in which a side says what its data were derived from;
    what it does not open is not followed.
    """

    start: CallName
    organisations: tuple[str, ...]
    purpose: str = ""
    basis: Basis = Basis.SUPERVISION
    period: tuple[int, int] = (0, 0)
    keyring: Keyring | None = None


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was found so far, and what opens it."""

    keyring: Keyring | None
    calls: dict[CallName, LinkedCall] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    missing: dict[tuple[str, str, CallName], Missing] = field(default_factory=dict)
    asked: list[AskedTrail] = field(default_factory=list)
    rows: dict[tuple[int, bytes], tuple[AuditRow, ...]] = field(default_factory=dict)
    bounds: set[str] = field(default_factory=set)
    heights: list[int] = field(default_factory=list)


def trace(session: Session, tracing: Tracing) -> Plan[Lineage]:
    """Return the lineage of a call.

    Raises:
        UnknownCall: it is proven that no such call stands on the chain.
        QuestionNotRecorded: the chain did not accept a question about children.
        CannotDecide: no node gave the proofs.

    """
    start = tracing.start
    gathered = _Gathered(keyring=tracing.keyring)
    pairs = [(start.requester, start.provider)]
    found = yield from _looked_up(session, gathered, start.call_id, pairs)
    if not found.found:
        raise UnknownCall(
            f"call {start.call_id} of {start.requester} to {start.provider} is not on the chain"
        )
    yield from _add(session, gathered, found.found[0], level=0)
    yield from _up(session, tracing, gathered)
    if tracing.purpose:
        yield from _down(session, tracing, gathered)
        yield from _about(session, tracing, gathered)
    calls = {one: _with_own(call, gathered) for one, call in gathered.calls.items()}
    certified = yield from _with_certificates(session, calls)
    return Lineage(
        start=start,
        calls=tuple(sorted(certified.values(), key=lambda one: (one.level, one.name))),
        links=noted(gathered.links, certified),
        missing=tuple(gathered.missing[key] for key in sorted(gathered.missing)),
        asked=tuple(gathered.asked),
        organisations=tracing.organisations,
        are_children_asked=bool(tracing.purpose),
        bounds=tuple(sorted(gathered.bounds)),
        as_of_height=min(gathered.heights),
    )


def _looked_up(
    session: Session, gathered: _Gathered, call_id: str, pairs: Sequence[tuple[str, str]]
) -> Plan[Lookup]:
    found = yield from look_up(session, call_id, pairs)
    gathered.heights.append(found.as_of_height)
    return found


def _add(session: Session, gathered: _Gathered, found: CallFound, *, level: int) -> Plan[bool]:
    """Take a call in with its halves; False: it is there already, or no more are taken."""
    if found.name in gathered.calls:
        return False
    if len(gathered.calls) == CALLS_MAX:
        gathered.bounds.add("calls")
        return False
    records = yield from half_records(session, found)
    opened = {}
    if gathered.keyring is not None:
        opened = yield from opened_parts(session, records, gathered.keyring)
    gathered.calls[found.name] = LinkedCall(
        name=found.name,
        level=level,
        match=found.match,
        halves=tuple(audit_row(one, opened.get(one.position)) for one in records),
    )
    return True


def _up(session: Session, tracing: Tracing, gathered: _Gathered) -> Plan[None]:
    """Follow what calls say they came from, one level after the other."""
    waiting = [tracing.start]
    for level in range(1, LEVELS_MAX + 1):
        further = []
        for name in waiting:
            for kind in LinkKind:
                claims = claims_of(gathered.calls[name].halves, kind)
                for call_id, said_by in claims.items():
                    claim = _Claim(kind=kind, call_id=call_id, by=name, said_by=said_by)
                    further += yield from _claimed(session, tracing, gathered, claim, -level)
        waiting = further
        if not waiting:
            return
    halves = [gathered.calls[name].halves for name in waiting]
    if any(claims_of(one, kind) for one in halves for kind in LinkKind):
        gathered.bounds.add("levels")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Sides of the call `by` say that it came from a call with this id."""

    kind: LinkKind
    call_id: str
    by: CallName
    said_by: tuple[str, ...]


def _claimed(
    session: Session, tracing: Tracing, gathered: _Gathered, claim: _Claim, level: int
) -> Plan[list[CallName]]:
    """Look for what a call says it came from; return which calls are to be followed."""
    every = pairs_of((*tracing.organisations, claim.by.requester, claim.by.provider))
    fitting = [one for one in every if _fits(one, claim)]
    looked = yield from _looked_up(session, gathered, claim.call_id, fitting)
    places, is_of_others = looked.places, False
    if not looked.found and len(every) > PAIRS_MAX:
        gathered.bounds.add("pairs")
    elif not looked.found:
        others = [one for one in every if not _fits(one, claim)]
        looked = yield from _looked_up(session, gathered, claim.call_id, others)
        places, is_of_others = places + looked.places, True
    if not looked.found:
        missing = Missing(kind=claim.kind, call_id=claim.call_id, named_by=claim.by, places=places)
        gathered.missing[claim.kind.value, claim.call_id, claim.by] = missing
        return []
    notes = [Note.OF_OTHERS] if is_of_others else []
    notes += [Note.AMBIGUOUS] if len(looked.found) > 1 else []
    followed = []
    for one in looked.found:
        is_new = yield from _add(session, gathered, one, level=level)
        gathered.links.append(
            Link(
                kind=claim.kind,
                source=one.name,
                target=claim.by,
                said_by=claim.said_by,
                notes=tuple(notes),
            )
        )
        if is_new and not is_of_others:
            followed.append(one.name)
    return followed


def _fits(pair: tuple[str, str], claim: _Claim) -> bool:
    """Tell whether the source of a claim can stand between this pair.

    A parent was answered by who made this call; what data were derived from, it asked or answered.
    """
    requester, provider = pair
    if claim.kind is LinkKind.PARENT:
        return provider == claim.by.requester
    return claim.by.requester in {requester, provider}


def _down(session: Session, tracing: Tracing, gathered: _Gathered) -> Plan[None]:
    """Find who came from the call, and from those, in trails that are proven whole."""
    waiting = [tracing.start]
    for level in range(1, LEVELS_MAX + 1):
        further = []
        for name in waiting:
            rows = yield from _rows_with_children(session, tracing, gathered, name)
            for child in children_in(rows, name):
                pair = (child.requester, child.provider)
                looked = yield from _looked_up(session, gathered, child.call_id, [pair])
                for one in looked.found:
                    if (yield from _add(session, gathered, one, level=level)):
                        further.append(one.name)
                    if one.name in gathered.calls:
                        gathered.links.append(_child_link(gathered.calls[one.name], name))
        waiting = further
        if not waiting:
            return
    gathered.bounds.add("levels")


def _child_link(child: LinkedCall, parent: CallName) -> Link:
    said_by = claims_of(child.halves, LinkKind.PARENT).get(parent.call_id, ())
    return Link(kind=LinkKind.PARENT, source=parent, target=child.name, said_by=said_by)


def _rows_with_children(
    session: Session, tracing: Tracing, gathered: _Gathered, name: CallName
) -> Plan[tuple[AuditRow, ...]]:
    """Return the trails in which every child of a call stands.

    With rules 3 that of its trace; before, that of its provider as who asks.
    """
    if session.trust.parameters.rules < _RULES_WITH_TRACES:
        return (
            yield from _trail(
                session, tracing, gathered, IndexKind.REQUESTER, [name.provider.encode()]
            )
        )
    traces = sorted({one.trace_id for one in gathered.calls[name].halves if one.trace_id})
    found: list[AuditRow] = []
    for one in traces:
        value = bytes.fromhex(one)
        found += yield from _trail(session, tracing, gathered, IndexKind.TRACE, [value])
    return tuple(found)


def _about(session: Session, tracing: Tracing, gathered: _Gathered) -> Plan[None]:
    """Find the ledger's own records of the call, and questions about the people of it."""
    call = gathered.calls[tracing.start]
    tokens = sorted({token for half in call.halves for token in half.subjects})[:SUBJECTS_MAX]
    if not tokens:
        value = tracing.start.requester.encode()
        yield from _trail(session, tracing, gathered, IndexKind.REQUESTER, [value])
        return
    rows = yield from _trail(
        session, tracing, gathered, IndexKind.SUBJECT, [bytes.fromhex(one) for one in tokens]
    )
    asked = tuple(one.position for one in rows if one.kind == QUESTION)
    gathered.calls[tracing.start] = replace(call, questions=asked)


def _trail(
    session: Session, tracing: Tracing, gathered: _Gathered, kind: IndexKind, values: list[bytes]
) -> Plan[tuple[AuditRow, ...]]:
    """Ask once for a trail, to its end, and remember how whole it is proven to be."""
    key = (int(kind), b"".join(values))
    if key in gathered.rows:
        return gathered.rows[key]
    if len(gathered.asked) == QUESTIONS_MAX:
        gathered.bounds.add("questions")
        return ()
    answer = yield from question(
        session,
        kind=kind,
        values=values,
        period=tracing.period,
        purpose=tracing.purpose,
        basis=tracing.basis,
        limit=PAGE_ROWS_MAX,
    )
    while answer.next_cursor is not None and len(answer.items) < ROWS_MAX:
        answer = yield from next_page(session, answer, limit=PAGE_ROWS_MAX)
    if answer.next_cursor is not None:
        gathered.bounds.add("rows")
    gathered.asked.append(_asked(answer, kind, values))
    gathered.heights.append(answer.as_of_height)
    gathered.rows[key] = audit_rows(answer.items)
    return gathered.rows[key]


def _asked(answer: AuditAnswer, kind: IndexKind, values: Sequence[bytes]) -> AskedTrail:
    is_text = kind is IndexKind.REQUESTER
    return AskedTrail(
        kind=kind.name.lower(),
        value=",".join(one.decode() if is_text else one.hex() for one in values),
        digest=answer.question.digest.hex(),
        rows=len(answer.items),
        is_complete=answer.complete,
        complete_to_ms=answer.complete_to_ms,
    )


def _with_own(call: LinkedCall, gathered: _Gathered) -> LinkedCall:
    rows = [row for trail in gathered.rows.values() for row in trail]
    return replace(call, own=own_records(rows, call.name))


def _with_certificates(
    session: Session, calls: Mapping[CallName, LinkedCall]
) -> Plan[dict[CallName, LinkedCall]]:
    """Add the state of each certificate that a call names."""
    named = {name: identifiers_in(call.halves) for name, call in calls.items()}
    wanted = sorted({one for names in named.values() for one in names})
    rows = yield from states_of(session, CERTIFICATES, [(one,) for one in wanted])
    states = {
        one: None if (row := rows[one,].row) is None else CertificateState(row.state).name.lower()
        for one in wanted
    }
    return {
        name: replace(
            call,
            certificates=tuple(
                NamedCertificate(identifier=one, state=states[one]) for one in named[name]
            ),
        )
        for name, call in calls.items()
    }
