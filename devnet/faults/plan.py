"""The schedule of faults: follows from a seed alone, so a run can be repeated.

Two kinds of steps alternate. In a step *within* the tolerance at most `max_faulty` replicas are
faulty and the chain must go on; *beyond* it the chain may stand still and must go on after the
healing. Every kind of fault of either list comes once before any comes twice.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from consensus.types import Membership

Choice = TypeVar("Choice")


class Fault(Enum):
    """What is done to the victims, or to the links between them and all others."""

    KILL = "kill"  # SIGKILL of all victims at once, started again at the end of the step
    STORM = "storm"  # killed and started one after the other, then again while they start
    PAUSE = "pause"  # SIGSTOP, SIGCONT
    CUT = "cut"  # connections reset, new ones too
    BLACKHOLE = "blackhole"  # accepted and swallowed, both ways
    MUTE = "mute"  # what the victims say is swallowed, they hear
    DEAF = "deaf"  # what others say to the victims is swallowed
    CLOG = "clog"  # held back, then released in one burst
    DELAY = "delay"
    THROTTLE = "throttle"
    TEAR = "tear"  # connections die in the middle of a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fault. `victims` count from the primary of that moment: 0 is the primary itself."""

    number: int
    fault: Fault
    victims: tuple[int, ...]
    is_beyond: bool
    calm_s: float
    duration_s: float
    delay_s: float
    bytes_per_s: int
    # Whether a connection that lost bytes is reset by the healing, or stays dumb.
    resets_lossy: bool

    @property
    def strikes(self) -> int:
        """Count its kills, pauses and partitions; delays and throttles are none."""
        if self.fault is Fault.STORM:
            return 2 * len(self.victims)
        if self.fault in {Fault.KILL, Fault.PAUSE}:
            return len(self.victims)
        return 0 if self.fault in {Fault.DELAY, Fault.THROTTLE} else 1


_WITHIN: Final = tuple(Fault)
# Which faults, and of how many more than `max_faulty` replicas; None is all of them.
_BEYOND: Final[tuple[tuple[Fault, int | None], ...]] = (
    (Fault.KILL, None),
    (Fault.STORM, None),
    (Fault.KILL, 1),
    (Fault.PAUSE, 1),
    (Fault.PAUSE, None),
    (Fault.CUT, 1),
    (Fault.CUT, None),
    (Fault.BLACKHOLE, 1),
    (Fault.MUTE, 1),
    (Fault.CLOG, None),
)
# After so many steps within the tolerance comes one beyond it.
_WITHIN_BEFORE_BEYOND: Final = 3
_CALM_S: Final = (0.1, 0.6)
_DURATION_S: Final = (0.4, 1.6)
_DURATION_BEYOND_S: Final = (0.8, 2.5)
_DELAY_S: Final = (0.02, 0.3)
_BYTES_PER_S: Final = (20_000, 200_000)


def steps(seed: int, membership: Membership) -> Iterator[Step]:
    """Yield steps without end; the same seed yields the same."""
    chance = random.Random(seed)  # noqa: S311 - a schedule is no secret, and must come again
    size = membership.size
    within = _endlessly(chance, _WITHIN)
    beyond = _endlessly(chance, _BEYOND)
    number = 0
    while True:
        for _ in range(_WITHIN_BEFORE_BEYOND):
            victims = _victims(chance, size, membership.max_faulty)
            yield _step(chance, number, next(within), victims, is_beyond=False)
            number += 1
        fault, more = next(beyond)
        count = size if more is None else membership.max_faulty + more
        yield _step(chance, number, fault, _victims(chance, size, count), is_beyond=True)
        number += 1


def _endlessly(chance: random.Random, choices: Sequence[Choice]) -> Iterator[Choice]:
    """Deal the choices like cards: all of them, shuffled, before any comes again."""
    while True:
        yield from chance.sample(choices, len(choices))


def _victims(chance: random.Random, size: int, count: int) -> tuple[int, ...]:
    """Choose replicas; the primary and its successor, on whom most depends, twice as often."""
    weighted = [*range(size), 0, 1]
    chosen: list[int] = []
    while len(chosen) < count:
        one = chance.choice(weighted)
        if one not in chosen:
            chosen.append(one)
    return tuple(sorted(chosen))


def _step(
    chance: random.Random, number: int, fault: Fault, victims: tuple[int, ...], *, is_beyond: bool
) -> Step:
    return Step(
        number=number,
        fault=fault,
        victims=victims,
        is_beyond=is_beyond,
        calm_s=chance.uniform(*_CALM_S),
        duration_s=chance.uniform(*(_DURATION_BEYOND_S if is_beyond else _DURATION_S)),
        delay_s=chance.uniform(*_DELAY_S),
        bytes_per_s=chance.randrange(*_BYTES_PER_S),
        resets_lossy=chance.random() < 0.5,  # noqa: PLR2004 - a coin
    )
