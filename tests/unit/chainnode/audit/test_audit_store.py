"""The read model holds what the index holds, in either database, and can be lost at any time."""

from collections.abc import Iterator

import pytest

from chainnode.audit import AuditDatabase, AuditStore, DamagedReadModel, ReadModelUnavailable
from chainnode.audit import store as store_module
from chainnode.audit.port import Progress
from chainnode.ledger.merkle import MerkleTree, hash_leaf
from tests import naive_index
from tests.audit_places import AuditPlace
from tests.unit.chainnode.audit.memory_log import (
    ALICE,
    BOB,
    CHAIN_ID,
    NOBODY,
    PER_ADVANCE,
    POLICE,
    SUBJECT,
    TAX,
    H,
    MemoryLog,
)

# Of 400 entries the index covers 396, in 66 advances.
COUNT, COVERED = 400, 396


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(COUNT)


@pytest.fixture
def database(place: AuditPlace) -> Iterator[AuditDatabase]:
    opened = place.open(CHAIN_ID)
    yield opened
    opened.close()


def store_of(database: AuditDatabase, log: MemoryLog) -> AuditStore:
    return AuditStore(database, log, h=H)


async def followed(database: AuditDatabase, log: MemoryLog) -> None:
    await store_of(database, log).reach(log.index_size)


def require_equal(database: AuditDatabase, log: MemoryLog) -> None:
    """Hold every table against the index built word by word."""
    assert database.progress() == Progress(first_position=0, log_size=log.index_size)
    for key in (ALICE, BOB, POLICE, TAX):
        positions, chunks = log.positions(key), log.chunks(key)
        (state,) = database.states([key]).values()
        leaves = naive_index.chunk_leaves(H, chunks)
        assert (state.rows, state.chunks) == (len(positions), len(chunks))
        assert state.peaks == b"".join(naive_index.peaks(H, leaves))
        rows = database.rows_from(state.identity, 0, limit=10**6)
        assert [(one.row, one.position) for one in rows] == list(enumerate(positions))
        kept = database.chunks(state.identity, 0, len(chunks))
        assert [one.rows for one in kept] == [len(one) for one in chunks]
        assert [one.root for one in kept] == [naive_index.tree_root(H, one) for one in chunks]
        assert [rows[one.first_row].position for one in kept] == [
            one.first_position for one in kept
        ]
        assert all(rows[one.first_row].chunk == one.number for one in kept)
        tree = MerkleTree(H, [hash_leaf(H, leaf) for leaf in leaves])
        for level in range(4, len(chunks).bit_length()):
            for number in range(len(chunks) >> level):
                expected = naive_index.tree_root(H, leaves[number << level : number + 1 << level])
                assert database.node(state.identity, level, number) == expected
        assert tree.size == state.chunks


async def test_what_is_kept_is_what_the_index_holds(
    database: AuditDatabase, log: MemoryLog
) -> None:
    await followed(database, log)
    require_equal(database, log)
    assert database.states([NOBODY]) == {}


