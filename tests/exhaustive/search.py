"""Two exhaustive searches over the same moves of real replicas.

`rounds`: a member's vote depends on what was said in the same view before, or in earlier views,
and on nothing that is said in later ones. So every schedule can be put in an order in which all
that concerns a view comes before all that concerns the next, and within a view first proposals,
then PREPAREs, then COMMITs, without any member noticing: the steps that change places belong to
different members, and neither needs what the other says. The search goes through the rounds in
that order; at each stage every member may do each thing that it can, or not.

`interleavings`: the moves in every order, to show that nothing hides between the rounds.

In both, schedules that lead to equal states of all members before equal networks go on as one.

An eager search (`Bounds.is_eager`) leaves out to do nothing where doing it costs nothing: whoever
can leave a view, lead or enter one, propose, accept or decide, does. Afterwards others can hear
more, and the member itself can do all that it could without: to accept or enter binds it to
nothing once the view is left, only to become prepared does, and that stays a choice. So an eager
search reaches a state with the same commitments and no less to prove for every one that is left
out; a test compares both. Its last view ends with what members accept.

Covered: one liar who is any member; messages late, lost, repeated or in any order; every set of
certificates shown, hidden or put together; O of every quorum and none. Not covered: restarts,
Status, Recall and other resending (nothing new is said by them), CHECKPOINTs but in the parts
that name them, where they arrive at the end of a view, votes for another batch of one liar but in
the interleavings vote by vote, and any depth beyond the bounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from consensus.certificates import CommitCertificate
from consensus.messages import Checkpoint
from consensus.replica import Replica
from consensus.types import FIRST_VIEW, Digest, SequenceNumber, View
from tests.exhaustive.liar import Liar
from tests.exhaustive.machine import Machine, Stimulus
from tests.exhaustive.network import Network
from tests.exhaustive.stages import GENEROUS, Moves, Question, Stage, stages_of
from tests.exhaustive.world import Bounds, shown

# Local states of the honest members, and the number of the network.
State: TypeAlias = tuple[tuple[int, ...], int]
Batches: TypeAlias = frozenset[tuple[SequenceNumber, Digest]]
# What may be committed, and what can be proven to be prepared.
Outcome: TypeAlias = tuple[Batches, Batches]


@dataclass(frozen=True, slots=True)
class Path:
    """How a state was reached: the shortest way met, newest move last."""

    length: int = 0
    before: "Path | None" = None
    index: int = 0
    stimulus: Stimulus | None = None


class Violation(Exception):
    """A law was broken; `path` is the shortest schedule met that breaks it."""

    def __init__(self, what: str, path: Path) -> None:
        self.path = path
        super().__init__(what)


class Search:
    """States, networks and laws; what is common to both orders."""

    def __init__(self, bounds: Bounds, *, replica_class: type[Replica] = Replica) -> None:
        self.bounds = bounds
        self.machine = Machine(bounds, replica_class=replica_class)
        self.moves = Moves(self.machine)
        self.states = 0
        self.transitions = 0
        # What may be committed, and what can be proven to be prepared, at the end of each view.
        self.outcomes: dict[View, set[Outcome]] = {}
        self._liar = Liar(self.machine)
        self._networks: list[Network] = []
        self._network_ids: dict[frozenset[int], int] = {}
        self._grown: dict[tuple[int, tuple[int, ...]], int] = {}
        self._agreed: dict[tuple[int, ...], str | None] = {}

    # In the order of the rounds

    def rounds(self) -> None:
        """Go through all rounds.

        Raises:
            Violation: some schedule breaks a law.

        """
        frontier = {self._start(): Path()}
        for number in range(self.bounds.views):
            view = View(number)
            stages = stages_of(self.bounds, view, is_ordered=True)
            if self.bounds.is_eager and number > 0 and number + 1 == self.bounds.views:
                self._proposals_only(stages, frontier)
                return
            for stage in stages:
                frontier = self._after(stage, frontier)
            frontier = self._without_the_past(view, frontier)

    def _proposals_only(self, stages: tuple[Stage, ...], frontier: dict[State, Path]) -> None:
        """End with what members accept in the last view, each member for itself.

        Nothing follows from these votes any more: each is held against what may be committed,
        and no law compares those of two members.
        """
        common = (Question.LEAD, Question.PROPOSE)
        for stage in stages:
            if stage.question in common:
                frontier = self._after(stage, frontier)
        for index, _ in enumerate(self.bounds.honest):
            reached = frontier
            for stage in stages:
                if stage.index == index and stage.question not in common:
                    reached = self._after(stage, reached)

    def _after(self, stage: Stage, frontier: dict[State, Path]) -> dict[State, Path]:
        is_eager = self.bounds.is_eager and stage.question in GENEROUS
        reached: dict[State, Path] = {}
        for state, path in frontier.items():
            is_taken = False
            for after, stimulus in self._successors(state, path, stage):
                self.states += after not in reached
                move = Path(path.length + 1, path, stage.index, stimulus)
                _keep_shorter(reached, after, move)
                taken = self.machine.members[after[0][stage.index]]
                is_taken = is_taken or taken.view == stage.view_after
            if not (is_eager and is_taken):
                _keep_shorter(reached, state, path)
        return reached

    def _without_the_past(self, view: View, frontier: dict[State, Path]) -> dict[State, Path]:
        """Forget of the views so far what no later round can use: all but evidence and choices.

        Of two certificates for one batch the later is kept: within three views there is none
        between them for another batch, so the earlier changes no O.
        """
        kept: dict[int, int] = {}
        merged: dict[State, Path] = {}
        for (locals_, network), path in frontier.items():
            if network not in kept:
                kept[network] = self._distilled(view, self._networks[network])
            _keep_shorter(merged, (locals_, kept[network]), path)
        return merged

    def _distilled(self, view: View, network: Network) -> int:
        fact_id = self.machine.fact_id
        proofs = {
            (one.sequence, one.batch_digest): one
            for one in sorted(
                self._liar.certificates(network, before=View(view + 1)), key=lambda one: one.view
            )
        }
        later = (
            number
            for number in network.facts
            if isinstance(fact := self.machine.facts[number], Checkpoint)
            or getattr(fact, "new_view", 0) > view
        )
        chosen = (
            CommitCertificate(view=FIRST_VIEW, sequence=sequence, batch_digest=digest, commits=())
            for _, sequence, digest in network.chosen
        )
        self.outcomes.setdefault(view, set()).add(
            (frozenset(one[1:] for one in network.chosen), frozenset(proofs))
        )
        evidence = (*map(fact_id, proofs.values()), *map(fact_id, chosen))
        return self._network_id(Network(frozenset((*evidence, *later)), self.machine))

    # In every order

    def interleavings(self) -> None:
        """Try every move in every state that can be reached.

        Raises:
            Violation: some schedule breaks a law; no shorter one does.

        """
        stages = tuple(
            stage
            for number in range(self.bounds.views)
            for stage in stages_of(self.bounds, View(number), is_ordered=False)
        )
        seen = {self._start(): Path()}
        frontier = dict(seen)
        while frontier:
            reached: dict[State, Path] = {}
            for state, path in frontier.items():
                for stage in stages:
                    for after, stimulus in self._successors(state, path, stage):
                        if after not in seen:
                            move = Path(path.length + 1, path, stage.index, stimulus)
                            seen[after] = reached[after] = move
            self.states += len(reached)
            frontier = reached

    # Steps and laws

    def _start(self) -> State:
        return self.machine.start, self._network_id(Network(frozenset(), self.machine))

    def _successors(
        self, state: State, path: Path, stage: Stage
    ) -> Iterator[tuple[State, Stimulus]]:
        locals_, network = state
        local = locals_[stage.index]
        for stimulus in self.moves.options(stage, local, self._networks[network]):
            reaction = self.machine.react(local, stimulus)
            self.transitions += 1
            if reaction.local == local and not reaction.said and reaction.error is None:
                continue
            grown = self._grow(network, reaction.said)
            after = (*locals_[: stage.index], reaction.local, *locals_[stage.index + 1 :])
            what = reaction.error or self._broken_law(after, grown)
            if what is not None:
                raise Violation(what, Path(path.length + 1, path, stage.index, stimulus))
            if (after, grown) != state:
                yield (after, grown), stimulus

    def _broken_law(self, locals_: tuple[int, ...], network: int) -> str | None:
        if locals_ not in self._agreed:
            self._agreed[locals_] = self._disagreement(locals_)
        return self._agreed[locals_] or self._networks[network].violation

    def _disagreement(self, locals_: tuple[int, ...]) -> str | None:
        decisions = (self.machine.decisions(one) for one in locals_)
        for sequence, column in enumerate(zip(*decisions, strict=True), start=1):
            decided: set[Digest] = {one for one in column if one is not None}
            if len(decided) > 1:
                names = " and ".join(sorted(map(shown, decided)))
                return f"slot {sequence}: honest members decided {names}"
        return None

    def _grow(self, network: int, said: tuple[int, ...]) -> int:
        key = (network, said)
        if key not in self._grown:
            self._grown[key] = self._network_id(self._networks[network].grown(said))
        return self._grown[key]

    def _network_id(self, network: Network) -> int:
        number = self._network_ids.setdefault(network.facts, len(self._networks))
        if number == len(self._networks):
            self._networks.append(network)
        return number


def _keep_shorter(paths: dict[State, Path], state: State, path: Path) -> None:
    held = paths.get(state)
    if held is None or held.length > path.length:
        paths[state] = path
