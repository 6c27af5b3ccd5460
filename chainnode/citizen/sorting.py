"""From proven records to uses of a person's data. Pure: no I/O, nothing believed unproven."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from chainnode.citizen.objections import FiledHere
from chainnode.citizen.usages import (
    CallName,
    HalfSeen,
    Objected,
    SealedUse,
    Usage,
    UseKind,
    Uses,
    joined,
)
from chainnode.ledger.types import Entry
from chainnode.submission import Call
from chainnode.verify.disputed import dispute_of
from chainnode.verify.question import question_purpose
from chainnode.verify.rows import ProvenRecord, read_half
from contracts.schemas import access, access_1, audit, disputes
from contracts.schemas.access import AccessOutcome, People, findings_in
from contracts.schemas.access_gaps import GapOutcome, decode_gap
from contracts.schemas.access_sealed import Sealed, Unseal
from contracts.schemas.codes import Rejection
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import Schema

_PEOPLE = Schema(People)
_SEALED = Schema(Sealed)
_UNSEAL = Schema(Unseal)
_OBJECT = Schema(disputes.Object)
_QUESTION = Schema(audit.Question)


def uses_in(records: Sequence[ProvenRecord], *, own_key_id: bytes, filed_here: FiledHere) -> Uses:
    """Sort proven records into uses, the latest first; what `own_key_id` asked is our own view."""
    sorting = _Sorting(own_key_id, filed_here)
    for one in records:
        sorting.take(one)
    return sorting.sorted()


class _Sorting:
    """Gathers records by what they speak of."""

    def __init__(self, own_key_id: bytes, filed_here: FiledHere) -> None:
        self._own_key_id = own_key_id
        self._filed_here = filed_here
        self._usages: dict[CallName, Usage] = {}
        self._sealed: dict[bytes, SealedUse] = {}
        self._opened: set[bytes] = set()
        # Dispute -> its call, and what became of it last.
        self._disputed: dict[bytes, CallName] = {}
        self._objections: dict[bytes, Objected] = {}
        self._own_disputes: set[bytes] = set()
        self._dispute_records: Counter[bytes] = Counter()
        self._own_questions = 0
        self._others = 0

    def take(self, record: ProvenRecord) -> None:
        entry, call = record.entry, record.call
        if entry.contract == audit.NAME:
            self._take_question(record)
        elif entry.contract == disputes.NAME:
            self._take_dispute(record)
        elif entry.contract != access.NAME:
            self._others += 1
        elif call is None:
            self._join(_withheld(record))
        else:
            self._take_access(record, call)

    def sorted(self) -> Uses:
        hidden = [one for key, one in self._sealed.items() if key not in self._opened]
        for dispute_id, found in self._objections.items():
            self._attach(replace(found, is_own=dispute_id in self._own_disputes))
        latest = sorted(self._usages.values(), key=lambda one: (-one.used_ms, one.name))
        return Uses(
            usages=tuple(latest),
            sealed=tuple(hidden),
            own_questions=self._own_questions,
            others=self._others,
        )

    def _attach(self, found: Objected) -> None:
        """Put an objection to the call it is about; one about something else is another record."""
        name = self._disputed.get(found.dispute_id)
        usage = None if name is None else self._usages.get(name)
        if usage is None:
            self._others += self._dispute_records[found.dispute_id]
            return
        objections = (*usage.objections, found)
        self._usages[usage.name] = replace(usage, objections=objections)

    def _take_dispute(self, record: ProvenRecord) -> None:
        entry, call = record.entry, record.call
        dispute_id = dispute_of(entry) or b""
        self._dispute_records[dispute_id] += 1
        self._objections[dispute_id] = Objected(
            dispute_id=dispute_id, outcome=entry.outcome, recorded_ms=entry.time_ms
        )
        if call is None or call.action != "object":
            return
        try:
            said = _OBJECT.decode(call.public)
        except Rejection:
            return
        if self._filed_here.has(said):
            self._own_disputes.add(dispute_id)
        self._disputed[dispute_id] = (said.requester, said.provider, said.call_id.hex())

    def _take_access(self, record: ProvenRecord, call: Call) -> None:
        half = read_half(record.entry, call)
        if half is not None:
            self._join(_of_half(record, call))
            return
        usage = _of_people(record, call) or _of_gap(record, call)
        if usage is not None:
            self._join(usage)
        elif call.action == "sealed":
            self._take_sealed(record, call)
        elif call.action == "unseal":
            self._take_unsealed(record, call)
        else:
            self._others += 1

    def _take_sealed(self, record: ProvenRecord, call: Call) -> None:
        try:
            said = _SEALED.decode(call.public)
        except Rejection:
            self._others += 1
            return
        self._sealed[said.commitment] = SealedUse(
            department=record.entry.organisation,
            recorded_ms=record.entry.time_ms,
            count=said.count,
            position=record.position,
            commitment=said.commitment,
        )

    def _take_unsealed(self, record: ProvenRecord, call: Call) -> None:
        try:
            said = _UNSEAL.decode(call.public)
        except Rejection:
            self._others += 1
            return
        self._opened.add(said.commitment)
        before = self._sealed.get(said.commitment)
        entry = record.entry
        used_ms = entry.time_ms if before is None else before.recorded_ms
        provider = _value(entry, IndexKind.PROVIDER) if before is None else before.department
        self._join(
            Usage(
                kind=UseKind.UNSEALED,
                name=(said.requester, provider, said.commitment.hex()),
                item=said.item,
                why=said.purpose,
                used_ms=used_ms,
                recorded_ms=entry.time_ms,
                positions=(*(() if before is None else (before.position,)), record.position),
            )
        )

    def _take_question(self, record: ProvenRecord) -> None:
        entry, call = record.entry, record.call
        if entry.key_id == self._own_key_id and _is_own_view(record):
            self._own_questions += 1
            return
        self._join(
            Usage(
                kind=UseKind.QUESTION,
                name=(entry.organisation, "", f"{record.position}"),
                why=(None if call is None else question_purpose(call.private)) or "",
                used_ms=entry.time_ms,
                recorded_ms=entry.time_ms,
                positions=(record.position,),
            )
        )

    def _join(self, found: Usage) -> None:
        before = self._usages.get(found.name)
        self._usages[found.name] = found if before is None else joined(before, found)


def _is_own_view(record: ProvenRecord) -> bool:
    """Tell whether a question of ours was the person's: else our department looked at them."""
    if record.entry.contract_version < audit.VERSION:
        return True
    call = record.call
    try:
        return call is not None and _QUESTION.decode(call.public).basis == audit.Basis.OWN_VIEW
    except Rejection:
        return False


