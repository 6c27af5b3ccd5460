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


def judged_use(state: StateView, context: Context, half: AccessRecord) -> Finding | None:
    """Return the first of findings 1 to 4 that holds, and count the use of a grant.

    A denied call misuses nothing. What goes beyond the quota is counted as well.
    """
    if half.decision != Decision.PERMIT:
        return None
    grant = state.find(GRANTS, half.grant) if half.grant else None
    if grant is None:
        return None if _is_free(state, half) else Finding.NO_GRANT
    if not grant.is_in_force_at(context.now_ms):
        return Finding.GRANT_NOT_ACTIVE
    if _is_outside(grant, half):
        return Finding.OUTSIDE_GRANT
    if half.side != Side.PROVIDER or half.kind != AccessOutcome.PERMITTED:
        return None
    day = local_day(context.now_ms)
    calls = (state.find(USED, half.grant, day) or UsedRow()).calls + 1
    state.put(USED, UsedRow(calls), half.grant, day)
    return Finding.QUOTA_EXCEEDED if grant.quota and calls > grant.quota else None


def late_finding(context: Context, half: AccessRecord, *, is_gap: bool) -> Finding | None:
    """Return whether the half comes after its time: by its own clock, or by the ledger's."""
    is_late = context.now_ms - half.requested_ms > context.match_deadline_ms
    return Finding.LATE if is_late or is_gap else None


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
