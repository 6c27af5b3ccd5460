"""Contract `disputes`: objections to calls and data, to be answered by the authoritative source.

State: `disputes/dispute`, key dispute id → the objection and what became of it; `disputes/open`,
key organisation → how many came to it, left it, and became overdue there. What may follow what,
and whose it is, is the table `TRANSITIONS`. Every record carries the index keys of what is
disputed (docs/wire-format.md §18).
"""

import msgspec

from contracts.dispute_targets import named_target
from contracts.index_rule import dispute_keys
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.dispute_states import DisputeState, Party, party_to, state_after
from contracts.schemas.disputes import (
    DISPUTES,
    FORWARDS_MAX,
    LATE,
    NAME,
    OPEN,
    VERSION,
    Correct,
    DisputeOutcome,
    DisputePart,
    DisputeRow,
    Extend,
    Forward,
    Object,
    OpenRow,
    Overdue,
    Refuse,
    WithdrawDispute,
    responsible_for,
)
from contracts.schemas.members import ORGANISATIONS, Role
from contracts.schemas.shape import encode_part
from contracts.sdk import ActionTable, Context, Due, Effect, OwnRecord, StateView, action

_WakeKey = tuple[bytes, int]
_ANSWERING = (Role.SERVICE, Role.MEMBER)
_FILING = (Role.SERVICE, Role.AUDITOR)


def _object(state: StateView, context: Context, part: Object) -> Effect:
    """File an objection; whoever answers for the data has to answer it."""
    known = state.find(DISPUTES, part.dispute_id)
    if known is not None:
        raise Rejection(Code.DISPUTES_DISPUTE_KNOWN, (known.state,))
    target = named_target(state, context, part)
    row = DisputeRow(
        target=part.target,
        requester=part.requester,
        provider=target.provider,
        call_id=part.call_id,
        certificate=part.certificate,
        filer=context.organisation,
        responsible=responsible_for(
            target=part.target,
            ground=part.ground,
            requester=part.requester,
            provider=part.provider,
            owner=target.owner,
        ),
        ground=part.ground,
        state=int(_after("object", None)),
        forwards=0,
        is_extended=0,
        filed_ms=context.now_ms,
        due_ms=context.now_ms + context.dispute_deadline_ms,
        since_ms=context.now_ms,
        subjects=part.subjects,
        person=part.person,
        item=part.item,
        grant=part.grant,
        follows=part.follows,
        is_overdue=0,
    )
    _require_followed(state, row)
    _count(state, row.responsible, opened=1)
    return _entered(state, context, part, row, DisputeOutcome.OBJECTED)


def _require_followed(state: StateView, row: DisputeRow) -> None:
    """Refuse to follow what is not there, still open, or about something else."""
    if not row.follows:
        return
    followed = state.find(DISPUTES, row.follows)
    if followed is None:
        raise Rejection(Code.DISPUTES_NO_SUCH_DISPUTE)
    if followed.names != row.names:
        raise Rejection(Code.DISPUTES_FOLLOWS_ANOTHER_TARGET)
    if followed.is_open:
        raise Rejection(Code.DISPUTES_FOLLOWS_OPEN)


def _forward(state: StateView, context: Context, part: Forward) -> Effect:
    """Pass the objection on to another organisation, which has a whole deadline."""
    row = _acting(state, context, "forward", part)
    if row.forwards >= FORWARDS_MAX:
        raise Rejection(Code.DISPUTES_FORWARDED_TOO_OFTEN, (FORWARDS_MAX,))
    if part.organisation == row.responsible:
        raise Rejection(Code.DISPUTES_FORWARD_TO_ITSELF)
    if state.find(ORGANISATIONS, part.organisation) is None:
        raise Rejection(Code.DISPUTES_UNKNOWN_ORGANISATION)
    passed = msgspec.structs.replace(
        row,
        responsible=part.organisation,
        forwards=row.forwards + 1,
        is_extended=0,
        due_ms=context.now_ms + context.dispute_deadline_ms,
        since_ms=context.now_ms,
        is_overdue=0,
    )
    _count(state, row.responsible, closed=1)
    _count(state, part.organisation, opened=1)
    return _entered(state, context, part, passed, DisputeOutcome.FORWARDED, before=row.responsible)


def _extend(state: StateView, context: Context, part: Extend) -> Effect:
    """Give the responsible one deadline more, before the first has passed."""
    row = _acting(state, context, "extend", part)
    if row.is_extended:
        raise Rejection(Code.DISPUTES_EXTENDED_ALREADY)
    if row.is_overdue or context.now_ms > row.due_ms:
        raise Rejection(Code.DISPUTES_DEADLINE_PASSED, (row.due_ms, context.now_ms))
    longer = msgspec.structs.replace(
        row, is_extended=1, due_ms=row.due_ms + context.dispute_deadline_ms
    )
    return _entered(state, context, part, longer, DisputeOutcome.EXTENDED)


