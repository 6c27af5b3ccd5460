"""A proven record as what filters, facets and anomaly rules look at. Pure.

A row is made from verified facts alone: the entry, the body that was held against its digest and,
where somebody has the key, the opened private part. What cannot be read stays apart from what was
not said: `is_sealed` marks the first, an empty text the second, None what a record of this kind
does not have. Byte strings are lower hex, instants are milliseconds, so that a row is plain JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from chainnode.ledger.types import Entry
from chainnode.submission import Call
from chainnode.verify.question import question_purpose
from chainnode.verify.rows import Half, ProvenRecord, read_half, read_why
from contracts.schemas import access, access_1, audit, certificates
from contracts.schemas.access_gaps import GapOutcome, decode_gap
from contracts.schemas.call_words import NAME as ACCESS
from contracts.schemas.call_words import AccessOutcome, Side
from contracts.schemas.codes import Rejection
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import Schema

# Kinds of rows: words of the answer.
HALF = "half"
PEOPLE = "people"
GAP = "gap"
SEAL = "seal"
QUESTION = "question"
CERTIFICATE = "certificate"
OTHER = "other"

_DISPUTES = "disputes"
DISPUTE = "dispute"
_KINDS = {audit.NAME: QUESTION, certificates.NAME: CERTIFICATE, _DISPUTES: DISPUTE}
# Outcomes 4 to 6 of `access` are about calls under seal (docs/wire-format.md §14).
_SEAL_OUTCOMES = frozenset({4, 5, 6})
_OUTCOME_KINDS = 8
_OUTCOME_WORDS = {int(one): one.name.lower() for one in (*AccessOutcome, *GapOutcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why a call was made and by whom, as one side says; of a question only `reason_text`."""

    purpose_code: str = ""
    reason_text: str = ""
    case_number: str = ""
    operator: str = ""
    operator_role: str = ""
    system: str = ""
    represented_party: str = ""
    legal_basis: str = ""
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One record; see the module.

    `people` is the number of people beyond `subjects` of which a half speaks. `reasons` is None
    where nothing was said, or, with `is_sealed`, where something was said that cannot be read.
    `is_withheld`: the node did not show the body, so that only the envelope is known.
    """

    position: int
    height: int
    time_ms: int
    organisation: str
    contract: str
    version: int
    kind: str
    action: str | None = None
    is_withheld: bool = False
    call_id: str | None = None
    side: str | None = None
    requester: str | None = None
    provider: str | None = None
    item: str | None = None
    grant: str | None = None
    subjects: tuple[str, ...] = ()
    people: int | None = None
    outcome: str | None = None
    findings: tuple[str, ...] = ()
    status: int | None = None
    count: int | None = None
    requested_ms: int | None = None
    trace_id: str | None = None
    parent_call_id: str | None = None
    reasons: Reasons | None = field(default=None, repr=False)
    is_sealed: bool = False

    @property
    def call(self) -> tuple[str, str, str] | None:
        """Requester, provider, call id: what a call is known by; None where that is not known."""
        if self.call_id is None or self.requester is None or self.provider is None:
            return None
        return self.requester, self.provider, self.call_id


def audit_rows(
    records: Iterable[ProvenRecord], opened: Mapping[int, bytes] | None = None
) -> tuple[AuditRow, ...]:
    """Return the rows of a list, each position once, ascending.

    `opened` holds clear private parts by position, where a key opened them.
    """
    clear = opened or {}
    return in_order(audit_row(one, clear.get(one.position)) for one in records)


def in_order(rows: Iterable[AuditRow]) -> tuple[AuditRow, ...]:
    """Return the rows of several lists as one: each position once, ascending."""
    found = {one.position: one for one in rows}
    return tuple(found[position] for position in sorted(found))


def audit_row(found: ProvenRecord, clear: bytes | None = None) -> AuditRow:
    """Return the row of a proven record; `clear` is its private part where a key opened it."""
    entry, call = found.entry, found.call
    row = _envelope(found.position, entry, call)
    half = None if call is None else read_half(entry, call)
    if half is not None:
        row = _half(row, half)
    elif call is not None and row.kind in {GAP, PEOPLE}:
        row = _about_call(row, call)
    if call is None:
        return replace(row, is_withheld=True, is_sealed=row.kind in {HALF, QUESTION})
    return _with_reasons(row, entry, call.private if clear is None else clear)


def _envelope(position: int, entry: Entry, call: Call | None) -> AuditRow:
    """Return what the entry says by itself."""
    kind = _kind(entry)
    return AuditRow(
        position=position,
        height=entry.height,
        time_ms=entry.time_ms,
        organisation=entry.organisation,
        contract=entry.contract,
        version=entry.contract_version,
        kind=kind,
        action=None if call is None else call.action,
        requester=entry.organisation if kind == QUESTION else _text(entry, IndexKind.REQUESTER),
        provider=_text(entry, IndexKind.PROVIDER),
        item=_text(entry, IndexKind.ITEM),
        grant=_text(entry, IndexKind.GRANT),
        subjects=tuple(one[1:].hex() for one in entry.index_keys if one[0] == IndexKind.SUBJECT),
        outcome=_outcome(entry, kind),
        findings=_findings(entry) if kind == HALF else (),
    )


def _half(row: AuditRow, half: Half) -> AuditRow:
    return replace(
        row,
        call_id=half.call_id.hex(),
        side=Side(half.side).name.lower(),
        requester=half.requester,
        provider=half.provider,
        item=half.item,
        grant=half.grant,
        subjects=tuple(one.hex() for one in half.subjects),
        people=0 if isinstance(half, access_1.AccessRecord) else half.people,
        status=half.status,
        count=half.count,
        requested_ms=half.requested_ms,
        trace_id=half.trace_id.hex(),
        parent_call_id=half.parent_call_id.hex(),
    )


def _about_call(row: AuditRow, call: Call) -> AuditRow:
    """Add which call a record of people, or of the ledger itself, is about."""
    part: access.People | None = None
    if row.kind == PEOPLE:
        try:
            part = _PEOPLE.decode(call.public)
        except Rejection:
            return row
    about = part or decode_gap(row.contract, call.action, call.public)
    if about is None:
        return row
    return replace(
        row,
        call_id=about.call_id.hex(),
        side=Side(about.side).name.lower(),
        requester=about.requester,
        provider=about.provider,
    )


def _with_reasons(row: AuditRow, entry: Entry, private: bytes) -> AuditRow:
    """Add why; an empty private part is proven to be empty, so nothing was said."""
    if row.kind not in {HALF, QUESTION} or not private:
        return row
    reasons = _question_reasons(private) if row.kind == QUESTION else _call_reasons(entry, private)
    return replace(row, reasons=reasons, is_sealed=reasons is None)


def _question_reasons(private: bytes) -> Reasons | None:
    purpose = question_purpose(private)
    return None if purpose is None else Reasons(reason_text=purpose)


def _call_reasons(entry: Entry, private: bytes) -> Reasons | None:
    why = read_why(entry, private)
    if why is None:
        return None
    first = Reasons(
        purpose_code=why.purpose_code,
        reason_text=why.reason_text,
        case_number=why.case_number,
        operator=why.operator,
        system=why.system,
        represented_party=why.represented_party,
    )
    if isinstance(why, access_1.AccessPrivate):
        return first
    return replace(
        first,
        operator_role=why.operator_role,
        legal_basis=why.legal_basis,
        derived_from=tuple(one.hex() for one in why.derived_from),
    )


def _kind(entry: Entry) -> str:
    """Return what kind of record it is; the envelope alone tells."""
    if entry.contract != ACCESS:
        return _KINDS.get(entry.contract, OTHER)
    if entry.is_ledgers_own:
        return GAP
    if entry.outcome == access.PEOPLE_RECORDED:
        return PEOPLE
    return SEAL if entry.outcome in _SEAL_OUTCOMES else HALF


def _outcome(entry: Entry, kind: str) -> str | None:
    if kind == HALF:
        return _OUTCOME_WORDS.get(entry.outcome % _OUTCOME_KINDS)
    return _OUTCOME_WORDS.get(entry.outcome) if kind == GAP else None


def _findings(entry: Entry) -> tuple[str, ...]:
    return tuple(one.name.lower() for one in access.findings_in(entry.outcome))


def _text(entry: Entry, kind: IndexKind) -> str | None:
    """Return the text under a kind of key; None where there is none, or only its digest."""
    for key in entry.index_keys:
        if key[0] == kind:
            try:
                return key[1:].decode()
            except UnicodeDecodeError:
                return None
    return None


_PEOPLE = Schema(access.People)
