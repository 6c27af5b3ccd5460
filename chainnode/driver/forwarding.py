"""Gets submissions to whoever can order them, and takes those that peers pass on.

A submission goes to the primary at once. What stays uncertified is shown to all replicas, so
that a primary that ignores it is watched by enough of them to be replaced (checklist C2, C4).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from chainnode.codec import InvalidEncoding
from chainnode.driver.admission import Admission
from chainnode.driver.network import PeerNetwork, decode_forwarded
from chainnode.mempool import PoolRefusal
from chainnode.submission import InvalidSubmission
from consensus.types import ReplicaId

# Shown to all at a time; the rest follow as these become final.
_SHOWN_MAX = 512
# Forwarded submissions of one peer that may wait for their checks, and their bytes.
_IN_FLIGHT_PER_PEER_MAX = 8192
_BYTES_IN_FLIGHT_PER_PEER_MAX = 16 * 1024 * 1024

_log = logging.getLogger(__name__)


class Forwarding:
    """Loop thread only. `primary` tells who orders now; None when it is this node."""

    def __init__(
        self,
        *,
        network: PeerNetwork,
        primary: Callable[[], ReplicaId | None],
        patience_s: float,
    ) -> None:
        self._network = network
        self._primary = primary
        self._patience_s = patience_s
        self._in_flight: Counter[int] = Counter()
        self._bytes_in_flight: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: Counter[str] = Counter()

    def forward(self, submissions: Sequence[bytes]) -> None:
        """Pass submissions to the primary, unless that is us."""
        primary = self._primary()
        if primary is not None:
            self._network.forward(submissions, to=primary)

    def on_frame(self, admission: Admission, peer: int, payload: bytes) -> None:
        """Admit what a peer passes on; what it may not pass is counted, never raised."""
        try:
            submissions = decode_forwarded(payload)
        except InvalidEncoding:
            self.refused["MALFORMED"] += 1
            return
        if (
            self._in_flight[peer] + len(submissions) > _IN_FLIGHT_PER_PEER_MAX
            or self._bytes_in_flight[peer] + len(payload) > _BYTES_IN_FLIGHT_PER_PEER_MAX
        ):
            self.refused["OVER_BUDGET"] += len(submissions)
            return
        self._in_flight[peer] += len(submissions)
        self._bytes_in_flight[peer] += len(payload)
        task = asyncio.get_running_loop().create_task(self._admit_all(admission, submissions))
        self._tasks.add(task)
        task.add_done_callback(
            lambda done: self._finish(done, peer, count=len(submissions), size=len(payload))
        )

    def held(self, peer: int) -> int:
        """Return the number of submissions of a peer that weigh on its budget."""
        return self._in_flight[peer]

    async def keep_showing(self, admission: Admission) -> None:
        """Pass on again what waited for a whole interval without becoming final.

        Our own clients' submissions go to all replicas. Those of others go to the primary:
        whoever passed them to us may have kept them from it, to make it look idle.
        """
        before: frozenset[bytes] = frozenset()
        while True:
            await asyncio.sleep(self._patience_s)
            own = admission.uncertified_own(count_max=_SHOWN_MAX)
            others = admission.uncertified_others(count_max=_SHOWN_MAX)
            overdue = [data for data in own if data in before]
            if overdue:
                self._network.forward(overdue, to=None)
            kept_back = [data for data in others if data in before]
            if kept_back:
                self.forward(kept_back)
            before = frozenset((*own, *others))

    async def _admit_all(self, admission: Admission, submissions: Sequence[bytes]) -> None:
        for data in submissions:
            try:
                await admission.admit_forwarded(data)
            except (InvalidSubmission, PoolRefusal) as error:
                self.refused[error.code] += 1

    def _finish(self, task: "asyncio.Task[None]", peer: int, *, count: int, size: int) -> None:
        """Free the budget; a storage error that shows here stops the node at its next write."""
        self._tasks.discard(task)
        self._in_flight[peer] -= count
        self._bytes_in_flight[peer] -= size
        if not task.cancelled() and (error := task.exception()) is not None:
            self.refused["FAILED"] += 1
            _log.error("forwarded_failed", extra={"peer": peer, "reason": type(error).__name__})
