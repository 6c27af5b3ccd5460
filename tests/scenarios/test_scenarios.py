"""Each scenario file tells what happened when it was written; it still happens so.

`python -m tests.scenarios.test_scenarios --rewrite` writes all traces anew: read the diff, and
explain it in the commit.
"""

import sys
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))
_INDENT = "    "


def played(text: str) -> str:
    """Return the scenario with the trace of each command as it is now."""
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
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_goes_as_it_is_written(path: Path) -> None:
    text = path.read_text("utf-8")
    assert played(text) == text


def test_there_are_scenarios_and_a_wrong_trace_is_noticed() -> None:
    text = FILES[0].read_text("utf-8")
    assert len(FILES) >= 8
    assert played(text.replace(_INDENT, _INDENT + "9 ", 1)) == text
    with pytest.raises(ValueError, match="no such command"):
        played("group of 4\n0 dances\n")


if __name__ == "__main__" and sys.argv[1:] == ["--rewrite"]:
    for file in FILES:
        file.write_text(played(file.read_text("utf-8")), "utf-8")
