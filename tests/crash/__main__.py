"""`make crash`: power cuts, failing disks and flipped bits, many of them; one JSON line at the end.

What it proves: of the states in its figures, none lacked a vote, a signed block or a prepared
body that had been handed to the network before, and none opened with a hole; each disk that
failed ended its node, which came back with all that it had said; no flipped bit was served.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.recording import Recording, record
from tests.crash.states import all_cuts, some_cuts, verify_cuts
from tests.crash.verifying import honest_chain

_FOLDER = Path(__file__).parent
_LONG_TESTS = (
    "test_common_cut.py",
    "test_spool_states.py",
    "test_storage_faults.py",
    "test_rot.py",
)
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, and removed


class _Figures:
    """Adds up what the tests say of themselves."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.counts[f"tests_{report.outcome}"] += 1
        for name, value in report.user_properties if report.when == "call" else ():
            self.counts[name] += int(str(value))


def main() -> int:
    """Record, rebuild, verify, then run the long tests; the exit code is 1 for any failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=4_000, help="0: every one")
    parser.add_argument("--writes", type=int, default=20, help="submissions in each phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="of all kinds of disk faults")
    parser.add_argument("--flips", type=int, default=40, help="flipped bits in each file")
    arguments = parser.parse_args()
    folder = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="kun-crash-", dir=folder) as scratch:
        recording = record(Path(scratch) / "devnet", writes=arguments.writes)
        lines, figures = _verify(
            recording, Path(scratch), states=arguments.states, seed=arguments.seed
        )
    sys.stderr.writelines(f"{line}\n" for line in lines)
    os.environ |= {
        "KUN_CRASH_ROUNDS": str(arguments.rounds),
        "KUN_CRASH_FLIPS": str(arguments.flips),
    }
    tests = _Figures()
    words = ["-q", "-p", "no:randomly", *(str(_FOLDER / one) for one in _LONG_TESTS)]
    failed = pytest.main(words, plugins=[tests])
    sys.stdout.write(json.dumps({**figures, **tests.counts}) + "\n")
    return 1 if lines or failed else 0


def _verify(
    recording: Recording, scratch: Path, *, states: int, seed: int
) -> tuple[list[str], dict[str, object]]:
    """Return one line for each state that lacked something, and the figures."""
    honest = recording.nodes[-1]
    chain = honest_chain(honest, shutil.copytree(honest.home, scratch / "honest"))
    started, lines = time.monotonic(), list[str]()
    openings, counts = Counter[str](), Counter[str]()
    for node in recording.nodes:
        every = states == 0
        share = states // len(recording.nodes)
        cuts = list(all_cuts(node)) if every else some_cuts(node, share, seed=seed)
        found = verify_cuts(node, cuts, scratch, chain=chain)
        lines += found.lost + found.not_voting
        openings += found.openings
        counts["states"] += found.states
        counts["promises"] += found.promises
        counts["prefixes"] += len(node.operations) - node.first + 1
        counts["states_possible"] += sum(1 for _ in all_cuts(node))
        counts["prefixes_visited"] += len({one.after for one in cuts})
    return lines, {
        **counts,
        "opened": dict(openings),
        "blocks": len(chain.headers) - 1,
        "records_acknowledged": recording.acknowledged,
        "lost": len(lines),
        "seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
