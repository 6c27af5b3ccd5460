"""Processes are found again and signalled safely, whoever has their number now."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from devnet.processes import (
    ProcessRecord,
    is_paused,
    last_lines,
    record_of,
    running_record,
    send_signal,
    spawn,
    stop_processes,
    wait_until_gone,
    write_record,
)

# Says that it runs, then waits for the end of its own input, which never comes.
_WAITER = "import signal; print('ready', flush=True); signal.pause()"
_DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('ready', flush=True); signal.sigwait({signal.SIGINT})"
)


@pytest.fixture
def started() -> Iterator[list[ProcessRecord]]:
    records: list[ProcessRecord] = []
    yield records
    for one in records:
        send_signal(one, signal.SIGKILL)
    wait_until_gone(records, timeout_s=5)


def _start(tmp_path: Path, started: list[ProcessRecord], program: str = _WAITER) -> ProcessRecord:
    log = tmp_path / f"{len(started)}.log"
    record = spawn(
        [sys.executable, "-c", program], folder=tmp_path, log=log, environment={"PATH": ""}
    )
    started.append(record)
    while "ready" not in "".join(last_lines(log)):
        assert record_of(record.pid) == record
    return record


def test_a_started_process_is_found_again_by_its_record(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    record = _start(tmp_path, started)
    write_record(tmp_path / "run" / "one.json", record)

    assert running_record(tmp_path / "run" / "one.json") == record


def test_a_process_lives_in_a_session_of_its_own(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    record = _start(tmp_path, started)

    assert os.getsid(record.pid) == record.pid


def test_sigterm_ends_a_process_and_its_record_is_stale(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    record = _start(tmp_path, started)
    write_record(tmp_path / "one.json", record)

    stop_processes([record], timeout_s=5)

    assert running_record(tmp_path / "one.json") is None
    assert not send_signal(record, signal.SIGTERM)


def test_a_process_that_ignores_sigterm_is_killed(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    record = _start(tmp_path, started, _DEAF)

    stop_processes([record], timeout_s=0.2)

    assert record_of(record.pid) is None


def test_a_paused_process_is_woken_so_that_it_can_end(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    record = _start(tmp_path, started)
    send_signal(record, signal.SIGSTOP)
    while not is_paused(record):
        pass

    stop_processes([record], timeout_s=5)

    assert record_of(record.pid) is None


@pytest.mark.parametrize(
    "changed", [{"start_ticks": 1}, {"boot_id": "another boot"}], ids=["reused", "rebooted"]
)
def test_a_number_that_belongs_to_somebody_else_is_never_signalled(
    tmp_path: Path, started: list[ProcessRecord], changed: dict[str, int | str]
) -> None:
    record = _start(tmp_path, started)
    stale = ProcessRecord(**{**asdict(record), **changed})
    write_record(tmp_path / "one.json", stale)

    assert running_record(tmp_path / "one.json") is None
    assert not send_signal(stale, signal.SIGKILL)
    assert record_of(record.pid) == record


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", json.dumps({"pid": "x", "start_ticks": 1, "boot_id": "b"})],
)
def test_a_damaged_record_names_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text, encoding="ascii")

    assert running_record(tmp_path / "one.json") is None


def test_a_process_that_is_gone_is_not_described() -> None:
    own = record_of(1)

    assert own is not None
    assert record_of(2**22 + 1) is None
    assert not send_signal(replace(own, pid=2**22 + 1), signal.SIGTERM)


def test_output_and_errors_go_to_the_log_and_its_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "a" / "process.log"
    program = (
        "import sys; [print(n) for n in range(30)]; sys.stdout.flush(); sys.stderr.write('oops')"
    )
    record = spawn(
        [sys.executable, "-c", program],
        folder=tmp_path,
        log=log,
        environment={"PATH": ""},
    )

    wait_until_gone([record], timeout_s=5)

    assert last_lines(log, count=2) == ("29", "oops")
    assert last_lines(tmp_path / "none.log") == ()


def test_a_log_that_has_grown_is_rotated_at_the_next_start(
    tmp_path: Path, started: list[ProcessRecord]
) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(b"x" * (1024 * 1024 + 1))

    _start(tmp_path, started)

    assert log.stat().st_size < 1024
    assert (tmp_path / "0.log.1").stat().st_size == 1024 * 1024 + 1
