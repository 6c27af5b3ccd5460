"""What a replica knows: one mutable value that the `on_*` functions share.

No rules of the protocol here, only their memory, the shortcuts to the ports, and the two
questions everybody asks: in which view are we, and do we take part in it.
"""

from dataclasses import dataclass, field, replace
from typing import TypeVar

from consensus.checkpoint_votes import CheckpointVotes
from consensus.codec import signed_content, slot_of
from consensus.config import ReplicaConfig
from consensus.effects import Equivocated, Record
from consensus.epochs import EpochStart
from consensus.log import Log
from consensus.messages import (
    Checkpoint,
    Message,
    NewView,
    Recall,
    RecoveryPromise,
    StableCheckpoint,
    ViewChange,
)
from consensus.outbox import Outbox
from consensus.ports import Encoder, Signer
from consensus.types import (
    FIRST_VIEW,
    Digest,
    Epoch,
    Height,
    Membership,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
    Window,
    height_of,
)

# Evidence against one sender: the first pair proves it, more only repeat it.
EVIDENCE_PER_SENDER_MAX = 4

Signable = TypeVar("Signable", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How far a replica was when it was furthest, by its Status."""

    view: View
    executed: SequenceNumber
    # What orders the Statuses of one replica: nothing of it is undone but by a restart.
    standing: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A Status that was answered, by its standing."""

    standing: tuple[int, ...]
    was_outdated: bool


@dataclass(slots=True, kw_only=True)
class ReplicaState:
    """The state of one replica; only `Replica.step` lets anybody change it.

    `view` is the view we are in or have voted for, `active_view` the last one we entered:
    they are equal in normal operation. `new_view` is the newest valid NEW-VIEW, entered or
    waiting for state transfer.
    """

    config: ReplicaConfig
    encoder: Encoder
    signer: Signer
    log: Log
    checkpoints: CheckpointVotes
    outbox: Outbox = field(default_factory=Outbox)

    view: View = FIRST_VIEW
    active_view: View = FIRST_VIEW
    new_view: NewView | None = None
    own_view_change: ViewChange | None = None
    view_changes: dict[ReplicaId, ViewChange] = field(default_factory=dict)
    distrusts_primary: bool = False

    # The first height at which the headers of the replicas diverged for good.
    split_at: Height | None = None
    # Our signature over the recovery record that ends this epoch.
    farewell: RecoveryPromise | None = None
    # The epoch ended here: the next one has a replica of its own.
    is_over: bool = False
    # When a member was last shown how the epoch ended, after it did here.
    end_shown_ms: dict[ReplicaId, int] = field(default_factory=dict)
    # The position for which a block that fills the epoch was last asked for.
    filling: tuple[View, SequenceNumber] | None = None

    waiting: Digest | None = None
    owes_idle_block: bool = False
    timeout_ms: int = 0
    retransmissions: int = 0

    # The stable checkpoint above which the request timer last asked for CHECKPOINTs.
    asked_above: SequenceNumber | None = None
    state_target: StableCheckpoint | None = None
    stalled_at: SequenceNumber | None = None
    asked_for_stable: bool = False
    # Since the last tick: who was shown the NEW-VIEW, and which Status was answered.
    shown_new_view: dict[ReplicaId, bool] = field(default_factory=dict)
    answered: dict[ReplicaId, tuple[Answered, ...]] = field(default_factory=dict)
    # Members of earlier epochs who were told since the last tick how theirs ended.
    told: dict[tuple[Epoch, ReplicaId], bool] = field(default_factory=dict)
    sightings: dict[ReplicaId, Sighting] = field(default_factory=dict)
    heard_ms: dict[ReplicaId, int] = field(default_factory=dict)
    evidence_count: dict[ReplicaId, int] = field(default_factory=dict)

    # Our question what we signed before, while it is not answered enough; who answered it.
    recall: Recall | None = None
    recollected: dict[ReplicaId, bool] = field(default_factory=dict)
    # Nonces of the questions of others that were answered since the last tick.
    recalls_answered: dict[ReplicaId, tuple[Nonce, ...]] = field(default_factory=dict)
    has_forgotten: bool = False
    # Our CHECKPOINT of the highest block: below it no other is ever signed.
    newest_own: Checkpoint | None = None

    @property
    def me(self) -> ReplicaId:
        """Our own id."""
        return self.config.replica_id

    @property
    def membership(self) -> Membership:
        """The group of this epoch."""
        return self.config.membership

    @property
    def start(self) -> EpochStart:
        """Where the sequences of this epoch begin."""
        return self.log.start

    @property
    def is_normal(self) -> bool:
        """In normal operation: the view we voted for is the one we entered."""
        return self.view == self.active_view

    @property
    def is_primary(self) -> bool:
        """We are the primary of the current view."""
        return self.membership.primary(self.view) == self.me

    @property
    def low_height(self) -> Height:
        """Height of the last stable checkpoint."""
        return height_of(self.log.low_watermark)

    @property
    def may_sign(self) -> bool:
        """Neither a learner nor one whose vote memory proved incomplete (checklist G4).

        Nor one that signed a recovery record: this epoch is over for it (B9).
        """
        return self.config.may_vote and not self.has_forgotten and self.farewell is None

    @property
    def may_vote(self) -> bool:
        """We may promise something: others have told us what we signed before (checklist G5).

        Where headers diverged for good nothing is promised any more (B9).
        """
        return self.may_sign and self.recall is None and self.split_at is None

    def persist(self, *records: Record) -> None:
        """Write to the vote log; a learner has none, since it gives no votes."""
        if self.may_sign:
            self.outbox.persist(*records)

    def vouch(self, checkpoint: Checkpoint) -> None:
        """Write down our CHECKPOINT, so that no later life signs another header (G2, D1)."""
        if self.note_vouched(checkpoint):
            self.persist(checkpoint)

    def note_vouched(self, checkpoint: Checkpoint) -> bool:
        """Remember the newest CHECKPOINT of ours; tell whether this is it."""
        newest = self.newest_own
        if newest is not None and checkpoint.height <= newest.height:
            return False
        self.newest_own = checkpoint
        return True

    def sign(self, message: Signable) -> Signable:
        """Return `message` with our signature; the guard refuses a second one for its slot.

        Raises:
            ConflictingVote: we signed something else for this slot before.

        """
        content = signed_content(message, chain_id=self.config.chain_id, encoder=self.encoder)
        signature: Signature = self.signer.sign(slot=slot_of(message), content=content)
        return replace(message, signature=signature)

    def report(self, first: Message, second: Message) -> None:
        """Hand out the proof that a sender contradicted itself (checklist B8)."""
        count = self.evidence_count.get(second.sender, 0)
        if count < EVIDENCE_PER_SENDER_MAX:
            self.evidence_count[second.sender] = count + 1
            self.outbox.emit(Equivocated(first=first, second=second))


def initial_state(
    config: ReplicaConfig, *, encoder: Encoder, signer: Signer, stable: StableCheckpoint
) -> ReplicaState:
    """Return the state of a replica that knows nothing but a stable checkpoint."""
    window = Window(size=config.window)
    return ReplicaState(
        config=config,
        encoder=encoder,
        signer=signer,
        log=Log(membership=config.membership, window=window, stable=stable, start=config.start),
        checkpoints=CheckpointVotes(membership=config.membership, window=window),
        timeout_ms=config.request_timeout_ms,
    )
