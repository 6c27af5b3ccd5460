"""Coverage-guided fuzzing of everything that decodes or verifies: a part of `make fuzz`.

    python -m tests.fuzzing --seconds 60 --jobs 2

All targets share the time. The last line is JSON: executions and covered edges by target, and
after how many executions the canary's fault was found. Exit code 1: a target was broken (the
bytes are kept and named), or the canary was not found.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzzing.targets import TARGETS

CANARY = "canary"
# Instrumented imports take two or three seconds, which are not part of a target's time.
_START_S = 60
_STATUS = re.compile(r"#(\d+)\s+(?:DONE|NEW|REDUCE|pulse|INITED|RELOAD)\s+cov: (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What fuzzing one target came to."""

    name: str
    executions: int
    edges: int
    finding: str | None


def main() -> int:
    """Fuzz every target; report and return the exit code."""
    options = _options()
    each_s = max(1, options.seconds * options.jobs // (len(TARGETS) + 1))
    names = [CANARY, *(one.name for one in TARGETS)]
    options.findings.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        outcomes = list(
            pool.map(lambda name: fuzz(name, each_s, options.seed, options.findings), names)
        )
    canary, *others = outcomes
    for one in others:
        if one.finding is not None:
            sys.stderr.write(f"{one.name}: {one.finding}\n")
    is_good = canary.finding is not None and all(one.finding is None for one in others)
    sys.stdout.write(json.dumps(_report(canary, others)) + "\n")
    return 0 if is_good else 1


def fuzz(name: str, seconds: int, seed: int, findings: Path) -> Outcome:
    """Fuzz one target for so long; the bytes of a finding stay in `findings`."""
    with tempfile.TemporaryDirectory() as corpus:
        flags = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-artifact_prefix={findings}/{name.replace(' ', '-')}-",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzzing.worker", name, corpus, *flags],
            capture_output=True,
            text=True,
            timeout=seconds + _START_S,
            check=False,
        )
    output = done.stdout + done.stderr
    reached = [(int(executions), int(edges)) for executions, edges in _STATUS.findall(output)]
    executions, edges = max(reached, default=(0, 0))
    if done.returncode == 0:
        finding = None if executions else f"nothing was executed: {output[-2000:]}"
    else:
        finding = output[-4000:]
    return Outcome(name=name, executions=executions, edges=edges, finding=finding)


def _report(canary: Outcome, others: list[Outcome]) -> dict[str, object]:
    return {
        "targets": len(others),
        "executions": sum(one.executions for one in others),
        "edges": {one.name: one.edges for one in others},
        "executions_each": {one.name: one.executions for one in others},
        "findings": sum(one.finding is not None for one in others),
        "canary": "found" if canary.finding is not None else "not found",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
