"""Each line of the table in docs/protocol.md is kept by its test: take the check out, it fails."""

import json
import os
import subprocess
import sys

import pytest

from tests.removal.removals import REMOVALS
from tests.removal.table import ROOT, Removal, Row, changed_source, place_of, rows

_TIMEOUT_S = 120
# pytest's exit codes: the tests ran, and all passed, or some failed.
_PASSED, _FAILED = 0, 1
# A removal that does not even run proves nothing.
_SLIPS = ("NameError", "AttributeError", "TypeError", "SyntaxError", "ImportError")


def outcome(row: Row, source: str) -> tuple[int, str]:
    """Run the row's test on this text of its module; return pytest's exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.removal.child", row.module, place_of(row.test)],
        input=json.dumps(source),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_table_names_every_line_once_and_each_has_a_removal() -> None:
    lines = [row.line for row in rows()]
    assert len(lines) > 40
    assert len(set(lines)) == len(lines)
    assert sorted(REMOVALS) == sorted(lines)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.line)
def test_without_the_check_its_test_fails(row: Row) -> None:
    code, told = outcome(row, changed_source(row, REMOVALS[row.line]))
    assert code == _FAILED, told
    assert not any(name in told for name in _SLIPS), told


def test_a_change_that_removes_nothing_fails_no_test() -> None:
    row = rows()[0]
    harmless = Removal(old="self.max_faulty) // 2 + 1", new="self.max_faulty) // 2 + 2 - 1")
    code, told = outcome(row, changed_source(row, harmless))
    assert code == _PASSED, told
