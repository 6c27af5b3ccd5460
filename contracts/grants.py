"""Contract `grants`: who may call which item; every decision is a record of whoever took it.

State: `grants/grant`, key grant → the application and what became of it. What may follow what,
and whose decision it is, is the table `TRANSITIONS`. A grant is never wider than its application.
"""

import msgspec

from contracts.index_rule import grant_keys
from contracts.schemas.catalog import ITEMS, ItemRow
from contracts.schemas.catalog_states import Grade, ItemState, Share
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.grant_states import Answer, GrantState, Party, parties_to, state_after
from contracts.schemas.grants import (
    GRANTS,
    NAME,
    VERSION,
    Apply,
    Confirm,
    GrantEnd,
    GrantRow,
    Resume,
    Review,
    RevokeGrant,
    Suspend,
)
from contracts.schemas.members import Role
from contracts.schemas.shape import require_period
from contracts.sdk import ActionTable, Context, StateView, action


def _apply(state: StateView, context: Context, part: Apply) -> int:
    """Apply for an item of another organisation, as it is published now."""
    known = state.find(GRANTS, part.grant)
    if known is not None:
        raise Rejection(Code.GRANTS_GRANT_KNOWN, (known.state,))
    item = _shared_item(state, part.item)
    if item.owner == context.organisation:
        raise Rejection(Code.GRANTS_OWN_ITEM)
    if item.supervisor == context.organisation:
        # Or it would confirm, at the second level, what it asked for itself.
        raise Rejection(Code.GRANTS_OWN_SUPERVISOR)
    if part.item_version != item.version:
        raise Rejection(Code.GRANTS_VERSION_DIFFERS, (item.version, part.item_version))
    if part.fields & ~item.field_bits:
        raise Rejection(Code.GRANTS_UNKNOWN_FIELDS, (item.field_bits, part.fields))
    row = GrantRow(
        requester=context.organisation,
        provider=item.owner,
        supervisor=item.supervisor,
        item=part.item,
        item_version=part.item_version,
        fields=part.fields,
        kind=part.kind,
        purpose=part.purpose,
        valid_from=part.valid_from,
        valid_to=part.valid_to,
        quota=part.quota,
        state=GrantState.APPLIED,
        since_ms=context.now_ms,
        suspended_by="",
    )
    return _enter(state, context, part.grant, row, GrantState.APPLIED)


def _review(state: StateView, context: Context, part: Review) -> int:
    """Answer an application: no, or yes to at most what was applied for."""
    row = _deciding(state, context, "review", part.grant)
    if not part.decision:
        after = _after("review", row, Answer.NO)
        return _enter(state, context, part.grant, row, after)
    # The state is judged first, so that the answer does not hang on what became of the item.
    _after("review", row, Answer.YES)
    item = _shared_item(state, row.item)
    _require_narrower(row, part)
    is_supervised = item.grade != Grade.GENERAL
    after = _after("review", row, Answer.YES_SUPERVISED if is_supervised else Answer.YES)
    granted = msgspec.structs.replace(
        row,
        supervisor=item.supervisor,
        fields=part.fields,
        quota=part.quota,
        valid_to=part.valid_to,
    )
    return _enter(state, context, part.grant, granted, after)


def _confirm(state: StateView, context: Context, part: Confirm) -> int:
    """Give the second level's answer to what the provider granted."""
    row = _deciding(state, context, "confirm", part.grant)
    # As in a review, the state is judged before the item.
    after = _after("confirm", row, Answer.YES if part.decision else Answer.NO)
    if part.decision:
        _shared_item(state, row.item)
    return _enter(state, context, part.grant, row, after)


def _suspend(state: StateView, context: Context, part: Suspend) -> int:
    row = _deciding(state, context, "suspend", part.grant)
    after = _after("suspend", row)
    suspended = msgspec.structs.replace(row, suspended_by=context.organisation)
    return _enter(state, context, part.grant, suspended, after)


def _resume(state: StateView, context: Context, part: Resume) -> int:
    return _leave(state, context, "resume", part)


def _revoke(state: StateView, context: Context, part: RevokeGrant) -> int:
    return _leave(state, context, "revoke", part)


