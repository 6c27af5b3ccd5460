"""The devnet's processes: started apart from the terminal, found again, signalled safely.

A process is known by its number, its start time and the boot it belongs to, so that a number
that the system gave to somebody else is never signalled.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_LOG_BYTES_MAX = 1024 * 1024
_POLL_S = 0.02
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """Which process it was: `start_ticks` is field 22 of /proc/PID/stat."""

    pid: int
    start_ticks: int
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stat:
    state: str
    start_ticks: int


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may itself hold some.
    fields = text.rpartition(")")[2].split()
    return _Stat(state=fields[0], start_ticks=int(fields[19]))


def record_of(pid: int) -> ProcessRecord | None:
    """Describe a process that is running now; a zombie is not."""
    stat = _read_stat(pid)
    if stat is None or stat.state in "ZX":
        return None
    boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
    return ProcessRecord(pid=pid, start_ticks=stat.start_ticks, boot_id=boot_id)


def write_record(path: Path, record: ProcessRecord) -> None:
    """Remember a process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(record)) + "\n", encoding="ascii")
    draft.replace(path)


def running_record(path: Path) -> ProcessRecord | None:
    """Return the process that `path` remembers if exactly that one still runs."""
    try:
        row = json.loads(path.read_text(encoding="ascii"))
        record = ProcessRecord(
            pid=int(row["pid"]), start_ticks=int(row["start_ticks"]), boot_id=str(row["boot_id"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if record_of(record.pid) == record else None


def is_paused(record: ProcessRecord) -> bool:
    """Tell whether the process is stopped by SIGSTOP."""
    stat = _read_stat(record.pid)
    return stat is not None and stat.state == "T"


def send_signal(record: ProcessRecord, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it is gone.

    The descriptor is opened first and the identity checked after, so the number cannot change
    its owner in between.
    """
    try:
        descriptor = os.pidfd_open(record.pid)
    except OSError:
        return False
    try:
        if record_of(record.pid) != record:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def wait_until_gone(records: Sequence[ProcessRecord], *, timeout_s: float) -> bool:
    """Wait until all of them have ended; our own children are reaped on the way."""
    deadline = time.monotonic() + timeout_s
    while any(_is_running(one) for one in records):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_running(record: ProcessRecord) -> bool:
    with contextlib.suppress(ChildProcessError):  # when an earlier command started it
        os.waitpid(record.pid, os.WNOHANG)
    return record_of(record.pid) == record


def stop_processes(records: Sequence[ProcessRecord], *, timeout_s: float) -> None:
    """End them: SIGTERM first, SIGKILL for what does not listen; a paused one is woken."""
    for one in records:
        send_signal(one, signal.SIGTERM)
        send_signal(one, signal.SIGCONT)
    if wait_until_gone(records, timeout_s=timeout_s):
        return
    for one in records:
        send_signal(one, signal.SIGKILL)
    wait_until_gone(records, timeout_s=timeout_s)


def spawn(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
) -> ProcessRecord:
    """Start a process in a session of its own; its output goes to `log`.

    Raises:
        OSError: it cannot be started.

    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log)
    with log.open("ab") as sink:
        child = subprocess.Popen(  # noqa: S603 - a list of our own words, no shell
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    # It outlives this command on purpose; `wait_until_gone` reaps it when it ends before.
    child.returncode = 0
    record = record_of(child.pid)
    if record is None:
        raise ChildProcessError(f"{command[0]} ended at once; see {log}")
    return record


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
        log.replace(log.with_suffix(log.suffix + ".1"))


def last_lines(log: Path, *, count: int = 12) -> tuple[str, ...]:
    """Return the end of a log file."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-count:])
