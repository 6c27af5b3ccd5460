"""What is wrong with a call that a half speaks of: findings 1 to 5 of wire format §14.

A finding never keeps a half out of the ledger: what happened, happened.
"""

from contracts.schemas.access import USED, AccessRecord, Finding, UsedRow
from contracts.schemas.call_words import AccessOutcome, Decision, Side
from contracts.schemas.catalog import ITEMS
from contracts.schemas.catalog_states import ItemState, Share
from contracts.schemas.days import local_day
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.sdk import Context, StateView


def misuse_finding(state: StateView, context: Context, half: AccessRecord) -> Finding | None:
    """Return the first of findings 1 to 4 that holds; a denied call misuses nothing."""
    if half.decision != Decision.PERMIT:
        return None
    grant = _grant(state, half)
    if grant is None:
        return None if _is_free(state, half) else Finding.NO_GRANT
    if not grant.is_in_force_at(context.now_ms):
        return Finding.GRANT_NOT_ACTIVE
    if _is_outside(grant, half):
        return Finding.OUTSIDE_GRANT
    if _is_counted(half) and grant.quota and _used(state, context, half) >= grant.quota:
        return Finding.QUOTA_EXCEEDED
    return None


def note_use(
    state: StateView, context: Context, half: AccessRecord, misuse: Finding | None
) -> None:
    """Count a provider's permitted half under its grant, beyond the quota as well."""
    if misuse not in {None, Finding.QUOTA_EXCEEDED} or not _is_counted(half):
        return
    if _grant(state, half) is None:
        return
    used = UsedRow(_used(state, context, half) + 1)
    state.put(USED, used, half.grant, local_day(context.now_ms))


def late_finding(context: Context, half: AccessRecord, *, is_gap: bool) -> Finding | None:
    """Return whether the half comes after its time: by its own clock, or by the ledger's."""
    is_late = context.now_ms - half.requested_ms > context.match_deadline_ms
    return Finding.LATE if is_late or is_gap else None


def _grant(state: StateView, half: AccessRecord) -> GrantRow | None:
    return state.find(GRANTS, half.grant) if half.grant else None


def _is_free(state: StateView, half: AccessRecord) -> bool:
    """Tell whether the provider shares the item with everybody."""
    item = state.find(ITEMS, half.item)
    return (
        item is not None
        and item.owner == half.provider
        and item.state == ItemState.PUBLISHED
        and item.share == Share.UNCONDITIONAL
    )


def _is_outside(grant: GrantRow, half: AccessRecord) -> bool:
    granted = (grant.requester, grant.provider, grant.item)
    if (half.requester, half.provider, half.item) != granted:
        return True
    return half.item_version > grant.item_version or bool(half.fields & ~grant.fields)


def _is_counted(half: AccessRecord) -> bool:
    return half.side == Side.PROVIDER and half.kind == AccessOutcome.PERMITTED


def _used(state: StateView, context: Context, half: AccessRecord) -> int:
    row = state.find(USED, half.grant, local_day(context.now_ms))
    return 0 if row is None else row.calls
