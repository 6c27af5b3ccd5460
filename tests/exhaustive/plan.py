"""What `make sim-exhaustive` searches, part by part, and what each part covers."""

import time
from dataclasses import dataclass
from enum import Enum

from consensus.messages import Commit, Message, Prepare
from consensus.replica import Replica
from consensus.types import ReplicaId
from tests.exhaustive.machine import Machine
from tests.exhaustive.search import Path, Search, Violation
from tests.exhaustive.world import SIZE, Bounds, shown


class Order(Enum):
    ROUNDS = "rounds"
    INTERLEAVINGS = "interleavings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One search."""

    order: Order
    bounds: Bounds

    @property
    def name(self) -> str:
        one = self.bounds
        marks = [
            *(["eager"] if one.is_eager else []),
            *(["checkpoints"] if one.checkpoints else []),
            *([f"every {one.fine.__name__}"] if one.fine is not None else []),
        ]
        bounds = f"liar={one.liar} slots={one.slots} views={one.views}"
        return " ".join((self.order.value, bounds, *marks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    states: int
    transitions: int
    local_states: int
    steps: int
    cpu_s: float
    violation: str | None
    schedule: tuple[str, ...] = ()


def _rounds(liar: int, *, slots: int, is_eager: bool) -> Part:
    bounds = Bounds(liar=ReplicaId(liar), slots=slots, views=3, is_eager=is_eager)
    return Part(order=Order.ROUNDS, bounds=bounds)


def _checkpoints(liar: int) -> Part:
    bounds = Bounds(liar=ReplicaId(liar), slots=1, views=3, is_eager=True, checkpoints=True)
    return Part(order=Order.ROUNDS, bounds=bounds)


def _vote_by_vote(liar: int, fine: type[Prepare | Commit]) -> Part:
    bounds = Bounds(liar=ReplicaId(liar), slots=1, views=1, fine=fine)
    return Part(order=Order.INTERLEAVINGS, bounds=bounds)


_LIARS = tuple(range(SIZE))
# The long ones first: two processes end at about the same time.
PLAN: tuple[Part, ...] = (
    *(_rounds(one, slots=2, is_eager=True) for one in (1, 0, 2, 3)),
    *(_rounds(one, slots=1, is_eager=False) for one in (1, 0, 3)),
    *(_rounds(one, slots=1, is_eager=True) for one in _LIARS),
    *(_checkpoints(one) for one in _LIARS),
    *(_vote_by_vote(one, kind) for one in _LIARS for kind in (Prepare, Commit)),
)


def run(part: Part, *, replica_class: type[Replica] = Replica) -> Result:
    """Search one part to its end or to the first violation."""
    start_s = time.process_time()
    search = Search(part.bounds, replica_class=replica_class)
    violation: str | None = None
    schedule: tuple[str, ...] = ()
    try:
        if part.order is Order.ROUNDS:
            search.rounds()
        else:
            search.interleavings()
    except Violation as found:
        violation = str(found)
        schedule = schedule_of(found.path, search.machine)
    return Result(
        states=search.states,
        transitions=search.transitions,
        local_states=len(search.machine.members),
        steps=search.machine.steps,
        cpu_s=round(time.process_time() - start_s, 1),
        violation=violation,
        schedule=schedule,
    )


def schedule_of(path: Path, machine: Machine) -> tuple[str, ...]:
    """Write down the moves that led somewhere, first move first."""
    lines: list[str] = []
    step: Path | None = path
    while step is not None and step.stimulus is not None:
        who = machine.bounds.honest[step.index]
        done = step.stimulus
        what = done.timer.value if done.timer is not None else done.name
        heard = ", ".join(_shown_fact(machine.message(one)) for one in done.facts)
        lines.append(f"  replica {who} {done.kind.value} {what}{heard}")
        step = step.before
    return tuple(reversed(lines))


def _shown_fact(message: Message) -> str:
    numbers = [
        f"{name} {value}"
        for name in ("new_view", "view", "sequence", "height")
        if (value := getattr(message, name, None)) is not None
    ]
    digest = getattr(message, "batch_digest", None)
    entries = (
        *getattr(message, "prepared", ()),
        *getattr(message, "pre_prepares", ()),
    )
    proofs = [f"{one.sequence}:{shown(one.batch_digest)}@{one.view}" for one in entries]
    named = [] if digest is None else [shown(digest)]
    return f"{type(message).__name__}({' '.join((*numbers, *named, *proofs))}) of {message.sender}"
