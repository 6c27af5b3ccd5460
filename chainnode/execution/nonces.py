"""At most once: the nonce windows of the keys that send in one block (wire format §4, §9)."""

from dataclasses import dataclass

from chainnode.execution.overlay import ValueReader
from contracts.schemas.codes import Code
from contracts.schemas.nonces import AHEAD_NONCES, WINDOW_NONCES, WINDOWS, NonceWindow

_BITMAP_BYTES = WINDOW_NONCES // 8


@dataclass(slots=True)
class _OpenWindow:
    """A window while its block executes: bit `i` of `used` = nonce `base + i`."""

    base: int
    used: int


class NonceWindows:
    """The windows touched by one block; each is read once and written once."""

    def __init__(self, read: ValueReader) -> None:
        self._read = read
        self._open: dict[bytes, _OpenWindow] = {}

    def use(self, key_id: bytes, nonce: int) -> Code:
        """Consume a nonce; the code is `ACCEPTED`, `NONCE_USED` or `NONCE_AHEAD`.

        A nonce past the full window moves the window so that it becomes the last one; those
        that fall out below can never be used again.
        """
        window = self._window(key_id)
        place = nonce - window.base
        if place < 0 or window.used >> place & 1:
            return Code.NONCE_USED
        if place >= AHEAD_NONCES:
            return Code.NONCE_AHEAD
        if place >= WINDOW_NONCES:
            moved = place - WINDOW_NONCES + 1
            window.base += moved
            window.used >>= moved
            place -= moved
        window.used |= 1 << place
        return Code.ACCEPTED

    def changes(self) -> dict[bytes, bytes]:
        """Return the encoded state entries of all windows from which a nonce was used."""
        return {
            WINDOWS.key(key_id): WINDOWS.encode(
                NonceWindow(window.base, window.used.to_bytes(_BITMAP_BYTES, "little"))
            )
            for key_id, window in self._open.items()
            if window.used
        }

    def _window(self, key_id: bytes) -> _OpenWindow:
        window = self._open.get(key_id)
        if window is None:
            value = self._read(WINDOWS.key(key_id))
            row = NonceWindow() if value is None else WINDOWS.decode(value)
            window = _OpenWindow(row.base, int.from_bytes(row.bitmap, "little"))
            self._open[key_id] = window
        return window
