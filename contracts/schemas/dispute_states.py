"""States of a dispute, the transitions between them, and who brings them about, as data.

Every row of `TRANSITIONS` may happen and nothing else may; docs/contracts.md draws the same table.
*Overdue* is no state: an overdue dispute stays open, and its answer is a late one.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class DisputeState(IntEnum):
    """What became of an objection."""

    OPEN = 1
    CORRECTED = 2
    REFUSED = 3
    WITHDRAWN = 4


class Party(Enum):
    """Whose a transition is."""

    FILER = "filer"
    RESPONSIBLE = "responsible"
    LEDGER = "the ledger itself"


STATE_WORDS = {
    DisputeState.OPEN: "处理中",
    DisputeState.CORRECTED: "已更正",
    DisputeState.REFUSED: "不予更正",
    DisputeState.WITHDRAWN: "已撤回",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """An action, the states around it, and whose it is; `before` None = no such dispute."""

    action: str
    before: DisputeState | None
    after: DisputeState
    party: Party


_State = DisputeState

TRANSITIONS = (
    Transition("object", None, _State.OPEN, Party.FILER),
    Transition("forward", _State.OPEN, _State.OPEN, Party.RESPONSIBLE),
    Transition("extend", _State.OPEN, _State.OPEN, Party.RESPONSIBLE),
    Transition("correct", _State.OPEN, _State.CORRECTED, Party.RESPONSIBLE),
    Transition("refuse", _State.OPEN, _State.REFUSED, Party.RESPONSIBLE),
    Transition("withdraw", _State.OPEN, _State.WITHDRAWN, Party.FILER),
    Transition("overdue", _State.OPEN, _State.OPEN, Party.LEDGER),
)


def party_to(action: str) -> Party:
    """Return whose an action is."""
    return _PARTIES[action]


def state_after(action: str, before: DisputeState | None) -> DisputeState | None:
    """Return the state that an action leads to, or None where it is not allowed."""
    return _AFTER.get((action, before))


_PARTIES = {one.action: one.party for one in TRANSITIONS}
_AFTER = {(one.action, one.before): one.after for one in TRANSITIONS}
