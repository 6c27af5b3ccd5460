"""What has been said so far: it can be heard at any time, in any order, never, or again.

So loss, delay, reordering and repetition need no moves of their own. A network is a set of
facts with a number; what holds for it is computed once.
"""

from collections.abc import Iterator
from typing import TypeAlias, TypeVar

from consensus.certificates import CommitCertificate
from consensus.messages import (
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
)
from consensus.types import Digest, SequenceNumber, View
from tests.exhaustive.machine import Fact, Machine
from tests.exhaustive.world import GROUP, shown

# view, sequence, digest
Subject: TypeAlias = tuple[View, SequenceNumber, Digest]

AnyFact = TypeVar("AnyFact", bound=Fact)


Voters: TypeAlias = tuple[tuple[int, int], ...]


class Network:
    """One set of facts, all of honest members; the liar says what it likes beside it."""

    def __init__(self, facts: frozenset[int], machine: Machine) -> None:
        self.facts = facts
        self._machine = machine
        self._promises: frozenset[object] = frozenset()
        # Per kind and subject: the facts and their senders.
        self._votes: dict[tuple[type, Subject], Voters] = {}
        self.violation = self._add(sorted(facts))

    def grown(self, said: tuple[int, ...]) -> "Network":
        """Return the network after something more was said."""
        new = [number for number in dict.fromkeys(said) if number not in self.facts]
        made = Network(frozenset(), self._machine)
        made.facts = self.facts | frozenset(new)
        made._promises, made._votes = self._promises, self._votes.copy()
        made.violation = self.violation or made._add(new)
        return made

    def of(self, kind: type[AnyFact]) -> Iterator[tuple[int, AnyFact]]:
        """Iterate the facts of one kind, in the order in which they were first met."""
        for number in sorted(self.facts):
            fact = self._machine.facts[number]
            if isinstance(fact, kind):
                yield number, fact

    def subjects(self, kind: type[Prepare | Commit]) -> Iterator[tuple[Subject, Voters]]:
        """Iterate what honest members voted on, with the votes and their senders."""
        return ((subject, one) for (held, subject), one in self._votes.items() if held is kind)

    @property
    def chosen(self) -> list[Subject]:
        """What a quorum of COMMITs may exist for, the liar's included: committed, for ever."""
        needed = GROUP.quorum - GROUP.max_faulty
        return [
            subject
            for (kind, subject), voters in self._votes.items()
            if kind is CommitCertificate or (kind is Commit and len(voters) >= needed)
        ]

    def _add(self, new: list[int]) -> str | None:
        """Count new facts; return what breaks a law, if anything does."""
        promises = [one for number in new if (one := self._machine.promises[number]) is not None]
        joined = self._promises | frozenset(promises)
        if len(joined) != len(self._promises) + len(promises):
            return f"two different votes for one of {promises}"
        self._promises = joined
        for number in new:
            self._count(number, self._machine.facts[number])
        return self._lost_choice()

    def _count(self, number: int, fact: Fact) -> None:
        match fact:
            case Prepare() | Commit() | PrePrepare() | CommitCertificate():
                key = (type(fact), subject_of(fact))
                sender = getattr(fact, "sender", -1)
                self._votes[key] = (*self._votes.get(key, ()), (number, sender))
            case NewView():
                for entry in fact.pre_prepares:
                    self._votes.setdefault((PrePrepare, subject_of(entry)), ())
            case _:
                pass

    def _lost_choice(self) -> str | None:
        """What was committed is the only thing that later views vote on (§4.4)."""
        for view, sequence, digest in self.chosen:
            for kind, (later, position, other) in self._votes:
                is_rival = kind in (Prepare, PrePrepare) and later > view
                if position == sequence and other != digest and is_rival:
                    return _lost(sequence, (view, digest), (later, other))
        return self._double_choice()

    def _double_choice(self) -> str | None:
        first: dict[SequenceNumber, Subject] = {}
        for one in self.chosen:
            held = first.setdefault(one[1], one)
            if held[2] != one[2]:
                return _lost(one[1], (held[0], held[2]), (one[0], one[2]))
        return None


def _lost(sequence: SequenceNumber, first: tuple[View, Digest], second: tuple[View, Digest]) -> str:
    return (
        f"slot {sequence}: {shown(first[1])} may be committed in view {first[0]},"
        f" {shown(second[1])} is voted on in view {second[0]}"
    )


def subject_of(
    fact: PrePrepare | Prepare | Commit | PreparedCertificate | CommitCertificate,
) -> Subject:
    return fact.view, fact.sequence, fact.batch_digest
