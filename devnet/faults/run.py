"""A run: load, faults one after the other, healing, audit; and again until the time is over."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.verify import Trust
from consensus.types import Epoch, Membership
from devnet.errors import NotReady
from devnet.faults.audit import Auditor
from devnet.faults.cluster import Cluster
from devnet.faults.inject import inject
from devnet.faults.load import DEFAULT_LOAD, Load, Writers
from devnet.faults.plan import Step, steps
from devnet.faults.proxies import Proxies
from devnet.faults.report import Recovery, Report
from devnet.faults.writer import SERVICES_EACH
from devnet.site import TIMEOUT_CAP_MS, SiteRequest, make_site
from devnet.topology import DevnetFolder

# Long enough for every fault of the plan to come.
_ROUND_S: Final = 60.0
_WATCH_S: Final = 1.0
_POLL_S: Final = 0.05
# Longer than any bound: a stall is measured, not only found.
_PROGRESS_TIMEOUT_S: Final = 30.0
_IN_STEP_TIMEOUT_S: Final = 60.0
_CAPS_MORE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What kind of run is wanted."""

    seed: int
    seconds: float
    # On a slow machine a run takes longer rather than breaking less.
    steps_min: int = 0
    suite: str = "sm"
    nodes: int = 4
    load: Load = DEFAULT_LOAD
    every_record: bool = False
    shows_steps: bool = True


def run(folder: Path, request: RunRequest) -> Report:
    """Make a devnet in `folder`, break it for `seconds`, and report.

    Raises:
        NotReady: the devnet did not even start.

    """
    topology = make_site(
        folder,
        SiteRequest(
            suite=request.suite,
            nodes=request.nodes,
            has_demo=False,
            more_services=SERVICES_EACH - 1,
        ),
    )
    devnet = DevnetFolder(folder)
    membership = Membership(epoch=Epoch(0), size=len(topology.nodes))
    bound_s = membership.weak_quorum * TIMEOUT_CAP_MS / 1000 + _CAPS_MORE_S
    report = Report(seed=request.seed, bound_s=bound_s)
    with Proxies(topology) as proxies:
        cluster = Cluster(devnet, topology, proxies)
        try:
            cluster.start_all()
            with _watched(cluster, report):
                _Run(cluster, membership, request, report).rounds()
        finally:
            cluster.stop_all()
    return report


class _Run:
    def __init__(
        self, cluster: Cluster, membership: Membership, request: RunRequest, report: Report
    ) -> None:
        self._cluster = cluster
        self._membership = membership
        self._request = request
        self._report = report
        self._plan = steps(request.seed, membership)
        self._auditor = Auditor(
            [one.api for one in cluster.topology.nodes],
            Trust.load(cluster.folder.genesis.read_bytes()),
        )
        self._compared_to = 0  # genesis has no certificate

    def rounds(self) -> None:
        """Break and audit in turns, until the time under faults is used up."""
        left_s, number = self._request.seconds, 0
        while left_s > 0 and not self._report.violations:
            journal = self._cluster.folder.path / f"journal-{number}.jsonl"
            began_s = time.monotonic()
            self._round(journal, until_s=began_s + min(left_s, _ROUND_S))
            left_s -= _ROUND_S
            number += 1
            self._audit(journal)

    def _round(self, journal: Path, *, until_s: float) -> None:
        began_s = time.monotonic()
        with Writers(self._cluster.folder, journal, self._request.load) as writers:
            self._until_acknowledged(writers, above=-1)
            first_s = time.monotonic()
            until_s += first_s - began_s
            recoveries: list[Recovery] = []
            while time.monotonic() < until_s or self._has_too_few(recoveries):
                recoveries.append(self._step(next(self._plan), writers))
            ended_s = time.monotonic()
        self._report.add_round(
            recoveries, writers.acknowledged, writers.others, period=(first_s, ended_s)
        )

    def _has_too_few(self, recoveries: Sequence[Recovery]) -> bool:
        return len(self._report.recoveries) + len(recoveries) < self._request.steps_min

    def _step(self, step: Step, writers: Writers) -> Recovery:
        time.sleep(step.calm_s)
        victims = self._victims(step)
        began_s = time.monotonic()
        healed_at_s = inject(self._cluster, self._membership, step, victims)
        above = self._height()
        acknowledged_s = self._until_acknowledged(writers, above=above)
        in_step_s = self._until_in_step()
        recovery = Recovery(
            step=step,
            victims=tuple(self._cluster.topology.nodes[one].name for one in victims),
            began_s=began_s,
            healed_at_s=healed_at_s,
            recovery_s=None if acknowledged_s is None else acknowledged_s - healed_at_s,
            in_step_s=None if in_step_s is None else in_step_s - healed_at_s,
        )
        if self._request.shows_steps:
            print(recovery.line, file=sys.stderr, flush=True)  # noqa: T201 - the run's progress
        return recovery

    def _victims(self, step: Step) -> list[int]:
        """Name the victims, counted from the primary of the highest view that a node tells."""
        told = [one.get("view") for one in self._cluster.consensus().values()]
        view = max((one for one in told if isinstance(one, int)), default=0)
        return [(view + one) % self._membership.size for one in step.victims]

    def _height(self) -> int:
        """Return the greatest height that any node has executed."""
        told = [one.get("height") for one in self._cluster.consensus().values()]
        return max((one for one in told if isinstance(one, int)), default=0)

    def _until_acknowledged(self, writers: Writers, *, above: int) -> float | None:
        """Wait for news of a block above a height; return when its client had them."""
        deadline_s = time.monotonic() + _PROGRESS_TIMEOUT_S
        seen = len(writers.acknowledged)
        while time.monotonic() < deadline_s:
            writers.follow()
            for one in writers.acknowledged[seen:]:
                if one.height > above:
                    return one.at_s
            seen = len(writers.acknowledged)
            time.sleep(_POLL_S)
        return None

    def _until_in_step(self) -> float | None:
        try:
            self._cluster.wait_until_in_step(timeout_s=_IN_STEP_TIMEOUT_S)
        except NotReady as error:
            self._report.violations.append(f"in step again: {error}")
            return None
        return time.monotonic()

    def _audit(self, journal: Path) -> None:
        """Prove everything everywhere; what was proven is forgotten, so long runs stay small."""
        self._until_in_step()
        audit = self._auditor.acknowledged(journal, every_record=self._request.every_record)
        to = self._certified_everywhere()
        audit.add(self._auditor.same_headers(range(self._compared_to + 1, to + 1)))
        self._compared_to = to
        self._report.add_audit(audit)
        if not audit.faults:
            journal.unlink()

    def _certified_everywhere(self) -> int:
        told = [one.get("stable_height") for one in self._cluster.consensus().values()]
        return min((one for one in told if isinstance(one, int)), default=0)


@contextmanager
def _watched(cluster: Cluster, report: Report) -> Iterator[None]:
    """Look every second at memory, descriptors, dead processes and reported equivocations."""
    is_over = threading.Event()

    def watch() -> None:
        while True:
            report.add_usage(cluster.usage())
            report.violations += [f"ended by itself: {one}" for one in cluster.exited()]
            report.violations += cluster.equivocations()
            if is_over.wait(_WATCH_S):
                return

    watcher = threading.Thread(target=watch, name="watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        report.effects.update(cluster.proxies.effects())