def with_half(usage: Usage, record: ProvenRecord) -> Usage:
    """Return a use with what a half says that stands in nobody's trail but is proven by itself.

    A half that is not of this call adds nothing.
    """
    if record.call is None or read_half(record.entry, record.call) is None:
        return usage
    found = _of_half(record, record.call)
    return joined(usage, found) if found.name == usage.name else usage


def _of_half(record: ProvenRecord, call: Call) -> Usage:
    entry = record.entry
    half = read_half(entry, call)
    assert half is not None  # noqa: S101 - whoever calls has asked
    has_findings = entry.contract_version > access_1.VERSION
    people = half.people if isinstance(half, access.AccessRecord) else 0
    return Usage(
        kind=UseKind.CALL,
        name=(half.requester, half.provider, half.call_id.hex()),
        item=half.item,
        used_ms=_used_ms(entry, half.requested_ms),
        recorded_ms=entry.time_ms,
        outcome=AccessOutcome(half.kind),
        findings=frozenset(findings_in(entry.outcome)) if has_findings else frozenset(),
        people=people + len(half.subjects),
        grant=half.grant,
        halves=(
            HalfSeen(
                position=record.position,
                side=half.side,
                private=call.private,
                contract_version=entry.contract_version,
                subjects=half.subjects,
                item=half.item,
                grant=half.grant,
            ),
        ),
        positions=(record.position,),
    )


def _of_people(record: ProvenRecord, call: Call) -> Usage | None:
    if call.action != "people":
        return None
    try:
        said = _PEOPLE.decode(call.public)
    except Rejection:
        return None
    time_ms = record.entry.time_ms
    return Usage(
        kind=UseKind.CALL,
        name=(said.requester, said.provider, said.call_id.hex()),
        used_ms=time_ms,
        recorded_ms=time_ms,
        people_tokens=said.tokens,
        positions=(record.position,),
    )


def _of_gap(record: ProvenRecord, call: Call) -> Usage | None:
    entry = record.entry
    gap = decode_gap(entry.contract, call.action, call.public) if entry.is_ledgers_own else None
    if gap is None:
        return None
    return Usage(
        kind=UseKind.CALL,
        name=(gap.requester, gap.provider, gap.call_id.hex()),
        item=_value(entry, IndexKind.ITEM),
        grant=_value(entry, IndexKind.GRANT),
        used_ms=entry.time_ms,
        recorded_ms=entry.time_ms,
        gap=GapOutcome(entry.outcome),
        positions=(record.position,),
    )


def _withheld(record: ProvenRecord) -> Usage:
    """Say what the envelope says, where the node has not kept what was recorded."""
    entry = record.entry
    parties = (_value(entry, IndexKind.REQUESTER), _value(entry, IndexKind.PROVIDER))
    return Usage(
        kind=UseKind.WITHHELD,
        name=(parties[0] or entry.organisation, parties[1], f"{record.position}"),
        item=_value(entry, IndexKind.ITEM),
        used_ms=entry.time_ms,
        recorded_ms=entry.time_ms,
        positions=(record.position,),
    )


def _used_ms(entry: Entry, said_ms: int) -> int:
    return min(said_ms, entry.time_ms) if said_ms else entry.time_ms


def _value(entry: Entry, kind: IndexKind) -> str:
    for key in entry.index_keys:
        if key[0] == kind:
            return key[1:].decode(errors="replace")
    return ""
