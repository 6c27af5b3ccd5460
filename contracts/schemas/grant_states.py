"""States of a grant, the transitions between them, and who brings them about, as data.

Every row of `TRANSITIONS` may happen and nothing else may; docs/contracts.md draws the same table.
*Expired* is no state: an active grant whose last day has passed grants nothing, and no one
has to say so.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class GrantState(IntEnum):
    """How far an application has come, and what became of the grant."""

    APPLIED = 1
    REVIEWED = 2
    ACTIVE = 3
    REJECTED = 4
    SUSPENDED = 5
    REVOKED = 6


class Party(Enum):
    """Whose decision a transition is."""

    REQUESTER = "requester"
    PROVIDER = "provider"
    SUPERVISOR = "supervisor"
    # The one of provider and supervisor that suspended the grant.
    SUSPENDER = "suspender"


class Answer(Enum):
    """What was decided, where a decision has more than one outcome."""

    NO = "no"
    YES = "yes"
    # Yes, to an item whose grade asks for a second level.
    YES_SUPERVISED = "yes, grade 2 or 3"


STATE_WORDS = {
    GrantState.APPLIED: "已申请",
    GrantState.REVIEWED: "提供方已同意",
    GrantState.ACTIVE: "有效",
    GrantState.REJECTED: "已拒绝",
    GrantState.SUSPENDED: "已暂停",
    GrantState.REVOKED: "已撤销",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """An action, the states around it, and who may take it; `before` None = no such grant."""

    action: str
    before: GrantState | None
    after: GrantState
    parties: tuple[Party, ...]
    answer: Answer | None = None


_ANY_SIDE = (Party.REQUESTER, Party.PROVIDER, Party.SUPERVISOR)
_State = GrantState

TRANSITIONS = (
    Transition("apply", None, _State.APPLIED, (Party.REQUESTER,)),
    Transition("review", _State.APPLIED, _State.ACTIVE, (Party.PROVIDER,), Answer.YES),
    Transition("review", _State.APPLIED, _State.REVIEWED, (Party.PROVIDER,), Answer.YES_SUPERVISED),
    Transition("review", _State.APPLIED, _State.REJECTED, (Party.PROVIDER,), Answer.NO),
    Transition("confirm", _State.REVIEWED, _State.ACTIVE, (Party.SUPERVISOR,), Answer.YES),
    Transition("confirm", _State.REVIEWED, _State.REJECTED, (Party.SUPERVISOR,), Answer.NO),
    Transition("suspend", _State.ACTIVE, _State.SUSPENDED, (Party.PROVIDER, Party.SUPERVISOR)),
    Transition("resume", _State.SUSPENDED, _State.ACTIVE, (Party.SUSPENDER,)),
    Transition("revoke", _State.APPLIED, _State.REVOKED, _ANY_SIDE),
    Transition("revoke", _State.REVIEWED, _State.REVOKED, _ANY_SIDE),
    Transition("revoke", _State.ACTIVE, _State.REVOKED, _ANY_SIDE),
    Transition("revoke", _State.SUSPENDED, _State.REVOKED, _ANY_SIDE),
)


def parties_to(action: str) -> tuple[Party, ...]:
    """Return whose an action is; it is the same in every state that allows the action."""
    return _PARTIES[action]


def state_after(action: str, before: GrantState, answer: Answer | None = None) -> GrantState | None:
    """Return the state that an action leads to, or None where it is not allowed."""
    return _AFTER.get((action, before, answer))


_PARTIES = {one.action: one.parties for one in TRANSITIONS}
_AFTER = {(one.action, one.before, one.answer): one.after for one in TRANSITIONS}
