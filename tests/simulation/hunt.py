"""Looks for a planted bug: default seeds, general oracles, a bounded number of runs."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from tests.simulation.cluster import Options, options_of, run_seed
from tests.simulation.planted import Planted, planted


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many runs it took, and what the oracle said."""

    runs: int
    violation: str


def hunt(bug: Planted, *, runs_max: int) -> Found | None:
    """Run default seeds that fit the bug until an oracle speaks."""
    seeds = (seed for seed in range(20 * runs_max) if options_of(seed).size in bug.sizes)
    with planted(bug):
        for runs, seed in zip(range(1, runs_max + 1), seeds, strict=False):
            outcome = run_seed(
                seed, options=_bias(bug, options_of(seed)), replica_class=bug.replica_class
            )
            if outcome.violation is not None:
                return Found(runs=runs, violation=outcome.violation)
    return None


def _bias(bug: Planted, options: Options) -> Options:
    """Give the run the kind of liar or power cut that the bug is about."""
    if bug.vice is not None:
        options = replace(options, vices=MappingProxyType({0: bug.vice}), learner=False)
    if bug.power_cut:
        options = replace(options, power_cuts=2)
    return options
