"""`python -m devnet.faults`: break a real cluster under load; one JSON line at the end.

Exit code 0 when nothing was found, 1 when something must not be.
"""

import argparse
import json
import secrets
import sys
import tempfile
from pathlib import Path

from devnet.faults.load import DEFAULT_LOAD, Load
from devnet.faults.run import RunRequest, run

_SEEDS = 2**31
_SECONDS_PER_HOUR = 3600


def main() -> int:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(prog="python -m devnet.faults", description=__doc__)
    parser.add_argument("--hours", type=float, default=1 / 60, help="time under faults")
    parser.add_argument("--seed", type=int, help="repeats a schedule; drawn when left out")
    parser.add_argument("--suite", choices=("sm", "intl"), default="sm")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument(
        "--calls", type=int, default=DEFAULT_LOAD.calls, help="records a submission"
    )
    parser.add_argument(
        "--pace-ms", type=int, default=DEFAULT_LOAD.pace_ms, help="a submission and writer"
    )
    parser.add_argument("--every-record", action="store_true", help="prove each record by itself")
    parser.add_argument("--dir", type=Path, help="a new folder, which then stays")
    options = parser.parse_args()
    seed = secrets.randbelow(_SEEDS) if options.seed is None else options.seed
    request = RunRequest(
        seed=seed,
        seconds=options.hours * _SECONDS_PER_HOUR,
        suite=options.suite,
        nodes=options.nodes,
        load=Load(calls=options.calls, pace_ms=options.pace_ms),
        every_record=options.every_record,
    )
    with tempfile.TemporaryDirectory(prefix="kun-faults-") as scratch:
        report = run(options.dir or Path(scratch) / "devnet", request)
    print(json.dumps(report.document(), ensure_ascii=False))  # noqa: T201 - the result
    return int(bool(report.violations or report.late))


if __name__ == "__main__":
    sys.exit(main())
