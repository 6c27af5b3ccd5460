"""What a follower believes, asks next, and when it gives up; without a socket."""

import json
from dataclasses import dataclass, field

import pytest

from chainnode.client.exchange import Answer, Unreachable
from chainnode.client.following import RETRY_S, SILENCE_S, Follower
from chainnode.client.memory import HeightMemory
from chainnode.client.reports import CannotDecide, NodeLied, NodeRefused, NodeUnreachable
from chainnode.client.session import Session
from chainnode.verify.trust import Trust
from tests.builders import genesis_of

NODES = ("http://one", "http://two", "http://three")


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Following:
    clock: Clock = field(default_factory=Clock)

    def start(self, after: str | None = "0") -> Follower:
        trust = Trust.from_genesis(genesis_of())
        session = Session(
            nodes=NODES,
            trust=trust,
            memory=HeightMemory(trust=trust, path=None),
            monotonic_s=self.clock,
        )
        return Follower(session, after, patience_s=10.0)


@pytest.fixture
def following() -> Following:
    return Following()


def frame(event_id: str, height: int | None = None, name: str = "block") -> bytes:
    told = int(event_id.partition(".")[0]) if height is None else height
    data = json.dumps({"height": told})
    return f"id: {event_id}\nevent: {name}\ndata: {data}\n\n".encode()


def refused(code: str, status: int) -> Answer:
    return Answer(status=status, body=json.dumps({"code": code}).encode())


def test_a_follower_asks_one_node_from_its_last_event_on(following: Following) -> None:
    follower = following.start("4.2")
    request = follower.request()
    assert (request.node, request.method, request.path) == (NODES[0], "GET", "/v1/stream")
    assert dict(request.headers) == {"Accept": "text/event-stream", "Last-Event-ID": "4.2"}
    assert request.timeout_s == SILENCE_S


def test_events_come_in_order_and_each_moves_the_place_to_resume_from(
    following: Following,
) -> None:
    follower = following.start()
    follower.request()
    part = b"retry: 1000\nid: 0\n\n" + frame("1") + frame("1.1", name="unmatched") + frame("2")
    events = follower.take(part)
    assert [(one.id, one.name, one.height) for one in events] == [
        ("1", "block", 1),
        ("1.1", "unmatched", 1),
        ("2", "block", 2),
    ]
    assert {one.node for one in events} == {NODES[0]}
    assert not follower.has_left
    follower.take(Unreachable(reason="ReadError"))
    assert follower.has_left
    assert ("Last-Event-ID", "2") in follower.request().headers


def test_without_an_id_the_place_is_where_the_stream_says_that_it_begins(
    following: Following,
) -> None:
    follower = following.start(None)
    assert "Last-Event-ID" not in dict(follower.request().headers)
    assert follower.take(b"retry: 1000\nid: 7.3\n\nevent: node\ndata: {}\n\n") == []
    follower.take(Unreachable(reason="ReadError"))
    assert ("Last-Event-ID", "7.3") in follower.request().headers


@pytest.mark.parametrize(
    "second",
    [
        frame("3"),
        frame("1.2"),
        frame("2.1"),
        frame("0"),
        frame("x", 1),
        frame("2", 3),
        b"id: 2\nevent: block\ndata: {\n\n",
        b'id: 2\nevent: block\ndata: {"height": 2.5}\n\n',
    ],
)
def test_a_node_that_breaks_the_order_is_named_and_left_and_nothing_before_is_lost(
    following: Following, second: bytes
) -> None:
    follower = following.start()
    follower.request()
    events = follower.take(frame("1") + second + frame("2"))
    assert [one.id for one in events] == ["1"]
    assert follower.has_left
    request = follower.request()
    assert request.node == NODES[1]
    assert ("Last-Event-ID", "1") in request.headers


def test_each_node_is_tried_at_once_and_then_the_rounds_have_pauses(following: Following) -> None:
    follower = following.start()
    pauses, asked = [], []
    for _ in range(5):
        pauses.append(follower.pause_s)
        asked.append(follower.request().node)
        follower.take(Unreachable(reason="ConnectError"))
    assert pauses == [0.0, 0.0, 0.0, RETRY_S, RETRY_S]
    assert asked == [*NODES, *NODES[:2]]
    follower.request()
    follower.take(frame("1"))
    assert follower.pause_s == 0.0


def test_patience_ends_when_no_node_has_said_anything_for_long(following: Following) -> None:
    follower = following.start()
    follower.request()
    follower.take(b": alive\n\n")
    following.clock.now_s = 10.0
    follower.take(Unreachable(reason="ConnectError"))
    assert follower.request().node == NODES[1]
    following.clock.now_s = 10.1
    follower.take(refused("TOO_MANY_STREAMS", 429))
    with pytest.raises(CannotDecide) as raised:
        follower.request()
    assert [type(one) for one in raised.value.reports] == [NodeUnreachable, NodeRefused]


def test_a_follower_that_hears_something_is_patient_for_ever(following: Following) -> None:
    follower = following.start()
    for round_number in range(1, 5):
        follower.request()
        following.clock.now_s = 100.0 * round_number
        follower.take(b": alive\n\n")
        follower.take(Unreachable(reason="the stream ended"))


@pytest.mark.parametrize("code", ["PRUNED", "INVALID_EVENT_ID"])
def test_what_no_node_can_tell_ends_the_following_at_once(following: Following, code: str) -> None:
    follower = following.start()
    for _ in NODES:
        follower.request()
        follower.take(refused(code, 410))
    with pytest.raises(CannotDecide, match=code):
        follower.request()


def test_a_node_that_is_behind_is_asked_again_after_the_others(following: Following) -> None:
    follower = following.start("9")
    for _ in range(2):
        for node in NODES:
            assert follower.request().node == node
            follower.take(refused("EVENT_AHEAD", 400))


def test_the_reports_say_which_check_a_node_failed(following: Following) -> None:
    follower = following.start()
    follower.request()
    follower.take(frame("7"))
    following.clock.now_s = 11.0
    with pytest.raises(CannotDecide) as raised:
        follower.request()
    (report,) = raised.value.reports
    assert isinstance(report, NodeLied)
    assert (report.node, report.check) == (NODES[0], "order")


@pytest.mark.parametrize("wrong", ["", "x", "1.0", "01", "-1"])
def test_a_start_that_is_no_id_is_a_mistake_of_the_caller(following: Following, wrong: str) -> None:
    with pytest.raises(ValueError, match="after"):
        following.start(wrong)
