"""Figures of a spool: numbers alone, the age never negative, an alarm that can be watched."""

from chainnode.gateway import SpoolStatus, spool_readings
from chainnode.metrics import NodeMetrics

STATUS = SpoolStatus(
    waiting=3,
    waiting_bytes=2100,
    oldest_made_ms=10_000,
    settled=7,
    dead=1,
    disk_bytes=9000,
    alarm="the key has ended",
)


def figures(status: SpoolStatus, *, now_ms: int) -> dict[str, float]:
    return {one.name: one.value for one in spool_readings(status, now_ms=now_ms)}


def test_every_figure_of_a_spool_is_told() -> None:
    assert figures(STATUS, now_ms=12_500) == {
        "spool_waiting": 3,
        "spool_waiting_bytes": 2100,
        "spool_oldest_age_seconds": 2.5,
        "spool_dead_letters": 1,
        "spool_disk_bytes": 9000,
        "spool_alarm": 1,
        "spool_ended": 0,
        "spool_settled": 7,
    }


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert figures(STATUS, now_ms=9_000)["spool_oldest_age_seconds"] == 0


def test_the_words_of_an_alarm_do_not_leave_by_the_metrics() -> None:
    text, _ = NodeMetrics(lambda: spool_readings(STATUS, now_ms=12_500)).render()
    assert b"kunlian_spool_settled_total 7.0" in text
    assert b"key" not in text
