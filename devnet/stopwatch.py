"""Measures the phases of `kun devnet up`."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Measures the phases of `up`; `report` is told each of them when it ends."""

    report: Callable[[str, float], None]
    started: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        began = time.monotonic()
        yield
        self.report(name, time.monotonic() - began)

    @property
    def total_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started
