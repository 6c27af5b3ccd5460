"""The read model finds what the log holds, pages without drifting, and can be lost at any time."""

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from chainnode.audit import (
    AuditPage,
    AuditStore,
    InvalidAuditQuery,
    InvalidCursor,
    ReadModelUnavailable,
    SqliteAuditDatabase,
)
from chainnode.audit import store as store_module
from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.ledger.types import Entry, Head, Header, Rest

CHAIN_ID = b"\x01" * 32
SUBJECT, REQUESTER = 1, 2
ALICE, BOB = b"\x01" + b"a" * 32, b"\x01" + b"b" * 32
POLICE, TAX = b"\x02POLICE", b"\x02TAX"
# Two entries a block, a block a second.
PER_BLOCK = 2


class MemoryLog:
    """An `EntrySource` over a list; block h holds entries 2h − 2 and 2h − 1."""

    base_height = 0

    def __init__(self, count: int = 0) -> None:
        self.data: list[bytes] = []
        self.grow(count)

    def grow(self, count: int) -> None:
        for position in range(len(self.data), len(self.data) + count):
            subject = ALICE if position % 3 == 0 else BOB
            keys = tuple(sorted((subject, POLICE if position % 2 else TAX)))
            height = position // PER_BLOCK + 1
            entry = Entry(
                height=height,
                time_ms=height * 1000,
                submission_digest=bytes(32),
                call_index=0,
                organisation="ORG",
                key_id=bytes(20),
                contract="access",
                contract_version=1,
                outcome=0,
                index_keys=keys,
                body_digest=bytes(32),
            )
            self.data.append(encode_entry(entry))

    @property
    def height(self) -> int:
        return -(-len(self.data) // PER_BLOCK)

    def header(self, height: int) -> Header:
        zero = bytes(32)
        head = Head(
            chain_id=CHAIN_ID,
            epoch=0,
            height=height,
            time_ms=height * 1000,
            parent_digest=zero,
            batch_digest=zero,
            log_size=min(height * PER_BLOCK, len(self.data)),
        )
        return _header(head)

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        return iter(self.data[start:stop])


def _header(head: Head) -> Header:
    zero = bytes(32)
    rest = Rest(
        log_root=zero,
        records_root=zero,
        index_root=zero,
        state_root=zero,
        receipts_root=zero,
        members_digest=zero,
        next_members_digest=zero,
    )
    return Header(head=head, rest=rest)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(100)


@pytest.fixture
def store(tmp_path: Path, log: MemoryLog) -> Iterator[AuditStore]:
    database = SqliteAuditDatabase(tmp_path / "audit.sqlite", chain_id=CHAIN_ID)
    opened = AuditStore(database, log)
    yield opened
    opened.close()


async def ask(
    store: AuditStore,
    *keys: bytes,
    kind: int = SUBJECT,
    period: tuple[int, int] = (0, 0),
    cursor: str | None = None,
    height: int = 50,
    limit: int = 500,
) -> AuditPage:
    await store.reach(height)
    return await find_only(
        store, *keys, kind=kind, period=period, cursor=cursor, height=height, limit=limit
    )


async def find_only(
    store: AuditStore,
    *keys: bytes,
    kind: int = SUBJECT,
    period: tuple[int, int] = (0, 0),
    cursor: str | None = None,
    height: int = 50,
    limit: int = 500,
) -> AuditPage:
    return await store.find(
        kind=kind,
        keys=keys,
        from_ms=period[0],
        to_ms=period[1],
        cursor=cursor,
        as_of_height=height,
        limit=limit,
    )


def expected(log: MemoryLog, *keys: bytes, low: int = 0, high: int = 10**9) -> tuple[int, ...]:
    """Scan the whole log: the oracle."""
    entries = [decode_entry(one) for one in log.data]
    return tuple(
        position
        for position, one in enumerate(entries)
        if set(keys) & set(one.index_keys) and low <= one.time_ms < high
    )


async def test_a_key_is_found_at_every_position_that_carries_it(
    store: AuditStore, log: MemoryLog
) -> None:
    page = await ask(store, ALICE)
    assert page.positions == expected(log, ALICE)
    assert page.next_cursor is None
    assert page.as_of_height == 50


async def test_an_entry_with_two_of_the_asked_keys_is_shown_once(store: AuditStore) -> None:
    page = await ask(store, ALICE, BOB)
    assert page.positions == tuple(range(100))


async def test_without_keys_every_entry_of_the_kind_is_found_once(store: AuditStore) -> None:
    page = await ask(store, kind=REQUESTER)
    assert page.positions == tuple(range(100))
    assert (await ask(store, kind=7)).positions == ()


@pytest.mark.parametrize(
    ("period", "low", "high"),
    [
        ((10_000, 20_000), 10_000, 20_000),
        ((10_001, 20_001), 10_001, 20_001),
        ((0, 1000), 0, 1000),
        ((0, 1001), 0, 1001),
        ((50_000, 0), 50_000, 10**9),
        ((50_001, 0), 50_001, 10**9),
        ((60_000, 70_000), 60_000, 70_000),
    ],
)
async def test_the_period_begins_at_from_and_ends_before_to(
    store: AuditStore, log: MemoryLog, period: tuple[int, int], low: int, high: int
) -> None:
    page = await ask(store, BOB, period=period)
    assert page.positions == expected(log, BOB, low=low, high=high)


async def test_pages_stay_at_the_height_of_the_first_while_the_log_grows(
    store: AuditStore, log: MemoryLog
) -> None:
    before = expected(log, BOB)
    page = await ask(store, BOB, limit=7)
    found = list(page.positions)
    while page.next_cursor is not None:
        log.grow(10)
        page = await ask(store, BOB, cursor=page.next_cursor, height=log.height, limit=7)
        found += page.positions
        assert page.as_of_height == 50
    assert tuple(found) == before
    assert all(left < right for left, right in pairwise(found))


async def test_a_page_that_ends_exactly_at_the_limit_has_no_cursor(
    store: AuditStore, log: MemoryLog
) -> None:
    count = len(expected(log, ALICE))
    assert (await ask(store, ALICE, limit=count)).next_cursor is None
    assert (await ask(store, ALICE, limit=count - 1)).next_cursor is not None


async def test_entries_above_the_asked_height_are_not_shown(store: AuditStore) -> None:
    await store.reach(50)
    page = await ask(store, ALICE, BOB, height=10)
    assert page.positions == tuple(range(20))


async def test_following_in_small_steps_finds_the_same(
    store: AuditStore, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "STEP_ENTRIES", 3)
    assert (await ask(store, BOB)).positions == expected(log, BOB)


async def test_a_reopened_file_goes_on_where_it_stood(tmp_path: Path, log: MemoryLog) -> None:
    path = tmp_path / "audit.sqlite"
    first = AuditStore(SqliteAuditDatabase(path, chain_id=CHAIN_ID), log)
    await first.reach(50)
    first.close()
    log.grow(20)
    database = SqliteAuditDatabase(path, chain_id=CHAIN_ID)
    assert database.progress().log_size == 100
    second = AuditStore(database, log)
    assert (await ask(second, BOB, height=60)).positions == expected(log, BOB)
    second.close()


@pytest.mark.parametrize("damage", ["not a database", "another chain", "another version"])
async def test_a_file_that_cannot_be_used_is_rebuilt(
    tmp_path: Path, log: MemoryLog, damage: str
) -> None:
    path = tmp_path / "audit.sqlite"
    other = b"\x02" * 32 if damage == "another chain" else CHAIN_ID
    old = AuditStore(SqliteAuditDatabase(path, chain_id=other), log)
    await old.reach(50)
    old.close()
    if damage == "not a database":
        path.write_bytes(b"x" * 8192)
    if damage == "another version":
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE meta SET value = 99 WHERE name = 'version'")
        connection.close()
    database = SqliteAuditDatabase(path, chain_id=CHAIN_ID)
    assert database.progress().log_size == 0
    store = AuditStore(database, log)
    assert (await ask(store, BOB)).positions == expected(log, BOB)
    store.close()


async def test_a_model_that_knows_more_than_the_ledger_is_rebuilt(tmp_path: Path) -> None:
    database = SqliteAuditDatabase(tmp_path / "audit.sqlite", chain_id=CHAIN_ID)
    await AuditStore(database, MemoryLog(100)).reach(50)
    shorter = MemoryLog(40)
    store = AuditStore(database, shorter)
    page = await ask(store, BOB, height=20)
    assert page.positions == expected(shorter, BOB)
    assert database.progress().log_size == 40
    store.close()


async def test_tables_lost_at_run_time_are_rebuilt(tmp_path: Path, log: MemoryLog) -> None:
    path = tmp_path / "audit.sqlite"
    store = AuditStore(SqliteAuditDatabase(path, chain_id=CHAIN_ID), log)
    await store.reach(50)
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE meta; DROP TABLE keys;")
    connection.close()
    assert (await ask(store, BOB)).positions == expected(log, BOB)
    store.close()


async def test_a_height_that_does_not_come_in_time_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "STEP_ENTRIES", 1)
    database = SqliteAuditDatabase(tmp_path / "audit.sqlite", chain_id=CHAIN_ID)
    store = AuditStore(database, MemoryLog(1000))
    with pytest.raises(ReadModelUnavailable, match="500"):
        await store.reach(500, timeout_s=0)
    store.close()


