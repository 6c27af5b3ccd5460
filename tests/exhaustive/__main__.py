"""`python -m tests.exhaustive`: search the small world; one line of JSON at the end.

Exit status 1 if a law is broken; the shortest schedule met that breaks it is printed before.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.exhaustive.plan import PLAN, Part, Result, run


def main() -> int:
    """Run all parts of the plan, two at a time."""
    start_s = time.monotonic()
    results: list[Result] = []
    with ProcessPoolExecutor(max_workers=2) as pool:
        for part, result in zip(PLAN, pool.map(run, PLAN), strict=True):
            results.append(result)
            _say(_line(part, result))
            if result.violation is not None:
                _say("\n".join(("VIOLATION", result.violation, *result.schedule)))
    _say(json.dumps(_summary(results, spent_s=time.monotonic() - start_s)))
    return 1 if any(one.violation for one in results) else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(part: Part, result: Result) -> str:
    counted = f"{result.states:,} states, {result.transitions:,} transitions"
    return f"{part.name}: {counted}, {result.cpu_s} s"


def _summary(results: list[Result], *, spent_s: float) -> dict[str, object]:
    return {
        "states": sum(one.states for one in results),
        "transitions": sum(one.transitions for one in results),
        "local_states": sum(one.local_states for one in results),
        "replica_steps": sum(one.steps for one in results),
        "violations": sum(one.violation is not None for one in results),
        "bounds": {"replicas": 4, "liars": 1, "slots": 2, "views": 3},
        "parts": {part.name: one.states for part, one in zip(PLAN, results, strict=True)},
        "seconds": round(spent_s, 1),
        "cpu_seconds": round(sum(one.cpu_s for one in results), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
