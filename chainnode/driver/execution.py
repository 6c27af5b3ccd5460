"""Executes committed batches on one thread: contracts, our checkpoint, one atomic write.

The only writer of the ledger's blocks, for consensus and for state transfer alike, so the two
never apply concurrently (checklist H4).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from chainnode import codec
from chainnode.codec import encode
from chainnode.driver.batches import Batches
from chainnode.driver.ports import ExecutedBatch, Succession
from chainnode.execution import Executor
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.snapshots import SnapshotEnd
from chainnode.ledger.types import ExecutedBlock, Member
from consensus.codec import message_to_plain, signed_content, slot_of
from consensus.effects import EpochEnded
from consensus.errors import ConflictingVote, ForgottenVote, InvariantViolation
from consensus.messages import Batch, Checkpoint
from consensus.ports import Signer
from consensus.types import (
    FIRST_EPOCH,
    Digest,
    Epoch,
    Height,
    ReplicaId,
    SequenceNumber,
    Signature,
    height_of,
)

_UNSIGNED = Signature(bytes(64))
# Blocks that come by state transfer before peers have answered what we signed: a few seconds'.
_UNSIGNED_MAX = 1024

_log = logging.getLogger(__name__)


class ExecutionDiverged(InvariantViolation):
    """Executing a certified batch gave another header than the quorum signed (checklist B9)."""

    def __init__(self, *, height: int, expected: bytes, actual: bytes) -> None:
        self.height = height
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"height {height}: a quorum signed header {expected.hex()}, we computed {actual.hex()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenBlock:
    """A batch, and the header digest that its execution must give, proven by a quorum.

    `certificate` is that of this very height, None when a later one proves it.
    """

    sequence: SequenceNumber
    batch: Batch
    header_digest: bytes
    certificate: bytes | None = field(repr=False)


class OneEpoch:
    """No contract of this version announces a change of members, so epoch 0 never ends."""

    def succeed(self, ended: EpochEnded) -> Succession | None:
        """Refuse.

        Raises:
            InvariantViolation: an epoch ended that nothing could have ended.

        """
        raise InvariantViolation(
            f"epoch {ended.stable.epoch} ended at height {ended.stable.height},"
            " but no contract of this version can announce a change of members"
        )


def _always_first(_height: int) -> int:
    """Return the epoch of a chain that never left its first one."""
    return FIRST_EPOCH


class VoteMark(Protocol):
    """Where the vote log ends: stored with each block, so that a shorter log is noticed."""

    def mark(self) -> bytes:
        """Return length and chain hash of what is durable."""
        ...


class CheckpointSigner:
    """Signs the headers that this replica computed by executing.

    A learner signs none, and nobody does before peers said what was signed in earlier lives:
    `may_vote` tells, and may change at any time. What the vote guard refuses stays unsigned.
    """

    def __init__(
        self, *, replica_id: int, chain_id: bytes, signer: Signer, may_vote: Callable[[], bool]
    ) -> None:
        self._replica_id = ReplicaId(replica_id)
        self._chain_id = chain_id
        self._signer = signer
        self._may_vote = may_vote
        # Headers that this life computed and may not sign, since an earlier one spoke or may have.
        self.refusals = 0

    @property
    def may_sign(self) -> bool:
        """Whether this replica signs headers now."""
        return self._may_vote()

    def sign(self, *, epoch: int, height: Height, header_digest: bytes) -> Checkpoint | None:
        """Return our CHECKPOINT; None: an earlier life signed, or may have, another header.

        Then the block stands without our signature, and we go on with the next one: what was
        signed first is the only thing that this key ever says about the height (G2).
        """
        unsigned = Checkpoint(
            epoch=Epoch(epoch),
            height=height,
            header_digest=Digest(header_digest),
            sender=self._replica_id,
            signature=_UNSIGNED,
        )
        content = signed_content(unsigned, chain_id=self._chain_id, encoder=codec)
        try:
            signature = self._signer.sign(slot=slot_of(unsigned), content=content)
        except ConflictingVote as error:
            self.refusals += 1
            if not isinstance(error, ForgottenVote):
                _log.error("header_not_signed", extra={"height": height})
            return None
        return replace(unsigned, signature=signature)


class BlockExecution:
    """The execution thread. Methods are called on the loop and run in the order of the calls."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        executor: Executor,
        ledger: Ledger,
        batches: Batches,
        checkpoints: CheckpointSigner,
        votes: VoteMark,
        digest: Callable[[bytes], bytes],
        epoch_at: Callable[[int], int] = _always_first,
    ) -> None:
        self._executor = executor
        self._ledger = ledger
        self._batches = batches
        self._checkpoints = checkpoints
        self._votes = votes
        self._digest = digest
        self._epoch_at = epoch_at
        self._members = tuple(
            Member(replica_id=one.replica_id, organisation=one.organisation, vote_key=one.vote_key)
            for one in genesis.replicas
        )
        # Headers computed while we did not vote yet, ascending; the newest only.
        self._unsigned: deque[tuple[Height, bytes]] = deque(maxlen=_UNSIGNED_MAX)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="execution")

    async def execute(self, sequence: SequenceNumber, batch: Batch) -> ExecutedBatch:
        """Execute a batch that consensus committed, sign and store its block.

        Raises:
            StorageError, InvariantBroken: the process must stop.

        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._execute, sequence, batch)

    async def install(self, block: ProvenBlock) -> ExecutedBatch:
        """Execute a block that a quorum's certificate proves, and store it.

        Our CHECKPOINT for it is signed, since we computed its header, and stored, but not
        sent: peers ask for it where a height lacks its certificate.

        Raises:
            ExecutionDiverged: our header is not the proven one; nothing was stored.
            StorageError, InvariantBroken: the process must stop.

        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._install, block)

    async def stand_on(self, end: SnapshotEnd) -> ExecutedBatch:
        """Make a staged snapshot the tip; what it stands for was verified, not computed.

        Nothing is signed for it: a replica vouches only for what it executed (checklist D1).

        Raises:
            StorageError, InvariantBroken: the process must stop.

        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._stand_on, end)

    def close(self) -> None:
        """Wait for the block in work; nothing is cut in the middle."""
        self._thread.shutdown(wait=True)

    def _execute(self, sequence: SequenceNumber, batch: Batch) -> ExecutedBatch:
        block = self._run(sequence, batch)
        header_digest = block.header.digest(self._digest)
        checkpoint = self._append(block, header_digest, certificate=None)
        return self._executed(sequence, block, header_digest, checkpoint)

    def _install(self, proven: ProvenBlock) -> ExecutedBatch:
        block = self._run(proven.sequence, proven.batch)
        header_digest = block.header.digest(self._digest)
        if header_digest != proven.header_digest:
            raise ExecutionDiverged(
                height=proven.sequence, expected=proven.header_digest, actual=header_digest
            )
        self._append(block, header_digest, certificate=proven.certificate)
        return self._executed(proven.sequence, block, header_digest, None)

    def _stand_on(self, end: SnapshotEnd) -> ExecutedBatch:
        self._ledger.install(end, vote_mark=self._votes.mark())
        return ExecutedBatch(
            sequence=SequenceNumber(end.header.height),
            header_digest=end.header.digest(self._digest),
            time_ms=end.header.head.time_ms,
            checkpoint=None,
            submissions=(),
            next_block_in_ms=self._ledger.next_block_in_ms,
        )

    def _append(
        self, block: ExecutedBlock, header_digest: bytes, *, certificate: bytes | None
    ) -> Checkpoint | None:
        """Sign the header and write everything at once."""
        height = Height(block.header.height)
        checkpoint = self._sign(height, header_digest)
        self._ledger.append(
            block,
            own_checkpoint=None if checkpoint is None else encode(message_to_plain(checkpoint)),
            vote_mark=self._votes.mark(),
            certificate=certificate,
        )
        return checkpoint

    def _sign(self, height: Height, header_digest: bytes) -> Checkpoint | None:
        """Sign a header, and first those below that came before we might vote."""
        self._unsigned.append((height, header_digest))
        signed: dict[int, Checkpoint] = {}
        while self._unsigned and self._checkpoints.may_sign:
            below, digest = self._unsigned.popleft()
            checkpoint = self._checkpoints.sign(
                epoch=self._epoch_at(below), height=below, header_digest=digest
            )
            if checkpoint is not None:
                signed[below] = checkpoint
        own = signed.pop(height, None)
        if signed:
            self._ledger.store_own_checkpoints(
                {below: encode(message_to_plain(one)) for below, one in signed.items()}
            )
        return own

    def _run(self, sequence: SequenceNumber, batch: Batch) -> ExecutedBlock:
        return self._executor.execute(
            height_of(sequence),
            self._batches.decoded(batch),
            epoch=self._epoch_at(height_of(sequence)),
            members=self._members,
        )

    def _executed(
        self,
        sequence: SequenceNumber,
        block: ExecutedBlock,
        header_digest: bytes,
        checkpoint: Checkpoint | None,
    ) -> ExecutedBatch:
        return ExecutedBatch(
            sequence=sequence,
            header_digest=header_digest,
            time_ms=block.header.head.time_ms,
            checkpoint=checkpoint,
            submissions=tuple(digest for digest, _ in block.outcomes),
            next_block_in_ms=self._ledger.next_block_in_ms,
        )
