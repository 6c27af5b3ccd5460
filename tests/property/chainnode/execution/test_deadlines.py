"""The queue of deadlines against a plain sorted list: outages, floods, gaps, many blocks."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.execution.deadlines import (
    ITEMS_MAX,
    RECORDS_MAX,
    SLOTS_MAX,
    add_due,
    is_overdue,
    take_due,
)
from contracts.schemas.due import CURSOR, SLOT_MS, CursorRow, DueItem, slot_of
from tests.unit.contracts.builders import MemoryState

START_MS = 1_760_000_000_000
DEADLINE_MS = 20_000
LONG_MS = 3_600_000


@dataclass
class Queue:
    """The queue in a state, and beside it what a sorted list says must be taken, in order."""

    state: MemoryState = field(default_factory=MemoryState)
    waiting: list[tuple[int, int, int]] = field(default_factory=list)
    made: int = 0
    blocks: int = 0

    def block(
        self, time_ms: int, count: int, *, silent: int = 0, wait_ms: int = DEADLINE_MS
    ) -> list[int]:
        """Execute a block that adds `count` items, due after `wait_ms`.

        Every item below `silent` leaves no record.
        """
        taken: list[int] = []

        def wake(item: DueItem) -> int:
            (number,) = item.key
            assert isinstance(number, int)
            taken.append(number)
            return int(number >= silent)

        take_due(self.state, time_ms, wake)
        self.blocks += 1
        added = range(self.made, self.made + count)
        self.made += count
        due_ms = time_ms + wait_ms
        add_due(self.state, [(due_ms, DueItem("access", (one,))) for one in added])
        self.waiting = sorted(
            [*self.waiting, *((slot_of(due_ms), self.blocks, one) for one in added)]
        )
        gone, self.waiting = self.waiting[: len(taken)], self.waiting[len(taken) :]
        assert taken == [one for _, _, one in gone]
        assert all(slot * SLOT_MS <= time_ms for slot, _, _ in gone)
        assert len(taken) <= ITEMS_MAX
        assert sum(one >= silent for one in taken) <= RECORDS_MAX
        self._require_cursor()
        return taken

    def _require_cursor(self) -> None:
        cursor = self.state.find(CURSOR) or CursorRow()
        assert cursor.waiting == len(self.waiting)
        if not self.waiting:
            # Nothing is left behind but the cursor itself.
            assert cursor == CursorRow()
            assert len(self.state.rows) <= 1
        else:
            assert cursor.slot <= self.waiting[0][0]

    @property
    def cursor(self) -> CursorRow:
        return self.state.find(CURSOR) or CursorRow()


blocks = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 999, 1000, 5_000, 25_000, 3_600_000]),
        st.sampled_from([0, 0, 1, 2, 255, 256, 257, 600]),
        # Contracts wait for different times: what is added may be due before all that waits.
        st.sampled_from([DEADLINE_MS, DEADLINE_MS, 1_000, 7_000, LONG_MS]),
    ),
    max_size=14,
)


@given(blocks=blocks, silent=st.sampled_from([0, 100, 10**9]))
@settings(max_examples=60, deadline=None)
def test_items_come_in_order_of_slot_block_and_place_and_never_early(
    blocks: list[tuple[int, int, int]], silent: int
) -> None:
    queue, time_ms = Queue(), START_MS
    for step, count, wait_ms in blocks:
        time_ms += step
        queue.block(time_ms, count, silent=silent, wait_ms=wait_ms)
    # An idle chain takes the rest, and nothing but time is needed for it.
    time_ms += 2 * LONG_MS
    for _ in range(len(queue.waiting) // RECORDS_MAX + 2):
        queue.block(time_ms, 0, silent=silent)
    assert queue.waiting == []


def test_what_is_due_sooner_than_all_that_waits_is_found_in_time() -> None:
    queue = Queue()
    queue.block(START_MS, 1, wait_ms=LONG_MS)
    queue.block(START_MS + 500, 1, wait_ms=2_000)

    assert queue.block(START_MS + 4_000, 0) == [1]
    assert queue.block(START_MS + LONG_MS + SLOT_MS, 0) == [0]


def test_a_block_takes_no_more_than_256_that_leave_a_record_and_the_next_goes_on() -> None:
    queue = Queue()
    queue.block(START_MS, 600)
    due_ms = START_MS + DEADLINE_MS + SLOT_MS
    taken = [len(queue.block(due_ms, 0)) for _ in range(4)]
    assert taken == [256, 256, 88, 0]


def test_items_that_leave_no_record_go_sixteen_times_as_fast() -> None:
    queue = Queue()
    queue.block(START_MS, ITEMS_MAX + 10)
    due_ms = START_MS + DEADLINE_MS + SLOT_MS
    assert len(queue.block(due_ms, 0, silent=10**9)) == ITEMS_MAX
    assert is_overdue(queue.cursor, due_ms)
    assert len(queue.block(due_ms, 0, silent=10**9)) == 10
    assert not is_overdue(queue.cursor, due_ms)


def test_a_full_block_that_ends_a_part_leaves_the_next_part_whole() -> None:
    queue = Queue()
    for count in (256, 3):
        queue.block(START_MS, count)
    due_ms = START_MS + DEADLINE_MS + SLOT_MS
    assert len(queue.block(due_ms, 0)) == 256
    assert (queue.cursor.part, queue.cursor.waiting) == (1, 3)
    assert len(queue.block(due_ms, 0)) == 3


def test_an_outage_longer_than_the_slots_of_a_block_is_walked_through_in_pieces() -> None:
    queue = Queue()
    queue.block(START_MS, 1)
    queue.block(START_MS + 1000, 0)
    queue.block(START_MS + SLOTS_MAX * SLOT_MS * 2, 1)
    time_ms = START_MS + SLOTS_MAX * SLOT_MS * 2 + DEADLINE_MS + SLOT_MS
    taken = [len(queue.block(time_ms, 0)) for _ in range(3)]
    assert sum(taken) == 1
    assert queue.waiting == []


def test_nothing_is_written_while_nothing_is_due() -> None:
    queue = Queue()
    queue.block(START_MS, 1)
    before = dict(queue.state.rows)
    queue.block(START_MS + DEADLINE_MS - 1, 0)
    assert queue.state.rows == before
