"""The node's clocks: wall time for proposals and expiry, monotonic time for timers."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """Milliseconds since the epoch, shifted by `offset_ms` (devnet chains only)."""

    offset_ms: int = 0

    @classmethod
    def starting_at(cls, start_ms: int | None) -> "WallClock":
        """Return a clock that reads `start_ms` now, or the system's when None."""
        if start_ms is None:
            return cls()
        return cls(offset_ms=start_ms - _system_ms())

    def now_ms(self) -> int:
        """Return the wall time in milliseconds."""
        return _system_ms() + self.offset_ms


def _system_ms() -> int:
    return time.time_ns() // 1_000_000
