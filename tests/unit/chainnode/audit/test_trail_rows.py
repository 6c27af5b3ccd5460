"""Proofs built from the read model are those built from the rows themselves, of any length."""

import pytest

from chainnode.audit import AuditDatabase, AuditStore, DamagedReadModel
from chainnode.audit import trail_rows as trail_rows_module
from chainnode.audit.growth import row_node
from chainnode.audit.trail_rows import TrailRows
from chainnode.ledger.bucket_map import MapProof
from chainnode.ledger.merkle import hash_leaf
from chainnode.ledger.trail_building import (
    Listing,
    RowRange,
    build_trail_proof,
)
from chainnode.ledger.trails import EMPTY_TRAIL, Trail
from tests.audit_places import AuditPlace
from tests.listed_trail import ListedTrail, extended
from tests.unit.chainnode.audit.memory_log import ALICE, BOB, CHAIN_ID, H, MemoryLog


async def followed(place: AuditPlace, log: MemoryLog) -> AuditDatabase:
    database = place.open(CHAIN_ID)
    await AuditStore(database, log, h=H).reach(log.index_size)
    return database


def listing_of(log: MemoryLog, key: bytes) -> Listing:
    trail: Trail = EMPTY_TRAIL
    for rows in log.chunks(key):
        trail, _ = extended(H, trail, rows)
    return Listing(index_key=key, trail=trail, map_proof=MapProof(rows=b"", siblings=()))


def source_of(database: AuditDatabase, log: MemoryLog, key: bytes, shown: RowRange) -> TrailRows:
    (state,) = database.states([key]).values()
    rows = database.rows_from(state.identity, 0, limit=10**6)
    return TrailRows(
        H,
        database,
        trail=state.identity,
        run=rows[shown.start : shown.stop],
        leaf=lambda position: hash_leaf(H, log.data[position]),
    )


RUNS = [
    (0, 1),
    (0, 400),
    (3, 5),
    (63, 64),
    (64, 128),
    (65, 131),
    (199, 203),
    (250, 400),
    (399, 400),
]


@pytest.mark.parametrize("per_advance", [2, 30, 600])
async def test_a_proof_from_the_store_equals_one_from_all_rows(
    place: AuditPlace, per_advance: int
) -> None:
    log = MemoryLog(1200, per_advance=per_advance)
    database = await followed(place, log)
    listing = listing_of(log, ALICE)
    listed = ListedTrail(H, log.chunks(ALICE))
    for start, stop in RUNS:
        shown = RowRange(start=start, stop=stop)
        source = source_of(database, log, ALICE, shown)
        built = build_trail_proof(H, listing, shown=shown, source=source)
        assert built == build_trail_proof(H, listing, shown=shown, source=listed)
    database.close()


async def test_a_trail_of_more_than_a_thousand_chunks_is_proven_from_any_row(
    place: AuditPlace,
) -> None:
    log = MemoryLog(4200, per_advance=2)
    database = await followed(place, log)
    listing = listing_of(log, BOB)
    assert listing.trail is not None
    assert listing.trail.chunks > 2_000
    listed = ListedTrail(H, log.chunks(BOB))
    for start in range(0, listing.trail.rows - 5, 331):
        shown = RowRange(start=start, stop=start + 5)
        source = source_of(database, log, BOB, shown)
        built = build_trail_proof(H, listing, shown=shown, source=source)
        assert built == build_trail_proof(H, listing, shown=shown, source=listed)
    database.close()


async def test_a_page_hashes_few_rows_that_it_does_not_show(place: AuditPlace) -> None:
    log = MemoryLog(12_000, per_advance=12_000)
    database = await followed(place, log)
    (state,) = database.states([BOB]).values()
    run = database.rows_from(state.identity, 5_000, limit=10)
    read: list[int] = []

    def leaf(position: int) -> bytes:
        read.append(position)
        return hash_leaf(H, log.data[position])

    source = TrailRows(H, database, trail=state.identity, run=run, leaf=leaf)
    shown = RowRange(start=run[0].row, stop=run[-1].row + 1)
    build_trail_proof(H, listing_of(log, BOB), shown=shown, source=source)
    assert len(read) <= 10 + 3 * 64
    database.close()


async def test_rows_that_are_not_neighbours_are_a_lie(place: AuditPlace) -> None:
    log = MemoryLog(120)
    database = await followed(place, log)
    source = source_of(database, log, BOB, RowRange(start=3, stop=9))
    with pytest.raises(DamagedReadModel, match="gap"):
        source.rows(3, 11)
    with pytest.raises(DamagedReadModel, match="more than it has rows"):
        source.chunks(0, 50)
    with pytest.raises(DamagedReadModel, match="node over the chunks"):
        source.node(9, 9)
    database.close()


async def test_a_chunk_that_claims_more_rows_than_can_be_is_not_read_for_ever(
    place: AuditPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_rows_module, "_CHUNK_ROWS_MAX", 2)
    log = MemoryLog(120)
    database = await followed(place, log)
    source = source_of(database, log, BOB, RowRange(start=0, stop=1))
    with pytest.raises(DamagedReadModel, match="fewer than it counts"):
        source.row_node(0, 0, 2)
    database.close()


def test_a_node_over_rows_of_a_damaged_chunk_is_no_digest() -> None:
    assert row_node(H, level=7, index=3, nodes=b"", leaf=lambda _: b"") == b""
