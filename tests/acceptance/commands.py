"""The command line as a user has it: a process of its own, its exit code and its output."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - a test reads whatever JSON came
        """The one JSON object on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Kun:
    """`kun`, always for one devnet folder."""

    folder: Path

    def __call__(self, *arguments: str, ok: bool = True, timeout_s: float = TIMEOUT_S) -> Done:
        """Run `kun ARGUMENTS --dir FOLDER`; with `ok` a failure ends the test."""
        done = self.bare(*arguments, "--dir", str(self.folder), timeout_s=timeout_s)
        assert not ok or done.code == 0, f"kun {arguments}: {done.code}\n{done.out}\n{done.err}"
        return done

    def bare(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> Done:
        """Run `kun ARGUMENTS`, without `--dir`."""
        done = subprocess.run(
            [sys.executable, "-m", "chainnode.cli", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=ROOT,
            env={**os.environ, "KUN_LANG": "en"},
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    @property
    def status(self) -> Any:  # noqa: ANN401 - a test reads whatever JSON came
        """`kun devnet status --json`."""
        return self("devnet", "status", "--json", ok=False).json

    @property
    def apis(self) -> tuple[str, ...]:
        """Addresses of the nodes."""
        return tuple(node["api"] for node in self.status["nodes"])
