"""The queue of deadlines in the state (wire-format §14)."""

from collections.abc import Callable

from tests.second_reader.town import Row, State

ITEMS_MAX, RECORDS_MAX, SLOTS_MAX = 4096, 256, 65_536


def take_due(state: State, now_ms: int, wake: Callable[[Row], int]) -> None:
    """Take what is due, in order of slot, part and place, within the bounds of a block."""
    slot, part, waiting = state.find("due", "cursor") or [0, 0, 0]
    if not waiting or slot * 1000 > now_ms:
        return
    taken = records = looked = 0

    def may_go_on() -> bool:
        return taken < min(ITEMS_MAX, waiting) and records < RECORDS_MAX

    while slot * 1000 <= now_ms and looked < SLOTS_MAX and may_go_on():
        (parts,) = state.find("due", "slot", slot) or [0]
        while part < parts and may_go_on():
            items = state.find("due", "part", slot, part)
            assert items is not None
            while items and may_go_on():
                records += wake(items.pop(0))
                taken += 1
            if items:
                state.put(items, "due", "part", slot, part)
                break
            state.drop("due", "part", slot, part)
            part += 1
        if part < parts:
            break
        state.drop("due", "slot", slot)
        slot, part, looked = slot + 1, 0, looked + 1
    left = waiting - taken
    state.put([slot, part, left] if left else [0, 0, 0], "due", "cursor")


def add_due(state: State, items: list[tuple[int, Row]]) -> None:
    """Put what a block's calls asked for: one part for each slot that it adds to."""
    slots: dict[int, list[Row]] = {}
    for due_ms, item in items:
        slots.setdefault(due_ms // 1000 + 1, []).append(item)
    if not slots:
        return
    for slot, added in slots.items():
        (parts,) = state.find("due", "slot", slot) or [0]
        state.put(added, "due", "part", slot, parts)
        state.put([parts + 1], "due", "slot", slot)
    slot, part, waiting = state.find("due", "cursor") or [0, 0, 0]
    if not waiting or min(slots) < slot:
        slot, part = min(slots), 0
    state.put([slot, part, waiting + len(items)], "due", "cursor")
