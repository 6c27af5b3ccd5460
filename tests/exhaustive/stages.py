"""What may happen to a member at one point of a schedule: the moves of the search.

A stage is one question (does this member accept a proposal for this slot in this view, and
which?); its options are the stimuli that may answer it, and to do nothing is always another.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from consensus.effects import Timer
from consensus.messages import Checkpoint, Commit, NewView, Prepare, PrePrepare, ViewChange
from consensus.types import SequenceNumber, View, sequence_of
from tests.exhaustive.liar import Liar
from tests.exhaustive.machine import Kind, Machine, Stimulus
from tests.exhaustive.network import Network, Subject
from tests.exhaustive.world import GROUP, Bounds, named_batch
from tests.unit.consensus.group import checkpoint


class Question(Enum):
    """The steps of one view, in the order in which information flows."""

    LEAD = "lead the view"
    ENTER = "enter the view"
    PROPOSE = "propose"
    ACCEPT = "accept a proposal"
    PREPARE = "become prepared"
    DECIDE = "decide"
    STABILIZE = "make a checkpoint stable"
    LEAVE = "give up the view"
    JOIN = "follow others into the next view"


# Steps after which more can be heard and no less can be done.
GENEROUS = (
    *(Question.LEAD, Question.ENTER, Question.PROPOSE, Question.ACCEPT),
    *(Question.DECIDE, Question.LEAVE),
)
_ONCE = (Question.LEAD, Question.ENTER, Question.LEAVE, Question.JOIN)
_NO_SLOT: tuple[SequenceNumber, ...] = (SequenceNumber(0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    question: Question
    view: View
    # Which of the honest members.
    index: int
    sequence: SequenceNumber

    @property
    def view_after(self) -> int:
        """The view in which a member stands that took this step."""
        return self.view + (self.question is Question.LEAVE)


def stages_of(bounds: Bounds, view: View, *, is_ordered: bool) -> tuple[Stage, ...]:
    """List the stages of one view, in the order of the rounds.

    In the order of the rounds nobody needs to be followed: whoever can be made to join a view
    could have timed out into it, and would have said and known the same.
    """
    return tuple(
        Stage(question=question, view=view, index=index, sequence=sequence)
        for question in Question
        if _is_asked(question, bounds, view, is_ordered=is_ordered)
        for sequence in (_NO_SLOT if question in _ONCE else bounds.sequences)
        for index, _ in enumerate(bounds.honest)
    )


def _is_asked(question: Question, bounds: Bounds, view: View, *, is_ordered: bool) -> bool:
    match question:
        case Question.LEAD | Question.ENTER:
            return view > 0
        case Question.LEAVE:
            return view + 1 < bounds.views
        case Question.JOIN:
            return view + 1 < bounds.views and not is_ordered
        case Question.PREPARE | Question.DECIDE:
            return view + 1 < bounds.views or not bounds.is_eager
        case Question.STABILIZE:
            return bounds.checkpoints
        case _:
            return True


class Moves:
    """Answers the questions, for a member in a local state before a network."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._bounds = machine.bounds
        self._liar = Liar(machine)
        self._known: dict[tuple[Stage, int, frozenset[int]], tuple[Stimulus, ...]] = {}

    def options(self, stage: Stage, local: int, network: Network) -> tuple[Stimulus, ...]:
        key = (stage, local, network.facts)
        known = self._known.get(key)
        if known is None:
            known = tuple(self._options(stage, local, network))
            self._known[key] = known
        return known

    def _options(self, stage: Stage, local: int, network: Network) -> Iterator[Stimulus]:
        match stage.question:
            case Question.LEAD:
                yield from self._lead(stage, local, network)
            case Question.ENTER:
                yield from self._enter(stage, network)
            case Question.PROPOSE:
                yield from self._propose(stage, local)
            case Question.ACCEPT:
                yield from self._accept(stage, network)
            case Question.PREPARE:
                yield from self._prepare(stage, network)
            case Question.DECIDE:
                yield from self._decide(stage, network)
            case Question.STABILIZE:
                yield from self._stabilize(stage, network)
            case Question.LEAVE:
                yield from self._leave(stage, local, network)
            case Question.JOIN:
                yield from self._join(stage, local, network)

    def _leave(self, stage: Stage, local: int, network: Network) -> Iterator[Stimulus]:
        """By the request timer; during a view change a quorum of wishes must be heard first."""
        member = self._machine.members[local]
        if member.view != stage.view:
            return
        if Timer.REQUEST in member.running:
            yield Stimulus(Kind.EXPIRE, timer=Timer.REQUEST)
        else:
            wishes = self._wishes(stage.view, network)
            yield Stimulus(Kind.EXPIRE, wishes, timer=Timer.NEW_VIEW)

    def _join(self, stage: Stage, local: int, network: Network) -> Iterator[Stimulus]:
        if self._machine.members[local].view <= stage.view:
            yield Stimulus(Kind.GATHER, self._wishes(View(stage.view + 1), network))

    def _wishes(self, view: View, network: Network) -> tuple[int, ...]:
        """The VIEW-CHANGEs for a view, the liar's plainest among them."""
        honest = (number for number, one in network.of(ViewChange) if one.new_view == view)
        return (*self._liar.wishes(network, view)[:1], *honest) if view else ()

    def _lead(self, stage: Stage, local: int, network: Network) -> Iterator[Stimulus]:
        member = self._machine.members[local]
        if GROUP.primary(stage.view) != member.identity or member.view > stage.view:
            return
        honest = [
            number
            for number, one in network.of(ViewChange)
            if one.new_view == stage.view and one.sender != member.identity
        ]
        others = GROUP.quorum - 1
        yield from (Stimulus(Kind.HEAR, chosen) for chosen in combinations(honest, others))
        for lie in self._liar.wishes(network, stage.view):
            for chosen in combinations(honest, others - 1):
                yield Stimulus(Kind.HEAR, (lie, *chosen))

    def _enter(self, stage: Stage, network: Network) -> Iterator[Stimulus]:
        for number, one in network.of(NewView):
            if one.view == stage.view:
                yield Stimulus(Kind.HEAR, (number,))
        for number in self._liar.new_views(network, stage.view):
            yield Stimulus(Kind.HEAR, (number,))

    def _propose(self, stage: Stage, local: int) -> Iterator[Stimulus]:
        member = self._machine.members[local]
        is_next = member.next_sequence == stage.sequence
        if member.view == stage.view and member.replica.may_propose and is_next:
            yield Stimulus(Kind.PROPOSE, name="A" if stage.view == 0 else "C")

    def _accept(self, stage: Stage, network: Network) -> Iterator[Stimulus]:
        made = self._liar.proposals(stage.view, stage.sequence)
        is_named = any(one[1] == stage.sequence for one, _ in network.subjects(Prepare))
        if stage.view == 0 and not is_named:
            made = made[:1]  # A and B differ by name only: A is the one accepted first
        for number, one in network.of(PrePrepare):
            if (one.view, one.sequence) == (stage.view, stage.sequence):
                yield Stimulus(Kind.HEAR, (number,))
        for number in made:
            yield Stimulus(Kind.HEAR, (number,))

    def _prepare(self, stage: Stage, network: Network) -> Iterator[Stimulus]:
        yield from self._votes(stage, network, Prepare, self._liar.prepare)

    def _decide(self, stage: Stage, network: Network) -> Iterator[Stimulus]:
        yield from self._votes(stage, network, Commit, self._liar.commit)

    def _votes(
        self,
        stage: Stage,
        network: Network,
        kind: type[Prepare | Commit],
        lie_about: Callable[[Subject], int],
    ) -> Iterator[Stimulus]:
        at = (stage.view, stage.sequence)
        is_fine = self._bounds.fine is kind
        if is_fine:
            lies = (lie_about((*at, named_batch(one, stage.sequence).digest)) for one in "AB")
            yield from (Stimulus(Kind.HEAR, (one,)) for one in lies)
        for subject, voters in network.subjects(kind):
            if subject[:2] != at:
                continue
            votes = sorted(number for number, _ in voters)
            if is_fine:
                yield from (Stimulus(Kind.HEAR, (one,)) for one in votes)
            else:
                yield Stimulus(Kind.GATHER, (lie_about(subject), *votes))

    def _stabilize(self, stage: Stage, network: Network) -> Iterator[Stimulus]:
        headers: dict[bytes, tuple[int, ...]] = {}
        for number, one in network.of(Checkpoint):
            if sequence_of(one.height) == stage.sequence:
                headers[one.header_digest] = (*headers.get(one.header_digest, ()), number)
        for header, votes in sorted(headers.items()):
            own = checkpoint(self._bounds.liar, stage.sequence, digest=header)
            yield Stimulus(Kind.GATHER, (self._machine.fact_id(own), *votes))
