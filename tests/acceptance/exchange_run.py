"""Thousands of calls while nodes, gateway and calling program are killed; then all is counted."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chainnode.gateway import look_at_spool
from tests.acceptance.commands import ROOT
from tests.acceptance.exchange_calls import caller_settings
from tests.acceptance.exchange_site import Exchange
from tests.acceptance.main_job import NAMES, report
from tests.acceptance.waiting import until

CALLS = int(os.environ.get("KUN_EXCHANGE_CALLS", "10000"))
NAME, OFFICE = "busy-service", "busy-office"
# Seconds: a floor for small runs, and what a call may take on a slow machine.
_FLOOR_S, _CALL_S = 240.0, 0.15
_REPORT_EVERY_S, _STOP_S, _POLL_S = 15.0, 20.0, 0.5


@dataclass(slots=True)
class Program:
    """The calling program: a process that is started again where it was killed."""

    exchange: Exchange
    url: str
    grant: str
    settings: Path
    process: subprocess.Popen[bytes] | None = None
    # Calls whose end no life of the program has seen.
    abandoned: set[int] = field(default_factory=set)

    @property
    def said(self) -> Path:
        """What it said of each call, before and after."""
        return self.exchange.folder / OFFICE / "said"

    def start(self) -> None:
        """Go on with the first number that was never begun."""
        first = max(self.begun(), default=-1) + 1
        words = (self.settings, self.url, self.grant, self.exchange.people_file, self.said)
        log = (self.exchange.folder / OFFICE / "process.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.acceptance.exchange_requester"),
                    *map(str, words),
                    *(str(first), str(CALLS)),
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.abandoned = self.begun() - set(self.ended())

    def stop(self) -> None:
        """SIGTERM: nothing is left to do."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(_STOP_S) == 0

    def is_calling(self) -> bool:
        """Tell whether calls are to be made, or under way."""
        assert self.process is not None
        assert self.process.poll() is None, f"the program ended with {self.process.returncode}"
        begun = self.begun()
        return len(begun) < CALLS or bool(begun - set(self.ended()) - self.abandoned)

    def begun(self) -> set[int]:
        """Numbers of the calls that were begun."""
        return set(self.call_ids())

    def ended(self) -> dict[int, int]:
        """Status by the number of each call that ended before the program's eyes."""
        return {number: int(words[0]) for number, words in self._lines() if words[0] != "-"}

    def call_ids(self) -> dict[int, bytes]:
        """Call ids by the number of each call that was begun."""
        lines = self._lines()
        return {number: bytes.fromhex(words[1]) for number, words in lines if words[0] == "-"}

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        content = self.said.read_text("ascii") if self.said.exists() else ""
        for line in content.splitlines():
            number, *words = line.split()
            yield int(number), words


@dataclass(slots=True)
class Ran:
    """What is known of the run outside the ledger; `begun` are call ids by number."""

    begun: dict[int, bytes]
    ended: dict[int, int]
    served: Counter[str]
    seconds: float
    kills: list[str] = field(default_factory=list)


class Run:
    """One run: the service behind its gateway, the program, and a plan of kills by progress."""

    def __init__(self, exchange: Exchange, grant: str) -> None:
        self._exchange = exchange
        self._service = exchange.start_registry(NAME)
        settings = caller_settings(exchange, OFFICE)
        self._program = Program(exchange, self._service.url, grant, settings)
        self._kills: list[str] = []
        self._began = time.monotonic()

    def run(self) -> Ran:
        """Make all calls, kill along the way, wait until both spools are empty."""
        try:
            self._make_calls()
            until(self._is_drained, timeout_s=_FLOOR_S, what="empty spools")
            self._program.stop()
        finally:
            self._program.kill()
        log = self._exchange.access_log(NAME).read_text("ascii").split()
        return Ran(
            begun=self._program.call_ids(),
            ended=self._program.ended(),
            served=Counter(log),
            seconds=time.monotonic() - self._began,
            kills=self._kills,
        )

    def _make_calls(self) -> None:
        plan = self._plan()
        self._program.start()
        said_at = time.monotonic()
        deadline = self._began + _FLOOR_S + CALLS * _CALL_S
        while self._program.is_calling():
            done = len(self._program.ended())
            while plan and done >= plan[0][0] * CALLS:
                _, what, act = plan.pop(0)
                self._say(done, what)
                self._kills.append(what)
                act()
            if time.monotonic() - said_at > _REPORT_EVERY_S:
                said_at = time.monotonic()
                self._say(done, "…")
            assert time.monotonic() < deadline, f"{done} of {CALLS} calls in time"
            time.sleep(_POLL_S)
        assert not plan, f"not done: {[what for _, what, _ in plan]}"

    def _plan(self) -> list[tuple[float, str, Callable[[], object]]]:
        devnet, last, third = self._exchange.kun, NAMES[3], NAMES[2]
        return [
            (0.10, f"kill -9 node {last}", lambda: devnet("devnet", "kill", last)),
            (0.20, "kill -9 service and its gateway", self._restart_service),
            (0.30, f"start node {last}", lambda: devnet("devnet", "start", last)),
            (0.45, "kill -9 calling program and its gateway", self._restart_program),
            (0.55, f"kill -9 node {third}", lambda: devnet("devnet", "kill", third)),
            (0.60, "kill -9 service and its gateway", self._restart_service),
            (0.70, f"start node {third}", lambda: devnet("devnet", "start", third)),
            (0.80, "kill -9 calling program and its gateway", self._restart_program),
        ]

    def _restart_service(self) -> None:
        self._service.kill()
        self._service.start()

    def _restart_program(self) -> None:
        self._program.kill()
        self._program.start()

    def _is_drained(self) -> bool:
        return not any(waiting_in(self._exchange, name) for name in (NAME, OFFICE))

    def _say(self, done: int, what: str) -> None:
        spent = time.monotonic() - self._began
        report(f"{done} of {CALLS} calls after {spent:.0f} s: {what}")


def waiting_in(exchange: Exchange, name: str) -> int:
    """Return how many halves wait in a gateway's spool."""
    stored = look_at_spool(exchange.folder / name / "spool")
    return 0 if stored is None else stored.state.waiting_count


def dead_in(exchange: Exchange, name: str) -> int:
    """Return how many halves the ledger refused for ever."""
    stored = look_at_spool(exchange.folder / name / "spool")
    return 0 if stored is None else len(stored.state.dead_letters())
