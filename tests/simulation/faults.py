"""The troubles of one run: what kind, how many, when, to whom.

Each trouble draws from a chance of its own, so that leaving one out moves no other.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import permutations
from random import Random
from typing import Protocol

from consensus.effects import VotingEnded
from tests.simulation.clock import Clock
from tests.simulation.crash import AFTER, DISK_ERRORS, RARE_EFFECTS, CrashPoint, Fuse
from tests.simulation.disk import OlderCopy
from tests.simulation.network import Link, Network
from tests.simulation.node import Node
from tests.simulation.options import Options, stream

# What must have happened in a large number of runs.
COUNTERS = (
    "crashes",
    "restarts",
    "power_cuts",
    "pauses",
    "rotations",
    "splits",
    "one_ways",
    "bridges",
    "isolations",
    "clogs",
    "lossy_links",
)
# Where a planned crash may strike, beside after an effect.
_POINTS = (
    CrashPoint.IN_PERSIST,
    CrashPoint.IN_PERSIST,
    CrashPoint.IN_SYNC,
    CrashPoint.IN_BLOCK_WRITE,
    CrashPoint.BEFORE_CHECKPOINT,
    CrashPoint.IN_TRANSFER,
    CrashPoint.IN_TRANSFER,
    CrashPoint.IN_TRANSFER,
)
# After which effects: rare ones are aimed at more often, and still hit less.
_KINDS = (*AFTER, *RARE_EFFECTS, *RARE_EFFECTS)
_WILD_MS = 3_600_000


class Stage(Protocol):
    """What the troubles need of the cluster."""

    options: Options
    clock: Clock
    network: Network
    counters: Counter[str]
    nodes: list[Node]
    correct: list[Node]
    is_healed: bool

    def restart(self, node: Node) -> None: ...


class Faults:
    """Plans everything that goes wrong before healing."""

    def __init__(self, stage: Stage, *, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        unreliable = stage.options.unreliable
        self._unreliable = [one for one in stage.correct if one.index in unreliable]

    def plan(self) -> None:
        """Put every trouble on the agenda."""
        options, clock = self._stage.options, self._stage.clock
        troubles: tuple[tuple[str, Callable[[Random], None]], ...] = (
            ("crashes", self._crash),
            ("recovery_crashes", self._crash_again),
            ("power_cuts", self._cut_power),
            ("pauses", self._pause),
            ("io_errors", self._fail_io),
            ("reorderings", self._reorder),
            ("vote_rot", self._rot_votes),
            ("block_rot", self._rot_block),
            ("rotations", self._rotate),
            ("older_copies", self._save_copy),
            ("splits", self._split),
            ("one_ways", self._cut_one_way),
            ("bridges", self._leave_a_bridge),
            ("isolations", self._isolate),
            ("clogs", self._clog),
            ("lossy_links", self._lose),
            ("clock_jumps", self._jump),
            ("wild_clocks", self._go_wild),
        )
        for name, trouble in troubles:
            for number in range(getattr(options, name)):
                random = stream(self._seed, name, number)
                clock.after(random.randrange(options.chaos_ms), trouble, random)

    # Processes

    def _crash(self, random: Random) -> None:
        """Light a fuse: the node stops at one of its next steps, and comes back after a while."""
        node = random.choice(self._stage.correct)
        if not node.is_alive:
            return
        self._stage.counters["crashes"] += 1
        chance = random.random()
        if chance < 0.3:
            node.fuse = Fuse(point=CrashPoint.AFTER_EFFECT, left=random.randint(1, 12))
        elif chance < 0.7:
            kind = random.choice(_KINDS)
            fuse = Fuse(point=CrashPoint.AFTER_EFFECT, effect=kind)
            self._light(fuse, node, is_rare=kind in RARE_EFFECTS)
        else:
            point = random.choice(_POINTS)
            fuse = Fuse(point=point, left=random.randint(1, 2))
            self._light(fuse, node, is_rare=point is CrashPoint.IN_TRANSFER)

    def _light(self, fuse: Fuse, node: Node, *, is_rare: bool) -> None:
        """Give `node` a fuse; one for a rare moment goes to all that have none."""
        node.fuse = fuse
        for other in self._stage.correct if is_rare else ():
            if other.fuse is None:
                other.fuse = fuse

    def _crash_again(self, random: Random) -> None:
        """Stop now, and once or twice more while coming back."""
        node = random.choice(self._stage.correct)
        if node.is_alive:
            self._stage.counters["crashes"] += 1
            node.crash(by_power_cut=random.random() < 0.5)
            node.fuse = Fuse(point=CrashPoint.IN_RECOVERY, left=random.randint(1, 6))

    def _cut_power(self, random: Random) -> None:
        """All correct nodes stop within moments, each in the middle of something."""
        stage = self._stage
        stage.counters["power_cuts"] += 1
        for node in stage.correct:
            if node.is_alive:
                point = random.choice((CrashPoint.AFTER_EFFECT, CrashPoint.IN_PERSIST))
                node.fuse = Fuse(point=point, left=random.randint(1, 4))
                stage.clock.after(30, self._lose_power, node)

    def _lose_power(self, node: Node) -> None:
        if node.is_alive and not self._stage.is_healed:
            node.crash(by_power_cut=True)

    def _pause(self, random: Random) -> None:
        """Stand still for a while: SIGSTOP."""
        node = random.choice(self._stage.correct)
        if node.is_alive and not node.is_paused:
            self._stage.counters["pauses"] += 1
            node.pause()
            self._stage.clock.after(random.randint(50, 1_200), self._resume, node, node.lives)

    def _resume(self, node: Node, life: int) -> None:
        if node.is_alive and node.lives == life and node.is_paused:
            node.resume()

    # Disks

    def _fail_io(self, random: Random) -> None:
        node = random.choice(self._stage.correct)
        if node.is_alive:
            node.fuse = Fuse(point=random.choice(DISK_ERRORS))

    def _reorder(self, random: Random) -> None:
        """Cut the power inside a write of a disk that keeps the later record, not the earlier."""
        for node in self._one_unreliable(random):
            node.has_bad_disk = True
            node.fuse = Fuse(
                point=CrashPoint.IN_PERSIST, left=random.randint(1, 4), by_power_cut=True
            )

    def _rot_votes(self, random: Random) -> None:
        """Damage a vote log and restart: the key must not vote again."""
        for node in self._one_unreliable(random):
            node.crash()
            node.disk.rot_votes()

    def _rot_block(self, random: Random) -> None:
        """Damage a block and restart: it must come again from others."""
        for node in self._one_unreliable(random):
            node.crash()
            node.disk.rot_block(random)

    def _save_copy(self, random: Random) -> None:
        """Save a disk; put it back some time later, as a restored backup or a cloned machine."""
        for node in self._one_unreliable(random):
            arguments = (node, node.disk.copy(), random.random() < 0.7)
            self._stage.clock.after(random.randint(30, 800), self._put_back, *arguments)

    def _put_back(self, node: Node, copy: OlderCopy, with_ledger: bool) -> None:  # noqa: FBT001 (an argument of the clock)
        if node.is_alive and not self._stage.is_healed:
            node.crash()
            node.disk.put_back(copy, with_ledger=with_ledger)
            # Stop again at once, half of the times, when peers have told what was forgotten.
            if node.lives % 2:
                node.fuse = Fuse(point=CrashPoint.AFTER_EFFECT, effect=VotingEnded)

    def _rotate(self, random: Random) -> None:
        node = random.choice(self._stage.correct)
        if node.is_alive:
            self._stage.counters["rotations"] += 1
            if random.random() < 0.3:
                node.fuse = Fuse(point=CrashPoint.IN_ROTATION)
            node.rotate_votes()

    def _one_unreliable(self, random: Random) -> Iterable[Node]:
        alive = [one for one in self._unreliable if one.is_alive]
        return (random.choice(alive),) if alive else ()

    # Networks

    def _split(self, random: Random) -> None:
        """Two groups that hear nothing of one another."""
        group = self._some(random)
        self._part("splits", random, self._between(group, both_ways=True))

    def _cut_one_way(self, random: Random) -> None:
        """A group that is heard and hears nothing."""
        group = self._some(random)
        self._part("one_ways", random, self._between(group, both_ways=False))

    def _leave_a_bridge(self, random: Random) -> None:
        """Two halves, and one node that sees both."""
        members = random.sample(self._indexes(), len(self._indexes()))
        half = set(members[1 : 1 + len(members) // 2])
        bridge = members[0]
        links = [one for one in self._between(half, both_ways=True) if bridge not in one]
        self._part("bridges", random, links)

    def _isolate(self, random: Random) -> None:
        lonely = {random.choice(self._indexes())}
        self._part("isolations", random, self._between(lonely, both_ways=True))

    def _part(self, name: str, random: Random, links: list[Link]) -> None:
        self._stage.counters[name] += 1
        network = self._stage.network
        network.cut(links)
        self._stage.clock.after(random.randint(100, 700), network.mend, links)

    def _clog(self, random: Random) -> None:
        """Hold back what one link carries, then let it burst."""
        self._stage.counters["clogs"] += 1
        link = self._link(random)
        self._stage.network.clog(link)
        self._stage.clock.after(random.randint(100, 1_000), self._stage.network.release, link)

    def _lose(self, random: Random) -> None:
        self._stage.counters["lossy_links"] += 1
        self._stage.network.lose_on(self._link(random), random.choice((0.3, 0.6, 0.9)))

    def _indexes(self) -> list[int]:
        return [one.index for one in self._stage.nodes]

    def _some(self, random: Random) -> set[int]:
        indexes = self._indexes()
        return set(random.sample(indexes, random.randint(1, len(indexes) - 1)))

    def _link(self, random: Random) -> Link:
        sender, receiver = random.sample(self._indexes(), 2)
        return (sender, receiver)

    def _between(self, group: set[int], *, both_ways: bool) -> list[Link]:
        return [
            (a, b)
            for a, b in permutations(self._indexes(), 2)
            if (a in group) != (b in group) and (both_ways or b in group)
        ]

    # Clocks

    def _jump(self, random: Random) -> None:
        """Set a wall clock, forward or back, within what the group tolerates."""
        node = random.choice(self._stage.correct)
        offset_ms = random.randint(-400, 400)
        is_later = offset_ms > node.local.offset_ms
        self._stage.counters["clock_jump_forward" if is_later else "clock_jump_back"] += 1
        node.local.offset_ms = offset_ms

    def _go_wild(self, random: Random) -> None:
        """Set a wall clock to another hour: its proposals are refused, and it refuses all."""
        for node in self._one_unreliable(random):
            self._stage.counters["clock_wild"] += 1
            node.local.offset_ms = random.choice((-_WILD_MS, _WILD_MS))
