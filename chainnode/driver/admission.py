"""The door for submissions, from clients and from peers: checked once, pooled, passed on.

The predicate is the one of proposals (`validate_proposable`), so nothing is admitted that a
proposal could not carry. What only execution may decide (nonce, grants) is left to it; an
unregistered key is refused here as well, because it would fill blocks with refusals.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from chainnode.clock import WallClock
from chainnode.driver.batches import Batches
from chainnode.driver.proposals import submission_bytes_max
from chainnode.genesis import Genesis, Parameters
from chainnode.mempool import Mempool
from chainnode.submission import (
    InvalidSubmission,
    Submission,
    SubmissionDigest,
    decode_submission,
    key_id,
    validate_proposable,
)
from chainnode.suites.port import Suite

# Submissions of own clients that may still have to be shown to all replicas.
_UNCERTIFIED_MAX = 65_536
# Submissions on the verification threads at a time: enough to keep them busy, few enough that a
# vote of a peer, which waits in the same queue, is never late.
_ON_THREADS_MAX = 64


class Registry(Protocol):
    """What admission asks of the ledger."""

    def is_key_registered(self, key_id: bytes) -> bool:
        """Whether the key id stands in the executed state."""
        ...

    def is_executed(self, digest: SubmissionDigest) -> bool:
        """Whether a submission with this digest consumed its nonce already."""
        ...

    def is_forgotten(self, key_id: bytes, nonce: int) -> bool:
        """Whether a nonce was used by what this node knows nothing of any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A submission that the pool holds, or that was executed before."""

    submission: Submission
    was_executed: bool


class Admission:
    """Admits submissions. Loop thread only; decoding and signatures run on threads."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        clock: WallClock,
        pool: Mempool,
        batches: Batches,
        registry: Registry,
        threads: Executor,
        forward: Callable[[Sequence[bytes]], None],
        pool_changed: Callable[[], None],
    ) -> None:
        self._genesis = genesis
        self._suite = suite
        self._clock = clock
        self._pool = pool
        self._batches = batches
        self._registry = registry
        self._threads = threads
        self._forward = forward
        self._pool_changed = pool_changed
        self._own: OrderedDict[SubmissionDigest, bytes] = OrderedDict()
        self._places = asyncio.Semaphore(_ON_THREADS_MAX)

    async def admit_own(self, data: bytes) -> Admitted:
        """Admit a client's submission and pass it on to the primary.

        Raises:
            InvalidSubmission: refused, saying what was expected and what came.
            PoolRefusal: the pool or the key's share of it is full; try again later.

        """
        admitted = await self._admit(data)
        if not admitted.was_executed:
            digest = admitted.submission.digest
            self._own[digest] = data
            while len(self._own) > _UNCERTIFIED_MAX:
                self._own.popitem(last=False)
            self._forward((data,))
        return admitted

    async def admit_forwarded(self, data: bytes) -> Admitted:
        """Admit what another replica passed on; same checks, not passed on again."""
        return await self._admit(data)

    def forget(self, digests: Sequence[SubmissionDigest]) -> None:
        """Show these to nobody again: they are certified."""
        for digest in digests:
            self._own.pop(digest, None)

    def uncertified_own(self, *, count_max: int | None) -> tuple[bytes, ...]:
        """Return the oldest own submissions that are not certified yet; None: all of them.

        What the pool has dropped (expired, not proposable) is forgotten here too.
        """
        for digest in [one for one in self._own if one not in self._pool]:
            del self._own[digest]
        return tuple(itertools.islice(self._own.values(), count_max))

    def uncertified_others(self, *, count_max: int) -> tuple[bytes, ...]:
        """Return what peers passed on and no block holds yet, oldest first."""
        waiting = self._pool.waiting(count_max)
        return tuple(one.encoded for one in waiting if one.digest not in self._own)

    async def _admit(self, data: bytes) -> Admitted:
        loop = asyncio.get_running_loop()
        async with self._places:
            submission = await loop.run_in_executor(self._threads, self._open, data)
        if self._registry.is_executed(submission.digest):
            return Admitted(submission=submission, was_executed=True)
        if submission.digest not in self._pool:
            self._pool.add(submission)
            self._pool_changed()
        return Admitted(submission=submission, was_executed=False)

    def _open(self, data: bytes) -> Submission:
        submission = decode_submission(self._suite, data, self._genesis.parameters)
        _require_room_in_batch(data, self._genesis.parameters)
        self._verify_known_key(submission)
        if not self._registry.is_executed(submission.digest):
            self.validate_for_any_primary(submission)
            self._require_known_fate(submission)
        self._batches.verify_signature(submission)
        return submission

    def drop_forgotten(self) -> None:
        """Let go of what was executed below a snapshot that this node stands on now."""
        waiting = self._pool.waiting(len(self._pool))
        gone = [one.digest for one in waiting if self._is_forgotten(one)]
        self._pool.remove(gone)
        self.forget(gone)

    def _is_forgotten(self, submission: Submission) -> bool:
        sender = key_id(self._suite, submission.public_key)
        return self._registry.is_forgotten(sender, submission.nonce)

    def _require_known_fate(self, submission: Submission) -> None:
        """Refuse what was executed where this node cannot look: another one has its receipt."""
        if self._is_forgotten(submission):
            raise InvalidSubmission(
                code="PRUNED",
                expected="a nonce that was not used before this node's snapshot",
                actual=f"nonce {submission.nonce}; ask another node for its receipt",
            )

    def validate_for_any_primary(self, submission: Submission) -> None:
        """Check it at our time and at that of a primary whose clock lags as far as it may.

        Raises:
            InvalidSubmission: some primary could not propose it.

        """
        now_ms = self._clock.now_ms()
        for time_ms in (now_ms, now_ms - self._genesis.parameters.drift_ms):
            validate_proposable(
                submission,
                chain_id=self._genesis.chain_id,
                parameters=self._genesis.parameters,
                time_ms=time_ms,
            )

    def _verify_known_key(self, submission: Submission) -> None:
        sender = key_id(self._suite, submission.public_key)
        if not self._registry.is_key_registered(sender):
            raise InvalidSubmission(
                code="UNKNOWN_KEY",
                expected="a key registered on this chain",
                actual=f"key id {sender.hex()}",
            )


def _require_room_in_batch(data: bytes, parameters: Parameters) -> None:
    """Refuse what no batch of this chain can carry, or its sender would wait for ever."""
    bytes_max = submission_bytes_max(parameters)
    if len(data) > bytes_max:
        raise InvalidSubmission(
            code="OVERSIZE",
            expected=f"at most {bytes_max} bytes, which fit into a batch",
            actual=f"{len(data)} bytes",
        )
