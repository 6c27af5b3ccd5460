"""When the index advances, and what its advance adds to which key."""

import pytest

from chainnode.ledger.trails import encode_row
from chainnode.ledger.waiting import DELAY_MS, WAITING_MAX, Waiting
from chainnode.suites import suite_named

h = suite_named("intl").digest
NOW_MS = 1_700_000_000_000


def waiting(count: int, *, start: int = 0, time_ms: int = NOW_MS) -> Waiting:
    keys = [(b"\x01a",)] * count
    return Waiting(start=start).extended(h, [bytes(32)] * count, keys, time_ms=time_ms)


def test_the_numbers_of_the_rule_are_those_of_the_wire_format() -> None:
    assert (WAITING_MAX, DELAY_MS) == (8192, 1000)


@pytest.mark.parametrize(
    ("count", "later_ms", "is_due"),
    [
        (0, 0, False),
        (0, 10**9, False),
        (1, 0, False),
        (1, 999, False),
        (1, 1000, True),
        (8191, 0, False),
        (8192, 0, True),
        (8193, 0, True),
    ],
)
def test_an_advance_is_due_at_8192_entries_or_a_second_after_the_first(
    count: int, later_ms: int, *, is_due: bool
) -> None:
    assert waiting(count).is_due(NOW_MS + later_ms) == is_due


def test_the_second_is_counted_from_the_first_entry_that_waits() -> None:
    later = waiting(1).extended(h, [bytes(32)], [()], time_ms=NOW_MS + 700)

    assert later.count == 2
    assert not later.is_due(NOW_MS + 999)
    assert later.is_due(NOW_MS + 1000)


def test_a_block_without_entries_leaves_what_waits_as_it_is() -> None:
    before = waiting(3, start=7)

    assert before.extended(h, [], [], time_ms=NOW_MS + 5) is before
    assert (before.start, before.stop) == (7, 10)


@pytest.mark.parametrize(
    ("count", "later_ms", "due_in_ms"),
    [(0, 0, None), (1, 0, 1000), (1, 1, 999), (1, 850, 150), (1, 950, 100), (1, 3000, 100)],
)
def test_the_next_block_is_due_when_the_advance_is_but_not_all_the_time(
    count: int, later_ms: int, due_in_ms: int | None
) -> None:
    assert waiting(count).due_in_ms(NOW_MS + later_ms) == due_in_ms


def test_rows_stand_under_each_of_their_keys_in_the_order_of_the_log() -> None:
    hashes = [bytes((one,)) * 32 for one in range(4)]
    rows = [h(b"\x00" + encode_row(5 + one, hashes[one])) for one in range(4)]
    first = Waiting(start=5).extended(h, hashes[:3], [(b"a", b"b"), (), (b"b",)], time_ms=NOW_MS)
    both = first.extended(h, hashes[3:], [(b"b", b"c")], time_ms=NOW_MS)

    assert both.by_key() == {
        b"a": rows[0],
        b"b": [rows[0], rows[2], rows[3]],
        b"c": rows[3],
    }