def _leave(state: StateView, context: Context, name: str, part: GrantEnd) -> int:
    """Take an action after which nobody has the grant suspended."""
    row = _deciding(state, context, name, part.grant)
    after = _after(name, row)
    left = msgspec.structs.replace(row, suspended_by="")
    return _enter(state, context, part.grant, left, after)


def _shared_item(state: StateView, name: str) -> ItemRow:
    """Return an item that is offered and shared; no other is granted."""
    item = state.find(ITEMS, name)
    if item is None:
        raise Rejection(Code.GRANTS_NO_SUCH_ITEM)
    if item.state is ItemState.WITHDRAWN:
        raise Rejection(Code.GRANTS_ITEM_WITHDRAWN)
    if item.share == Share.NONE:
        raise Rejection(Code.GRANTS_ITEM_NOT_SHARED)
    return item


def _known(state: StateView, grant: str) -> GrantRow:
    row = state.find(GRANTS, grant)
    if row is None:
        raise Rejection(Code.GRANTS_NO_SUCH_GRANT)
    return row


def _deciding(state: StateView, context: Context, name: str, grant: str) -> GrantRow:
    """Return the grant when this action on it is the sender's."""
    row = _known(state, grant)
    sides = {
        Party.REQUESTER: row.requester,
        Party.PROVIDER: row.provider,
        Party.SUPERVISOR: row.supervisor,
        Party.SUSPENDER: row.suspended_by,
    }
    if context.organisation not in {sides[party] for party in parties_to(name)}:
        raise _not_the_senders(name, row)
    return row


def _not_the_senders(name: str, row: GrantRow) -> Rejection:
    """Say why: in a state without the action, that; nobody suspended what is not suspended."""
    if name == "resume" and row.state != GrantState.SUSPENDED:
        return Rejection(Code.GRANTS_STATE_FORBIDS, (row.state,))
    return Rejection(Code.FOREIGN_ORGANISATION)


def _after(name: str, row: GrantRow, answer: Answer | None = None) -> GrantState:
    after = state_after(name, GrantState(row.state), answer)
    if after is None:
        raise Rejection(Code.GRANTS_STATE_FORBIDS, (row.state,))
    return after


def _require_narrower(row: GrantRow, part: Review) -> None:
    """Refuse to grant more fields, calls or days than were applied for."""
    if part.fields & ~row.fields:
        raise Rejection(Code.GRANTS_FIELDS_WIDENED, (row.fields, part.fields))
    if _is_wider(part.quota, than=row.quota):
        raise Rejection(Code.GRANTS_QUOTA_WIDENED, (row.quota, part.quota))
    if _is_wider(part.valid_to, than=row.valid_to):
        raise Rejection(Code.GRANTS_PERIOD_WIDENED, (row.valid_to, part.valid_to))
    require_period(row.valid_from, part.valid_to)


def _is_wider(bound: int, *, than: int) -> bool:
    """Compare bounds of which 0 is none at all."""
    return bool(than) and (bound == 0 or bound > than)


def _enter(state: StateView, context: Context, grant: str, row: GrantRow, after: GrantState) -> int:
    """Put the grant in its new state; the outcome is its number."""
    entered = msgspec.structs.replace(row, state=int(after), since_ms=context.now_ms)
    state.put(GRANTS, entered, grant)
    return int(after)


def _keys(
    state: StateView, context: Context, part: Apply | Review | Confirm | GrantEnd
) -> tuple[bytes, ...]:
    """Find every decision under the sides, the item and the grant that it is about."""
    return grant_keys(context.crypto.digest, part.grant, _known(state, part.grant))


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "apply": action(Apply, role=Role.MEMBER, run=_apply, keys=_keys),
        "review": action(Review, role=Role.MEMBER, run=_review, keys=_keys),
        "confirm": action(Confirm, role=Role.MEMBER, run=_confirm, keys=_keys),
        "suspend": action(Suspend, role=Role.MEMBER, run=_suspend, keys=_keys),
        "resume": action(Resume, role=Role.MEMBER, run=_resume, keys=_keys),
        "revoke": action(RevokeGrant, role=Role.MEMBER, run=_revoke, keys=_keys),
    },
)
