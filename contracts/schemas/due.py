"""Rows of the queue of deadlines, which the ledger itself keeps in the state (wire format §14).

Items stand in slots of one second. A slot has parts, one for each block that added to it, so
that adding never reads what stands there; the cursor says where the next block looks.
"""

from contracts.schemas.state import Row, Table

NAME = "due"
SLOT_MS = 1000


class CursorRow(Row, frozen=True):
    """Where the next deadline is looked for, and how many items wait in all."""

    slot: int = 0
    part: int = 0
    waiting: int = 0


class SlotRow(Row, frozen=True):
    """How many parts a slot has; those before the cursor are gone already."""

    parts: int


class DueItem(Row, frozen=True):
    """Which contract is to look at what; what the parts of `key` are is the contract's."""

    contract: str
    key: tuple[object, ...]


# Key: none.
CURSOR = Table(NAME, "cursor", CursorRow)
# Key: slot.
SLOTS = Table(NAME, "slot", SlotRow)
# Key: slot, number.
PARTS: Table[tuple[DueItem, ...]] = Table(NAME, "part", tuple[DueItem, ...])


def slot_of(due_ms: int) -> int:
    """Return the slot of what is due at this instant: the first one that begins after it."""
    return due_ms // SLOT_MS + 1
