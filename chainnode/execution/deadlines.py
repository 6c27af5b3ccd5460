"""Deadlines: what contracts asked to be woken for, taken in order as ledger time passes.

docs/wire-format.md §14. A pure function of state and time: a queue in slots of one second, which
each block adds to behind and takes from in front. Bounded per block, however long the ledger
stood still; what is left is taken by the blocks that follow.
"""

from collections.abc import Callable, Sequence

from contracts.schemas.due import (
    CURSOR,
    PARTS,
    SLOT_MS,
    SLOTS,
    CursorRow,
    DueItem,
    SlotRow,
    slot_of,
)
from contracts.sdk import StateView

# Each record costs a signature check at most; each item that leaves none costs one read.
RECORDS_MAX = 256
ITEMS_MAX = 4096
# Eighteen hours of outage without an item.
SLOTS_MAX = 65_536

# Wakes a contract for an item; returns how many records that left.
Waking = Callable[[DueItem], int]


class _Taking:
    """What one block may still do."""

    def __init__(self, wake: Waking) -> None:
        self._wake = wake
        self._records = 0
        self.items = 0

    @property
    def is_full(self) -> bool:
        """Tell whether the rest waits for the next block."""
        return self._records >= RECORDS_MAX or self.items >= ITEMS_MAX

    def take(self, items: Sequence[DueItem]) -> int:
        """Wake for items in order until the bound; return how many were taken."""
        for count, item in enumerate(items):
            if self.is_full:
                return count
            self._records += self._wake(item)
            self.items += 1
        return len(items)


def take_due(state: StateView, time_ms: int, wake: Waking) -> None:
    """Wake for everything that is due at `time_ms`, within the bounds of one block."""
    cursor = state.find(CURSOR)
    if cursor is None or not is_overdue(cursor, time_ms):
        return
    taking = _Taking(wake)
    slot, part = cursor.slot, cursor.part
    for _ in range(SLOTS_MAX):
        if taking.is_full or taking.items == cursor.waiting or slot * SLOT_MS > time_ms:
            break
        following = _take_slot(state, slot, part, taking)
        slot, part = (slot + 1, 0) if following is None else (slot, following)
    waiting = cursor.waiting - taking.items
    state.put(CURSOR, CursorRow(slot, part, waiting) if waiting else CursorRow())


def add_due(state: StateView, items: Sequence[tuple[int, DueItem]]) -> None:
    """Put what the calls of a block asked for, by `due_ms`, in their order: a part a slot."""
    if not items:
        return
    by_slot: dict[int, list[DueItem]] = {}
    for due_ms, item in items:
        by_slot.setdefault(slot_of(due_ms), []).append(item)
    for slot, added in by_slot.items():
        row = state.find(SLOTS, slot) or SlotRow(0)
        state.put(PARTS, tuple(added), slot, row.parts)
        state.put(SLOTS, SlotRow(row.parts + 1), slot)
    cursor = state.find(CURSOR) or CursorRow()
    least, waiting = min(by_slot), cursor.waiting + len(items)
    if cursor.waiting and cursor.slot <= least:
        state.put(CURSOR, CursorRow(cursor.slot, cursor.part, waiting))
    else:
        # Deadlines differ in length: what is added may be due before all that waits.
        state.put(CURSOR, CursorRow(least, 0, waiting))


def is_overdue(cursor: CursorRow, time_ms: int) -> bool:
    """Tell whether a block of this time has slots to look at."""
    return cursor.waiting > 0 and cursor.slot * SLOT_MS <= time_ms


def _take_slot(state: StateView, slot: int, first: int, taking: _Taking) -> int | None:
    """Take the parts of a slot from `first` on; return where to go on, None: it is done."""
    row = state.find(SLOTS, slot)
    if row is None:
        return None
    for number in range(first, row.parts):
        if taking.is_full:
            return number
        items = state.find(PARTS, slot, number) or ()
        rest = items[taking.take(items) :]
        if rest:
            state.put(PARTS, rest, slot, number)
            return number
        state.delete(PARTS, slot, number)
    state.delete(SLOTS, slot)
    return None
