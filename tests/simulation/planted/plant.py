"""What a planted mistake is, and how it gets into the code and out of it again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from consensus.replica import Replica
from consensus.types import Membership
from tests.simulation.byzantine import Vice
from tests.simulation.options import Options

# owner, attribute, replacement
Patch = tuple[object, str, object]


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A mistake, and which of the default runs can show it; no run is changed for it."""

    name: str
    patches: tuple[Patch, ...] = ()
    replica_class: type[Replica] = Replica
    # Default seeds that cannot show the mistake, or only at great cost, are passed over: those
    # with other group sizes, and those without the liar or the director that it takes.
    sizes: tuple[int, ...] = (4, 5)
    vices: tuple[Vice, ...] = ()
    directed: bool = False

    def fits(self, options: Options) -> bool:
        """Tell whether a run with these options is worth its time."""
        drawn = options.vices.values()
        has_liar = not self.vices or any(one in drawn for one in self.vices)
        is_led = options.biased or not self.directed
        return options.size in self.sizes and has_liar and is_led


@contextmanager
def planted(bug: Planted) -> Iterator[None]:
    """Put the mistake in, and take it out again."""
    saved = [(owner, name, vars(owner)[name]) for owner, name, _ in bug.patches]
    for owner, name, replacement in bug.patches:
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in saved:
            setattr(owner, name, original)


def nothing(*_arguments: object, **_keywords: object) -> None:
    return None


def always(*_arguments: object, **_keywords: object) -> bool:
    return True


class WeakMembership(Membership):
    """A group whose quorum is f+1."""

    @property
    def quorum(self) -> int:
        return self.weak_quorum


def with_weak_quorum(function: Callable[..., object]) -> Callable[..., object]:
    """Let f+1 votes be enough for a certificate."""

    def weak(votes: object, *, membership: Membership) -> object:
        group = WeakMembership(epoch=membership.epoch, size=membership.size)
        return function(votes, membership=group)

    return weak
