"""Simulated time: a heap of things to do, in one order for one seed; and what machines think
of it: their wall clocks stand apart and jump, their timers run fast or slow.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

# Simulated wall time begins here, so that no clock shows a time before genesis.
WALL_START_MS = 100_000_000

# What must have happened in a large number of runs.
COUNTERS = ("clock_skewed", "clock_jump_forward", "clock_jump_back", "clock_wild", "timer_rate")


class Clock:
    """Runs actions in order of time, then of their scheduling."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._count = 0
        self._agenda: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []

    def after(self, delay_ms: int, action: Callable[..., None], *arguments: object) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.now_ms + delay_ms, self._count, action, arguments))

    def run_next(self) -> None:
        self.now_ms, _, action, arguments = heapq.heappop(self._agenda)
        action(*arguments)

    def run_until(self, time_ms: int) -> None:
        """Run what is due up to `time_ms`; what happens then may make more of it."""
        agenda = self._agenda
        while agenda and agenda[0][0] < time_ms:
            self.run_next()
        self.now_ms = max(self.now_ms, time_ms)


@dataclass(slots=True)
class LocalClock:
    """One machine's clocks: the wall clock is off, and timers pass at a rate of their own."""

    clock: Clock
    offset_ms: int = 0
    rate_percent: int = 100

    @property
    def now_ms(self) -> int:
        """What the wall clock shows."""
        return WALL_START_MS + self.clock.now_ms + self.offset_ms

    def duration_ms(self, asked_ms: int) -> int:
        """How long a timer of `asked_ms` really takes."""
        return asked_ms * 100 // self.rate_percent
