"""Simulated time: a heap of things to do, in one order for one seed."""

import heapq
from collections.abc import Callable


class Clock:
    """Runs actions in order of time, then of their scheduling."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._count = 0
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.now_ms + delay_ms, self._count, action))

    def run_next(self) -> None:
        self.now_ms, _, action = heapq.heappop(self._agenda)
        action()

    @property
    def is_idle(self) -> bool:
        return not self._agenda
