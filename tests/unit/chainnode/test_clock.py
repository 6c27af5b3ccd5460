import time

from chainnode.clock import WallClock


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