async def test_notify_catches_up_without_a_question(tmp_path: Path, log: MemoryLog) -> None:
    database = SqliteAuditDatabase(tmp_path / "audit.sqlite", chain_id=CHAIN_ID)
    store = AuditStore(database, log)
    store.notify()
    # The question waits in the same queue, and it does not follow by itself.
    page = await find_only(store, BOB)
    assert page.positions == expected(log, BOB)
    store.close()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "1", "1.2.3", "-1.2", "１.2", "1.99999999999999999", "51.3", "1.2\n", "9" * 40],
)
async def test_a_cursor_that_was_not_given_here_is_refused(store: AuditStore, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await ask(store, BOB, cursor=cursor)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 256}, "kind"),
        ({"kind": 2}, "kind of a key"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"from_ms": -1}, "from_ms"),
        ({"to_ms": 2**53}, "to_ms"),
        ({"keys": (ALICE,) * 17}, "number of keys"),
        ({"keys": (b"",)}, "bytes of a key"),
        ({"keys": (b"\x01" * 65,)}, "bytes of a key"),
    ],
)
async def test_a_query_out_of_bounds_is_refused_by_name(
    store: AuditStore, change: dict[str, object], what: str
) -> None:
    legal: dict[str, object] = {
        "kind": 1,
        "keys": (ALICE,),
        "from_ms": 0,
        "to_ms": 0,
        "cursor": None,
        "as_of_height": 0,
        "limit": 10,
    }
    with pytest.raises(InvalidAuditQuery) as refusal:
        await store.find(**{**legal, **change})  # type: ignore[arg-type]  # wrong ones are meant
    assert refusal.value.what == what


async def test_above_a_snapshot_the_model_begins_with_what_is_here(tmp_path: Path) -> None:
    log = MemoryLog(100)
    database = SqliteAuditDatabase(tmp_path / "audit.sqlite", chain_id=CHAIN_ID)
    store = AuditStore(database, log)
    assert len((await ask(store, ALICE, height=10)).positions) == 7

    log.base_height = 40
    log.data[:80] = [b"not here"] * 80
    page = await ask(store, ALICE)

    assert page.positions == (81, 84, 87, 90, 93, 96, 99)
    assert database.progress().height == 50
    store.close()
