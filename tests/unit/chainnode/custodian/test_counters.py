"""Counts that survive everything: ceilings over restarts, intervals that never leave a gap."""

import sqlite3
import threading
from pathlib import Path

import pytest

from chainnode.custodian.counters import FILE, Audit, Counters, Interval
from chainnode.custodian.refusals import AskRefused
from chainnode.errors import StorageError

DAY = 20_260_301
CEILING = 1_000


def count(counters: Counters, **made: int) -> None:
    counters.count_made(made, asker="A1", day=DAY, ceiling=CEILING)


def test_what_was_counted_is_there_after_a_kill(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    count(counters, P1=3, H1=2)
    counters.count_refused({"P1": 4}, asker="A1", day=DAY)
    # Not closed: what a second process sees is what a killed one left.
    again = Counters(tmp_path)
    assert again.totals() == (5, 4)
    assert again.departments() == ("H1", "P1")


def test_a_ceiling_counts_nothing_when_it_refuses(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    count(counters, P1=CEILING - 1)
    with pytest.raises(AskRefused):
        count(counters, P1=1, H1=1)
    count(counters, P1=1)
    assert counters.totals() == (CEILING, 0)
    assert counters.departments() == ("P1",)


def test_an_interval_stays_the_same_until_the_ledger_has_it(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    assert counters.close_interval("P1", epoch=1, to_ms=100) is None
    count(counters, P1=3)
    first = counters.close_interval("P1", epoch=1, to_ms=100)
    count(counters, P1=5)
    counters.count_refused({"P1": 2}, asker="A1", day=DAY)
    # A restart, a later time and a new epoch change nothing of what may be on its way.
    again = Counters(tmp_path).close_interval("P1", epoch=2, to_ms=200)
    assert first == again == Interval(department="P1", epoch=1, to_ms=100, made=3, refused=0)
    assert first is not None
    counters.told(first)
    later = counters.close_interval("P1", epoch=2, to_ms=300)
    assert later == Interval(department="P1", epoch=2, to_ms=300, made=5, refused=2)
    counters.told(first)
    assert counters.close_interval("P1", epoch=3, to_ms=400) == later


def test_intervals_add_up_to_what_was_counted_by_many_threads(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    told = 0

    def work() -> None:
        for _ in range(20):
            count(counters, P1=1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for to_ms in range(1, 10):
        interval = counters.close_interval("P1", epoch=1, to_ms=to_ms)
        if interval is not None:
            told += interval.made
            counters.told(interval)
    for one in threads:
        one.join()
    rest = counters.close_interval("P1", epoch=1, to_ms=99)
    assert told + (rest.made if rest else 0) == 80


def test_an_auditors_ask_is_remembered_without_whom_it_was_about(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    audit = Audit(
        at_ms=5, organisation="D1", key_id=b"k" * 20, places=3, identifiers=1, purpose="本人查询"
    )
    counters.count_made({"P1": 3}, asker="D1 audit", day=DAY, ceiling=CEILING, audit=audit)
    with sqlite3.connect(tmp_path / FILE) as database:
        rows = database.execute("SELECT * FROM audits").fetchall()
    database.close()
    assert rows == [(1, 5, "D1", b"k" * 20, 3, 1, "本人查询")]


def test_the_file_is_ours_alone_and_a_damaged_one_stops_the_service(tmp_path: Path) -> None:
    Counters(tmp_path).close()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError):
        Counters(tmp_path)
