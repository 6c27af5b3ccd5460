"""Turns the mempool into batches, and the mempool's oldest submission into `Waiting`."""

from chainnode.batch import build_batch
from chainnode.clock import WallClock
from chainnode.driver.batches import Batches
from chainnode.genesis import Genesis, Parameters
from chainnode.mempool import Mempool
from chainnode.submission import InvalidSubmission, Submission, validate_proposable
from chainnode.suites.port import Suite
from consensus.messages import Batch

# Tag, version, time and the array headers around the submissions of a batch.
_FRAMING_BYTES = 64
# A byte string header before each submission.
_FRAMING_BYTES_PER_SUBMISSION = 5


def submission_bytes_max(parameters: Parameters) -> int:
    """Return the size of the largest submission that a batch of this chain can carry."""
    return parameters.batch_bytes_max - _FRAMING_BYTES - _FRAMING_BYTES_PER_SUBMISSION


class Proposals:
    """Builds the next batch for this replica as primary."""

    def __init__(
        self, *, genesis: Genesis, suite: Suite, pool: Mempool, batches: Batches, clock: WallClock
    ) -> None:
        self._genesis = genesis
        self._suite = suite
        self._pool = pool
        self._batches = batches
        self._clock = clock

    @property
    def has_work(self) -> bool:
        """Whether a submission waits that is in no unfinished proposal."""
        return self._pool.has_unsealed

    def build(self) -> Batch:
        """Join what waits, at most one batch; empty when nothing does.

        What is not proposable at this time stays out: backups would refuse the whole batch.
        """
        time_ms = self._clock.now_ms()
        limit = self._genesis.parameters.batch_bytes_max - _FRAMING_BYTES
        taken = self._pool.take(bytes_max=limit, overhead_bytes=_FRAMING_BYTES_PER_SUBMISSION)
        decoded = build_batch(
            self._suite,
            chain_id=self._genesis.chain_id,
            time_ms=time_ms,
            submissions=[one for one in taken if self._keep_proposable(one, time_ms)],
        )
        return self._batches.keep(decoded)

    def _keep_proposable(self, submission: Submission, time_ms: int) -> bool:
        """Tell whether backups will accept it; what they would refuse leaves the pool (F2)."""
        try:
            validate_proposable(
                submission,
                chain_id=self._genesis.chain_id,
                parameters=self._genesis.parameters,
                time_ms=time_ms,
            )
        except InvalidSubmission:
            self._pool.remove([submission.digest])
            return False
        return True
