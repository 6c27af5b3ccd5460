"""`python -m tests.simulation --seeds N --first S`: many schedules, one line of JSON at the end.

Seeds are shared out over the cores; what is reported does not depend on how. A failing seed
prints the line that replays it, then the line that replays it with as little as possible.
"""

import argparse
import json
import os
import sys

from tests.simulation.cluster import run_seed
from tests.simulation.options import Options, changed_options, options_of, with_changes
from tests.simulation.report import Report
from tests.simulation.shares import run_seeds
from tests.simulation.shrink import shrink

_PROGRESS_EVERY = 1_000
# Failures are alike: the first ones are made smaller.
_SHRUNK_MAX = 3


def main() -> int:
    """Run the seeds; exit 1 if an oracle spoke or a kind of fault never happened."""
    arguments = _arguments()
    total = Report()
    shrunk = 0
    for share in run_seeds(
        arguments.first, arguments.seeds, jobs=arguments.jobs, changes=arguments.options
    ):
        total.merge(share.report)
        for seed, violation in share.failures:
            _say(f"VIOLATION {violation}")
            _say(_replay_line(seed, arguments.options))
            if shrunk < _SHRUNK_MAX and not arguments.no_shrink:
                shrunk += 1
                _say(f"smaller: {_shrink_line(seed, arguments.options)}")
        if total.schedules % _PROGRESS_EVERY == 0 and total.schedules < arguments.seeds:
            _say(f"{total.schedules} of {arguments.seeds} schedules")
    missing = total.missing()
    for one in missing:
        _say(f"MISSING {one}")
    _say(json.dumps(total.summary()))
    return 1 if total.violations or missing else 0


def _shrink_line(seed: int, changes: str) -> str:
    def fails(options: Options) -> bool:
        return run_seed(seed, options=options).violation is not None

    smallest = shrink(with_changes(options_of(seed), changes), fails=fails)
    return _replay_line(seed, changed_options(seed, smallest))


def _replay_line(seed: int, changes: str) -> str:
    return f"make sim SEED={seed}" + (f" OPTIONS='{changes}'" if changes != "{}" else "")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="number of schedules")
    parser.add_argument("--first", type=int, default=0, help="seed of the first schedule")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--options", default="{}", help="JSON: what differs from the seed's own")
    parser.add_argument("--no-shrink", action="store_true", help="only report failures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
