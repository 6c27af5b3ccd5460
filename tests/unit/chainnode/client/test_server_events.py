"""Reading server-sent events as the standard says, however they are cut (WHATWG HTML §9.2.6)."""

import pytest

from chainnode.client.server_events import EVENT_BYTES_MAX, EventParser, ServerEvent
from chainnode.verify.errors import InvalidEvidence

STREAM = (
    b"\xef\xbb\xbfretry: 1000\nid: 7\n\n"
    b": alive\n\n"
    b"event: block\r\nid: 8\r\ndata: {\r\ndata:  1}\r\n\r\n"
    b"data\rdata\r\r"
    b"id: 9\nid: a\0b\nevent: x\ndata:y\nunknown: z\n\n"
    b"event: nothing\n\n"
    b"id\ndata: \xff\n\n"
    b"data: cut off\n"
)
EVENTS = [
    ServerEvent(name="", id="7", data=""),
    ServerEvent(name="block", id="8", data="{\n 1}"),
    ServerEvent(name="message", id=None, data="\n"),
    ServerEvent(name="x", id="9", data="y"),
    ServerEvent(name="message", id="", data="�"),
]


def test_a_stream_is_read_as_the_standard_says() -> None:
    parser = EventParser()
    assert parser.feed(STREAM) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_where_the_bytes_are_cut_changes_nothing(size: int) -> None:
    parser = EventParser()
    found = [
        event
        for start in range(0, len(STREAM), size)
        for event in parser.feed(STREAM[start : start + size])
    ]
    assert found == EVENTS


def test_an_id_alone_is_told_when_its_block_ends() -> None:
    parser = EventParser()
    assert parser.feed(b"retry: 1\nid: 7\n") == []
    assert parser.feed(b"\n") == [ServerEvent(name="", id="7", data="")]


@pytest.mark.parametrize(
    "endless", [b"x" * 1000, b"data: y\n" * 100, b": y\n" * 100], ids=["line", "data", "comment"]
)
def test_an_event_without_an_end_is_refused(endless: bytes) -> None:
    parser = EventParser()
    for _ in range((EVENT_BYTES_MAX - 1) // len(endless)):
        parser.feed(endless)
    with pytest.raises(InvalidEvidence, match="stream"):
        parser.feed(endless * 2)


def test_many_events_together_may_be_larger_than_one() -> None:
    parser = EventParser()
    one = b"data: " + b"x" * 1000 + b"\n\n"
    assert len(parser.feed(one * 1000)) == 1000
