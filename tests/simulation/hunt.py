"""`python -m tests.simulation.hunt`: looks for every planted mistake, several at a time.

Default seeds, general oracles, a bounded number of runs. The last line is JSON: how many
mistakes were planted and found, after how many runs, by which oracle.
"""

import argparse
import gc
import json
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tests.simulation.cluster import options_of, run_seed
from tests.simulation.planted import ALL, Planted, planted

# Found below this seed, a mistake is found in so many default runs, passed over or not.
SEEDS = 5_000
_RUNS_BETWEEN_COLLECTIONS = 20
# What an oracle says, and the name under which its findings are counted.
ORACLES: tuple[tuple[str, str], ...] = (
    ("agreement", r"agreement|has two roots"),
    ("validity", r"^validity"),
    ("at most once", r"executed twice"),
    ("order", r"out of order|executes \d+, expected"),
    ("one vote a slot", r"contradicts itself"),
    ("computed headers", r"did not compute"),
    ("promises", r"it left|said to have forgotten|moved \d+ to view|did not enter"),
    ("window", r"outside its window|watermark"),
    ("certificates", r"signers|prepared certificate|bad signature|no quorum committed"),
    ("new views", r"NEW-VIEW|forgets sequence|something else is prepared"),
    ("durability", r"acknowledged, durable"),
    ("bounded memory", r"keeps \d+ in"),
    ("bounded answers", r"answers replica"),
    ("refusals", r"refused a correct message"),
    ("calm", r"^calm"),
    ("convergence", r"^no convergence"),
    ("core stops", r"Conflict|Diverged|Forgotten|OutOfOrder|Invariant|Invalid"),
)
# A mistake that does not fit the code any more shows itself like this, and proves nothing.
_MISFITS = re.compile(
    r"TypeError|AttributeError|NameError|KeyError|ValueError|IndexError|StopIteration"
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many runs it took, and what the oracle said."""

    runs: int
    seed: int
    violation: str

    @property
    def oracle(self) -> str:
        names = (name for name, said in ORACLES if re.search(said, self.violation))
        return next(names, "unnamed")


class Misfit(Exception):
    """A planted mistake broke the code in a way that no mistake of its kind would."""


def hunt(bug: Planted, *, seeds: int = SEEDS) -> Found | None:
    """Run the default seeds that fit the mistake, one after the other, until an oracle speaks.

    Raises:
        Misfit: the mistake does not fit the code.

    """
    runs = 0
    with planted(bug):
        for seed in range(seeds):
            options = options_of(seed)
            if not bug.fits(options):
                continue
            runs += 1
            if runs % _RUNS_BETWEEN_COLLECTIONS == 0:
                gc.collect()
            violation = run_seed(seed, options=options, replica_class=bug.replica_class).violation
            if violation is None:
                continue
            if _MISFITS.search(violation):
                raise Misfit(f"{bug.name}: {violation}")
            return Found(runs=runs, seed=seed, violation=violation)
    return None


def main() -> int:
    """Hunt all of them; exit 1 if one survives."""
    arguments = _arguments()
    chosen = [one for one in ALL if arguments.name in one.name]
    found: dict[str, Found | None] = {}
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        hunts = [pool.submit(_hunt_by_name, one.name, arguments.seeds) for one in chosen]
        for done in as_completed(hunts):
            name, one = done.result()
            found[name] = one
            said = (
                "SURVIVED"
                if one is None
                else f"{one.runs} runs, seed {one.seed}, {one.oracle}: {one.violation}"
            )
            _say(f"{name}: {said[:150]}")
    _say(json.dumps(_summary(found)))
    return int(None in found.values())


def _hunt_by_name(name: str, seeds: int) -> tuple[str, Found | None]:
    gc.disable()
    bug = next(one for one in ALL if one.name == name)
    return name, hunt(bug, seeds=seeds)


def _summary(found: dict[str, Found | None]) -> dict[str, object]:
    killed = {name: one for name, one in found.items() if one is not None}
    oracles: dict[str, list[str]] = {}
    for name, one in killed.items():
        oracles.setdefault(one.oracle, []).append(name)
    return {
        "oracles": oracles,
        "survivors": [name for name, one in found.items() if one is None],
        "planted": len(found),
        "killed": len(killed),
        "seeds": {name: one.seed for name, one in killed.items()},
        "runs": {name: one.runs for name, one in killed.items()},
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.hunt", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="default seeds to look at")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--name", default="", help="only mistakes whose name holds this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
