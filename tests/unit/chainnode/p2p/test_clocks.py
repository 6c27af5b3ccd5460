"""What peers say of their clocks, beside ours."""

from chainnode.p2p.clocks import PeerClocks


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def read(self) -> int:
        return self.now_ms


def test_a_peer_that_said_nothing_has_no_offset() -> None:
    assert PeerClocks(Clock().read).offset_ms(1) is None


def test_the_least_delayed_of_the_last_readings_counts() -> None:
    clock = Clock()
    clocks = PeerClocks(clock.read)
    for delay_ms in (900, 20, 300):
        clocks.note(1, clock.now_ms + 60_000 - delay_ms)
    assert clocks.offset_ms(1) == 60_000 - 20


def test_an_old_reading_does_not_hide_that_a_clock_was_put_right() -> None:
    clock = Clock()
    clocks = PeerClocks(clock.read)
    clocks.note(1, clock.now_ms + 240_000)
    for _ in range(8):
        clock.now_ms += 1_000
        clocks.note(1, clock.now_ms)
    assert clocks.offset_ms(1) == 0


def test_each_peer_has_readings_of_its_own() -> None:
    clock = Clock()
    clocks = PeerClocks(clock.read)
    clocks.note(1, clock.now_ms - 5)
    clocks.note(2, 2**64 - 1)
    assert (clocks.offset_ms(1), clocks.offset_ms(2)) == (-5, 2**64 - 1 - clock.now_ms)
