"""What the driver asks of its surroundings; `node` connects the real ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chainnode.submission import SubmissionDigest
from consensus.effects import EpochEnded, FetchBatch, FetchState, Record
from consensus.epochs import NextEpoch
from consensus.events import Restored
from consensus.messages import Batch, Checkpoint, Message, StableCheckpoint
from consensus.replica import Replica
from consensus.types import ReplicaId, SequenceNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedBatch:
    """What execution of one batch left behind, durably.

    `next_epoch` is the change of members that is pending after it (checklist I1).
    `next_block_in_ms` says, as a pure function of the tip, how long after it another block is
    due although nothing waits: an advance of the index (wire-format §10). None: none is due.
    A primary whose clock stands behind the tip's time cannot move it: too small a value would
    let it make one empty block after the other until its clock has come up.
    """

    sequence: SequenceNumber
    header_digest: bytes
    time_ms: int
    checkpoint: Checkpoint | None
    submissions: tuple[bytes, ...]
    next_epoch: NextEpoch | None = None
    next_block_in_ms: int | None = None


class Evidence(Protocol):
    """Where proofs that a replica contradicted itself are kept."""

    def keep(self, first: Message, second: Message) -> None:
        """Store the pair durably; may be called on any thread, and wait for the disk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredState:
    """Where state transfer ended: the tip, and the newest certificate at or below it.

    `next_epoch` and `next_block_in_ms` are as in `ExecutedBatch`, after the tip. `checkpoint` is
    the newest that this replica signed, None: it signed none.
    """

    height: int
    header_digest: bytes
    time_ms: int
    stable: StableCheckpoint
    checkpoint: Checkpoint | None = None
    next_epoch: NextEpoch | None = None
    next_block_in_ms: int | None = None


class Votes(Protocol):
    """The vote log."""

    def append(self, records: Sequence[Record]) -> None:
        """Add records, not yet durable."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether it is time to rotate."""
        ...

    def rotate(self, restatement: Sequence[Record]) -> None:
        """Begin anew with all that still binds as of the last `append`."""
        ...

    def sync(self) -> None:
        """Make all that was queued durable. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What goes on after the end of an epoch: a replica that saw no event yet, and its votes."""

    replica: Replica
    votes: Votes
    restored: Restored


class Epochs(Protocol):
    """Knows who orders after the end of an epoch."""

    def succeed(self, ended: EpochEnded) -> Succession | None:
        """Make the replica of the next epoch; None when this node has no part in it.

        Block and certificate that end the epoch are durable. Raises StorageError.
        """
        ...


class Network(Protocol):
    """The way to other replicas; never blocks, may lose messages."""

    def send(self, to: ReplicaId, message: Message) -> None:
        """Send to one replica."""
        ...

    def broadcast(self, message: Message) -> None:
        """Send to all others."""
        ...


class Execution(Protocol):
    """Executes committed batches, one after another, in the order of the calls."""

    async def execute(self, sequence: SequenceNumber, batch: Batch) -> ExecutedBatch:
        """Execute and store one block. Raises StorageError."""
        ...


class Transfer(Protocol):
    """Brings what this replica lacks from its peers."""

    async def fetch_batch(self, effect: FetchBatch) -> Batch | None:
        """Return the body with this digest, None when nobody has it now."""
        ...

    async def fetch_state(
        self, effect: FetchState, installed: Callable[[ExecutedBatch], None]
    ) -> TransferredState | None:
        """Bring the ledger to the certified target or above it, telling of each block.

        Returns the tip, or None when no peer could help now and it has to be tried again.
        """
        ...


class Certified(Protocol):
    """Keeps certificates, and wants to know what became final."""

    def on_stable(self, stable: StableCheckpoint) -> None:
        """Take a certificate; our own execution of its block may still be under way."""
        ...

    def on_executed(self, height: int) -> None:
        """Take note that the block is durable here."""
        ...

    def on_final(self, digests: Sequence[SubmissionDigest]) -> None:
        """Take note that these submissions are executed and certified."""
        ...
