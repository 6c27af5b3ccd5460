"""A real node is killed while it tells its stream, and real nodes stop while theirs are open."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from chainnode.client import ChainEvent, Client
from chainnode.verify.trust import Trust
from tests.integration.devnets import Net
from tests.streams import Told, whole_frames

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# `kun node stop` waits longer than this before it kills.
STOPPED_S = 15.0
READ_S = 60.0


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    made = Net(tmp_path_factory.mktemp("stream") / "devnet")
    up = made.kun("devnet", "up", "--detach", "--no-demo", "--suite", "intl")
    try:
        assert up.code == 0, up.err
        yield made
    finally:
        made.kun("devnet", "down")


def until_height(events: Iterator[ChainEvent], height: int) -> list[ChainEvent]:
    """Take events to the first one of a height."""
    taken: list[ChainEvent] = []
    while not taken or taken[-1].height < height:
        taken.append(next(events))
    return taken


def told_by(api: str, after: str, count: int) -> list[Told]:
    """Read so many events of the chain from one node."""
    body = b""
    with httpx.stream(
        "GET", f"{api}/v1/stream", headers={"Last-Event-ID": after}, timeout=READ_S
    ) as response:
        assert response.status_code == 200
        for part in response.iter_raw():
            body += part
            events = [one for one in whole_frames(body)[0] if one.id]
            if len(events) >= count:
                return events[:count]
    raise AssertionError(f"the stream ended after {body!r}")


def test_a_killed_node_loses_and_doubles_no_event_for_who_follows(net: Net) -> None:
    apis = [str(one["api"]) for one in net.nodes]
    trust = Trust.load((net.folder / "genesis.json").read_bytes())
    with Client(apis, trust) as client:
        events = client.follow("0")
        before = until_height(events, 2)
        assert {one.node for one in before} == {apis[0]}
        assert net.kun("devnet", "kill", "1").code == 0
        after = until_height(events, before[-1].height + 2)
        assert apis[0] not in {one.node for one in after[1:]}
    assert net.kun("devnet", "start", "1").code == 0
    net.until(net.is_healthy, "a healthy devnet")

    told = [(one.id, one.name, one.data) for one in (*before, *after)]
    for api in apis:
        again = told_by(api, "0", len(told))
        assert [(one.id, one.name, one.data) for one in again] == told
    resumed = told_by(apis[0], before[-1].id, len(after))
    assert [one.id for one in resumed] == [one.id for one in after]


def test_nodes_stop_at_once_with_open_streams(net: Net) -> None:
    apis = [str(one["api"]) for one in net.nodes]
    opened = [threading.Event() for _ in apis]
    ends: list[bytes] = []

    def read(api: str, is_open: threading.Event) -> None:
        with httpx.stream("GET", f"{api}/v1/stream", timeout=READ_S) as response:
            is_open.set()
            ends.append(b"".join(response.iter_raw())[-20:])

    readers = [
        threading.Thread(target=read, args=(api, event), daemon=True)
        for api, event in zip(apis, opened, strict=True)
    ]
    for one in readers:
        one.start()
    assert all(one.wait(READ_S) for one in opened)
    began = time.monotonic()
    assert net.kun("devnet", "down").code == 0
    assert time.monotonic() - began < STOPPED_S
    for one in readers:
        one.join(READ_S)
    assert [one.endswith(b": this node ends\n\n") for one in ends] == [True] * len(apis)
