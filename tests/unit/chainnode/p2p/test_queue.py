"""The send queue stays within its bounds, forgets the oldest, and never drops a request."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chainnode.p2p.queue import QueuedFrame, SendQueue, joined_buffers

BYTES_MAX = 100
FRAMES_MAX = 8


def frame(payload: bytes, *, droppable: bool = True) -> QueuedFrame:
    return QueuedFrame(header=b"", payload=payload, droppable=droppable)


def written(queue: SendQueue) -> bytes:
    return b"".join(queue.pop_buffers(10**9)[1])


def test_frames_leave_in_the_order_in_which_they_came() -> None:
    queue = SendQueue(bytes_max=BYTES_MAX, frames_max=FRAMES_MAX)
    for payload in (b"a", b"b", b"c"):
        assert queue.push(frame(payload))
    assert written(queue) == b"abc"
    assert (len(queue), queue.bytes, queue.dropped) == (0, 0, 0)


def test_a_queue_at_its_limit_takes_no_byte_more_without_dropping_the_oldest() -> None:
    queue = SendQueue(bytes_max=4, frames_max=FRAMES_MAX)
    for payload in (b"aa", b"bb"):
        queue.push(frame(payload))
    assert queue.dropped == 0
    assert queue.push(frame(b"c"))
    assert queue.dropped == 1
    assert written(queue) == b"bbc"


def test_a_queue_full_of_small_frames_drops_the_oldest_too() -> None:
    queue = SendQueue(bytes_max=BYTES_MAX, frames_max=2)
    for payload in (b"a", b"b", b"c"):
        queue.push(frame(payload))
    assert queue.dropped == 1
    assert written(queue) == b"bc"


def test_requests_stay_while_messages_around_them_are_dropped() -> None:
    queue = SendQueue(bytes_max=3, frames_max=FRAMES_MAX)
    queue.push(frame(b"r", droppable=False))
    for payload in (b"a", b"b", b"c"):
        assert queue.push(frame(payload))
    assert written(queue) == b"rbc"


def test_a_request_without_room_is_refused_and_drops_nothing() -> None:
    queue = SendQueue(bytes_max=3, frames_max=FRAMES_MAX)
    queue.push(frame(b"rr", droppable=False))
    queue.push(frame(b"m"))
    assert not queue.push(frame(b"ss", droppable=False))
    assert queue.dropped == 0
    assert written(queue) == b"rrm"


def test_a_message_that_can_never_fit_is_counted_as_dropped() -> None:
    queue = SendQueue(bytes_max=3, frames_max=FRAMES_MAX)
    assert not queue.push(frame(b"1234"))
    assert (queue.dropped, len(queue)) == (1, 0)


def test_a_request_nobody_waits_for_is_withdrawn() -> None:
    queue = SendQueue(bytes_max=BYTES_MAX, frames_max=FRAMES_MAX)
    twins = [frame(b"same", droppable=False) for _ in range(2)]
    for one in twins:
        queue.push(one)
    queue.withdraw(twins[1])
    queue.withdraw(twins[1])
    assert written(queue) == b"same"


def test_a_large_payload_is_written_uncopied_and_small_neighbours_are_joined() -> None:
    queue = SendQueue(bytes_max=10**6, frames_max=FRAMES_MAX)
    large = bytes(16 * 1024 + 1)
    for payload in (b"a", b"b", large, b"c"):
        queue.push(QueuedFrame(header=b"h", payload=payload))
    frames, buffers = queue.pop_buffers(10**9)
    assert frames == 4
    assert buffers == [b"hahbh", large, b"hc"]
    assert buffers[1] is large


def test_a_pop_stops_after_the_frame_that_reaches_its_size() -> None:
    queue = SendQueue(bytes_max=BYTES_MAX, frames_max=FRAMES_MAX)
    for payload in (b"aaa", b"bbb", b"ccc"):
        queue.push(frame(payload))
    assert queue.pop_buffers(4) == (2, [b"aaabbb"])


@given(st.binary(max_size=40_000))
def test_joined_buffers_are_the_frame(payload: bytes) -> None:
    buffers = joined_buffers(b"head", payload)
    assert b"".join(buffers) == b"head" + payload
    assert all(buffers)


class BoundedQueue(RuleBasedStateMachine):
    """Against a list that is searched the slow way."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = SendQueue(bytes_max=BYTES_MAX, frames_max=FRAMES_MAX)
        self.model: list[QueuedFrame] = []

    @rule(size=st.integers(0, 60), droppable=st.booleans())
    def push(self, size: int, droppable: bool) -> None:  # noqa: FBT001 - a drawn value
        new = frame(bytes(size), droppable=droppable)
        kept = [one for one in self.model if not one.droppable]
        fits = len(kept) < FRAMES_MAX and sum(map(len, kept)) + size <= BYTES_MAX
        assert self.queue.push(new) is fits
        if fits:
            self.model.append(new)
            while len(self.model) > FRAMES_MAX or sum(map(len, self.model)) > BYTES_MAX:
                self.model.remove(next(one for one in self.model if one.droppable))

    @precondition(lambda self: self.model)
    @rule(at=st.integers(0, FRAMES_MAX))
    def withdraw(self, at: int) -> None:
        self.queue.withdraw(self.model.pop(at % len(self.model)))

    @rule(bytes_max=st.integers(1, BYTES_MAX))
    def pop(self, bytes_max: int) -> None:
        frames, buffers = self.queue.pop_buffers(bytes_max)
        popped, self.model = self.model[:frames], self.model[frames:]
        assert b"".join(buffers) == b"".join(one.payload for one in popped)
        assert not popped or sum(map(len, popped[:-1])) < bytes_max

    @invariant()
    def is_within_bounds_and_counted(self) -> None:
        assert len(self.queue) == len(self.model) <= FRAMES_MAX
        assert self.queue.bytes == sum(map(len, self.model)) <= BYTES_MAX


TestBoundedQueue = BoundedQueue.TestCase