@pytest.mark.parametrize("step", [1, 7, 13, 100])
async def test_following_in_steps_of_any_size_gives_the_same(
    database: AuditDatabase, log: MemoryLog, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(store_module, "STEP_ENTRIES", step)
    await followed(database, log)
    require_equal(database, log)


async def test_a_log_that_grows_is_followed_to_where_the_index_stands(
    database: AuditDatabase, log: MemoryLog
) -> None:
    store = store_of(database, log)
    for _ in range(5):
        log.grow(PER_ADVANCE + 1)
        await store.reach(log.index_size)
        require_equal(database, log)
    store.close()


async def test_large_chunks_keep_the_digest_of_every_64_rows(database: AuditDatabase) -> None:
    log = MemoryLog(1200, per_advance=600)
    await followed(database, log)
    (state,) = database.states([BOB]).values()
    rows = log.chunks(BOB)[1]
    (chunk,) = database.chunks(state.identity, 1, 2)
    runs = [rows[at : at + 64] for at in range(0, len(rows) - 63, 64)]
    assert len(runs) == 6
    assert chunk.nodes == b"".join(naive_index.tree_root(H, one) for one in runs)


async def test_entries_are_found_by_kind_of_key(database: AuditDatabase, log: MemoryLog) -> None:
    await followed(database, log)
    assert database.positions(SUBJECT, 10, 20, limit=5) == [10, 11, 12, 13, 14]
    assert database.positions(SUBJECT, 390, 1000, limit=50) == list(range(390, COVERED))
    assert database.positions(7, 0, 1000, limit=50) == []


async def test_rows_are_found_on_either_side_of_a_position(
    database: AuditDatabase, log: MemoryLog
) -> None:
    await followed(database, log)
    (state,) = database.states([ALICE]).values()
    before = database.row_before(state.identity, 9)
    assert before is not None
    assert (before.position, before.row) == (6, 2)
    assert database.row_before(state.identity, 0) is None
    assert [one.position for one in database.rows_from(state.identity, 7, limit=2)] == [9, 12]


async def test_what_was_opened_again_goes_on_where_it_stood(
    place: AuditPlace, log: MemoryLog
) -> None:
    first = place.open(CHAIN_ID)
    await followed(first, log)
    first.close()
    log.grow(2 * PER_ADVANCE)

    second = place.open(CHAIN_ID)
    assert second.progress().log_size == COVERED
    await followed(second, log)
    require_equal(second, log)
    second.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE progress SET version = 99;",
        "UPDATE progress SET chain_id = root FROM trail_chunks WHERE trail_chunks.trail = 1;",
        "DELETE FROM progress;",
        "DROP TABLE progress;",
        "DROP TABLE trail_rows;",
    ],
)
async def test_tables_that_are_not_ours_are_rebuilt(
    place: AuditPlace, log: MemoryLog, damage: str
) -> None:
    database = place.open(CHAIN_ID)
    await followed(database, log)
    database.close()
    place.edit(damage)
    log.grow(PER_ADVANCE)

    again = place.open(CHAIN_ID)
    await followed(again, log)
    require_equal(again, log)
    again.close()


async def test_another_chain_begins_anew(place: AuditPlace, log: MemoryLog) -> None:
    other = place.open(b"\x02" * 32)
    await followed(other, log)
    other.close()
    database = place.open(CHAIN_ID)
    assert database.progress().log_size == 0
    database.close()


async def test_a_model_that_knows_more_than_the_ledger_is_rebuilt(
    database: AuditDatabase, log: MemoryLog
) -> None:
    await followed(database, log)
    shorter = MemoryLog(40)
    await followed(database, shorter)
    require_equal(database, shorter)


async def test_a_lie_that_the_follower_stumbles_over_is_an_alarm(
    place: AuditPlace, database: AuditDatabase, log: MemoryLog
) -> None:
    store = store_of(database, log)
    await store.reach(COVERED)
    place.edit("DELETE FROM trails;")
    log.grow(PER_ADVANCE)
    await store.reach(log.index_size)
    assert store.differences == 1
    require_equal(database, log)
    store.close()


async def test_what_an_answer_finds_to_differ_is_counted_logged_and_rebuilt(
    database: AuditDatabase, log: MemoryLog, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of(database, log)
    await store.reach(COVERED)

    def find(_: AuditDatabase) -> None:
        raise DamagedReadModel("rows of a trail: expected 7, got 6")

    with pytest.raises(DamagedReadModel):
        await store.ask(find)

    assert store.differences == 1
    assert [one.message for one in caplog.records] == ["audit_store_differs"]
    await store.reach(COVERED)
    require_equal(database, log)
    store.close()


async def test_a_size_that_does_not_come_in_time_is_unavailable(
    database: AuditDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "STEP_ENTRIES", 1)
    store = store_of(database, MemoryLog(1200))
    with pytest.raises(ReadModelUnavailable, match="1200"):
        await store.reach(1200, timeout_s=0)
    store.close()


async def test_notify_catches_up_without_a_question(
    database: AuditDatabase, log: MemoryLog
) -> None:
    store = store_of(database, log)
    store.notify()
    # The question waits in the same queue, and it does not follow by itself.
    assert await store.ask(lambda tables: tables.progress().log_size) == COVERED
    store.close()


async def test_above_a_snapshot_the_model_begins_with_what_is_here(
    database: AuditDatabase, log: MemoryLog
) -> None:
    await followed(database, MemoryLog(20))
    log.first_covered = 60
    await followed(database, log)
    assert database.progress() == Progress(first_position=60, log_size=COVERED)
    (state,) = database.states([ALICE]).values()
    assert state.rows == len([one for one in log.positions(ALICE) if one >= 60])
