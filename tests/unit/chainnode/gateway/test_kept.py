"""Messages that a department keeps, to show parts of them, and forgets."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError, StorageError
from chainnode.exchange import Field, Half
from chainnode.gateway.kept import DamagedKept, KeptCall, KeptCalls, KeptConflict, KeptMessage
from chainnode.suites import suite_named

SUITES = ("sm", "intl")
SECRET = bytes(range(32))
NAME = "样例甲"
HALF = Half(chain_id=b"c" * 32, requester="HOUSING", provider="POLICE", call_id=b"i" * 16, side=1)
CALL = KeptCall(
    request=KeptMessage(seed=b"q" * 32, fields=(Field("body.id", '"110101"'),)),
    response=KeptMessage(seed=b"a" * 32, fields=(Field("status", "200"), Field("body.n", NAME))),
)


def kept_at(path: Path, suite: str = "intl", secret: bytes = SECRET) -> KeptCalls:
    return KeptCalls(path / "kept.sqlite", suite=suite_named(suite), secret=secret)


def bytes_of(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.iterdir()))


@pytest.mark.parametrize("suite", SUITES)
def test_what_was_kept_is_found_again_after_a_restart(tmp_path: Path, suite: str) -> None:
    first = kept_at(tmp_path, suite)
    first.keep(HALF, CALL, now_ms=1)
    first.close()
    assert kept_at(tmp_path, suite).find(HALF) == CALL


def test_a_call_of_which_one_message_is_missing_is_kept_too(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    without_answer = replace(CALL, response=KeptMessage())
    kept.keep(HALF, without_answer, now_ms=1)
    assert kept.find(HALF) == without_answer


def test_what_is_kept_of_a_half_is_never_replaced(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    assert kept.keep(HALF, CALL, now_ms=1)
    assert not kept.keep(HALF, CALL, now_ms=2)
    with pytest.raises(KeptConflict):
        kept.keep(HALF, replace(CALL, response=KeptMessage()), now_ms=3)
    assert kept.find(HALF) == CALL


def test_what_was_kept_of_a_half_that_was_not_recorded_is_taken_back(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=1)
    kept.take_back(HALF)
    assert kept.find(HALF) is None
    assert kept.keep(HALF, replace(CALL, response=KeptMessage()), now_ms=2)


@pytest.mark.parametrize("change", [{"side": 0}, {"call_id": b"j" * 16}, {"chain_id": b"d" * 32}])
def test_another_half_is_not_found(tmp_path: Path, change: dict[str, object]) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=1)
    assert kept.find(replace(HALF, **change)) is None  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("suite", SUITES)
def test_the_files_show_neither_content_nor_whose_call_it_is(tmp_path: Path, suite: str) -> None:
    kept = kept_at(tmp_path, suite)
    kept.keep(HALF, CALL, now_ms=1)
    content = bytes_of(tmp_path)
    for secret in (NAME.encode(), b"110101", HALF.call_id, b"HOUSING", b"q" * 32, SECRET):
        assert secret not in content


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    kept_at(tmp_path)
    assert stat.S_IMODE((tmp_path / "kept.sqlite").stat().st_mode) == 0o600


def test_another_secret_finds_nothing(tmp_path: Path) -> None:
    kept_at(tmp_path).keep(HALF, CALL, now_ms=1)
    assert kept_at(tmp_path, secret=SECRET[::-1]).find(HALF) is None


def test_a_changed_row_is_damage_and_not_an_answer(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=1)
    kept._database.execute("UPDATE kept SET sealed = zeroblob(length(sealed))")  # noqa: SLF001 - damage
    with pytest.raises(DamagedKept):
        kept.find(HALF)


def test_what_is_erased_is_in_no_file_any_more(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=1)
    kept.keep(replace(HALF, side=0), CALL, now_ms=1)
    sealed = [row[0] for row in kept._database.execute("SELECT sealed FROM kept")]  # noqa: SLF001 - to search for
    assert all(one in bytes_of(tmp_path) for one in sealed)

    assert kept.erase(HALF)
    assert kept.erase_before(2) == 1

    content = bytes_of(tmp_path)
    assert not any(one[-64:] in content for one in sealed)
    assert (kept.find(HALF), kept.erase(HALF)) == (None, False)


def test_copies_that_stay_in_a_log_in_use_are_not_called_erased(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=1)
    kept._database.execute("PRAGMA busy_timeout = 0")  # noqa: SLF001 - no waiting in a test
    reader = sqlite3.connect(tmp_path / "kept.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM kept").fetchall()

    with pytest.raises(StorageError, match="copies"):
        kept.erase(HALF)

    reader.execute("COMMIT")
    assert not kept.erase(HALF)
    assert (tmp_path / "kept.sqlite-wal").stat().st_size == 0


def test_only_what_is_older_is_erased_by_time(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(HALF, CALL, now_ms=10)
    assert kept.erase_before(10) == 0
    assert kept.find(HALF) == CALL


def test_a_place_where_nothing_can_be_kept_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot keep calls"):
        kept_at(tmp_path / "missing")


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        kept_at(tmp_path, secret=b"short")
