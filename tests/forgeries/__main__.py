"""`python -m tests.forgeries [--count N] [--seed S]`: forge evidence, and count what happens.

Prints one JSON line a kind and suite and a last one with the sums, and fails when a forgery
is accepted, when something but a documented error escapes, or when what is accepted by rule
is not true.
"""

import argparse
import json
import sys
from collections import Counter

from tests.forgeries.trial import SUITES, Tally, trial


def main() -> int:
    """Run both suites; half of the forgeries each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    total = Tally()
    each: Counter[str] = Counter()
    for suite in SUITES:
        for name, tally in trial(suite, count=arguments.count // 2, seed=arguments.seed).items():
            sys.stdout.write(json.dumps({"suite": suite, "kind": name, **tally.form()}) + "\n")
            total.add(tally)
            each[name] += tally.forgeries
    sums = {"seed": arguments.seed, **total.form(), "forgeries_each": each}
    sys.stdout.write(json.dumps(sums) + "\n")
    return 1 if total.accepted or total.untrue or total.escaped else 0


if __name__ == "__main__":
    sys.exit(main())
