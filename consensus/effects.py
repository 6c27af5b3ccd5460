"""What may leave the core, in the order in which it must happen.

A `Persist` is durable before any later effect of the same step is carried out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from consensus.epochs import NextEpoch
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Promise,
    RecoveryPromise,
    StableCheckpoint,
    ViewChange,
)
from consensus.types import Digest, Height, ReplicaId, SequenceNumber

# What the vote log holds: a PRE-PREPARE with its batch, own votes, own CHECKPOINTs and
# certificates (checklist G1).
Record: TypeAlias = (
    PrePrepare
    | Prepare
    | Commit
    | Checkpoint
    | PreparedCertificate
    | ViewChange
    | NewView
    | StableCheckpoint
    | RecoveryPromise
)


class Timer(StrEnum):
    """The timers of a replica; starting one that runs replaces it under a new generation."""

    REQUEST = "request"
    NEW_VIEW = "new_view"
    RETRANSMIT = "retransmit"
    IDLE = "idle"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """Append to the vote log and make it durable."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send to one replica; `to` is an id of the message's own epoch."""

    to: ReplicaId
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """Send to all other replicas of the message's epoch."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """Execute a committed batch; asked for in order, without gap, once per sequence."""

    sequence: SequenceNumber
    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Stabilized:
    """A quorum signed this header: clients may be answered, the certificate may be served.

    Heights may come out of order, and before our own block is durable; after a restart a
    height may come again. No other header of that height is ever signed by a quorum.
    """

    stable: StableCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildBatch:
    """An idle block is due: offer a batch by `Submitted`, empty if nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBatch:
    """Ask any peer for the body of a batch; repeated until `Fetched` or superseded."""

    sequence: SequenceNumber
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchState:
    """Bring the ledger at least to the certified `target`; ends with `Synced`.

    Asked for once, when nothing is being executed; until `Synced` comes the core asks for no
    execution. Whoever carries it out tries again until it succeeds.
    """

    target: StableCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredView:
    """The replica is in normal operation in `view`: unsealed submissions may be offered again."""

    view: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivocated:
    """Two validly signed, conflicting messages of one sender: portable evidence (B8)."""

    first: Message
    second: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadersDiverged:
    """No header of this height can reach a quorum any more: more than a fault of a few (B9).

    `checkpoints` are the votes that prove it, by replica. We stop voting; people must find
    out whose execution is wrong, and sign a recovery record.
    """

    height: Height
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """The last block of the epoch is durable here and `stable` (checklist I1): we are done.

    Nothing comes after it. Whoever carries it out makes the replica of the next epoch, whose
    `ReplicaConfig.past` ends with this certificate.
    """

    stable: StableCheckpoint
    next_epoch: NextEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingEnded:
    """We signed `promise` and do not know of it: our vote memory is not whole (checklist G4).

    Nothing is signed from here on, and `may_vote` must be False in every later life.
    """

    promise: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTimer:
    """Report `TimerExpired(timer, generation)` after `duration_ms` of monotonic time."""

    timer: Timer
    generation: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimer:
    """Forget the timer."""

    timer: Timer


Effect: TypeAlias = (
    Persist
    | Send
    | Broadcast
    | Execute
    | Stabilized
    | BuildBatch
    | FetchBatch
    | FetchState
    | EnteredView
    | Equivocated
    | HeadersDiverged
    | EpochEnded
    | VotingEnded
    | StartTimer
    | StopTimer
)
