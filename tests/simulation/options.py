"""What one run consists of: drawn from its seed, changed by tests, shrunk after a failure.

Each seed has some kinds of faults and lacks others (swarm testing): a mix of everything hides
what one kind alone would show.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from types import MappingProxyType

from tests.simulation.byzantine import Vice, draw_vices

# Groups of four show most mistakes with the fewest messages; n ≠ 3f+1 must not be rare.
_SIZES = (4, 4, 4, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10)
_BIASED_SHARE = 0.15
_OLDER_COPIES_SHARE = 0.03
# What makes a member lose what it holds of others, or keeps it from hearing it.
_MEMORY_LOSSES = (
    "drop",
    "crashes",
    "recovery_crashes",
    "power_cuts",
    "pauses",
    "io_errors",
    "reorderings",
    "vote_rot",
    "block_rot",
    "splits",
    "one_ways",
    "bridges",
    "isolations",
    "clogs",
    "lossy_links",
    "wild_clocks",
    "left_down",
)
# Runs without any fault: nothing may be refused in them, and no view may be left.
_CALM_SHARE = 0.04
_EVERY_DAY_DRIFT_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about one run that its seed decides.

    Whole numbers from `crashes` on count troubles of one kind: see `faults`. Members that are
    named in `fragile` may lose their vote log for good, or their idea of the time.
    """

    size: int
    window: int
    vices: MappingProxyType[int, Vice]
    # Share of a twin's messages that only its own side hears.
    twins_split: float
    learner: bool
    fragile: tuple[int, ...]
    # Correct members that do not come back when the rest heals.
    left_down: int
    requests: int
    chaos_ms: int
    # Carry prepared slots through two view changes on purpose: see `bias`.
    biased: bool

    drop: float
    duplicate: float
    delay_max_ms: int
    idle_ms: int = 2_500
    codec_share: float = 0.01

    # How long a sync of the vote log takes at most, and what a power cut does meanwhile.
    sync_max_ms: int = 0
    tearing: bool = False

    # Wall clocks stand apart by at most this; a proposal may be off by `drift_ms`.
    skew_max_ms: int = 0
    drift_ms: int = _EVERY_DAY_DRIFT_MS
    # Timers of some members run at this rate.
    rate_percent: int = 100

    crashes: int = 0
    recovery_crashes: int = 0
    power_cuts: int = 0
    pauses: int = 0
    io_errors: int = 0
    reorderings: int = 0
    vote_rot: int = 0
    block_rot: int = 0
    rotations: int = 0
    older_copies: int = 0
    splits: int = 0
    one_ways: int = 0
    bridges: int = 0
    isolations: int = 0
    clogs: int = 0
    lossy_links: int = 0
    clock_jumps: int = 0
    wild_clocks: int = 0
    # No fault of any kind: then nothing may be refused, and no view may be left.
    calm: bool = False

    @property
    def max_faulty(self) -> int:
        return (self.size - 1) // 3

    @property
    def has_learner(self) -> bool:
        """The last member is a learner from the start; not beside liars."""
        return self.learner and not self.vices

    @property
    def spare(self) -> int:
        """How many more members may fail for good before the group stands still."""
        return max(0, self.max_faulty - len(self.vices) - self.has_learner)

    @property
    def unreliable(self) -> tuple[int, ...]:
        """The fragile members whose loss the group can bear."""
        able = (one for one in self.fragile if one < self.size and one not in self.vices)
        return tuple(able)[: self.spare]

    @property
    def absent(self) -> int:
        """How many correct members may stay away after healing."""
        return min(self.left_down, self.spare - len(self.unreliable))


