"""Starts, stops and breaks the processes of a devnet.

One command at a time works on a folder (a lock in `run/`). Only processes that this devnet
started are ever signalled, each known by its start time, not by its number alone.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chainnode.cli.probe import fetch_json
from devnet.errors import DevnetBusy, NodeState, NotReady
from devnet.observe import SERVICES, record_file
from devnet.processes import (
    ProcessRecord,
    is_paused,
    last_lines,
    running_record,
    send_signal,
    spawn,
    stop_processes,
    wait_until_gone,
    write_record,
)
from devnet.topology import OLDEST, DevnetFolder, NodePlace, Topology, load_topology

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
KILL_TIMEOUT_S = 5.0
_POLL_S = 0.05
_HTTP_OK = 200


@contextlib.contextmanager
def exclusive(folder: DevnetFolder) -> Iterator[None]:
    """Hold the devnet alone while processes are started or stopped.

    Raises:
        DevnetBusy: another command holds it.

    """
    folder.run.mkdir(exist_ok=True)
    with (folder.run / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DevnetBusy(folder.path) from error
        yield


def child_environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of our processes, with this very source tree.

    Our own `KUN_*` are left out: they would override the settings of every node alike.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KUN_") or name == "KUN_DEBUG"
    }
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (root, own.get("PYTHONPATH", ""))))
    return {**own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(settings or {})}


def clock_settings(topology: Topology) -> dict[str, str]:
    """Return what makes a node's clock read this machine's time plus the devnet's offset."""
    if topology.clock_offset_ms == 0:
        return {}
    instant = datetime.fromtimestamp(time.time() + topology.clock_offset_ms / 1000, UTC)
    return {"KUN_CLOCK_START": instant.isoformat(timespec="milliseconds")}


def node_log(folder: DevnetFolder, name: str) -> Path:
    """Return where output and errors of a node go; its structured log stands beside it."""
    return folder.node(name) / "logs" / "process.log"


def start_node(folder: DevnetFolder, topology: Topology, place: NodePlace) -> ProcessRecord:
    """Start one node and remember its process; does not wait until it is ready.

    Raises:
        NodeState: it runs already.

    """
    file = record_file(folder, place.name)
    running = running_record(file)
    if running is not None:
        raise NodeState(place.name, expected="stopped", actual=f"running as process {running.pid}")
    home = folder.node(place.name).resolve()
    record = spawn(
        [sys.executable, "-m", "chainnode.cli", "node", "start", "--dir", str(home)],
        folder=home,
        log=node_log(folder, place.name),
        environment=child_environment(clock_settings(topology)),
    )
    write_record(file, record)
    return record


def wait_until_ready(
    folder: DevnetFolder, places: Sequence[NodePlace], *, timeout_s: float
) -> None:
    """Wait until every one of `places` is in step with a quorum.

    Raises:
        NotReady: a process ended, or the time is over; with its last words.

    """
    _wait(folder, places, path="/readyz", timeout_s=timeout_s)


def wait_until_answering(folder: DevnetFolder, place: NodePlace, *, timeout_s: float) -> None:
    """Wait until the node's API answers; without a quorum it cannot be ready.

    Raises:
        NotReady: its process ended, or the time is over.

    """
    _wait(folder, [place], path="/healthz", timeout_s=timeout_s)


def _wait(
    folder: DevnetFolder, places: Sequence[NodePlace], *, path: str, timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    waiting = list(places)
    while waiting:
        waiting = [
            one for one in waiting if fetch_json(one.api, path, timeout_s=1.0).status != _HTTP_OK
        ]
        for one in waiting:
            if running_record(record_file(folder, one.name)) is None:
                raise _not_ready(folder, one, reason="its process ended")
            if time.monotonic() > deadline:
                raise _not_ready(folder, one, reason=f"no answer within {timeout_s:g} s")
        if waiting:
            time.sleep(_POLL_S)


def _not_ready(folder: DevnetFolder, place: NodePlace, *, reason: str) -> NotReady:
    log = node_log(folder, place.name)
    return NotReady(f"node {place.name}", reason=f"{reason} ({log})", last_lines=last_lines(log))


def stop_everything(folder: DevnetFolder, topology: Topology) -> int:
    """End all processes of the devnet and return how many there were."""
    # The services first: what they still have to say, the nodes are there to hear.
    return _stop(folder, SERVICES) + _stop(folder, [one.name for one in topology.nodes])


def _stop(folder: DevnetFolder, names: Sequence[str]) -> int:
    records = [
        record
        for record in (running_record(record_file(folder, name)) for name in names)
        if record is not None
    ]
    stop_processes(records, timeout_s=STOP_TIMEOUT_S)
    for name in names:
        record_file(folder, name).unlink(missing_ok=True)
    return len(records)


def reset(folder: DevnetFolder) -> None:
    """End all processes and remove the folder; a folder that is no devnet is refused."""
    topology = load_topology(folder, oldest=OLDEST)
    with exclusive(folder):
        stop_everything(folder, topology)
    shutil.rmtree(folder.path)


def _running(folder: DevnetFolder, place: NodePlace) -> ProcessRecord:
    record = running_record(record_file(folder, place.name))
    if record is None:
        raise NodeState(place.name, expected="running", actual="stopped")
    return record


def kill_node(folder: DevnetFolder, place: NodePlace) -> None:
    """SIGKILL: the node has no chance to say goodbye. Returns when it is gone."""
    record = _running(folder, place)
    send_signal(record, signal.SIGKILL)
    wait_until_gone([record], timeout_s=KILL_TIMEOUT_S)
    record_file(folder, place.name).unlink(missing_ok=True)


def pause_node(folder: DevnetFolder, place: NodePlace) -> None:
    """SIGSTOP: the node is there and silent, its connections stay open."""
    record = _running(folder, place)
    if is_paused(record):
        raise NodeState(place.name, expected="running", actual="paused")
    send_signal(record, signal.SIGSTOP)


def resume_node(folder: DevnetFolder, place: NodePlace) -> None:
    """SIGCONT: a paused node goes on."""
    record = _running(folder, place)
    if not is_paused(record):
        raise NodeState(place.name, expected="paused", actual="running")
    send_signal(record, signal.SIGCONT)


def wait_for_interrupt() -> None:
    """Sleep until Ctrl-C or SIGTERM."""
    numbers = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        signal.sigwait(numbers)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
