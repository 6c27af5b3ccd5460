"""Nonce windows: used at most once, moved only upwards, never reopened."""

import pytest

from chainnode.execution.nonces import NonceWindows
from contracts.schemas.codes import Code
from contracts.schemas.nonces import WINDOWS, NonceWindow

KEY = b"k" * 20


class Windows:
    """A sequence of blocks over one state."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {}

    def use(self, *nonces: int) -> list[Code]:
        windows = NonceWindows(self.state.get)
        outcome = [windows.use(KEY, nonce) for nonce in nonces]
        self.state.update(windows.changes())
        return outcome

    @property
    def row(self) -> NonceWindow:
        return WINDOWS.decode(self.state[WINDOWS.key(KEY)])


def test_nonces_of_a_window_are_used_in_any_order_once() -> None:
    windows = Windows()
    assert windows.use(5, 0, 4095, 5) == [0, 0, 0, Code.NONCE_USED]
    assert windows.use(5, 0, 4095, 1) == [Code.NONCE_USED] * 3 + [Code.ACCEPTED]
    assert windows.row.base == 0
    assert windows.row.bitmap[0] == 0b0010_0011
    assert windows.row.bitmap[511] == 0b1000_0000


@pytest.mark.parametrize(("nonce", "base"), [(4096, 1), (4097, 2), (8191, 4096)])
def test_nonce_past_the_window_becomes_its_last(nonce: int, base: int) -> None:
    windows = Windows()
    assert windows.use(0, nonce) == [0, 0]
    assert windows.row.base == base
    assert windows.row.next_nonce == nonce + 1
    assert windows.use(base - 1, nonce) == [Code.NONCE_USED] * 2


def test_unused_nonces_that_fell_out_are_used_up() -> None:
    windows = Windows()
    windows.use(8191)
    assert windows.use(0, 4095) == [Code.NONCE_USED] * 2
    assert windows.use(4096, 8190) == [0, 0]


def test_nonce_two_windows_ahead_is_refused_and_moves_nothing() -> None:
    windows = Windows()
    assert windows.use(8192, 2**53 - 1) == [Code.NONCE_AHEAD] * 2
    assert windows.state == {}


def test_moving_keeps_what_stays_in_the_window() -> None:
    windows = Windows()
    windows.use(10, 4000)
    windows.use(4100)
    assert windows.row.base == 5
    assert windows.use(10, 4000, 11) == [Code.NONCE_USED, Code.NONCE_USED, Code.ACCEPTED]


def test_nonces_at_the_end_of_all_numbers_are_refused_only_when_used() -> None:
    windows = Windows()
    last = 2**53 - 1
    windows.state[WINDOWS.key(KEY)] = WINDOWS.encode(NonceWindow(last - 4095))
    assert windows.use(last, last, last - 4096) == [0, Code.NONCE_USED, Code.NONCE_USED]
    assert windows.row.base == last - 4095
