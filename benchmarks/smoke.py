"""`make bench-smoke`: four departments on this machine, TLS, durable; one JSON line at the end.

Submissions are distinct and signed before the clock starts. CPU is that of the four node
processes; the generator's is not in it. Absolute figures belong to the machine that is stated.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.load import Devnet, cpu_seconds, devnet, send_all, signed_submissions

SUITES = ("sm", "intl")
_CALLS_EACH = 100
_THOUSAND = 1000


def measure(net: Devnet, *, count: int, calls_each: int, at_a_time: int) -> dict[str, float]:
    """Send `count` submissions and return the figures of the run."""
    submissions = signed_submissions(net, count=count, calls_each=calls_each)
    cpu, started = cpu_seconds(net.pids), time.perf_counter()
    latencies = asyncio.run(send_all(net, submissions, at_a_time=at_a_time))
    seconds = time.perf_counter() - started
    records = count * calls_each
    ordered = sorted(latencies)
    return {
        "records": records,
        "records_per_s": round(records / seconds, 1),
        "cpu_s_per_1000": round((cpu_seconds(net.pids) - cpu) / records * _THOUSAND, 4),
        "p50_ms": round(statistics.median(ordered) * _THOUSAND, 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * _THOUSAND, 1),
    }


def run(suite: str, *, batched: int, single: int) -> dict[str, dict[str, float]]:
    """Measure one suite, each workload on a fresh devnet."""
    figures = {}
    plan = {"per_100": (batched, _CALLS_EACH, 8), "per_1": (single, 1, 64)}
    for name, (count, calls_each, at_a_time) in plan.items():
        with (
            tempfile.TemporaryDirectory(prefix="kun-bench-") as folder,
            devnet(Path(folder) / "devnet", suite=suite) as net,
        ):
            figures[name] = measure(net, count=count, calls_each=calls_each, at_a_time=at_a_time)
        print(suite, name, figures[name], file=sys.stderr)
    return figures


def main() -> None:
    """Run both suites and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batched", type=int, default=200, help="submissions of 100 records")
    parser.add_argument("--single", type=int, default=2000, help="submissions of 1 record")
    arguments = parser.parse_args()
    result: dict[str, object] = {
        "machine": {
            "cpus": os.cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        }
    }
    for suite in SUITES:
        result[suite] = run(suite, batched=arguments.batched, single=arguments.single)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