def _correct(state: StateView, context: Context, part: Correct) -> Effect:
    return _answer(state, context, "correct", part, DisputeOutcome.CORRECTED)


def _refuse(state: StateView, context: Context, part: Refuse) -> Effect:
    return _answer(state, context, "refuse", part, DisputeOutcome.REFUSED)


def _answer(
    state: StateView, context: Context, name: str, part: Correct | Refuse, outcome: DisputeOutcome
) -> Effect:
    """Close the dispute by an answer, which is late when the dispute is overdue."""
    row = _acting(state, context, name, part)
    ended = _ended(context, name, row)
    return _closed(state, context, part, ended, outcome + LATE * row.is_overdue)


def _withdraw(state: StateView, context: Context, part: WithdrawDispute) -> Effect:
    row = _acting(state, context, "withdraw", part)
    ended = _ended(context, "withdraw", row)
    return _closed(state, context, part, ended, DisputeOutcome.WITHDRAWN)


def _acting(state: StateView, context: Context, name: str, part: DisputePart) -> DisputeRow:
    """Return the dispute when this action on it is the sender's, and its state allows it."""
    row = state.find(DISPUTES, part.dispute_id)
    if row is None:
        raise Rejection(Code.DISPUTES_NO_SUCH_DISPUTE)
    sides = {Party.FILER: row.filer, Party.RESPONSIBLE: row.responsible}
    if context.organisation != sides[party_to(name)]:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    _after(name, row)
    return row


def _after(name: str, row: DisputeRow | None) -> DisputeState:
    before = None if row is None else DisputeState(row.state)
    after = state_after(name, before)
    if after is None:
        raise Rejection(Code.DISPUTES_STATE_FORBIDS, () if before is None else (before,))
    return after


def _closed(
    state: StateView, context: Context, part: DisputePart, ended: DisputeRow, outcome: int
) -> Effect:
    """Put a dispute that has ended; nothing of it is due any more."""
    _count(state, ended.responsible, closed=1)
    state.put(DISPUTES, ended, part.dispute_id)
    keys = dispute_keys(context.crypto.digest, part.dispute_id, ended)
    return Effect(outcome=outcome, index_keys=keys)


def _ended(context: Context, name: str, row: DisputeRow) -> DisputeRow:
    return msgspec.structs.replace(row, state=int(_after(name, row)), since_ms=context.now_ms)


def _entered(
    state: StateView,
    context: Context,
    part: DisputePart,
    row: DisputeRow,
    outcome: DisputeOutcome,
    *,
    before: str = "",
) -> Effect:
    """Put a dispute that is open until its new deadline; `before`: who answered for it so far."""
    state.put(DISPUTES, row, part.dispute_id)
    return Effect(
        outcome=outcome,
        index_keys=dispute_keys(context.crypto.digest, part.dispute_id, row, before),
        due=(Due(due_ms=row.due_ms, key=(part.dispute_id, row.due_ms)),),
    )


def _count(
    state: StateView, organisation: str, *, opened: int = 0, closed: int = 0, overdue: int = 0
) -> None:
    row = state.find(OPEN, organisation) or OpenRow()
    counted = OpenRow(row.opened + opened, row.closed + closed, row.overdue + overdue)
    state.put(OPEN, counted, organisation)


def _wake(state: StateView, context: Context, key: tuple[object, ...]) -> tuple[OwnRecord, ...]:
    """Find that a dispute was not answered in time; an answer or a later deadline is none of it."""
    dispute_id, due_ms = msgspec.convert(key, type=_WakeKey)
    row = state.find(DISPUTES, dispute_id)
    if row is None or not row.is_open or row.due_ms != due_ms:
        return ()
    late = msgspec.structs.replace(row, is_overdue=1)
    state.put(DISPUTES, late, dispute_id)
    _count(state, row.responsible, overdue=1)
    part = Overdue(dispute_id=dispute_id, responsible=row.responsible, due_ms=due_ms)
    return (
        OwnRecord(
            action="overdue",
            public=encode_part(part),
            outcome=DisputeOutcome.OVERDUE,
            index_keys=dispute_keys(context.crypto.digest, dispute_id, late),
        ),
    )


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "object": action(Object, role=_FILING, run=_object),
        "forward": action(Forward, role=_ANSWERING, run=_forward),
        "extend": action(Extend, role=_ANSWERING, run=_extend),
        "correct": action(Correct, role=_ANSWERING, run=_correct),
        "refuse": action(Refuse, role=_ANSWERING, run=_refuse),
        "withdraw": action(WithdrawDispute, role=_FILING, run=_withdraw),
    },
    on_due=_wake,
)
