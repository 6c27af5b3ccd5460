"""The nodes of a run, behind proxies: what is done to them and how they are, from outside."""

import math
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from chainnode.cli.probe import Reply, fetch_json, in_parallel
from devnet.errors import NotReady
from devnet.faults.proxies import LinkName, Proxies
from devnet.launcher import START_TIMEOUT_S, node_log, start_node, stop_everything
from devnet.observe import record_file
from devnet.processes import (
    ProcessRecord,
    last_lines,
    running_record,
    send_signal,
    wait_until_gone,
)
from devnet.site import write_settings
from devnet.topology import DevnetFolder, NodePlace, Topology

_HTTP_OK: Final = 200
_EQUIVOCATIONS: Final = "kunlian_equivocations_total"
_POLL_S: Final = 0.05
_ANSWER_TIMEOUT_S: Final = 1.0
_KILL_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the process of a node holds at a moment."""

    rss_kib: int
    descriptors: int


class Cluster:
    """Nodes are named by their replica id. Thread-safe: a watcher looks while others break."""

    def __init__(self, folder: DevnetFolder, topology: Topology, proxies: Proxies) -> None:
        self.folder = folder
        self.topology = topology
        self.proxies = proxies
        self._places = {one.replica_id: one for one in topology.nodes}
        # What runs because we started it and have not killed it since.
        self._running: dict[int, ProcessRecord] = {}
        self._lock = threading.Lock()

    def start_all(self) -> None:
        """Start every node, dialling through the proxies, and wait until all are in step.

        Raises:
            NotReady: a node ended or stayed silent.

        """
        write_settings(self.folder, self.topology, dialling=self.proxies.address)
        self.start(self._places)
        self.wait_until_in_step(timeout_s=START_TIMEOUT_S)

    def stop_all(self) -> None:
        """End every node; the settings name the nodes themselves again."""
        with self._lock:
            self._running.clear()
        stop_everything(self.folder, self.topology)
        write_settings(self.folder, self.topology)

    def start(self, replicas: Iterable[int]) -> None:
        """Start nodes; does not wait."""
        for one in replicas:
            record = start_node(self.folder, self.topology, self._places[one])
            with self._lock:
                self._running[one] = record

    def kill(self, replicas: Iterable[int]) -> None:
        """SIGKILL at once, then wait until all are gone."""
        with self._lock:
            records = [self._running.pop(one) for one in replicas if one in self._running]
        for record in records:
            send_signal(record, signal.SIGKILL)
        wait_until_gone(records, timeout_s=_KILL_TIMEOUT_S)

    def signal(self, replicas: Iterable[int], number: signal.Signals) -> None:
        """Send a signal to nodes."""
        with self._lock:
            records = [self._running[one] for one in replicas if one in self._running]
        for record in records:
            send_signal(record, number)

    def links_around(self, replicas: Sequence[int]) -> tuple[LinkName, ...]:
        """Return the links between these replicas and all others; all links for all replicas."""
        is_everybody = len(set(replicas)) == len(self._places)
        return tuple(
            one
            for one in self.proxies.names
            if is_everybody or (one.dialler in replicas) != (one.listener in replicas)
        )

    def answering(self) -> tuple[int, ...]:
        """Return the replicas whose API answers."""
        return self._where_ok("/healthz")

    def wait_until_answering(self, count: int, *, timeout_s: float) -> None:
        """Wait until `count` nodes answer.

        Raises:
            NotReady: not within the time.

        """
        deadline_s = time.monotonic() + timeout_s
        while len(found := self.answering()) < count:
            self._check(deadline_s, missing=set(self._places) - set(found), timeout_s=timeout_s)
            time.sleep(_POLL_S)

    def wait_until_in_step(self, *, timeout_s: float) -> None:
        """Wait until every node says that it is in step with a quorum.

        Raises:
            NotReady: not within the time.

        """
        deadline_s = time.monotonic() + timeout_s
        while missing := set(self._places) - set(self._where_ok("/readyz")):
            self._check(deadline_s, missing=missing, timeout_s=timeout_s)
            time.sleep(_POLL_S)

    def consensus(self) -> dict[int, Mapping[str, object]]:
        """Return what each node that answers says of itself."""
        replies = self._replies("/v1/consensus")
        return {one: reply.document for one, reply in replies.items() if reply.is_ok}

    def exited(self) -> tuple[str, ...]:
        """Name the nodes that ended although nobody killed them, with their last words."""
        with self._lock:
            gone = [one for one in self._running if self._record(one) != self._running[one]]
            for one in gone:
                del self._running[one]
        return tuple(
            f"{self._places[one].name}: " + " | ".join(self._last_lines(one)) for one in gone
        )

    def equivocations(self) -> tuple[str, ...]:
        """Name the nodes that hold evidence against another one; all of ours are honest."""
        counts = {one.name: _metric(one.api, _EQUIVOCATIONS) for one in self.topology.nodes}
        return tuple(f"{name}: {_EQUIVOCATIONS} {count}" for name, count in counts.items() if count)

    def usage(self) -> dict[str, Usage]:
        """Return what the processes hold that run now, by name of the node."""
        with self._lock:
            running = dict(self._running)
        found = {}
        for one, record in running.items():
            try:
                found[self._places[one].name] = _usage(record.pid)
            except OSError:
                continue  # it has just ended
        return found

    def _where_ok(self, path: str) -> tuple[int, ...]:
        replies = self._replies(path)
        return tuple(one for one, reply in replies.items() if reply.status == _HTTP_OK)

    def _replies(self, path: str) -> dict[int, Reply]:
        def fetch(place: NodePlace) -> Reply:
            return fetch_json(place.api, path, timeout_s=_ANSWER_TIMEOUT_S)

        return dict(zip(self._places, in_parallel(fetch, self.topology.nodes), strict=True))

    def _record(self, replica: int) -> ProcessRecord | None:
        return running_record(record_file(self.folder, self._places[replica].name))

    def _last_lines(self, replica: int) -> tuple[str, ...]:
        return last_lines(node_log(self.folder, self._places[replica].name), count=6)

    def _check(self, deadline_s: float, *, missing: Iterable[int], timeout_s: float) -> None:
        if time.monotonic() > deadline_s:
            names = ", ".join(self._places[one].name for one in sorted(missing))
            raise NotReady(names, reason=f"not within {timeout_s:g} s")


def _metric(api: str, name: str) -> float:
    """Return one figure of `/metrics`; 0 when the node does not answer, NaN without the figure."""
    try:
        text = httpx.get(f"{api}/metrics", timeout=_ANSWER_TIMEOUT_S, trust_env=False).text
    except httpx.HTTPError:
        return 0.0
    rows = [line.split() for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(rows[0][1]) if rows else math.nan


def _usage(pid: int) -> Usage:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    rows = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return Usage(
        rss_kib=int(rows.get("VmRSS", "0 kB").split()[0]),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )
