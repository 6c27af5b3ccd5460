"""Contract `catalog`: what departments share, each item under one owner 一数一源.

State: `catalog/item`, key item → the version published last. Whoever publishes the first version
owns the item for ever; a later version keeps the fields, their numbers and the supervisor.
"""

import msgspec

from contracts.schemas.catalog import (
    ITEMS,
    NAME,
    VERSION,
    CatalogOutcome,
    ItemRow,
    Publish,
    Withdraw,
)
from contracts.schemas.catalog_states import ItemState, state_after
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import ORGANISATIONS, Role
from contracts.sdk import ActionTable, Context, StateView, action


def _publish(state: StateView, context: Context, part: Publish) -> int:
    """Publish the first version of an item, or the next one."""
    row = state.find(ITEMS, part.item)
    if row is not None and row.owner != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    after = _after("publish", row)
    next_version = 1 if row is None else row.version + 1
    if part.version != next_version:
        raise Rejection(Code.CATALOG_VERSION_NOT_NEXT, (next_version, part.version))
    if row is not None:
        _require_same_beginning(row, part)
    _require_supervisor(state, context, part, "" if row is None else row.supervisor)
    published = ItemRow(
        owner=context.organisation,
        version=part.version,
        title=part.title,
        grade=part.grade,
        share=part.share,
        fields=part.fields,
        supervisor=part.supervisor,
        is_withdrawn=int(after),
    )
    state.put(ITEMS, published, part.item)
    return CatalogOutcome.PUBLISHED


def _withdraw(state: StateView, context: Context, part: Withdraw) -> int:
    """Take an item out of the catalogue; its grants stay, and so does its owner."""
    row = state.find(ITEMS, part.item)
    if row is None:
        raise Rejection(Code.CATALOG_NO_SUCH_ITEM)
    if row.owner != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    withdrawn = msgspec.structs.replace(row, is_withdrawn=int(_after("withdraw", row)))
    state.put(ITEMS, withdrawn, part.item)
    return CatalogOutcome.WITHDRAWN


def _after(name: str, row: ItemRow | None) -> ItemState:
    """Return the state that an action leads to; the table says which may follow which."""
    before = None if row is None else row.state
    after = state_after(name, before)
    if after is None:
        raise Rejection(Code.CATALOG_STATE_FORBIDS, () if before is None else (before,))
    return after


def _require_same_beginning(row: ItemRow, part: Publish) -> None:
    """Refuse a version in which a field that grants name has another number, or none."""
    for position, name in enumerate(row.fields):
        if position >= len(part.fields) or part.fields[position] != name:
            raise Rejection(Code.CATALOG_FIELDS_CHANGED, (position,))


def _require_supervisor(state: StateView, context: Context, part: Publish, named: str) -> None:
    """Refuse another supervisor than the one named once, and one that cannot supervise.

    So an item that has a supervisor never loses it: its grade stays above 一般.
    """
    if named and part.supervisor != named:
        raise Rejection(Code.CATALOG_SUPERVISOR_CHANGED)
    if not part.supervisor:
        return
    if part.supervisor == context.organisation:
        raise Rejection(Code.CATALOG_SUPERVISOR_IS_OWNER)
    if state.find(ORGANISATIONS, part.supervisor) is None:
        raise Rejection(Code.CATALOG_SUPERVISOR_UNKNOWN)


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "publish": action(Publish, role=Role.MEMBER, run=_publish),
        "withdraw": action(Withdraw, role=Role.MEMBER, run=_withdraw),
    },
)
