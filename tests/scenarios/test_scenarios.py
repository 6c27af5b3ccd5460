"""Each scenario file tells what happened when it was written; it still happens so.

The changes of state that they show together are the diagram in docs/protocol.md.

`python -m tests.scenarios.test_scenarios --rewrite` writes all traces anew: read the diff, and
explain it in the commit.
"""

import sys
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage

FOLDER = Path(__file__).parent
PROTOCOL = FOLDER.parents[1] / "docs" / "protocol.md"
_BEGIN, _END = "<!-- states: made from the scenarios -->\n", "<!-- end of states -->"
FILES = sorted(FOLDER.glob("*.txt"))
_INDENT = "    "


def played(text: str) -> str:
    """Return the scenario with the trace of each command as it is now."""
    return _run(text)[0]


def _run(text: str) -> tuple[str, set[tuple[str, str, str]]]:
    lines: list[str] = []
    stage: Stage | None = None
    for line in text.splitlines():
        if line.startswith(_INDENT):
            continue
        lines.append(line)
        if not line or line.startswith("#"):
            continue
        if line.startswith("group of "):
            stage = Stage(int(line.removeprefix("group of ")))
            continue
        assert stage is not None, "the first command makes the group"
        stage.told.clear()
        stage.play(line)
        lines += [_INDENT + one for one in stage.told]
    return "\n".join(lines) + "\n", stage.transitions if stage is not None else set()


def diagram() -> str:
    """Draw every change of state that the scenarios show (Mermaid)."""
    shown = set().union(*(_run(path.read_text("utf-8"))[1] for path in FILES))
    lines = ["```mermaid", "stateDiagram-v2"]
    for before, cause, after in sorted(shown):
        origin = "[*]" if cause == "Restored" else before.replace(" ", "_")
        lines.append(f"    {origin} --> {after.replace(' ', '_')}: {cause}")
    return "\n".join([*lines, "```"]) + "\n"


def with_diagram(text: str) -> str:
    """Return the document with the diagram as it is now."""
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return head + _BEGIN + diagram() + _END + tail


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_goes_as_it_is_written(path: Path) -> None:
    text = path.read_text("utf-8")
    assert played(text) == text


def test_the_diagram_of_states_is_what_the_scenarios_show() -> None:
    text = PROTOCOL.read_text("utf-8")
    assert with_diagram(text) == text


def test_there_are_scenarios_and_a_wrong_trace_is_noticed() -> None:
    text = FILES[0].read_text("utf-8")
    assert len(FILES) >= 8
    assert played(text.replace(_INDENT, _INDENT + "9 ", 1)) == text
    with pytest.raises(ValueError, match="no such command"):
        played("group of 4\n0 dances\n")


if __name__ == "__main__" and sys.argv[1:] == ["--rewrite"]:
    for file in FILES:
        file.write_text(played(file.read_text("utf-8")), "utf-8")
    PROTOCOL.write_text(with_diagram(PROTOCOL.read_text("utf-8")), "utf-8")
