"""`python -m tests.removal.child MODULE TEST…`: run tests with one check of the core removed.

Standard input: JSON of the source text of the module with the check taken out. The module is
compiled from that text when it is first imported; nothing on the disk changes. The exit code is
pytest's: 1 says that the tests ran and one of them failed.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from another text."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None,
        _target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, f"<changed {self._name}>", "exec"), vars(module))  # noqa: S102 - our own module


def main() -> int:
    """Run the tests; return pytest's exit code."""
    name, *tests = sys.argv[1:]
    sys.meta_path.insert(0, _Changed(name, json.load(sys.stdin)))
    options = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
    return int(pytest.main([*options, *tests]))


if __name__ == "__main__":
    sys.exit(main())
