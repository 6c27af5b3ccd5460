"""Local states, each kept once, and what a real replica does in them, each computed once.

A member reacts to what reaches it and to nothing else. So the search works on numbers of local
states; a real replica is copied and stepped only the first time that a stimulus meets a state.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from consensus.certificates import CommitCertificate
from consensus.codec import slot_of
from consensus.effects import Timer
from consensus.errors import InvalidMessage
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
)
from consensus.replica import Replica
from consensus.types import FIRST_VIEW, Digest
from tests.exhaustive.copies import copy_of
from tests.exhaustive.fingerprint import Plain, fingerprint
from tests.exhaustive.member import Member, start_group
from tests.exhaustive.world import Bounds

# What the network remembers: messages, and what is left of those of views long gone.
Fact: TypeAlias = Message | PreparedCertificate | CommitCertificate
_REMEMBERED = (PrePrepare, Prepare, Commit, Checkpoint, ViewChange, NewView)


class Kind(Enum):
    """What can happen to a member."""

    HEAR = "hears"
    # Votes, one after another, up to the first that the member answers; without answer: none.
    GATHER = "gathers"
    # After having heard the wishes that make a timer run, if it does not run yet.
    EXPIRE = "times out"
    PROPOSE = "proposes"


@dataclass(frozen=True, slots=True)
class Stimulus:
    kind: Kind
    facts: tuple[int, ...] = ()
    timer: Timer | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """The local state afterwards, what was said, and what broke, if anything did."""

    local: int
    said: tuple[int, ...] = ()
    error: str | None = None


class Machine:
    """The members of one search and all facts of it, by number."""

    def __init__(self, bounds: Bounds, *, replica_class: type[Replica] = Replica) -> None:
        self.bounds = bounds
        self.facts: list[Fact] = []
        # Who promised what by a fact: its sender and slot (checklist G2).
        self.promises: list[object] = []
        self.members: list[Member] = []
        # A second history that led to the same local state, to check that they are the same.
        self.doubles: dict[int, Member] = {}
        self.steps = 0
        self._fact_ids: dict[Plain, int] = {}
        self._local_ids: dict[Plain, int] = {}
        self._reactions: dict[tuple[int, Stimulus], Reaction] = {}
        self.start = tuple(
            self._local_id(member)
            for member in start_group(replica_class)
            if member.identity != bounds.liar
        )

    @property
    def known_reactions(self) -> dict[tuple[int, Stimulus], Reaction]:
        return self._reactions

    def fact_id(self, fact: Fact) -> int:
        key = fingerprint(fact, view=FIRST_VIEW)
        number = self._fact_ids.setdefault(key, len(self.facts))
        if number == len(self.facts):
            self.facts.append(fact)
            self.promises.append(_promise_of(fact))
        return number

    def react(self, local: int, stimulus: Stimulus) -> Reaction:
        known = self._reactions.get((local, stimulus))
        if known is None:
            known = self.compute(self.members[local], stimulus, unmoved=local)
            self._reactions[local, stimulus] = known
        return known

    def compute(self, origin: Member, stimulus: Stimulus, *, unmoved: int) -> Reaction:
        """Step a copy of `origin`; a member that refuses or ignores all stays `unmoved`."""
        self.steps += 1
        member = copy_of(origin)
        try:
            said = self._apply(member, stimulus)
        except InvalidMessage:
            return Reaction(unmoved)
        except Exception as error:  # noqa: BLE001 (whatever a member raises is a finding)
            return Reaction(unmoved, error=f"{type(error).__name__}: {error}")
        if said is None:
            return Reaction(unmoved)
        remembered = tuple(self.fact_id(one) for one in said if isinstance(one, _REMEMBERED))
        return Reaction(self._local_id(member), remembered)

    def decisions(self, local: int) -> tuple[Digest | None, ...]:
        member = self.members[local]
        return tuple(member.decided(one) for one in self.bounds.sequences)

    def _apply(self, member: Member, stimulus: Stimulus) -> tuple[Message, ...] | None:
        match stimulus.kind:
            case Kind.HEAR:
                return tuple(
                    said for one in stimulus.facts for said in member.hear(self.message(one))
                )
            case Kind.GATHER:
                return self._gather(member, stimulus.facts)
            case Kind.EXPIRE:
                return self._expire(member, stimulus)
            case Kind.PROPOSE:
                return member.propose(stimulus.name)

    def _gather(self, member: Member, facts: tuple[int, ...]) -> tuple[Message, ...] | None:
        before = self._visible(member)
        for one in facts:
            try:
                said = member.hear(self.message(one))
            except InvalidMessage:
                continue
            if said or self._visible(member) != before:
                return said
        return None

    def _expire(self, member: Member, stimulus: Stimulus) -> tuple[Message, ...] | None:
        timer = stimulus.timer
        assert timer is not None
        for one in stimulus.facts:
            if timer not in member.running:
                member.hear(self.message(one))
        return member.expire(timer) if timer in member.running else None

    def _visible(self, member: Member) -> tuple[object, ...]:
        decided = tuple(member.decided(one) for one in self.bounds.sequences)
        return member.view, member.running, decided, member.state.log.stable.height

    def message(self, number: int) -> Message:
        fact = self.facts[number]
        assert not isinstance(fact, PreparedCertificate | CommitCertificate)
        return fact

    def _local_id(self, member: Member) -> int:
        key = fingerprint(member, view=member.state.view)
        number = self._local_ids.setdefault(key, len(self.members))
        if number == len(self.members):
            self.members.append(member)
        else:
            self.doubles.setdefault(number, member)
        return number


def _promise_of(fact: Fact) -> object:
    if isinstance(fact, PreparedCertificate | CommitCertificate):
        return None
    return fact.sender, slot_of(fact)
