"""A make target as a user runs it; its last line is one JSON object."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.acceptance.commands import ROOT


def last_line_of(*target: str, timeout_s: float) -> dict[str, Any]:
    """Run `make TARGET…`, show what it prints, and read its last line."""
    lines = output_of("make", "--silent", *target, f"VENV={sys.prefix}", timeout_s=timeout_s)
    document = json.loads(lines[-1])
    sys.stdout.write(f"· make {' '.join(target)}: {lines[-1]}\n")
    assert isinstance(document, dict)
    return document


def output_of(*command: str, timeout_s: float, **variables: str) -> list[str]:
    """Run a command that must succeed; return the lines of its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=ROOT,
        env={**kept, **variables},
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()
