"""Contract `pseudonyms`: whose key makes a department's tokens, and how many were made with it.

State: `pseudonyms/epoch`, key department → custodian and newest key epoch; `pseudonyms/used`,
key department → totals. The custodian of a department is whoever opened its first epoch.
"""

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import Role
from contracts.schemas.pseudonyms import (
    EPOCHS,
    NAME,
    USED,
    VERSION,
    EpochRow,
    OpenEpoch,
    PseudonymsOutcome,
    Usage,
    UsedRow,
)
from contracts.schemas.shape import INTEGER_MAX
from contracts.sdk import ActionTable, Context, StateView, action


def _open_epoch(state: StateView, context: Context, part: OpenEpoch) -> int:
    """Open the first key epoch of a department, or the next one of its custodian."""
    row = state.find(EPOCHS, part.department)
    if row is not None and row.custodian != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    next_epoch = 1 if row is None else row.epoch + 1
    if part.epoch != next_epoch:
        raise Rejection(Code.PSEUDONYMS_EPOCH_NOT_NEXT, (next_epoch, part.epoch))
    opened = EpochRow(
        custodian=context.organisation,
        epoch=part.epoch,
        since_ms=context.now_ms,
        key_check=part.key_check,
    )
    state.put(EPOCHS, opened, part.department)
    return PseudonymsOutcome.EPOCH_OPENED


def _usage(state: StateView, context: Context, part: Usage) -> int:
    """Add a period to the totals; periods follow each other without a gap."""
    epoch = state.find(EPOCHS, part.department)
    if epoch is None:
        raise Rejection(Code.PSEUDONYMS_NO_EPOCH)
    if epoch.custodian != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    if part.epoch > epoch.epoch:
        raise Rejection(Code.PSEUDONYMS_UNKNOWN_EPOCH, (epoch.epoch, part.epoch))
    used = state.find(USED, part.department)
    if used is not None and part.from_ms != used.to_ms:
        raise Rejection(Code.PSEUDONYMS_PERIOD_NOT_NEXT, (used.to_ms, part.from_ms))
    if part.to_ms > context.now_ms:
        raise Rejection(Code.PSEUDONYMS_PERIOD_IN_FUTURE, (context.now_ms, part.to_ms))
    made, refused = (0, 0) if used is None else (used.made, used.refused)
    totals = UsedRow(
        to_ms=part.to_ms,
        made=_sum(made, part.made),
        refused=_sum(refused, part.refused),
    )
    state.put(USED, totals, part.department)
    return PseudonymsOutcome.USAGE_TOLD


def _sum(total: int, more: int) -> int:
    """Add to a total that stays an integer of the ledger."""
    room = INTEGER_MAX - total
    if more > room:
        raise Rejection(Code.PSEUDONYMS_TOTAL_TOO_LARGE, (room, more))
    return total + more


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "open_epoch": action(OpenEpoch, role=Role.CUSTODIAN, run=_open_epoch),
        "usage": action(Usage, role=Role.CUSTODIAN, run=_usage),
    },
)
