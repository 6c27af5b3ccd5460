"""At most once: the window of used nonces of a key (wire format §4 and §9)."""

from typing import Annotated

from msgspec import Meta

from contracts.schemas.shape import Natural
from contracts.schemas.state import Row, Table

WINDOW_NONCES = 4096
# A nonce may run ahead of a full window by one more window.
AHEAD_NONCES = 2 * WINDOW_NONCES
_BITMAP_BYTES = WINDOW_NONCES // 8


class NonceWindow(Row, frozen=True):
    """Bit `i % 8` of byte `i // 8` says that nonce `base + i` is used; below base all are."""

    base: Natural = 0
    bitmap: Annotated[bytes, Meta(min_length=_BITMAP_BYTES, max_length=_BITMAP_BYTES)] = bytes(
        _BITMAP_BYTES
    )

    @property
    def next_nonce(self) -> int:
        """The nonce after the highest used one."""
        return self.base + int.from_bytes(self.bitmap, "little").bit_length()

    def is_used(self, nonce: int) -> bool:
        """Tell whether a submission with this nonce was executed."""
        offset = nonce - self.base
        if not 0 <= offset < WINDOW_NONCES:
            return offset < 0
        return bool(self.bitmap[offset // 8] >> offset % 8 & 1)


# Key: key id. A key without a row has used no nonce.
WINDOWS = Table("nonces", "window", NonceWindow)
