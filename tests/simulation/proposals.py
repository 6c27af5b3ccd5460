"""What clients wait for at one node, and when a primary offers it to the core."""

from typing import Protocol

from consensus.events import Event, Submitted, Waiting
from consensus.replica import Replica
from tests.simulation.clock import LocalClock
from tests.simulation.disk import Disk
from tests.simulation.stubs import REQUESTS_PER_BATCH_MAX, digest_of, make_batch

PROPOSALS_IN_FLIGHT_MAX = 4


class Process(Protocol):
    """What proposals need of their node."""

    is_alive: bool
    replica: Replica
    disk: Disk
    local: LocalClock

    def step(self, event: Event) -> None: ...


class Proposals:
    """The pool of one life: oldest first, a request is sealed into one batch at a time."""

    def __init__(self, process: Process) -> None:
        self.pool: dict[int, None] = {}
        self.is_batch_due = False
        self._process = process
        self._sealed: set[int] = set()
        self._waiting: int | None = None
        self._is_offering = False

    def add(self, request: int) -> None:
        if request not in self._process.disk.ledger.executed:
            self.pool[request] = None

    def unseal(self) -> None:
        """Offer everything again: the view that should have ordered it is over."""
        self._sealed.clear()
        self.is_batch_due = False

    def offer(self) -> None:
        """Offer batches while the core may propose and there is something to say."""
        if self._is_offering:
            return
        self._is_offering = True
        self._watch()
        process = self._process
        while (
            (self.is_batch_due or self.pool)
            and process.is_alive
            and process.replica.may_propose
            and self._has_reason()
        ):
            self.is_batch_due = False
            requests = tuple(self._choose()[:REQUESTS_PER_BATCH_MAX])
            self._sealed.update(requests)
            now_ms = process.local.now_ms
            process.step(Submitted(batch=make_batch(now_ms, requests), now_ms=now_ms))
        self._is_offering = False

    def drop_certified(self) -> None:
        """Nobody waits any more for what a certificate covers."""
        ledger = self._process.disk.ledger
        if not self.pool or not ledger.certificates:
            return
        for block in ledger.blocks[: max(ledger.certificates)]:
            for request in block.requests:
                self.pool.pop(request, None)

    def _choose(self) -> list[int]:
        """Say what is proposed next: the oldest first."""
        return [one for one in self.pool if one not in self._sealed]

    def _has_reason(self) -> bool:
        if self.is_batch_due:
            return True
        return bool(self._choose()) and self._process.replica.in_flight < PROPOSALS_IN_FLIGHT_MAX

    def _watch(self) -> None:
        """Tell the core which submission has waited longest."""
        oldest = next(iter(self.pool), None)
        if oldest != self._waiting:
            self._waiting = oldest
            digest = None if oldest is None else digest_of(b"%d" % oldest)
            process = self._process
            process.step(Waiting(oldest=digest, now_ms=process.local.now_ms))
