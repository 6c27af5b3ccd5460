"""Servers of the exchange as processes of their own, which tests kill and start again."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.acceptance.commands import ROOT
from tests.acceptance.waiting import until

START_S = 30.0
_STOP_S = 20.0


@dataclass(slots=True, kw_only=True)
class Server:
    """One server process on a port that it keeps over restarts."""

    command: Sequence[str]
    port: int
    log: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers anything at all."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(ROOT), "KUN_LANG": "en", **self.environment},
            )
        until(self._answers, timeout_s=START_S, what=f"an answer of {self.url} ({self.log})")

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL for its whole group."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait(_STOP_S)
        self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"ended: {self.log.read_text('utf-8')[-2000:]}"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{self.url}/healthz", timeout=2, trust_env=False)
            return True
        return False
