"""One target in a process of its own: `python -m tests.fuzzing.worker TARGET CORPUS [flags]`.

libFuzzer ends its process when it is done, and its statistics are what it prints. The product is
imported under instrumentation, so that coverage is that of its branches.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["chainnode", "consensus", "contracts", "tests.fuzzing"]):
    from tests.fuzzing import canary
    from tests.fuzzing.targets import TARGETS, Target

CANARY = Target(name="canary", run=canary.run, seeds=canary.seeds)


def main(name: str, corpus: Path, flags: list[str]) -> None:
    """Write the seeds into the corpus and fuzz until the time is over, or something is found."""
    target = {one.name: one for one in (*TARGETS, CANARY)}[name]
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *flags, str(corpus)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
