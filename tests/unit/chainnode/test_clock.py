import time

import pytest

from chainnode.clock import WallClock
from chainnode.errors import ConfigurationError


def test_a_clock_without_a_start_reads_the_systems_time() -> None:
    before = time.time_ns() // 1_000_000
    now_ms = WallClock.starting_at(None).now_ms()
    assert before <= now_ms <= time.time_ns() // 1_000_000


def test_a_clock_with_a_start_goes_on_from_there() -> None:
    clock = WallClock.starting_at(1_000)
    now_ms = clock.now_ms()
    assert 1_000 <= now_ms < 61_000
    assert clock.now_ms() >= now_ms


def test_an_offset_shifts_the_systems_time() -> None:
    shifted, plain = WallClock(offset_ms=-5_000_000), WallClock()
    assert -5_000_000 <= shifted.now_ms() - plain.now_ms() < -4_900_000


def test_a_devnets_clock_can_be_set_off() -> None:
    shifted = WallClock.shifted(-5_000_000, is_devnet=True, setting="clock_offset_ms")
    assert shifted == WallClock(offset_ms=-5_000_000)


def test_a_real_chain_has_the_systems_clock_alone() -> None:
    assert WallClock.shifted(0, is_devnet=False, setting="clock_offset_ms") == WallClock()
    with pytest.raises(ConfigurationError, match="clock_offset_ms: only a devnet chain"):
        WallClock.shifted(1, is_devnet=False, setting="clock_offset_ms")
