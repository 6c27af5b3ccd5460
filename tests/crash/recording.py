"""Four real nodes under load, each watched by strace from before it has a data directory.

The primary is killed and comes back, then the next one: what is recorded has PRE-PREPAREs of
two primaries, a view change, restarts with recovery, segments of the vote log that replace each
other, and tables that LevelDB writes and merges.
"""

import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from chainnode.cli.probe import fetch_all
from chainnode.config import Address, NodeConfig, load_config
from chainnode.genesis import Genesis, load_genesis_file
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.suites.port import PrivateKey
from devnet.launcher import child_environment, node_log, wait_until_ready
from devnet.observe import record_file
from devnet.processes import (
    running_record,
    send_signal,
    spawn,
    stop_processes,
    wait_until_gone,
    write_record,
)
from devnet.site import SiteRequest, make_site
from devnet.topology import DevnetFolder, NodePlace, Topology, load_topology
from tests.acceptance.load import Writer
from tests.crash.operations import Operation, Recorder
from tests.crash.trace import TRACED, read_trace

STRACE: Final = "strace"
SIZE: Final = 4
_READY_S: Final = 90.0
_PROGRESS_S: Final = 90.0
_STOP_S: Final = 20.0
_POLL_S: Final = 0.02
# Calls of the run are told by one side: their gaps are found while it still lasts.
_MATCH_DEADLINE_MS: Final = 2_000
_TEXT_BYTES_MAX: Final = 64 * 1024 * 1024
_PROCESS_FILE: Final = "process.json"


@dataclass(frozen=True)
class RecordedNode:
    """What one node did, and what is needed to open its folder anywhere."""

    place: NodePlace
    home: Path
    operations: tuple[Operation, ...]
    times: tuple[float, ...]
    # Operations before this one only say what was there at first.
    first: int

    @cached_property
    def genesis(self) -> Genesis:
        return load_genesis_file(self._config.genesis)

    @cached_property
    def key(self) -> PrivateKey:
        _, key = open_key(
            self._config.vote_key,
            purpose=KeyPurpose.VOTE,
            passphrase=read_passphrase(self._config.passphrase_file),
        )
        return key

    def config_at(self, home: Path) -> NodeConfig:
        """Return the settings for a copy of the node's folder."""
        return self._config_with(
            data_dir=home / "data",
            log_dir=home / "logs",
            vote_key=home / self._config.vote_key.name,
        )

    @cached_property
    def _config(self) -> NodeConfig:
        return load_config(self.home / "kun.toml")

    def _config_with(self, **paths: Path) -> NodeConfig:
        fields = {name: getattr(self._config, name) for name in NodeConfig.__slots__}
        fields |= {"api_listen": Address(host="127.0.0.1", port=0), **paths}
        return NodeConfig(**fields)


@dataclass(frozen=True, slots=True)
class Recording:
    """What four nodes of one devnet did until they were stopped."""

    site: DevnetFolder
    nodes: tuple[RecordedNode, ...]
    acknowledged: int


def require_strace() -> None:
    """Skip where strace is missing, or may not watch a process."""
    if shutil.which(STRACE) is None:
        pytest.skip("needs the package strace")


