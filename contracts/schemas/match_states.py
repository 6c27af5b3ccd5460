"""What becomes of the two halves of a call, as data.

Every row of `TRANSITIONS` may happen and nothing else may; docs/contracts.md draws the same table.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Match(IntEnum):
    """How the halves of a call stand to each other."""

    OPEN = 0
    MATCHED = 1
    MISMATCHED = 2
    ONE_SIDED_PROVEN = 3
    ONE_SIDED_CLAIMED = 4


class MatchEvent(Enum):
    """What moves a call from one state to the next."""

    FIRST_HALF = "first half"
    EQUAL_HALF = "later half, equal"
    DIFFERENT_HALF = "later half, differs"
    DUE_PROVEN = "deadline, with the other side's token"
    DUE_CLAIMED = "deadline, own word alone"


MATCH_WORDS = {
    Match.OPEN: "待匹配",
    Match.MATCHED: "已匹配",
    Match.MISMATCHED: "不一致",
    Match.ONE_SIDED_PROVEN: "单方已证",
    Match.ONE_SIDED_CLAIMED: "单方自述",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """An event and the states around it; `before` None = nobody has spoken of the call."""

    event: MatchEvent
    before: Match | None
    after: Match


TRANSITIONS = (
    Transition(MatchEvent.FIRST_HALF, None, Match.OPEN),
    Transition(MatchEvent.EQUAL_HALF, Match.OPEN, Match.MATCHED),
    Transition(MatchEvent.DIFFERENT_HALF, Match.OPEN, Match.MISMATCHED),
    Transition(MatchEvent.DUE_PROVEN, Match.OPEN, Match.ONE_SIDED_PROVEN),
    Transition(MatchEvent.DUE_CLAIMED, Match.OPEN, Match.ONE_SIDED_CLAIMED),
    Transition(MatchEvent.EQUAL_HALF, Match.ONE_SIDED_PROVEN, Match.MATCHED),
    Transition(MatchEvent.DIFFERENT_HALF, Match.ONE_SIDED_PROVEN, Match.MISMATCHED),
    Transition(MatchEvent.EQUAL_HALF, Match.ONE_SIDED_CLAIMED, Match.MATCHED),
    Transition(MatchEvent.DIFFERENT_HALF, Match.ONE_SIDED_CLAIMED, Match.MISMATCHED),
)
# A gap that the ledger has found and that a late half closes.
GAPS = (Match.ONE_SIDED_PROVEN, Match.ONE_SIDED_CLAIMED)


def state_after(event: MatchEvent, before: Match | None) -> Match | None:
    """Return the state that an event leads to, or None where it cannot happen."""
    return _AFTER.get((event, before))


_AFTER = {(one.event, one.before): one.after for one in TRANSITIONS}
