"""Seeds in shares, run side by side by processes of their own."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from tests.simulation.cluster import run_seed
from tests.simulation.options import options_of, with_changes
from tests.simulation.report import Report

# Enough to make up for handing them out, few enough to keep all processes busy to the end.
_SEEDS_EACH = 50


@dataclass(slots=True)
class Share:
    """What came of some seeds: the sums, and what to say about each failure."""

    report: Report = field(default_factory=Report)
    failures: list[tuple[int, str]] = field(default_factory=list)


def run_seeds(first: int, count: int, *, jobs: int, changes: str) -> Iterator[Share]:
    """Yield what came of `count` seeds from `first` on, in their order.

    `changes` is applied to the options of each seed.
    """
    starts = range(first, first + count, _SEEDS_EACH)
    run = partial(_run_share, end=first + count, changes=changes)
    if jobs == 1 or len(starts) == 1:
        yield from map(run, starts)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, starts)


def _run_share(start: int, *, end: int, changes: str) -> Share:
    """Run the seeds of one share; garbage is collected between runs, not inside them."""
    share = Share()
    gc.disable()
    started_s = time.process_time()
    for seed in range(start, min(start + _SEEDS_EACH, end)):
        options = with_changes(options_of(seed), changes)
        outcome = run_seed(seed, options=options)
        share.report.add(outcome, options)
        if outcome.violation is not None:
            share.failures.append((seed, outcome.violation))
        if (seed - start) % 10 == 9:
            gc.collect()
    share.report.spent_s = time.process_time() - started_s
    gc.enable()
    return share
