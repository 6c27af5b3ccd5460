"""The core's timers on the event loop's monotonic clock."""

import asyncio
from collections.abc import Callable

from consensus.effects import StartTimer, Timer


class Timers:
    """One running timer of each kind; starting one replaces it."""

    def __init__(self, expired: Callable[[Timer, int], None]) -> None:
        self._expired = expired
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def start(self, effect: StartTimer) -> None:
        """Report `expired(timer, generation)` after the duration."""
        self.stop(effect.timer)
        self._handles[effect.timer] = asyncio.get_running_loop().call_later(
            effect.duration_ms / 1000, self._expired, effect.timer, effect.generation
        )

    def stop(self, timer: Timer) -> None:
        """Forget one timer."""
        handle = self._handles.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def stop_all(self) -> None:
        """Forget every timer, at shutdown."""
        for timer in tuple(self._handles):
            self.stop(timer)
