"""A ledger that comes to stand on a snapshot: proven piece by piece, switched to at once."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.ledger import keyspace
from chainnode.ledger.chain import Ledger
from chainnode.ledger.directory import LEDGER_FOLDER
from chainnode.ledger.errors import (
    DamagedLedger,
    NotABase,
    Pruned,
    UnknownHeight,
    WrongBlock,
)
from chainnode.ledger.merkle import Hash, InvalidProof
from chainnode.ledger.proofs import verify_record, verify_state_item
from chainnode.ledger.snapshots import LogEdge, verify_edge
from chainnode.ledger.store import Change, Store, StoreFailed
from chainnode.ledger.subtrees import (
    SubtreePage,
    cut_manifest,
    empty_subtree,
    rows_of_items,
    subtree_count,
    verify_manifest,
    verify_page,
)
from tests.unit.chainnode.ledger.blocks import open_ledger, state_key
from tests.unit.chainnode.ledger.exporting import BITS, BLOCKS, Source, items_of


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Iterator[Source]:
    source = Source(tmp_path / "source")
    yield source
    source.ledger.close()


@pytest.fixture(name="late")
def _late(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path / "late")
    yield ledger
    ledger.close()


def keys_in(path: Path, slot: int) -> int:
    """Count what stands in a slot."""
    store = Store.open(path / LEDGER_FOLDER)
    ranges = [
        one for keys in keyspace.MAPS for one in (keys.values_of(slot), keys.buckets_of(slot))
    ]
    count = sum(1 for start, stop in ranges for _ in store.iterate(start=start, stop=stop))
    store.close()
    return count


def test_a_new_ledger_stands_on_the_snapshot_and_proves_what_its_source_proves(
    source: Source, late: Ledger
) -> None:
    source.stage_and_install(late, vote_mark=b"mark")

    assert late.tip == source.ledger.tip
    assert (late.base_height, late.certified_height, late.stable_height) == (BLOCKS,) * 3
    assert (late.floor, late.vote_mark()) == (BLOCKS + 1, b"mark")
    assert late.certificate(BLOCKS) == source.ledger.certificate(BLOCKS)
    keys = [state_key("height"), state_key("thing 4 7"), state_key("thing 4 3")]
    assert late.state_proof(keys, BLOCKS) == source.ledger.state_proof(keys, BLOCKS)
    assert [late.value(key) for key in keys] == [source.ledger.value(key) for key in keys]


@pytest.mark.parametrize("calls", [1, 3, 4, 7, 16])
@pytest.mark.parametrize("reopen", [False, True])
def test_what_comes_after_the_snapshot_is_provable_at_every_size_of_the_log(
    tmp_path: Path, calls: int, *, reopen: bool
) -> None:
    source = Source(tmp_path / "source", calls=calls, blocks=6)
    late = open_ledger(tmp_path / "late")
    source.stage_and_install(late)
    for _ in range(12):
        source.grow(late, calls=calls)
        if reopen:
            late.close()
            late = open_ledger(tmp_path / "late")

    assert late.tip == source.ledger.tip
    size = late.log_size
    for position in range(late.first_position, size):
        entry = late.entry(position)
        assert entry == source.ledger.entry(position)
        path = late.record_path(position, size)
        verify_record(source.h, header=late.tip, entry=entry, position=position, path=path)
    for key in (state_key("height"), state_key("absent")):
        (item,) = late.state_proof([key], late.height)
        verify_state_item(
            source.h, header=late.tip, bits=BITS, key=key, value=item.value, proof=item.proof
        )
    late.close()
    source.ledger.close()


def test_what_lies_below_the_snapshot_is_refused_by_name_and_from_where_it_is_served(
    source: Source, late: Ledger
) -> None:
    source.stage_and_install(late)
    source.grow(late)
    first = late.first_position
    assert 0 < first < source.ledger.header(BLOCKS).head.log_size

    asked: dict[str, Callable[[], object]] = {
        "header": lambda: late.header(BLOCKS - 1),
        "batch": lambda: late.positions(BLOCKS),
        "receipts": lambda: late.receipts(BLOCKS),
        "entry": lambda: late.entry(first - 1),
        "entries": lambda: late.entries(0, 5),
        "path": lambda: late.record_path(0, late.log_size),
        "block path": lambda: late.block_path(BLOCKS, 0),
    }
    for name, ask in asked.items():
        with pytest.raises(Pruned) as caught:
            ask()
        assert caught.value.oldest > caught.value.asked, name
    assert late.batch_bytes(BLOCKS) is None
    assert late.call_parts(first) is None
    assert late.call_parts(late.log_size - 1) is not None
    with pytest.raises(NotABase):
        late.export(BLOCKS - 2)


def test_a_ledger_that_had_stopped_keeps_what_it_had_and_serves_it_where_it_proves_itself(
    source: Source, tmp_path: Path
) -> None:
    twin = Source(tmp_path / "late", blocks=0)
    for _ in range(3):
        twin.grow()
    late = twin.ledger
    source.stage_and_install(late)

    assert late.header(2) == source.ledger.header(2)
    assert late.batch_bytes(2) == source.ledger.batch_bytes(2)
    assert late.receipts(2) == source.ledger.receipts(2)
    with pytest.raises(Pruned):
        late.entry(1)
    with pytest.raises(Pruned):
        late.header(4)
    assert late.floor == BLOCKS + 1
    late.close()


def test_only_the_last_heights_where_nothing_waits_are_handed_out_and_offered_once_certified(
    source: Source,
) -> None:
    ledger = source.ledger
    for _ in range(20):
        source.grow()
    height = ledger.height

    assert ledger.newest_base == height
    kept = [one for one in range(height + 1) if is_kept(ledger, one)]
    assert kept == [height - 2 * one for one in range(8, -1, -1)], "eight before the newest"
    ledger.append(source.maker.block(ledger, [source.maker.submission()]))
    ledger.append(source.maker.block(ledger, [source.maker.submission()]))
    assert ledger.newest_base == height, "nobody has certified the next one"


def is_kept(ledger: Ledger, height: int) -> bool:
    try:
        return ledger.export(height).header == ledger.header(height)
    except NotABase:
        return False


@pytest.mark.parametrize(("blocks", "base"), [(10, 10), (11, None)])
def test_after_a_start_the_tip_alone_is_handed_out_and_only_if_nothing_waits(
    tmp_path: Path, blocks: int, base: int | None
) -> None:
    source = Source(tmp_path / "source", blocks=blocks)
    source.ledger.close()
    ledger = open_ledger(tmp_path / "source")

    assert ledger.newest_base == base
    assert (ledger.waiting.count == 0) == (base is not None)
    ledger.close()


def test_the_same_snapshot_twice_and_one_below_the_tip_change_nothing(
    source: Source, late: Ledger
) -> None:
    older = source.end(4)
    source.stage_and_install(late)
    late.install(source.end())
    with pytest.raises(WrongBlock, match="height"):
        late.install(older)

    assert late.tip == source.ledger.tip


def test_a_second_snapshot_goes_into_the_other_slot_over_what_was_left_there(
    source: Source, tmp_path: Path
) -> None:
    path = tmp_path / "late"
    late = open_ledger(path)
    source.stage_and_install(late)
    for _ in range(4):
        source.grow()
    source.stage_and_install(late)
    source.grow(late)

    assert late.tip == source.ledger.tip
    late.close()
    assert open_and_close(path) == source.ledger.tip_digest


def open_and_close(path: Path) -> bytes:
    ledger = open_ledger(path)
    digest = ledger.tip_digest
    ledger.close()
    return digest


def test_the_state_that_is_not_live_any_more_is_swept_in_small_steps(
    source: Source, tmp_path: Path
) -> None:
    path = tmp_path / "late"
    late = open_ledger(path)
    source.stage_and_install(late)
    steps = 1
    while late.staging.sweep(keys_max=3):
        steps += 1
    late.close()

    assert steps > 2
    assert keys_in(path, 0) == 0
    assert open_and_close(path) == source.ledger.tip_digest


def test_an_open_staging_is_not_swept_and_a_dropped_one_is(source: Source, late: Ledger) -> None:
    source.stage(late, count=100)
    late.staging.open()
    late.staging.drop()
    assert not late.staging.sweep(keys_max=10)
    late.staging.close()
    assert late.staging.sweep(keys_max=10)


def test_what_has_not_changed_is_found_again_for_a_later_height(
    source: Source, late: Ledger
) -> None:
    source.stage(late, count=128)
    source.grow()
    source.grow()
    held = [
        late.staging.of(keys).holds(page.subtree, digest)
        for keys, page, digest in source.pages()
        if digest != empty_subtree(source.h, bits=BITS)
    ]

    assert any(held)
    assert not all(held)
    source.stage_and_install(late)
    assert late.tip == source.ledger.tip


@pytest.mark.parametrize("name", ["state", "index"])
@pytest.mark.parametrize("left_out", [0, 17, 255])
def test_a_map_that_is_not_whole_is_never_switched_to(
    source: Source, tmp_path: Path, left_out: int, name: str
) -> None:
    late = open_ledger(tmp_path / "late")
    for keys, page, digest in source.pages():
        if (keys.name, page.subtree) != (name, left_out):
            rows = verify_page(source.h, bits=BITS, digest=digest, page=page)
            late.staging.of(keys).put(page, rows, digest=digest)
    exported = source.ledger.export(BLOCKS)
    if not items_of(exported, name, left_out):
        late.install(source.end())
        assert late.tip == source.ledger.tip
    else:
        with pytest.raises(DamagedLedger, match=f"{name} root"):
            late.install(source.end())
        assert late.height == 0
        one = exported.maps[name]
        assert not late.staging.of(one.keys).holds(1, cut_manifest(one.manifest)[1])
    late.close()


def _edge_lies(edge: LogEdge) -> dict[str, LogEdge]:
    return {
        "node changed": replace(edge, nodes=(bytes(32), *edge.nodes[1:])),
        "node missing": replace(edge, nodes=edge.nodes[1:]),
        "node more": replace(edge, nodes=(*edge.nodes, bytes(32))),
        "entry changed": replace(edge, entries=(b"x", *edge.entries[1:])),
        "entry missing": replace(edge, entries=edge.entries[1:]),
        "entry more": replace(edge, entries=(*edge.entries, b"x")),
        "entries swapped": replace(edge, entries=tuple(reversed(edge.entries))),
    }


def test_an_edge_that_is_not_that_of_the_header_is_refused(source: Source, late: Ledger) -> None:
    end = source.end()
    source.stage(late)
    verify_edge(source.h, header=end.header, edge=end.edge)

    for name, lie in _edge_lies(end.edge).items():
        with pytest.raises(InvalidProof):
            verify_edge(source.h, header=end.header, edge=lie)
        with pytest.raises(InvalidProof):
            late.install(replace(end, edge=lie))
        assert late.height == 0, name


def _page_lies(page: SubtreePage, h: Hash) -> dict[str, SubtreePage]:
    (items,) = page.buckets
    (key, value), *rest = items
    rows = rows_of_items(h, items)
    swallowed = ((rows[:-32], items[-1][1]),)
    return {
        "all but the last value left out, their rows within the last key": replace(
            page, buckets=(swallowed,)
        ),
        "value changed": replace(page, buckets=(((key, value + b"x"), *rest),)),
        "value of another key": replace(page, buckets=(((bytes(32), value), *rest),)),
        "key too short": replace(page, buckets=(((key[:-1], value), *rest),)),
        "item left out": replace(page, buckets=(tuple(rest),)),
        "item twice": replace(page, buckets=((items[0], *items),)),
        "items swapped": replace(page, buckets=(tuple(reversed(items)),)),
        "no bucket": replace(page, buckets=()),
        "two buckets": replace(page, buckets=(items, items)),
        "another place": replace(page, first=1),
        "digest beside it": replace(page, others=(bytes(32),)),
        "other subtree": replace(page, subtree=page.subtree ^ 1),
    }


def test_a_page_with_a_lie_in_it_is_refused_at_that_page(source: Source) -> None:
    _, page, digest = max(source.pages(), key=lambda one: len(one[1].buckets[0]))
    assert len(page.buckets[0]) > 1
    verify_page(source.h, bits=BITS, digest=digest, page=page)

    passed = []
    for name, lie in _page_lies(page, source.h).items():
        with contextlib.suppress(InvalidProof):
            verify_page(source.h, bits=BITS, digest=digest, page=lie)
            passed.append(name)
    assert passed == []


@pytest.mark.parametrize("name", ["state"])
def test_a_manifest_is_that_of_the_map_s_root_or_refused(source: Source, name: str) -> None:
    root = source.ledger.tip.rest.map_root(name)
    manifest = cut_manifest(source.ledger.export(BLOCKS).maps[name].manifest)
    assert len(manifest) == subtree_count(BITS)
    verify_manifest(source.h, bits=BITS, root=root, manifest=manifest)

    turned = manifest[::-1]
    assert turned != manifest
    for lie in (manifest[1:], (*manifest, manifest[0]), turned, (bytes(32), *manifest[1:])):
        with pytest.raises(InvalidProof):
            verify_manifest(source.h, bits=BITS, root=root, manifest=lie)
    with pytest.raises(InvalidProof):
        cut_manifest(bytes(33))


def test_a_kept_height_is_exported_as_it_was_while_the_chain_goes_on(
    source: Source, late: Ledger
) -> None:
    before = list(source.pages(BLOCKS))
    exported = source.ledger.export(BLOCKS)
    for _ in range(5):
        source.grow()

    assert list(source.pages(BLOCKS)) == before
    assert source.ledger.export(BLOCKS).maps == exported.maps
    source.stage(late, height=BLOCKS)
    late.install(source.end(BLOCKS))
    assert late.tip == source.ledger.header(BLOCKS)


class CutStore(Store):
    """A store whose process ends at its n-th write."""

    writes_left = 10**9

    def write(self, changes: Iterable[Change], *, sync: bool) -> None:
        if self.writes_left == 0:
            raise StoreFailed(operation="write", cause="cut by the test")
        self.writes_left -= 1
        super().write(changes, sync=sync)


def test_cut_at_every_write_the_ledger_stands_where_it_was_or_on_the_snapshot(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainnode.ledger.chain.Store", CutStore)
    path = tmp_path / "late"
    open_and_close(path)
    outcomes = []
    # Each life gets one write further than the life before; what was staged stays.
    for writes in itertools.count():
        late = open_ledger(path)
        store = late._store  # noqa: SLF001 - the writes to be cut
        assert isinstance(store, CutStore)
        store.writes_left = writes % 40
        with contextlib.suppress(StoreFailed):
            for keys, page, digest in source.pages():
                if not late.staging.of(keys).holds(page.subtree, digest):
                    rows = verify_page(source.h, bits=BITS, digest=digest, page=page)
                    late.staging.of(keys).put(page, rows, digest=digest)
            late.install(source.end())
        outcomes.append(late.height)
        late.close()
        if open_and_close(path) == source.ledger.tip_digest:
            break

    assert set(outcomes) == {0, BLOCKS}
    assert outcomes == sorted(outcomes)
    assert len(outcomes) > 10


def test_a_switch_that_is_cut_off_is_made_by_the_next_life(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainnode.ledger.chain.Store", CutStore)
    late = open_ledger(tmp_path / "late")
    source.stage(late)
    store = late._store  # noqa: SLF001 - the write to be cut
    assert isinstance(store, CutStore)
    store.writes_left = 0
    with pytest.raises(StoreFailed):
        late.install(source.end())
    assert late.height == 0
    late.close()

    late = open_ledger(tmp_path / "late")
    assert late.height == 0
    late.install(source.end())
    assert late.tip == source.ledger.tip
    late.close()


def test_batches_go_a_few_at_a_time_and_never_above_what_is_certified(source: Source) -> None:
    ledger = source.ledger
    with pytest.raises(UnknownHeight):
        ledger.prune_batches(BLOCKS + 1)
    steps = 1
    while ledger.prune_batches(7, count_max=2):
        steps += 1
    assert ledger.prune_batches(3) is False

    assert (steps, ledger.floor) == (4, 7)
    gone = [one for one in range(BLOCKS + 1) if ledger.batch_bytes(one) is None]
    assert gone == [*range(7)]
    entry = ledger.entry(0)
    path = ledger.record_path(0, ledger.log_size)
    verify_record(source.h, header=ledger.tip, entry=entry, position=0, path=path)


def test_how_far_was_pruned_is_known_after_a_restart(tmp_path: Path) -> None:
    source = Source(tmp_path / "chain")
    source.ledger.prune_batches(5)
    source.ledger.close()

    ledger = open_ledger(tmp_path / "chain")
    assert ledger.floor == 5
    assert ledger.prune_batches(7) is False
    assert ledger.batch_bytes(6) is None
    assert ledger.batch_bytes(7) is not None
    ledger.close()
