"""State transfer by snapshot from peers that may lie: each lie is named, the target is reached."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chainnode.driver.kinds import FrameKind
from chainnode.ledger.codec import decode_entry, decode_header, encode_header
from chainnode.ledger.errors import Pruned
from chainnode.ledger.store import Change, StoreFailed
from chainnode.p2p.errors import PeerUnavailable, RequestTimeout
from chainnode.sync import snapshot_fetching, snapshot_serving
from chainnode.sync.snapshot_frames import (
    Offer,
    PartName,
    decode_pages,
    encode_offer,
)
from contracts.schemas.members import ORGANISATIONS
from tests.unit.chainnode.sync.late import HEIGHT, Late, records_of, says
from tests.unit.chainnode.sync.snapshot_lies import (
    GENESIS,
    OFFER_LIES,
    PAGE_LIES,
    altered,
    grown,
    offer_lies,
    only,
    with_offer,
)

if TYPE_CHECKING:
    from chainnode.ledger.subtrees import SubtreePage
    from chainnode.sync.snapshot_fetching import SnapshotProgress


@pytest.fixture
async def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Late]:
    """Peers have pruned what a replica at height 0 lacks; peers 1 to 3 are honest.

    Every peer that holds the height gets some share.
    """
    monkeypatch.setattr(snapshot_fetching, "SUBTREES_PER_REQUEST_MAX", 2)
    made = Late(tmp_path, genesis=GENESIS)
    made.source.ledger.prune_batches(HEIGHT)
    made.transport.answers = {one: made.server() for one in (1, 2, 3)}
    yield made
    made.close()


def silent(kind: int, _payload: bytes) -> bytes:
    """Never deliver, or a byte a second: the transport gives such a peer up."""
    raise RequestTimeout(1, kind=kind, timeout_s=5)


def named(late: Late) -> set[int]:
    return {peer for peer, _ in late.fetcher.passed_over}


async def test_where_peers_have_pruned_a_snapshot_is_stood_on_and_blocks_go_on_from_there(
    late: Late,
) -> None:
    done = await late.fetch()

    ledger = late.here.ledger
    assert done is not None
    assert (done.height, done.stable) == (HEIGHT, late.target(HEIGHT))
    assert ledger.tip == late.source.ledger.tip
    assert (ledger.base_height, ledger.certified_height) == (HEIGHT, HEIGHT)
    assert ledger.own_checkpoint(HEIGHT) is None, "what was not computed is not signed"
    assert (late.fetcher.progress, late.fetcher.target) == (None, None)
    assert late.fetcher.passed_over == {}

    for nonce in (HEIGHT, HEIGHT + 1):
        late.source.grow(records_of(GENESIS, nonce=nonce))
    assert (await late.fetch(HEIGHT + 2)) is not None
    assert ledger.tip_digest == late.source.ledger.tip_digest
    assert ledger.base_height == HEIGHT
    key = ORGANISATIONS.key(GENESIS.organisations[0].organisation)
    assert ledger.value(key) == late.source.ledger.value(key) is not None


async def test_a_replica_that_had_stopped_long_ago_comes_back_and_keeps_what_it_had(
    late: Late,
) -> None:
    full = grown(late.folder / "full")
    late.transport.answers = {1: late.server(full)}
    await late.fetch(2)
    full.close()
    assert (late.here.ledger.height, late.here.ledger.base_height) == (2, 0)
    late.transport.answers = {one: late.server() for one in (1, 2, 3)}

    assert await late.fetch() is not None

    assert late.here.ledger.base_height == HEIGHT
    assert late.here.ledger.tip == late.source.ledger.tip
    assert late.here.ledger.batch_bytes(2) is not None


async def test_a_single_peer_that_says_it_pruned_does_not_cost_the_history(late: Late) -> None:
    late.transport.answers = {1: late.server(), 2: silent, 3: silent}
    for _ in range(4):
        assert await late.fetch() is None
    assert late.here.ledger.height == 0

    full = grown(late.folder / "full")
    late.transport.answers = {1: late.server(), 2: silent, 3: late.server(full)}
    assert await late.fetch() is not None
    assert late.here.ledger.base_height == 0
    assert late.here.ledger.tip == late.source.ledger.tip
    full.close()


@pytest.mark.parametrize("lie", OFFER_LIES)
async def test_a_lying_offer_is_passed_over_and_the_honest_ones_used(
    late: Late, tmp_path: Path, lie: str
) -> None:
    lies = offer_lies(late, tmp_path)
    assert set(lies) == set(OFFER_LIES)
    liar = altered(late.server(), FrameKind.SNAPSHOT_REQUEST, lies[lie])
    late.transport.answers = {1: liar, 2: liar, 3: liar}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0
    assert named(late) == {1, 2, 3}

    late.transport.answers = {1: liar, 2: late.server(), 3: late.server()}
    assert await late.fetch() is not None
    assert late.here.ledger.tip == late.source.ledger.tip


@pytest.mark.parametrize("part", [PartName.STATE, PartName.INDEX])
@pytest.mark.parametrize("lie", PAGE_LIES)
async def test_a_lying_page_names_its_sender_and_its_share_goes_to_the_others(
    late: Late, lie: str, part: PartName
) -> None:
    liar = altered(late.server(), FrameKind.PAGES_REQUEST, only(part, PAGE_LIES[lie]))
    late.transport.answers = {1: liar, 2: late.server(), 3: late.server()}

    assert await late.fetch() is not None

    assert named(late) == {1}
    assert late.here.ledger.tip == late.source.ledger.tip


@pytest.mark.parametrize("kind", [FrameKind.SNAPSHOT_REQUEST, FrameKind.PAGES_REQUEST])
async def test_a_peer_that_does_not_deliver_is_left_behind(late: Late, kind: FrameKind) -> None:
    def stall(_request: bytes, _data: bytes) -> bytes:
        return silent(kind, b"")

    late.transport.answers[1] = altered(late.server(), kind, stall)

    assert await late.fetch() is not None

    assert late.fetcher.passed_over == {(1, "RequestTimeout"): 1}
    assert late.here.ledger.tip == late.source.ledger.tip


async def test_what_is_staged_survives_the_loss_of_all_peers_and_of_the_height(
    late: Late,
) -> None:
    pages = 0

    def some_pages(_request: bytes, data: bytes) -> bytes:
        nonlocal pages
        pages += 1
        if pages > 2:
            raise PeerUnavailable(1, "gone")
        return data

    cut_off = altered(late.server(), FrameKind.PAGES_REQUEST, some_pages)
    late.transport.answers = {1: cut_off, 2: cut_off, 3: cut_off}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0

    # The chain goes on and peers prune on: the old height is not asked for again.
    for nonce in range(HEIGHT, HEIGHT + 4):
        late.source.grow(records_of(GENESIS, nonce=nonce))
    late.source.ledger.prune_batches(HEIGHT + 4)
    asked: list[bytes] = []

    def watched(_request: bytes, data: bytes) -> bytes:
        asked.append(data)
        return data

    watching = altered(late.server(), FrameKind.PAGES_REQUEST, watched)
    late.transport.answers = dict.fromkeys((1, 2, 3), watching)
    assert await late.fetch(HEIGHT + 1) is not None

    assert late.here.ledger.base_height == HEIGHT + 4
    assert late.here.ledger.tip == late.source.ledger.tip
    fetched = sum(len(decode_pages(one)) for one in asked)
    fresh = Late(late.folder / "fresh", genesis=GENESIS)
    asked.clear()
    fresh.transport.answers = late.transport.answers
    await fresh.fetcher._snapshots.fetch(voices=1)  # noqa: SLF001 - the same without what was staged
    assert fetched < sum(len(decode_pages(one)) for one in asked)
    fresh.close()


async def test_the_height_is_one_that_an_honest_peer_has_reached(late: Late) -> None:
    old = grown(late.folder / "old", blocks=2)
    old.ledger.prune_batches(2)
    late.transport.answers[1] = late.server(old)

    assert await late.fetch(1) is not None

    assert late.here.ledger.base_height == HEIGHT
    old.close()


async def test_a_height_that_is_taken_back_is_held_against_the_peer(late: Late) -> None:
    old = grown(late.folder / "old", blocks=2)
    old.ledger.prune_batches(2)
    late.transport.answers = {1: late.server()}
    assert await late.fetcher._snapshots._candidates(1) == [HEIGHT]  # noqa: SLF001 - what it says first
    late.transport.answers = {1: late.server(old), 2: late.server(), 3: late.server()}

    assert await late.fetch() is not None

    assert (1, "ClaimTakenBack") in late.fetcher.passed_over
    assert late.here.ledger.tip == late.source.ledger.tip
    old.close()


async def test_a_height_at_which_entries_wait_for_the_index_is_neither_offered_nor_taken(
    late: Late,
) -> None:
    late.source.grow(records_of(GENESIS, nonce=HEIGHT))
    ledger = late.source.ledger
    tip, certificate = ledger.tip, ledger.certificate(HEIGHT + 1) or b""
    assert tip.head.index_size < tip.head.log_size
    assert ledger.newest_base == HEIGHT

    unripe = Offer(header=encode_header(tip), certificate=certificate, parts={})
    pushed = with_offer(lambda one: replace(unripe, parts=one.parts))
    liar = altered(late.server(), FrameKind.SNAPSHOT_REQUEST, pushed)
    late.transport.answers = {1: liar, 2: liar, 3: liar}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0

    late.transport.answers = {1: liar, 2: late.server(), 3: late.server()}
    assert await late.fetch(HEIGHT + 1) is not None
    assert late.here.ledger.base_height == HEIGHT
    assert late.here.ledger.tip == tip


async def test_the_index_goes_on_after_a_snapshot_and_proves_what_its_source_proves(
    late: Late,
) -> None:
    await late.fetch()
    for nonce in range(HEIGHT, HEIGHT + 4):
        late.source.grow(records_of(GENESIS, nonce=nonce))
    await late.fetch(HEIGHT + 4)

    here, source = late.here.ledger, late.source.ledger
    entries = source.entries(0, source.log_size)
    keys = sorted({key for one in entries for key in decode_entry(one).index_keys})
    assert len(keys) > 10
    assert here.base_height == HEIGHT
    tip = HEIGHT + 4
    assert here.index_proof(keys, tip) == source.index_proof(keys, tip)
    size = here.header(HEIGHT).head.index_size
    ends = list(source.advance_ends(size, source.log_size))
    assert list(here.advance_ends(size, here.log_size)) == ends
    assert len(ends) == 2
    with pytest.raises(Pruned):
        next(here.advance_ends(size - 1, here.log_size))


async def test_subtrees_that_fill_more_than_one_answer_come_in_pages(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (snapshot_fetching, snapshot_serving):
        monkeypatch.setattr(module, "FULL_ANSWER_BYTES", 1)
    pages: list[SubtreePage] = []

    def counted(_request: bytes, data: bytes) -> bytes:
        pages.extend(decode_pages(data))
        return data

    watching = altered(late.server(), FrameKind.PAGES_REQUEST, counted)
    late.transport.answers = dict.fromkeys((1, 2, 3), watching)

    assert await late.fetch() is not None

    assert late.here.ledger.tip == late.source.ledger.tip
    assert {len(one.buckets) for one in pages} == {1}
    assert {one.first for one in pages} == {0, 1, 2, 3}
    assert all(len(one.others) == 3 for one in pages)


async def test_progress_is_shown_while_a_snapshot_comes(late: Late) -> None:
    seen: list[SnapshotProgress | None] = []

    def watched(_request: bytes, data: bytes) -> bytes:
        seen.append(late.fetcher.progress)
        return data

    watching = altered(late.server(), FrameKind.PAGES_REQUEST, watched)
    late.transport.answers = dict.fromkeys((1, 2, 3), watching)
    await late.fetch()

    assert seen
    assert all(one is not None and one.height == HEIGHT and one.total == 2 * 4096 for one in seen)
    done = [one.done for one in seen if one is not None]
    assert done == sorted(done)


async def test_the_newest_certified_header_of_a_peer_is_verified(late: Late) -> None:
    newest = await late.snapshots.newest(1)
    assert newest is not None
    header, certificate = newest
    assert (header, certificate) == (late.source.ledger.tip, late.source.ledger.certificate(HEIGHT))

    late.transport.answers[1] = says(b"\xc1")
    assert await late.snapshots.newest(1) is None
    unsigned = Offer(
        header=encode_header(late.source.ledger.tip),
        certificate=late.source.certificate(decode_header(encode_header(header)), signers=(0,)),
        parts={},
    )
    late.transport.answers[1] = says(encode_offer(unsigned))
    assert await late.snapshots.newest(1) is None


@pytest.mark.parametrize("writes", [0, 1, 2, 5, 9])
async def test_a_fetch_that_is_cut_off_at_a_write_is_taken_up_by_the_next_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    first = Late(tmp_path, genesis=GENESIS)
    first.source.ledger.prune_batches(HEIGHT)
    first.transport.answers = {one: first.server() for one in (1, 2, 3)}
    store = first.here.ledger._store  # noqa: SLF001 - the writes to be cut
    write, left = store.write, writes

    def cut(changes: Iterable[Change], *, sync: bool) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreFailed(operation="write", cause="cut by the test")
        write(changes, sync=sync)

    monkeypatch.setattr(store, "write", cut)
    monkeypatch.setattr(snapshot_fetching, "SUBTREES_PER_REQUEST_MAX", 2)
    with pytest.raises(StoreFailed):
        await first.fetch()
    assert first.here.ledger.height == 0
    first.close()

    second = Late(tmp_path, genesis=GENESIS)
    second.source.ledger.prune_batches(2 * HEIGHT)
    second.transport.answers = {one: second.server() for one in (1, 2, 3)}
    assert second.here.ledger.height == 0
    assert await second.fetch(2 * HEIGHT) is not None
    assert second.here.ledger.tip == second.source.ledger.tip
    second.close()
