"""`kun` for the real devnet of a test: real processes, sockets, keys and disks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 120
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - a test reads whatever JSON came
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Net:
    """`kun` for one devnet folder."""

    folder: Path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "chainnode.cli", *words, "--dir", str(self.folder)]

    def kun(self, *words: str) -> Done:
        done = subprocess.run(
            self.command(*words),
            check=False,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            cwd=ROOT,
            env=environment(),
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self.kun("devnet", "status", "--json").json["nodes"]
        return nodes

    def until(self, holds: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
            time.sleep(_POLL_S)

    def is_healthy(self) -> bool:
        return self.kun("devnet", "status", "--quiet").code == 0


def environment() -> dict[str, str]:
    return {**os.environ, "KUN_LANG": "en", "PYTHONUNBUFFERED": "1"}
