"""Which crash states of a recording are looked at, and what they show."""

import random
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.crash.disk import Disk, Loss
from tests.crash.operations import Named, Said, Synced, Unnamed
from tests.crash.recording import RecordedNode
from tests.crash.verifying import Chain, Listener, Lost, Opening, Promise, Reopened, reopen

# A power cut right before one of these is where states differ most.
_BOUNDARIES: Final = (Synced, Named, Unnamed)


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """A crash state of one node: after so many operations, with that loss."""

    after: int
    loss: str
    seed: int


@dataclass(slots=True)
class Findings:
    """What the states showed."""

    states: int = 0
    promises: int = 0
    openings: Counter[str] = field(default_factory=Counter)
    heights: set[int] = field(default_factory=set)
    # One line for each state that lacked something, and for each that did not open as a voter.
    lost: list[str] = field(default_factory=list)
    not_voting: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, node: RecordedNode, cut: Cut) -> Iterator[None]:
        """Count a state, and what it lost instead of failing at once."""
        self.states += 1
        try:
            yield
        except Lost as error:
            self.lost.append(f"{node.place.name} {cut}: {error}")

    def note(self, cut: Cut, done: Reopened) -> None:
        """Count how a state opened; zeros instead of data may be refused, by name."""
        self.openings[done.opening.value] += 1
        self.heights.add(done.height)
        if done.opening is not Opening.VOTER and cut.loss != Loss.ZEROS.name:
            self.not_voting.append(f"{cut}: {done.reason}")


def all_cuts(node: RecordedNode) -> Iterator[Cut]:
    """Yield every prefix with every loss."""
    for after in range(node.first, len(node.operations) + 1):
        for loss in Loss:
            yield Cut(after, loss.name, 0)


def some_cuts(node: RecordedNode, count: int, *, seed: int) -> Sequence[Cut]:
    """Choose `count`: one half before a sync or a change of names, one half anywhere."""
    chance = random.Random(f"{seed} {node.place.name}")  # noqa: S311 - a seeded choice
    last = len(node.operations)
    boundaries = [
        at for at in range(node.first, last) if isinstance(node.operations[at], _BOUNDARIES)
    ]
    losses = [one.name for one in Loss]
    chosen = {
        Cut(chance.choice(boundaries), losses[number % len(losses)], seed)
        for number in range(count // 2)
    }
    while len(chosen) < count:
        chosen.add(Cut(chance.randrange(node.first, last + 1), chance.choice(losses), seed))
    return sorted(chosen)


def verify_cuts(
    node: RecordedNode,
    cuts: Sequence[Cut],
    scratch: Path,
    *,
    chain: Chain,
    deaf: Collection[int] = (),
) -> Findings:
    """Rebuild, open and verify each of `cuts`, which are in ascending order."""
    findings, disk, said = Findings(), Disk(deaf=deaf), list[Promise]()
    listener = Listener(node)
    waiting = list(reversed(cuts))
    for after in range(len(node.operations) + 1):
        while waiting and waiting[-1].after == after:
            cut = waiting.pop()
            home = scratch / "state"
            shutil.rmtree(home, ignore_errors=True)
            state = disk.cut(Loss[cut.loss], seed=cut.seed)
            with findings.noting(node, cut):
                findings.note(cut, reopen(node, state, home, said=said, chain=chain))
        if after < len(node.operations):
            operation = node.operations[after]
            disk.apply(operation)
            if isinstance(operation, Said):
                promise = listener.promise_of(operation.payload)
                said += [promise] if promise is not None else []
    findings.promises = len(said)
    return findings
