"""`/v1/stream`: what is told, from where on, to how many, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chainnode.api import stream
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.merkle import Hash
from chainnode.service import feed
from chainnode.service.block_events import BlockEvent, events_of
from contracts.schemas.call_words import Decision, Side
from tests.gap_site import ASKING, DEADLINE_MS, GIVING, GapSite, call_id, half
from tests.integration.p2p.harness import until
from tests.streams import AppReader, whole_frames
from tests.unit.chainnode.api.web import Web, problem_of


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    made = Web(GapSite(tmp_path))
    yield made
    await made.client.aclose()
    made.app.state.service.feed.close()
    made.site.close()


@pytest.fixture
def site(web: Web) -> GapSite:
    assert isinstance(web.site, GapSite)
    return web.site


async def read_all(web: Web, after: str) -> AppReader:
    """Return a reader that has come to the newest block, and left."""
    reader = AppReader(web.app, after=after)
    newest = str(web.site.ledger.certified_height)
    await reader.until(lambda: reader.last_id.partition(".")[0] == newest, "the newest block")
    for _ in range(3):
        await asyncio.sleep(0)
    await reader.leave()
    return reader


def told(site: GapSite) -> None:
    """Fill a chain with everything that a stream tells."""
    site.record(half(Side.PROVIDER, 1), half(Side.PROVIDER, 2), half(Side.PROVIDER, 3))
    site.let_deadlines_pass()
    site.record(half(Side.REQUESTER, 1), half(Side.REQUESTER, 2, fields=1))
    site.record(half(Side.REQUESTER, 4, decision=Decision.PERMIT))
    site.grow()


async def test_gaps_findings_and_blocks_are_told_in_the_order_of_the_log(
    web: Web, site: GapSite
) -> None:
    told(site)
    reader = await read_all(web, "0")
    assert reader.status == 200
    assert reader.headers["content-type"] == "text/event-stream"
    assert reader.headers["cache-control"] == "no-store"
    assert reader.headers["x-accel-buffering"] == "no"
    assert "content-length" not in reader.headers
    assert [(one.id, one.name) for one in reader.events] == [
        ("1", "block"),
        ("2", "block"),
        *((f"2.{number}", "unmatched") for number in (1, 2, 3)),
        ("3", "block"),
        *((f"3.{number}", "finding") for number in (1, 2)),
        ("3.3", "matched"),
        ("3.4", "mismatched"),
        ("4", "block"),
        ("4.1", "finding"),
        ("5", "block"),
    ]


async def test_a_block_says_its_header_and_how_much_of_what_it_holds(
    web: Web, site: GapSite
) -> None:
    told(site)
    events = {one.id: one.data for one in (await read_all(web, "0")).events}
    for height in range(1, 6):
        header = site.ledger.header(height)
        assert events[str(height)]["height"] == height
        assert events[str(height)]["time_ms"] == header.head.time_ms
        assert events[str(height)]["header_digest"] == header.digest(site.suite.digest).hex()
        assert events[str(height)]["log_size"] == header.head.log_size
    counts = [(events[str(one)]["entries"], events[str(one)]["own_records"]) for one in (1, 2, 3)]
    assert counts == [({"access": 3}, 0), ({}, 3), ({"access": 2}, 2)]


async def test_a_gap_names_its_call_its_sides_and_where_its_proof_is(
    web: Web, site: GapSite
) -> None:
    told(site)
    events = {one.id: one.data for one in (await read_all(web, "0")).events}
    gap = events["2.1"]
    assert gap == {
        "height": 2,
        "time_ms": site.ledger.header(2).head.time_ms,
        "position": 3,
        "record": "/v1/records/3",
        "call_id": call_id(1).hex(),
        "requester": ASKING,
        "provider": GIVING,
        "item": "population.basic",
        "side": "provider",
        "outcome": "one_sided_claimed",
        "held_against": GIVING,
        "due_ms": site.ledger.header(1).head.time_ms + DEADLINE_MS,
    }
    assert (events["3.3"]["outcome"], events["3.3"]["held_against"]) == ("matched", GIVING)
    assert events["3.3"]["side"] == "requester"
    assert events["3.4"]["differs"] == ["fields"]
    assert (events["3.1"]["findings"], events["3.1"]["side"]) == (["late"], "requester")
    assert events["3.2"]["findings"] == ["late", "halves_differ"]
    assert events["4.1"]["findings"] == ["no_grant", "late"]
    for one in events.values():
        if "record" in one:
            shown = (await web.get(one["record"])).json()
            assert shown["position"] == one["position"]
            entry = decode_entry(site.ledger.entry(one["position"]))
            assert entry.height == one["height"]


async def test_an_item_whose_name_is_too_long_for_an_index_key_is_left_out(
    web: Web, site: GapSite
) -> None:
    name = "数据" * 15
    site.record(
        half(Side.PROVIDER, 1, item=name), half(Side.PROVIDER, 2, item=name, requested_ms=0)
    )
    site.let_deadlines_pass()
    events = {one.id: one.data for one in (await read_all(web, "0")).events}
    assert (events["2.1"]["call_id"], events["2.1"]["item"]) == (call_id(1).hex(), None)
    # A finding has the body of its half at hand.
    assert (events["1.1"]["findings"], events["1.1"]["item"]) == (["late"], name)


async def test_no_event_shows_a_token_of_a_person_or_a_digest_of_content(
    web: Web, site: GapSite
) -> None:
    told(site)
    body = (await read_all(web, "0")).body
    for secret in (b"s" * 32, b"q" * 32, b"r" * 32):
        assert secret not in body
        assert secret.hex().encode() not in body


async def test_without_an_id_a_reader_hears_what_comes_from_now_on(web: Web, site: GapSite) -> None:
    told(site)
    reader = AppReader(web.app)
    await reader.until(lambda: reader.last_id == "5", "the opening")
    site.grow()
    await reader.until(lambda: reader.ids == ["6"], "the next block")
    await reader.leave()
    assert reader.body.startswith(b"retry: 1000\nid: 5\n\n")


async def test_a_block_that_is_not_final_is_not_told(web: Web, site: GapSite) -> None:
    reader = AppReader(web.app, after="0")
    header = site.execute()
    site.audit.notify()
    await reader.until(lambda: reader.last_id == "0", "the opening")
    for _ in range(20):
        await asyncio.sleep(0)
    assert reader.ids == []
    site.certify(header)
    await reader.until(lambda: reader.ids == ["1"], "the block")
    await reader.leave()


async def test_from_every_event_on_a_reader_is_told_exactly_the_rest(
    web: Web, site: GapSite
) -> None:
    told(site)
    whole = await read_all(web, "0")
    for number, event in enumerate(whole.events):
        rest = await read_all(web, event.id)
        assert rest.events == whole.events[number + 1 :], event.id


async def test_the_header_of_a_reconnecting_client_counts_more_than_its_url(
    web: Web, site: GapSite
) -> None:
    told(site)
    reader = AppReader(web.app, after="0", headers={"last-event-id": "4.1"})
    await reader.until(lambda: reader.ids == ["5"], "the rest")
    await reader.leave()


@pytest.mark.parametrize(
    "wrong", ["x", "-1", "01", "1.0", "1.", ".1", "1.01", "1 ", "1\u0660", "9" * 17, "1.1.1", "٣"]
)
async def test_what_is_no_id_of_an_event_is_named(web: Web, wrong: str) -> None:
    web.site.grow()
    answer = await web.client.get("/v1/stream", params={"after": wrong})
    problem_of(answer, "INVALID_EVENT_ID", 400)


async def test_an_event_that_its_block_does_not_have_is_no_event(web: Web, site: GapSite) -> None:
    told(site)
    problem_of(await web.get("/v1/stream?after=2.4"), "INVALID_EVENT_ID", 400)
    problem_of(await web.get("/v1/stream?after=5.1"), "INVALID_EVENT_ID", 400)


async def test_an_event_above_the_newest_final_block_is_ahead(web: Web, site: GapSite) -> None:
    site.grow()
    site.execute()
    document = problem_of(await web.get("/v1/stream?after=2"), "EVENT_AHEAD", 400)
    assert document["expected"] == "an event up to height 1"


async def test_what_was_pruned_is_gone_and_the_oldest_event_is_named(
    web: Web, site: GapSite
) -> None:
    told(site)
    while site.ledger.prune_batches(3):
        pass
    for gone in ("0", "1", "2", "2.3"):
        document = problem_of(await web.get(f"/v1/stream?after={gone}"), "PRUNED", 410)
        assert document["oldest_event_id"] == "3"
    assert (await read_all(web, "3")).ids[0] == "3.1"


async def test_a_node_on_a_snapshot_tells_what_comes_after_it(
    site: GapSite, tmp_path: Path
) -> None:
    told(site)
    site.settle()
    base = site.ledger.height
    late = Web(GapSite(tmp_path / "late"))
    assert isinstance(late.site, GapSite)
    late.site.stand_on_snapshot_of(site)
    problem_of(await late.get("/v1/stream"), "CATCHING_UP", 503)
    for known in ("0", str(base)):
        document = problem_of(await late.get(f"/v1/stream?after={known}"), "PRUNED", 410)
        assert document["oldest_event_id"] == str(base + 1)
    late.site.grow()
    late.site.record(half(Side.PROVIDER, 9, decision=Decision.PERMIT))
    reader = await read_all(late, str(base + 1))
    assert reader.ids == [str(base + 2), f"{base + 2}.1"]
    await late.client.aclose()
    late.app.state.service.feed.close()
    late.site.close()


async def test_bodies_that_go_while_somebody_reads_end_the_stream_with_the_oldest_event(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_HEIGHTS_PER_STEP", 1)
    told(site)
    reader = AppReader(web.app, after="0")
    reader.may_read.clear()
    await until(lambda: reader.offered == 1, what="a begin")
    while site.ledger.prune_batches(5):
        pass
    reader.may_read.set()
    await reader.serving
    events, _ = whole_frames(reader.body)
    assert (events[-1].name, events[-1].data) == ("pruned", {"oldest_event_id": "5"})
    assert reader.messages[-1]["more_body"] is False


async def test_streams_of_one_address_and_of_all_are_so_many_and_no_more(
    site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STREAMS_PER_ADDRESS_MAX", 2)
    monkeypatch.setattr(stream, "STREAMS_MAX", 3)
    limited = Web(site)
    first = [AppReader(limited.app, address="192.0.2.1") for _ in range(2)]
    await until(lambda: all(one.status == 200 for one in first), what="two streams")
    third = AppReader(limited.app, address="192.0.2.1")
    await third.serving
    assert third.status == 429
    assert third.headers["retry-after"] == "1"
    assert json.loads(third.body)["code"] == "TOO_MANY_STREAMS"

    other = AppReader(limited.app, address="192.0.2.2")
    await other.until(lambda: other.status == 200, "another address")
    last = AppReader(limited.app, address="192.0.2.3")
    await last.serving
    assert last.status == 429

    await first[0].leave()
    again = AppReader(limited.app, address="192.0.2.1")
    await again.until(lambda: again.status == 200, "a place that was given back")
    for one in (first[1], other, again):
        await one.leave()
    assert limited.app.state.streams.taken == (0, 0)
    await limited.client.aclose()


async def test_a_refused_stream_holds_no_place(web: Web) -> None:
    for _ in range(stream.STREAMS_PER_ADDRESS_MAX + 1):
        problem_of(await web.get("/v1/stream?after=7"), "EVENT_AHEAD", 400)


async def test_a_reader_that_takes_nothing_is_let_go_and_resumes_where_it_was(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "READING_S_MAX", 0.01)
    told(site)
    slow = AppReader(web.app, after="0")
    await slow.until(lambda: "1" in slow.ids, "a first event")
    slow.may_read.clear()
    site.grow()
    await slow.serving
    assert slow.messages[-1]["more_body"] is True
    assert web.app.state.streams.taken == (0, 0)
    monkeypatch.setattr(stream, "READING_S_MAX", 20.0)
    rest = await read_all(web, slow.last_id)
    assert slow.ids + rest.ids == (await read_all(web, "0")).ids


async def test_slow_readers_hold_so_many_large_pages_and_no_more(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PIECE_BYTES", 100)
    web.app.state.large_pages = asyncio.Semaphore(1)
    told(site)
    first = AppReader(web.app, after="1")
    await first.until(lambda: first.last_id == "5", "all of it in pieces")
    assert max(len(one.get("body", b"")) for one in first.messages) == 100
    await first.leave()


async def test_a_silent_stream_says_that_it_is_alive(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(stream, "NEWS_S", 0.01)
    reader = AppReader(web.app)
    await reader.until(lambda: reader.body.count(b": alive\n\n") >= 2, "two signs of life")
    await reader.leave()


async def test_a_node_says_how_it_is_at_first_and_when_that_changes(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "NEWS_S", 0.0)
    monkeypatch.setattr(stream, "NEWS_S", 0.01)

    def news() -> list[object]:
        events, _ = whole_frames(reader.body)
        return [(one.data["view"], one.data["halted_because"]) for one in events if not one.id]

    reader = AppReader(web.app)
    await reader.until(lambda: news() == [(0, None)], "its state at first")
    site.replica.set(view=1)
    await reader.until(lambda: news()[1:] == [(1, None)], "another view")
    site.connected = ()
    await reader.until(lambda: news()[2:] == [(1, "NO_QUORUM")], "the lost quorum")
    await reader.leave()


async def test_a_node_that_ends_ends_its_streams_at_once(web: Web, site: GapSite) -> None:
    site.grow()
    reader = AppReader(web.app, after="0")
    await reader.until(lambda: reader.ids == ["1"], "the block")
    web.app.state.service.feed.close()
    await reader.serving
    assert reader.body.endswith(b": this node ends\n\n")
    assert reader.messages[-1]["more_body"] is False


async def test_many_readers_cost_one_reading_of_a_block(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counting(ledger: Ledger, height: int, *, h: Hash) -> Iterator[BlockEvent]:
        read.append(height)
        return events_of(ledger, height, h=h)

    monkeypatch.setattr(feed, "events_of", counting)
    told(site)
    for _ in range(5):
        await read_all(web, "0")
    assert sorted(read) == [1, 2, 3, 4, 5]


async def test_pages_that_nobody_comes_back_to_are_forgotten(
    web: Web, site: GapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_KEPT_BYTES_MAX", 1_000)
    told(site)
    whole = await read_all(web, "0")
    assert 0 < web.app.state.service.feed.kept_bytes <= 1_000
    assert (await read_all(web, "0")).events == whole.events


async def test_the_document_of_the_api_describes_the_stream(web: Web) -> None:
    operation = (await web.get("/openapi.json")).json()["paths"]["/v1/stream"]["get"]
    assert operation["operationId"] == "stream"
    assert {"200", "400", "410", "429", "503"} <= set(operation["responses"])
    content = operation["responses"]["200"]["content"]
    assert set(content) == {"text/event-stream"}
    events, last_id = whole_frames(content["text/event-stream"]["example"].encode() + b"\n")
    assert [one.name for one in events] == ["block", "unmatched"]
    assert last_id == "4712.1"
    assert {one["name"]: one["in"] for one in operation["parameters"]} == {
        "after": "query",
        "Last-Event-ID": "header",
    }
