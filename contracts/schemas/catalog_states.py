"""Catalogue items: what they are, and how they come and go, as data.

Every row of `TRANSITIONS` may happen and nothing else may; docs/contracts.md draws the same table.
"""

from dataclasses import dataclass
from enum import IntEnum


class Grade(IntEnum):
    """How much depends on the data; from 重要 on a second level confirms each grant."""

    GENERAL = 1
    IMPORTANT = 2
    CORE = 3


class Share(IntEnum):
    """On which terms the owner shares the item."""

    UNCONDITIONAL = 1
    CONDITIONAL = 2
    NONE = 3


class ItemState(IntEnum):
    """Whether an item stands in the catalogue; in its row this is `is_withdrawn`."""

    PUBLISHED = 0
    WITHDRAWN = 1


GRADE_WORDS = {Grade.GENERAL: "一般", Grade.IMPORTANT: "重要", Grade.CORE: "核心"}
SHARE_WORDS = {
    Share.UNCONDITIONAL: "无条件共享",
    Share.CONDITIONAL: "有条件共享",
    Share.NONE: "不予共享",
}
ITEM_STATE_WORDS = {ItemState.PUBLISHED: "已发布", ItemState.WITHDRAWN: "已下架"}


@dataclass(frozen=True, slots=True)
class Transition:
    """An action and the states around it; `before` None = the ledger knows no such item."""

    action: str
    before: ItemState | None
    after: ItemState


TRANSITIONS = (
    Transition("publish", None, ItemState.PUBLISHED),
    Transition("publish", ItemState.PUBLISHED, ItemState.PUBLISHED),
    Transition("publish", ItemState.WITHDRAWN, ItemState.PUBLISHED),
    Transition("withdraw", ItemState.PUBLISHED, ItemState.WITHDRAWN),
)


def state_after(action: str, before: ItemState | None) -> ItemState | None:
    """Return the state that an action leads to, or None where it is not allowed."""
    return _AFTER.get((action, before))


_AFTER = {(one.action, one.before): one.after for one in TRANSITIONS}
