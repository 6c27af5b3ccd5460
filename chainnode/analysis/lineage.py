"""The lineage of a call: which calls it came from, which came from it, and what is missing. Pure.

A call names its parent by call id alone. The parent's provider is this call's requester, so a
parent is looked for between every organisation and that requester; where it is not there it is
absent, or another call's id was taken: both are shown, and neither is followed. Nothing here
believes a link because one side claims it: who said so stands at each link.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, unique

from chainnode.analysis.rows import GAP, HALF, AuditRow
from chainnode.errors import NodeError
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

# A chain of calls that is longer or wider is cut there, and the answer says so.
LEVELS_MAX = 16
CALLS_MAX = 128
CERTIFICATES_MAX = 16
# Five parts behind the root of all identifiers; whether it is one is told by its check character.
_IDENTIFIER = re.compile(
    r"(?<![0-9A-Z.])1\.2\.156\.3005\.2(?:\.[0-9A-Z]{1,40}){5}(?![0-9A-Z]|\.[0-9A-Z])", re.ASCII
)


class UnknownCall(NodeError):
    """No such call stands on the chain."""


@unique
class LinkKind(Enum):
    """Why one call leads to another."""

    PARENT = "parent"
    DERIVED = "derived"


@unique
class Note(Enum):
    """What is to be known of a link before it is believed."""

    ONE_SIDE = "one_side"
    AMBIGUOUS = "ambiguous"
    OF_OTHERS = "of_others"
    CYCLE = "cycle"
    LATER = "later"
    OTHER_TRACE = "other_trace"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CallName:
    """What a call is known by; `call_id` is lower hex."""

    requester: str
    provider: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCertificate:
    """An identifier that a text of a call names; `state` None: proven not to be registered."""

    identifier: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCall:
    """A call of the lineage: present, as the ledger's state proves.

    `level` counts from the call that was asked for: parents are below 0. `match` is how the
    halves stand; `halves` are their proven records, `own` those of the ledger itself about it,
    `questions` the positions of questions about its people.
    """

    name: CallName
    level: int
    match: str
    halves: tuple[AuditRow, ...] = field(repr=False)
    own: tuple[AuditRow, ...] = field(default=(), repr=False)
    questions: tuple[int, ...] = ()
    certificates: tuple[NamedCertificate, ...] = ()

    @property
    def disagreements(self) -> tuple[str, ...]:
        """In which of the words that make the lineage its two halves differ."""
        names = ("trace_id", "parent_call_id")
        return tuple(one for one in names if len({getattr(half, one) for half in self.halves}) > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`target` says that it came from `source`; `said_by` are the sides that say so."""

    kind: LinkKind
    source: CallName
    target: CallName
    said_by: tuple[str, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A call id that `named_by` names, and that is proven to stand nowhere it was looked for."""

    kind: LinkKind
    call_id: str
    named_by: CallName
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTrail:
    """A recorded question on which children, own records or questions rest."""

    kind: str
    value: str
    digest: str
    rows: int
    is_complete: bool
    complete_to_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All of it. `are_children_asked`: whether somebody asked who came from these calls.

    `bounds` names the bounds that cut it; `as_of_height` is the lowest height of its proofs.
    """

    start: CallName
    calls: tuple[LinkedCall, ...]
    links: tuple[Link, ...]
    missing: tuple[Missing, ...]
    asked: tuple[AskedTrail, ...]
    organisations: tuple[str, ...]
    are_children_asked: bool
    bounds: tuple[str, ...]
    as_of_height: int


def claims_of(halves: Sequence[AuditRow], kind: LinkKind) -> dict[str, tuple[str, ...]]:
    """Return the call ids that halves name as where they came from, each with who says so."""
    said: dict[str, list[str]] = {}
    for half in halves:
        for one in _named(half, kind):
            said.setdefault(one, []).append(half.side or "")
    return {one: tuple(sorted(said[one])) for one in sorted(said)}


def _named(half: AuditRow, kind: LinkKind) -> tuple[str, ...]:
    if kind is LinkKind.PARENT:
        return (half.parent_call_id,) if half.parent_call_id else ()
    return half.reasons.derived_from if half.reasons is not None else ()


def children_in(rows: Sequence[AuditRow], parent: CallName) -> tuple[CallName, ...]:
    """Return the calls of a list that name `parent`, by their identity."""
    found = {
        CallName(requester=row.requester, provider=row.provider, call_id=row.call_id)
        for row in rows
        if row.kind == HALF
        and row.parent_call_id == parent.call_id
        and row.requester == parent.provider
        and row.provider is not None
        and row.call_id is not None
    }
    return tuple(sorted(found))


def own_records(rows: Sequence[AuditRow], name: CallName) -> tuple[AuditRow, ...]:
    """Return the records of the ledger itself about a call, out of a list."""
    wanted = (name.requester, name.provider, name.call_id)
    found = {row.position: row for row in rows if row.kind == GAP and row.call == wanted}
    return tuple(found[position] for position in sorted(found))


def identifiers_in(halves: Sequence[AuditRow]) -> tuple[str, ...]:
    """Return the identifiers of certificates that texts of the halves name, bounded."""
    found = set()
    for half in halves:
        why = half.reasons
        texts = [half.item or "", half.grant or ""]
        if why is not None:
            texts += [why.reason_text, why.case_number, why.legal_basis]
        found |= {one for text in texts for one in _IDENTIFIER.findall(text) if _is_identifier(one)}
    return tuple(sorted(found)[:CERTIFICATES_MAX])


def _is_identifier(text: str) -> bool:
    try:
        parse_identifier(text)
    except InvalidIdentifier:
        return False
    return True


def noted(links: Sequence[Link], calls: Mapping[CallName, LinkedCall]) -> tuple[Link, ...]:
    """Return the links, each once and in order, with what must be known of them."""
    merged: dict[tuple[str, CallName, CallName], Link] = {}
    for one in links:
        merged[one.kind.value, one.source, one.target] = one
    ordered = [merged[key] for key in sorted(merged)]
    closing = _closing(ordered)
    return tuple(
        Link(
            kind=one.kind,
            source=one.source,
            target=one.target,
            said_by=one.said_by,
            notes=_notes(one, calls, is_closing=(one.source, one.target) in closing),
        )
        for one in ordered
    )


def _notes(
    link: Link, calls: Mapping[CallName, LinkedCall], *, is_closing: bool
) -> tuple[Note, ...]:
    found = list(link.notes)
    source, target = calls.get(link.source), calls.get(link.target)
    if target is not None and 1 == len(link.said_by) < len(target.halves):
        found.append(Note.ONE_SIDE)
    if is_closing:
        found.append(Note.CYCLE)
    if source is not None and target is not None and source.halves and target.halves:
        if _first_ms(source) > _first_ms(target):
            found.append(Note.LATER)
        if link.kind is LinkKind.PARENT and not _traces(source) & _traces(target):
            found.append(Note.OTHER_TRACE)
    return tuple(one for one in Note if one in found)


def _first_ms(call: LinkedCall) -> int:
    return min(one.time_ms for one in call.halves)


def _traces(call: LinkedCall) -> frozenset[str | None]:
    return frozenset(one.trace_id for one in call.halves)


def _closing(links: Sequence[Link]) -> frozenset[tuple[CallName, CallName]]:
    """Return the links that lead back to where a walk along links came from, in a fixed order."""
    after: dict[CallName, list[CallName]] = {}
    for one in links:
        after.setdefault(one.source, []).append(one.target)
    closing: set[tuple[CallName, CallName]] = set()
    done: set[CallName] = set()
    for root in sorted(after):
        way: list[CallName] = []
        waiting: list[tuple[CallName, bool]] = [(root, False)]
        while waiting:
            name, is_left = waiting.pop()
            if is_left:
                done.add(way.pop())
                continue
            if name in done or name in way:
                continue
            way.append(name)
            waiting.append((name, True))
            for target in sorted(after.get(name, ()), reverse=True):
                if target in way:
                    closing.add((name, target))
                else:
                    waiting.append((target, False))
    return frozenset(closing)
