"""What may enter the core. Each event carries the wall clock `now_ms` of its arrival.

The driver has verified every signature in `Received.message`, nested certificates included,
and every batch body (digest and `is_proposable`). The core checks all the rest.
"""

from dataclasses import dataclass
from typing import TypeAlias

from consensus.effects import Record, Timer
from consensus.epochs import NextEpoch
from consensus.messages import Batch, Checkpoint, Message, StableCheckpoint
from consensus.types import Digest, Nonce, SequenceNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message of a peer, signatures verified. Its sender need not be the connection's peer."""

    message: Message
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The mempool offers a batch for proposal; ignored unless `Replica.may_propose`.

    An empty batch is the answer to the effect `BuildBatch` and keeps time moving.
    """

    batch: Batch
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The oldest submission known here and not certified yet changed; None: nothing waits."""

    oldest: Digest | None
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A batch body that `FetchBatch` asked for, its digest recomputed."""

    batch: Batch
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """Block `sequence` is durable; `checkpoint` is our signature over its header.

    `checkpoint` is None for a replica that may not vote. `time_ms` is the block's time.
    `next_epoch` is the change of members that is pending after this block, None normally.
    `next_block_in_ms` says when the primary owes another block, empty if need be, should that
    be sooner than the idle one; None: it is not. Durations are of monotonic time.
    """

    sequence: SequenceNumber
    header_digest: Digest
    time_ms: int
    checkpoint: Checkpoint | None
    now_ms: int
    next_epoch: NextEpoch | None = None
    next_block_in_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """State transfer ended: the ledger stands at `executed`, `stable` is its certificate.

    It never goes beyond the epoch: the last block of one is where the next begins.
    `next_epoch` and `next_block_in_ms` are as in `Executed`, after block `executed`.
    `checkpoint` is our newest signature over a block, None: there is none. It is not sent:
    execution signed what it computed on the way, for peers that ask.
    """

    stable: StableCheckpoint
    executed: SequenceNumber
    header_digest: Digest
    time_ms: int
    now_ms: int
    checkpoint: Checkpoint | None = None
    next_epoch: NextEpoch | None = None
    next_block_in_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerExpired:
    """A timer ran out; a generation that is not the newest of its timer is ignored."""

    timer: Timer
    generation: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """First event of a process: what the vote log and the ledger hold, in the order written.

    At the first start `records` is empty and the ledger stands at genesis. `checkpoints` are
    ours, ascending: the newest, and those above `stable`. `nonce` is random, new in each life.

    After a change of epoch the ledger stands at its base or above, `stable` is the base's
    certificate or one of this epoch, and records of earlier epochs say nothing any more.
    `decided` are the batches above `executed` that a recovery record keeps (checklist B9).
    `next_block_in_ms` is as in `Executed`, after block `executed`.
    """

    records: tuple[Record, ...]
    stable: StableCheckpoint
    executed: SequenceNumber
    header_digest: Digest
    time_ms: int
    checkpoints: tuple[Checkpoint, ...]
    nonce: Nonce
    now_ms: int
    next_epoch: NextEpoch | None = None
    decided: tuple[Batch, ...] = ()
    next_block_in_ms: int | None = None


Event: TypeAlias = (
    Received | Submitted | Waiting | Fetched | Executed | Synced | TimerExpired | Restored
)
