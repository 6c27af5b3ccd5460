"""Writing the vote log: what is durable when, rotation, and the end after the first error."""

import os
import resource
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chainnode.errors import StorageError
from chainnode.votelog import log as vote_log
from chainnode.votelog.segment import decode_mark
from tests.unit.chainnode.votelog.plain_records import open_plain, read, segment, written


@contextmanager
def file_size_limited_to(size: int) -> Iterator[None]:
    """Let the operating system refuse every write beyond `size`, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Count the calls of a function of `os`; they still happen."""
    calls: list[int] = []
    real = getattr(os, name)

    def counting(descriptor: int) -> None:
        calls.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, name, counting)
    return calls


def test_synced_records_are_read_again_in_their_order(tmp_path: Path) -> None:
    records = (b"a", b"b" * 5000, b"a")
    written(tmp_path / "votes", *records)
    assert read(tmp_path / "votes") == records


def test_a_log_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for number in range(5):
        log, records = open_plain(tmp_path / "votes")
        assert len(records) == number
        log.append([bytes([number + 1])])
        log.sync()
        log.close()
    assert read(tmp_path / "votes") == (b"\x01", b"\x02", b"\x03", b"\x04", b"\x05")


def test_directory_and_file_are_private(tmp_path: Path) -> None:
    written(tmp_path / "votes", b"a")
    assert stat.S_IMODE((tmp_path / "votes").stat().st_mode) == 0o700
    assert stat.S_IMODE(segment(tmp_path / "votes").stat().st_mode) == 0o600


def test_an_appended_record_is_not_durable_before_sync(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    mark, size = log.mark(), segment(tmp_path / "votes").stat().st_size
    log.append([b"a"])
    assert log.mark() == mark
    assert segment(tmp_path / "votes").stat().st_size == size
    log.sync()
    assert log.mark() != mark
    assert decode_mark(log.mark()).length == segment(tmp_path / "votes").stat().st_size


def test_all_that_waits_shares_one_fdatasync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = open_plain(tmp_path / "votes")
    calls = counted(monkeypatch, "fdatasync")
    for number in range(20):
        log.append([bytes([number + 1]), b"more"])
    assert calls == []
    log.sync()
    assert len(calls) == 1
    log.sync()
    assert len(calls) == 1


def test_a_rotation_leaves_one_segment_that_starts_with_the_restatement(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a", b"b", b"c"])
    log.sync()
    log.rotate([b"c"])
    log.append([b"d"])
    log.sync()
    log.append([b"e"])
    log.sync()
    log.close()
    assert segment(tmp_path / "votes").name == "votes-0000000002.log"
    assert read(tmp_path / "votes", log.mark()) == (b"c", b"d", b"e")


def test_a_rotation_without_anything_to_restate_is_a_rotation(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])
    log.rotate([])
    log.sync()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == ()


def test_two_rotations_may_wait_for_one_sync(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])
    log.rotate([b"r1"])
    log.append([b"b"])
    log.rotate([b"r2"])
    log.append([b"c"])
    log.sync()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == (b"r2", b"c")


def test_a_rotation_is_durable_before_the_old_segment_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])
    log.sync()
    events: list[str] = []
    for name in ("fsync", "fdatasync", "rename", "unlink"):
        real = getattr(os, name)

        def noting(*values: object, _name: str = name, _real: object = real) -> object:
            events.append(_name)
            assert callable(_real)
            return _real(*values)

        monkeypatch.setattr(os, name, noting)
    log.rotate([b"a"])
    log.sync()
    # Old file, new file, its name, the directory; then the old name, the directory.
    assert events == ["fdatasync", "fsync", "rename", "fsync", "unlink", "fsync"]


def test_fullness_is_a_question_of_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vote_log, "SEGMENT_BYTES", 4096)
    log, _ = open_plain(tmp_path / "votes")
    assert not log.is_full
    log.append([bytes(4096)])
    assert log.is_full
    log.rotate([])
    assert not log.is_full


def test_after_a_write_error_nothing_is_written_any_more(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"safe"])
    log.sync()
    mark, size = log.mark(), segment(tmp_path / "votes").stat().st_size
    log.append([b"x" * 10_000])
    with file_size_limited_to(size + 100), pytest.raises(StorageError, match="File too large"):
        log.sync()
    for use in (
        log.sync,
        lambda: log.append([b"after"]),
        lambda: log.rotate([b"after"]),
    ):
        with pytest.raises(StorageError, match="unknown"):
            use()
    assert log.mark() == mark
    log.close()
    assert read(tmp_path / "votes", mark) == (b"safe",)


def test_a_failing_fdatasync_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])
    calls: list[int] = []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", failing)
    for _ in range(3):
        with pytest.raises(StorageError, match="Input/output error"):
            log.sync()
    assert len(calls) == 1


def test_an_interrupted_sync_ends_the_log_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])

    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt("by the operator")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.sync()
    with pytest.raises(StorageError, match="by the operator"):
        log.sync()


def test_a_rotation_that_fails_keeps_the_old_segment(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.append([b"a"])
    log.sync()
    log.rotate([b"r" * 10_000])
    with file_size_limited_to(1000), pytest.raises(StorageError):
        log.sync()
    mark = log.mark()
    log.close()
    assert read(tmp_path / "votes", mark) == (b"a",)
    # What the failed rotation left behind does not stop the next one.
    log, _ = open_plain(tmp_path / "votes", mark)
    log.rotate([b"r"])
    log.sync()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == (b"r",)
    assert len(list((tmp_path / "votes").iterdir())) == 1


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    log.close()
    log.close()
    with pytest.raises(StorageError, match="closed"):
        log.append([b"a"])


def test_one_thread_appends_while_others_sync(tmp_path: Path) -> None:
    log, _ = open_plain(tmp_path / "votes")
    expected = [number.to_bytes(2) for number in range(1, 301)]
    done = threading.Event()

    def keep_syncing() -> None:
        while not done.is_set():
            log.sync()

    threads = [threading.Thread(target=keep_syncing) for _ in range(3)]
    for thread in threads:
        thread.start()
    for record in expected:
        log.append([record])
    done.set()
    for thread in threads:
        thread.join()
    log.sync()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == tuple(expected)
