"""The table of docs/protocol.md, and for each of its lines how to take the check out again.

A removal changes the smallest piece of text that stands for the rule, inside the function or
class that the table names; `test_protocol_table` demands that the named test then fails.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| ([A-Z]\d+[a-z]?) \| (.+?) \| `([\w.]+)` \| `(test_\w+)` \|$", re.MULTILINE)
_TESTS = ("tests/paper", "tests/unit/consensus", "tests/property/consensus", "tests/simulation")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `code` is `module.object` below `consensus`."""

    line: str
    rule: str
    code: str
    test: str

    @property
    def module(self) -> str:
        return f"consensus.{self.code.partition('.')[0]}"

    @property
    def source(self) -> str:
        return (ROOT / "consensus" / f"{self.code.partition('.')[0]}.py").read_text("utf-8")

    @property
    def named(self) -> str:
        """Return the text of the object that the row names."""
        body = ast.parse(self.source).body
        node: ast.stmt | None = None
        for name in self.code.split(".")[1:]:
            node = next(one for one in body if getattr(one, "name", None) == name)
            body = getattr(node, "body", [])
        assert node is not None
        text = ast.get_source_segment(self.source, node)
        assert text is not None
        return text


@dataclass(frozen=True, kw_only=True)
class Removal:
    """`old`, which occurs once in the named object, becomes `new`."""

    old: str
    new: str


@cache
def rows() -> tuple[Row, ...]:
    """Read the table."""
    text = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    return tuple(
        Row(line=line, rule=rule, code=code, test=test)
        for line, rule, code, test in _ROW.findall(text)
    )


@cache
def _test_places() -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for folder in _TESTS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    places.setdefault(node.name, []).append(f"{path.relative_to(ROOT)}")
    return places


def place_of(test: str) -> str:
    """Return the pytest id of a test that has its name alone."""
    (place,) = _test_places().get(test, ["missing"])
    return f"{place}::{test}"


def changed_source(row: Row, removal: Removal) -> str:
    """Return the module's text without the check."""
    named = row.named
    assert named.count(removal.old) == 1, f"{row.line}: {removal.old!r} in {row.code}"
    return row.source.replace(named, named.replace(removal.old, removal.new))