def options_of(seed: int) -> Options:
    """Draw a swarm option set."""
    random = stream(seed, "options")
    size = random.choice(_SIZES)
    members = random.sample(range(size), size)
    liars = random.randint(0, (size - 1) // 3)
    drawn = Options(
        size=size,
        window=random.choice((2, 3, 4, 8)),
        vices=draw_vices(members[:liars], random),
        twins_split=random.choice((0.5, 0.8, 1.0)),
        learner=random.random() < 0.15,
        fragile=tuple(members[liars:]) if random.random() < 0.4 else (),
        left_down=random.choice((0, 0, 1, 2)),
        requests=random.randint(3, 8) if size < 7 else random.randint(2, 4),
        chaos_ms=random.choice((800, 1_500, 2_500)) if size < 7 else 800,
        biased=random.random() < _BIASED_SHARE,
        drop=random.choice((0.0, 0.02, 0.1, 0.25)),
        duplicate=random.choice((0.0, 0.0, 0.1)),
        delay_max_ms=random.choice((10, 40, 150)),
        idle_ms=random.choice((2_500, 2_500, 700)),
    )
    if stream(seed, "calm").random() < _CALM_SHARE:
        return _without_faults(drawn)
    troubled = _clock_faults(_network_faults(_process_faults(drawn, random), random), random)
    if troubled.biased:
        return _for_bias(troubled, random)
    is_copied = stream(seed, "older copies").random() < _OLDER_COPIES_SHARE
    return for_older_copies(troubled) if is_copied else troubled


def _without_faults(options: Options) -> Options:
    return replace(
        options,
        vices=MappingProxyType({}),
        learner=False,
        fragile=(),
        left_down=0,
        biased=False,
        drop=0.0,
        duplicate=0.0,
        delay_max_ms=10,
        calm=True,
    )


def _process_faults(options: Options, random: Random) -> Options:
    return replace(
        options,
        crashes=random.choice((0, 2, 5)),
        recovery_crashes=random.choice((0, 0, 2)),
        power_cuts=random.choice((0, 0, 1)),
        pauses=random.choice((0, 0, 2)),
        io_errors=random.choice((0, 0, 2)),
        vote_rot=random.choice((0, 0, 1)),
        block_rot=random.choice((0, 0, 1)),
        rotations=random.choice((0, 2)),
        sync_max_ms=random.choice((0, 0, 20)),
        tearing=random.choice((False, True)),
        reorderings=random.choice((0, 0, 1)),
    )


def _network_faults(options: Options, random: Random) -> Options:
    return replace(
        options,
        splits=random.choice((0, 0, 1, 2)),
        one_ways=random.choice((0, 0, 1)),
        bridges=random.choice((0, 0, 1)),
        isolations=random.choice((0, 0, 2)),
        clogs=random.choice((0, 0, 3)),
        lossy_links=random.choice((0, 0, 4)),
    )


def _clock_faults(options: Options, random: Random) -> Options:
    return replace(
        options,
        skew_max_ms=random.choice((0, 400)),
        drift_ms=random.choice((_EVERY_DAY_DRIFT_MS, _EVERY_DAY_DRIFT_MS, 3_000)),
        rate_percent=random.choice((100, 90, 110, 250, 1_000)),
        clock_jumps=random.choice((0, 0, 3)),
        wild_clocks=random.choice((0, 0, 1)),
    )


def _for_bias(options: Options, random: Random) -> Options:
    """Give a directed run time to get through, and leave it the faults that fit."""
    return replace(
        options,
        chaos_ms=3_000,
        requests=min(options.requests, 4),
        drop=random.choice((0.0, 0.02)),
        delay_max_ms=random.choice((10, 40)),
        rate_percent=100,
        crashes=min(options.crashes, 2),
        splits=0,
        bridges=0,
        one_ways=0,
    )


def for_older_copies(options: Options) -> Options:
    """Let backups be put back where enough peers hold what came after: only they can tell.

    Nothing else loses what peers hold of the replica: neither links nor crashes nor liars.
    """
    quiet = dict.fromkeys(_MEMORY_LOSSES, 0)
    chosen = {"learner": False, "fragile": tuple(range(options.size)), "older_copies": 2}
    shown = {"vices": MappingProxyType({}), "delay_max_ms": min(options.delay_max_ms, 40)}
    return replace(options, **quiet, **chosen, **shown)  # type: ignore[arg-type]  # fields by name


def stream(seed: int, *purpose: str | int) -> Random:
    """Return the chance of one purpose: what is left out of a run moves nothing else in it."""
    return Random(f"{seed}/{'/'.join(map(str, purpose))}")  # noqa: S311 (a seed must replay)


# Options as text, for the line that replays a run


def changed_options(seed: int, options: Options) -> str:
    """Write down as JSON in what `options` differ from those of the seed."""
    drawn, actual = _as_plain(options_of(seed)), _as_plain(options)
    return json.dumps({name: actual[name] for name in actual if actual[name] != drawn[name]})


def with_changes(options: Options, text: str) -> Options:
    """Apply what `changed_options` wrote.

    Raises:
        ValueError: not an object of known options.

    """
    changes = json.loads(text)
    known = {one.name for one in fields(Options)}
    if not isinstance(changes, dict) or not changes.keys() <= known:
        raise ValueError(f"expected a JSON object with some of {sorted(known)}, got {text}")
    if "vices" in changes:
        vices = {int(one): Vice(vice) for one, vice in changes["vices"].items()}
        changes["vices"] = MappingProxyType(vices)
    if "fragile" in changes:
        changes["fragile"] = tuple(changes["fragile"])
    return replace(options, **changes)


def _as_plain(options: Options) -> dict[str, object]:
    shown: dict[str, object] = {}
    for one in fields(options):
        value = getattr(options, one.name)
        if isinstance(value, Mapping):
            value = {str(key): vice.value for key, vice in sorted(value.items())}
        shown[one.name] = list(value) if isinstance(value, tuple) else value
    return shown
