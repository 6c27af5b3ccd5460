"""`make crash`: crash states of four real nodes, many of them; one JSON line at the end.

What it proves: of the states named in its figures, none lacked a vote, a signed block or a
prepared body that had been handed to the network before, and none opened with a hole.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.recording import Recording, record
from tests.crash.states import all_cuts, some_cuts, verify_cuts
from tests.crash.verifying import honest_chain

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, and removed


def main() -> int:
    """Record, rebuild, verify; the exit code is 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=4_000, help="0: every one")
    parser.add_argument("--writes", type=int, default=20, help="submissions in each phase")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="kun-crash-", dir=folder) as scratch:
        recording = record(Path(scratch) / "devnet", writes=arguments.writes)
        lines, figures = _verify(
            recording, Path(scratch), states=arguments.states, seed=arguments.seed
        )
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if lines else 0


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
