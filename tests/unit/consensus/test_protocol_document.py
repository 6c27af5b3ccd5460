"""The table of docs/protocol.md names code and tests that exist."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(
    r"^\| ([A-L]\d+[a-z]?) \| .+ \| `([a-z_]+)\.([A-Za-z_.]+)` \| `(test_\w+)` \|$", re.MULTILINE
)
ROWS = ROW.findall((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"))
FOLDERS = ("paper", "unit/consensus", "property/consensus", "simulation")


def _all_tests() -> set[str]:
    found: set[str] = set()
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            found |= set(
                re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            )
    return found


TESTS = _all_tests()


def test_the_table_has_a_row_for_each_line_of_the_core() -> None:
    assert len(ROWS) == 64


@pytest.mark.parametrize(("line", "module", "name", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_row_names_code_and_test_that_exist(line: str, module: str, name: str, test: str) -> None:
    owner: object = importlib.import_module(f"consensus.{module}")
    for part in name.split("."):
        owner = getattr(owner, part)

    assert test in TESTS, line
