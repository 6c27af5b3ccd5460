"""`python -m tests.mutation`: does a test fail for every small mistake in the deciding files?

Each mutant lives in a child of this process, which has pytest loaded and nothing of the core:
the first import of the module finds the mutant. First the module's own tests, then all that are
near. The last line is JSON; exit 1 if a mutant survives without a reason in `survivors.json`, if
a reason is there for one that is killed or gone, or if too few are killed.
"""

import argparse
import ast
import json
import os
import signal
import sys
import time
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import hypothesis  # noqa: F401 (loaded once, for all children)
import pytest

from tests.mutation.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.json")
MODULES = ("types", "certificates", "new_view", "validation", "guard")
# What is tried first for a module, and what else can notice a mistake in any of them.
OWN = {
    "new_view": ("tests/paper/test_osdi99_4_4_view_changes.py",),
    "guard": tuple(f"tests/unit/consensus/test_{one}.py" for one in ("guard", "guard_bounds")),
    **{
        one: (f"tests/unit/consensus/test_{one}.py",)
        for one in ("types", "certificates", "validation")
    },
}
NEAR = (
    *(f"tests/unit/consensus/test_{one}.py" for one in ("view_change", "slot", "certificates")),
    *(f"tests/unit/consensus/test_{one}.py" for one in ("validation", "recovery", "codec")),
    *(f"tests/unit/consensus/test_{one}.py" for one in ("guard", "recall", "forgotten_votes")),
    *(f"tests/unit/consensus/test_{one}.py" for one in ("epochs", "epoch_switch")),
    "tests/unit/consensus/test_recovery_record.py",
    "tests/paper",
    "tests/property/consensus/test_new_view_quorums.py",
)
SHARE_MIN = 0.9
# A mutant may loop for ever: then it is killed too.
PATIENCE_S = 300
SURVIVED = 0
_OPTIONS = ("-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow")


class _Mutated(MetaPathFinder, Loader):
    """Finds one module changed, and no other."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name, self._tree = name, tree

    def find_spec(self, fullname: str, *_where: object) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, self._name, "exec"), vars(module))  # noqa: S102 (the mutant)


def main() -> int:
    """Try all mutants, two at a time."""
    arguments = _arguments()
    start_s = time.monotonic()
    waiting = [
        (module, one)
        for module in arguments.modules
        for one in mutants((ROOT / "consensus" / f"{module}.py").read_text(), module=module)
    ]
    for module in arguments.modules:
        if _finish(_start(module, None)) != SURVIVED:
            _say(f"the tests of {module} fail without any mutant")
            return 2
    survivors = _try_all(waiting, workers=arguments.workers)
    for one in survivors:
        _say(f"survived, line {one.line}: {one.name}")
    names = {one.name for _, one in waiting}
    return _conclude(names, {one.name for one in survivors}, start_s=start_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--modules", nargs="*", default=list(MODULES), choices=MODULES)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _try_all(waiting: list[tuple[str, Mutant]], *, workers: int) -> list[Mutant]:
    survivors: list[Mutant] = []
    running: dict[int, Mutant] = {}
    for module, one in waiting:
        if len(running) == workers:
            survivors.extend(_next_survivor(running))
        running[_start(module, one)] = one
    while running:
        survivors.extend(_next_survivor(running))
    return survivors


def _next_survivor(running: dict[int, Mutant]) -> list[Mutant]:
    child, status = os.wait()
    one = running.pop(child)
    return [one] if status == SURVIVED else []


def _start(module: str, mutant: Mutant | None) -> int:
    """Run the tests in a child; it ends with 0 if all of them pass."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    signal.alarm(PATIENCE_S)
    os.chdir(ROOT)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(f"consensus.{module}", mutant.tree))
    code = 1
    try:
        code = int(pytest.main([*_OPTIONS, *OWN[module]]))
        code = code or int(pytest.main([*_OPTIONS, *NEAR]))
    finally:
        os._exit(code)


def _finish(child: int) -> int:
    return os.waitpid(child, 0)[1]


def _conclude(names: set[str], survived: set[str], *, start_s: float) -> int:
    explained: dict[str, str] = json.loads(SURVIVORS.read_text())
    modules = {name.partition(".")[0] for name in names}
    reasons = {one for one in explained if one.partition(".")[0] in modules}
    unexplained, idle = survived - reasons, reasons - survived
    for one in sorted(unexplained):
        _say(f"without a reason: {one}")
    for one in sorted(idle):
        _say(f"a reason for what is killed or gone: {one}")
    share = round((len(names) - len(survived)) / len(names), 4)
    summary = {
        "mutants": len(names),
        "killed": len(names) - len(survived),
        "survived": len(survived),
        "unexplained": len(unexplained),
        "share": share,
        "seconds": round(time.monotonic() - start_s, 1),
    }
    _say(json.dumps(summary))
    return 1 if unexplained or idle or share < SHARE_MIN else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
