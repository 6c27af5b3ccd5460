"""LevelDB behind the wall: atomic writes, snapshots, and nothing after the first error."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.ledger import store as store_module
from chainnode.ledger.store import Store, StoreFailed


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "db")


def rows(store: Store, *, reverse: bool = False) -> list[tuple[bytes, bytes]]:
    return list(store.iterate(start=b"a", stop=b"c", reverse=reverse))


def test_what_was_written_is_read_ranges_end_before_their_stop_and_none_deletes(
    store: Store,
) -> None:
    store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")], sync=True)

    assert store.get(b"a") == b"1"
    assert store.get(b"x") is None
    assert rows(store) == [(b"a", b"1"), (b"b", b"2")]
    assert rows(store, reverse=True) == [(b"b", b"2"), (b"a", b"1")]
    store.write([(b"a", None)], sync=False)
    assert store.get(b"a") is None
    store.close()


def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    store.write([(b"a", b"1")], sync=False)

    snapshot = store.snapshot()
    store.write([(b"a", b"2"), (b"b", b"2")], sync=False)

    assert (snapshot.get(b"a"), snapshot.get(b"b")) == (b"1", None)
    assert store.get(b"a") == b"2"
    store.close()


def test_what_was_written_survives_closing(tmp_path: Path, store: Store) -> None:
    store.write([(b"a", b"1")], sync=False)
    store.close()

    reopened = Store.open(tmp_path / "db")

    assert reopened.get(b"a") == b"1"
    reopened.close()


def test_nothing_of_a_batch_that_could_not_be_built_is_written(store: Store) -> None:
    with pytest.raises(TypeError):
        store.write([(b"a", b"1"), (b"b", "text")], sync=True)  # type: ignore[list-item]  # the point

    assert store.get(b"a") is None
    assert not store.has_failed
    store.close()


CALLS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(b"a"),
    "iterate": lambda store: list(store.iterate(start=b"a", stop=b"b")),
    "snapshot": lambda store: store.snapshot(),
    "write": lambda store: store.write([(b"b", b"2")], sync=False),
}


@pytest.mark.parametrize("name", CALLS)
def test_after_the_first_error_every_call_is_refused_naming_that_error(
    store: Store, name: str
) -> None:
    store.write([(b"a", b"1")], sync=True)
    snapshot = store.snapshot()
    store.close()
    with pytest.raises(StoreFailed, match="read failed"):
        store.get(b"a")

    with pytest.raises(StoreFailed, match="stopped after: ledger store: read failed"):
        CALLS[name](store)

    with pytest.raises(StoreFailed, match="stopped after"):
        snapshot.get(b"a")
    assert store.has_failed


def test_a_database_that_is_open_already_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreFailed, match="open failed"):
        Store.open(tmp_path / "db")

    store.close()


def test_the_name_of_a_new_log_is_durable_before_a_write_to_it_is_acknowledged(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "db"
    synced = [names_in(folder)]
    monkeypatch.setattr(store_module, "sync_folder", lambda path: synced.append(names_in(path)))

    for number in range(8):
        store.write([(b"%d" % number, os.urandom(4 * 1024 * 1024))], sync=True)
        assert {one for one in names_in(folder) if one.endswith(".log")} <= set().union(*synced)

    assert len(synced) > 1
    store.close()


def names_in(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def filled(path: Path) -> None:
    store = Store.open(path)
    for number in range(200):
        store.write([(b"a%03d" % number, number.to_bytes(2) * 100)], sync=False)
    store.close()


def read_all(path: Path) -> list[tuple[bytes, bytes]]:
    store = Store.open(path)
    try:
        return list(store.iterate(start=b"a", stop=b"b"))
    finally:
        store.close()


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0x10
    file.write_bytes(content)


def test_a_flipped_bit_in_the_log_is_found_at_opening(tmp_path: Path) -> None:
    filled(tmp_path / "db")
    (log,) = (tmp_path / "db").glob("*.log")

    flip(log, log.stat().st_size // 2)

    with pytest.raises(StoreFailed, match="open failed: Corruption"):
        Store.open(tmp_path / "db")


def test_a_flipped_bit_in_a_table_is_found_by_the_read_that_meets_it(tmp_path: Path) -> None:
    filled(tmp_path / "db")
    assert len(read_all(tmp_path / "db")) == 200
    (table,) = (tmp_path / "db").glob("*.ldb")

    flip(table, 100)

    with pytest.raises(StoreFailed, match="Corruption"):
        read_all(tmp_path / "db")
    store = Store.open(tmp_path / "db")
    with pytest.raises(StoreFailed, match="read failed: Corruption"):
        store.get(b"a000")
    store.close()
