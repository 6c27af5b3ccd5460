"""How much may wait, in all and per key, and what a sender hears when it is too much."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chainnode.errors import ConfigurationError, NodeError

# Over 30 batches of 2 MiB: several seconds of work, and a bounded share of a node's memory.
BYTES_MAX: Final = 64 * 1024 * 1024
# 64 MiB of the shortest submissions would be four times as many objects.
COUNT_MAX: Final = 65_536
# The width of the nonce window of a key: more than these could not all execute in any order.
KEY_COUNT_MAX: Final = 4_096
# Several of the largest submissions, and at most an eighth of the pool for one sender.
KEY_BYTES_MAX: Final = 8 * 1024 * 1024
# The pool moves with every block; asking again sooner than after a few of them is in vain.
RETRY_AFTER_MS: Final = 1_000


class PoolRefusalCode(StrEnum):
    """Which bound was reached; the value is the problem code of the HTTP API."""

    POOL_FULL = "POOL_FULL"
    KEY_QUOTA = "KEY_QUOTA"


class PoolRefusal(NodeError):
    """There is no room for a submission now; nothing is wrong with it.

    `retry_after_ms` is when it makes sense to try again.
    """

    def __init__(self, *, code: PoolRefusalCode, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        self.retry_after_ms = RETRY_AFTER_MS
        super().__init__(f"{code}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds in submissions and in bytes of their encodings."""

    count_max: int = COUNT_MAX
    bytes_max: int = BYTES_MAX
    key_count_max: int = KEY_COUNT_MAX
    key_bytes_max: int = KEY_BYTES_MAX

    def __post_init__(self) -> None:
        faults = [
            f"{name}: expected ≥ 1, got {getattr(self, name)}"
            for name in self.__dataclass_fields__
            if getattr(self, name) < 1
        ]
        if faults:
            raise ConfigurationError("mempool: " + "; ".join(faults))