class _Watched:
    """The nodes of a devnet, started under strace."""

    def __init__(self, site: DevnetFolder, topology: Topology) -> None:
        self.site = site
        self.topology = topology
        self._runs: dict[str, int] = {}

    def start(self, *places: NodePlace) -> None:
        for place in places:
            run = self._runs[place.name] = self._runs.get(place.name, 0) + 1
            home = self.site.node(place.name)
            record = spawn(
                [
                    *(STRACE, "--follow-forks", "--seccomp-bpf", "--decode-fds=path"),
                    *("-xx", "-ttt", "-T", f"--string-limit={_TEXT_BYTES_MAX}"),
                    *("-e", f"trace={','.join(TRACED)}"),
                    *("-o", str(self.trace(place, run))),
                    *(sys.executable, "-m", "tests.crash.witness"),
                    *(str(self.witness(place)), str(home)),
                ],
                folder=home,
                log=node_log(self.site, place.name),
                environment=child_environment(),
            )
            write_record(record_file(self.site, place.name), record)
        wait_until_ready(self.site, places, timeout_s=_READY_S)

    def end(self, place: NodePlace, number: signal.Signals) -> None:
        """Signal the node itself, and wait for it and for its watcher."""
        node = running_record(self.site.node(place.name) / _PROCESS_FILE)
        watcher = running_record(record_file(self.site, place.name))
        for record in (node, watcher):
            if record is None:
                continue
            if record is node:
                send_signal(record, number)
            assert wait_until_gone([record], timeout_s=_STOP_S), f"{place.name} does not end"

    def trace(self, place: NodePlace, run: int) -> Path:
        return self.site.path / f"{place.name}-{run}.trace"

    def witness(self, place: NodePlace) -> Path:
        return self.site.path / f"{place.name}.said"

    def recorded(self, place: NodePlace, base: list[tuple[str, bytes]]) -> RecordedNode:
        home = self.site.node(place.name)
        recorder = Recorder(PurePosixPath(home), witness=PurePosixPath(self.witness(place)))
        recorder.begin_with(base)
        first = len(recorder.operations)
        for run in range(1, self._runs[place.name] + 1):
            recorder.follow(read_trace(self.trace(place, run)))
        return RecordedNode(
            place=place,
            home=home,
            operations=tuple(recorder.operations),
            times=tuple(recorder.times),
            first=first,
        )

    def close(self) -> None:
        for place in self.topology.nodes:
            homes = self.site.node(place.name) / _PROCESS_FILE
            records = [running_record(homes), running_record(record_file(self.site, place.name))]
            stop_processes([one for one in records if one is not None], timeout_s=_STOP_S)


def record(folder: Path, *, writes: int) -> Recording:
    """Run four watched nodes; `writes` submissions become final before each fault and after."""
    request = SiteRequest(
        suite="intl", nodes=SIZE, has_demo=False, match_deadline_ms=_MATCH_DEADLINE_MS
    )
    make_site(folder, request)
    site = DevnetFolder(folder.resolve())
    watched = _Watched(site, load_topology(site))
    places = watched.topology.nodes
    bases = [_files_of(site.node(one.name)) for one in places]
    acknowledged = 0
    try:
        watched.start(*places)
        acknowledged += _write(folder, places, writes)
        watched.end(places[0], signal.SIGKILL)
        acknowledged += _write(folder, places[1:], writes)
        watched.start(places[0])
        watched.end(places[1], signal.SIGKILL)
        acknowledged += _write(folder, (places[0], *places[2:]), writes)
        watched.start(places[1])
        acknowledged += _write(folder, places, writes)
        for place in places:
            watched.end(place, signal.SIGTERM)
    finally:
        watched.close()
    nodes = tuple(watched.recorded(place, base) for place, base in zip(places, bases, strict=True))
    return Recording(site, nodes, acknowledged)


def _write(folder: Path, places: Sequence[NodePlace], count: int) -> int:
    """Write until so many submissions more are final; return the number of records."""
    apis = tuple(one.api for one in places)
    writer = Writer(folder=folder, apis=apis, threads=2, calls_each=3, pace_s=0.02)
    with writer:
        until_written(writer, count)
    assert writer.failures == []
    return len(writer.acknowledged)


def until_written(writer: Writer, count: int) -> None:
    """Wait until so many submissions are final."""
    _until(lambda: len(writer.acknowledged) >= count * writer.calls_each, what="writes")


def _files_of(home: Path) -> list[tuple[str, bytes]]:
    return [(one.name, one.read_bytes()) for one in sorted(home.iterdir())]


def until_executed(bases: Sequence[str], height: int) -> None:
    """Wait until every node has executed this height; a quorum may be ahead of the last one."""

    def executed() -> bool:
        heights = [reply.document.get("height") for reply in fetch_all(bases, "/v1/consensus")]
        return all(isinstance(one, int) and one >= height for one in heights)

    _until(executed, what=f"height {height} at every node")


def _until(holds: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + _PROGRESS_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {_PROGRESS_S:g} s: {what}"
        time.sleep(_POLL_S)
