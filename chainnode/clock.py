"""Wall time: of a node for proposals and expiry, of gateways and custodians for their records."""

import logging
import time
from dataclasses import dataclass
from typing import Final

from chainnode.errors import ConfigurationError

_LOG: Final = logging.getLogger(__name__)


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

    @classmethod
    def shifted(cls, offset_ms: int, *, is_devnet: bool, setting: str) -> "WallClock":
        """Return a clock that reads the system's time plus `offset_ms`, and say so in the log.

        Raises:
            ConfigurationError: `setting` asks for it on a chain that is no devnet.

        """
        if offset_ms:
            if not is_devnet:
                raise ConfigurationError(f"{setting}: only a devnet chain may have its own clock")
            _LOG.warning("a devnet: the clock is set off by %d ms", offset_ms)
        return cls(offset_ms=offset_ms)

    def now_ms(self) -> int:
        """Return the wall time in milliseconds."""
        return _system_ms() + self.offset_ms


def _system_ms() -> int:
    return time.time_ns() // 1_000_000
