"""`python -m tests.simulation --seeds N --first S`: many schedules, one line of JSON at the end."""

import argparse
import json
import sys
import time
from collections import Counter

from tests.simulation.cluster import Outcome, options_of, run_seed

_PROGRESS_EVERY = 500


def main() -> int:
    """Run the seeds; exit 1 if an oracle spoke."""
    arguments = _arguments()
    counters: Counter[str] = Counter()
    violations: list[Outcome] = []
    start_s = time.process_time()
    for done in range(arguments.seeds):
        outcome = run_seed(arguments.first + done)
        _count(counters, outcome)
        if outcome.violation is not None:
            violations.append(outcome)
            _say(f"VIOLATION {outcome.violation}\nmake sim SEED={outcome.seed}")
        if (done + 1) % _PROGRESS_EVERY == 0:
            _say(f"{done + 1} of {arguments.seeds} schedules")
    spent_s = time.process_time() - start_s
    _say(json.dumps(_summary(counters, violations, schedules=arguments.seeds, spent_s=spent_s)))
    return 1 if violations else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="number of schedules")
    parser.add_argument("--first", type=int, default=0, help="seed of the first schedule")
    return parser.parse_args()


def _count(counters: Counter[str], outcome: Outcome) -> None:
    counters.update(outcome.counters)
    counters["deliveries"] += outcome.deliveries
    options = options_of(outcome.seed)
    counters["byzantine_schedules"] += bool(options.vices)
    for vice in options.vices.values():
        counters[f"vice_{vice.value}"] += 1


def _summary(
    counters: Counter[str], violations: list[Outcome], *, schedules: int, spent_s: float
) -> dict[str, object]:
    named = ("deliveries", "view_changes", "restarts", "byzantine_schedules")
    rest = {name: counters[name] for name in sorted(counters) if name not in named}
    return {
        "schedules": schedules,
        "deliveries": counters["deliveries"],
        "deliveries_per_s_core": round(counters["deliveries"] / max(spent_s, 1e-9)),
        "view_changes": counters["view_changes"],
        "restarts": counters["restarts"],
        "byzantine_schedules": counters["byzantine_schedules"],
        "violations": len(violations),
        "counters": rest,
    }


if __name__ == "__main__":
    sys.exit(main())
