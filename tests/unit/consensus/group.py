"""Builders for tests of the core: signed messages, and one replica under test.

`Subject` is one replica whose peers are played by the test; nothing moves unless it says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from consensus.certificates import prepared_certificate, stable_checkpoint
from consensus.codec import Slot, signed_content
from consensus.effects import (
    Broadcast,
    Effect,
    Persist,
    Record,
    Send,
    StartTimer,
    StopTimer,
    Timer,
)
from consensus.epochs import NextEpoch
from consensus.events import (
    Event,
    Executed,
    Fetched,
    Received,
    Restored,
    Submitted,
    TimerExpired,
    Waiting,
)
from consensus.guard import VoteGuard
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
    Recall,
    Recollection,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.new_view import UNSIGNED, new_view_proposals
from consensus.replica import Replica, ReplicaConfig
from consensus.types import (
    Digest,
    Epoch,
    Height,
    Membership,
    Nonce,
    ReplicaId,
    SequenceNumber,
    View,
)
from tests.simulation.disk import GENESIS_DIGEST, genesis_checkpoint
from tests.simulation.stubs import (
    CHAIN_ID,
    ENCODER,
    GuardedSigner,
    digest_of,
    make_batch,
    stub_signature,
)

NOW_MS = 1_000_000
WINDOW = 4
DRIFT_MS = 5_000
TIMEOUT_MS = 2_000
CAP_MS = 8_000
GENESIS = genesis_checkpoint(Epoch(0))
NONCE = Nonce(bytes(range(32)))

AnyMessage = TypeVar("AnyMessage", bound=Message)
AnyEffect = TypeVar("AnyEffect", bound=Effect)


# Values


def membership(size: int = 4, *, epoch: int = 0) -> Membership:
    return Membership(epoch=Epoch(epoch), size=size)


def batch(number: int = 1, *, time_ms: int = NOW_MS) -> Batch:
    return make_batch(time_ms, (number,))


def header(height: int) -> Digest:
    return digest_of(b"header %d" % height)


def config(replica_id: int = 1, *, size: int = 4, may_vote: bool = True) -> ReplicaConfig:
    return ReplicaConfig(
        replica_id=ReplicaId(replica_id),
        membership=membership(size),
        chain_id=CHAIN_ID,
        window=WINDOW,
        idle_block_ms=5_000,
        drift_ms=DRIFT_MS,
        request_timeout_ms=TIMEOUT_MS,
        timeout_cap_ms=CAP_MS,
        retransmit_ms=500,
        status_ms=1_000,
        may_vote=may_vote,
    )


# Messages, signed by their sender


def signed(message: AnyMessage) -> AnyMessage:
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
    return replace(message, signature=stub_signature(message.sender, content))


def pre_prepare(
    sequence: int = 1,
    *,
    view: int = 0,
    body: Batch | None = None,
    digest: bytes | None = None,
    size: int = 4,
    sender: int | None = None,
) -> PrePrepare:
    """By default: a fresh proposal of the view's primary, with its batch."""
    carried = batch(sequence) if body is None and digest is None else body
    return signed(
        PrePrepare(
            epoch=Epoch(0),
            view=View(view),
            sequence=SequenceNumber(sequence),
            batch_digest=Digest(digest) if carried is None else carried.digest,  # type: ignore[arg-type]  # one of the two is given
            sender=ReplicaId(view % size if sender is None else sender),
            signature=UNSIGNED,
            batch=carried,
        )
    )


def prepare(
    sender: int, sequence: int = 1, *, view: int = 0, digest: bytes | None = None
) -> Prepare:
    return signed(
        Prepare(
            epoch=Epoch(0),
            view=View(view),
            sequence=SequenceNumber(sequence),
            batch_digest=Digest(digest or batch(sequence).digest),
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def commit(sender: int, sequence: int = 1, *, view: int = 0, digest: bytes | None = None) -> Commit:
    return signed(
        Commit(
            epoch=Epoch(0),
            view=View(view),
            sequence=SequenceNumber(sequence),
            batch_digest=Digest(digest or batch(sequence).digest),
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def checkpoint(sender: int, height: int = 1, *, digest: bytes | None = None) -> Checkpoint:
    return signed(
        Checkpoint(
            epoch=Epoch(0),
            height=Height(height),
            header_digest=Digest(digest or header(height)),
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def stable(
    height: int, *, signers: Sequence[int] = (0, 1, 2), size: int = 4, digest: bytes | None = None
) -> StableCheckpoint:
    certificate = stable_checkpoint(
        (checkpoint(one, height, digest=digest) for one in signers), membership=membership(size)
    )
    assert certificate is not None
    return certificate


def prepared(
    sequence: int = 1,
    *,
    view: int = 0,
    digest: bytes | None = None,
    signers: Sequence[int] | None = None,
    size: int = 4,
) -> PreparedCertificate:
    backups = [one for one in range(size) if one != view % size]
    chosen = backups[: membership(size).quorum - 1] if signers is None else signers
    wanted = Digest(digest or batch(sequence).digest)
    certificate = prepared_certificate(
        pre_prepare(sequence, view=view, digest=wanted, size=size),
        (prepare(one, sequence, view=view, digest=wanted) for one in chosen),
        membership=membership(size),
    )
    assert certificate is not None
    return certificate


def view_change(
    sender: int,
    new_view: int = 1,
    *,
    base: StableCheckpoint = GENESIS,
    certificates: Iterable[PreparedCertificate] = (),
) -> ViewChange:
    return signed(
        ViewChange(
            epoch=Epoch(0),
            new_view=View(new_view),
            stable=base,
            prepared=tuple(certificates),
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def new_view(
    view: int = 1,
    *,
    changes: Sequence[ViewChange] | None = None,
    proposals: Sequence[PrePrepare] | None = None,
    size: int = 4,
    sender: int | None = None,
) -> NewView:
    """By default: a correct one, from the first quorum of empty view changes."""
    group = membership(size)
    shown = (
        tuple(view_change(one, view) for one in range(group.quorum)) if changes is None else changes
    )
    computed = new_view_proposals(View(view), shown, membership=group)
    return signed(
        NewView(
            epoch=Epoch(0),
            view=View(view),
            view_changes=tuple(shown),
            pre_prepares=tuple(signed(one) for one in (proposals or computed)),
            sender=ReplicaId(view % size if sender is None else sender),
            signature=UNSIGNED,
        )
    )


def status(
    sender: int,
    *,
    view: int = 0,
    stable_height: int = 0,
    prepared_to: int = 0,
    committed: int = 0,
    executed: int = 0,
) -> Status:
    return signed(
        Status(
            epoch=Epoch(0),
            view=View(view),
            stable_height=Height(stable_height),
            prepared=SequenceNumber(prepared_to),
            committed=SequenceNumber(committed),
            executed=SequenceNumber(executed),
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def recall(sender: int, *, nonce: bytes = NONCE) -> Recall:
    return signed(
        Recall(epoch=Epoch(0), nonce=Nonce(nonce), sender=ReplicaId(sender), signature=UNSIGNED)
    )


def recollection(
    sender: int,
    asker: int,
    *messages: Promise,
    nonce: bytes = NONCE,
    base: StableCheckpoint = GENESIS,
) -> Recollection:
    return signed(
        Recollection(
            epoch=Epoch(0),
            asker=ReplicaId(asker),
            nonce=Nonce(nonce),
            stable=base,
            messages=messages,
            sender=ReplicaId(sender),
            signature=UNSIGNED,
        )
    )


def make_guard(replica_id: int, *, epoch: int = 0) -> VoteGuard:
    return VoteGuard(
        replica_id=ReplicaId(replica_id), epoch=Epoch(epoch), chain_id=CHAIN_ID, encoder=ENCODER
    )


class _TrustfulSigner(GuardedSigner):
    """Knows of whatever it is shown."""

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:  # noqa: ARG002 (the port)
        return False


class Subject:
    """One replica under test; its peers are the test. Blocks get the headers of `header`.

    Peers that know of nothing answer its first question, and `effects` are those of the start
    and of these answers together. With `is_wary` they do not, and a message that bears its own
    signature ends its voting; else a test may show certificates that it took part in.
    """

    def __init__(
        self,
        replica_id: int = 1,
        *,
        size: int = 4,
        may_vote: bool = True,
        restored: Restored | None = None,
        is_wary: bool = False,
        settings: ReplicaConfig | None = None,
    ) -> None:
        self.me = replica_id
        self.settings = settings or config(replica_id, size=size, may_vote=may_vote)
        self.guard = make_guard(replica_id, epoch=self.settings.membership.epoch)
        if restored is not None:
            self.guard.restore(restored.records)
            for own in restored.checkpoints:
                self.guard.note_checkpoint(own)
        self.replica = Replica(
            self.settings,
            encoder=ENCODER,
            signer=(GuardedSigner if is_wary else _TrustfulSigner)(
                ReplicaId(replica_id), self.guard
            ),
        )
        self.records: list[Record] = []
        # Everything that it ever sent and that binds it.
        self.promised: list[Promise] = []
        self.generations: dict[Timer, int] = {}
        self.effects: tuple[Effect, ...] = ()
        self.step(restored or restored_at())
        if may_vote and not is_wary:
            begun = self.effects
            self.remember_nothing()
            self.effects = begun + self.effects

    def remember_nothing(self) -> "Subject":
        """Let as many peers as are needed answer that they hold nothing of us."""
        group = self.replica.describe()
        peers = [one.replica_id for one in group.peers][: group.quorum - 1]
        base = self.settings.start.base
        settled = GENESIS if base is None else base.stable
        answers = (recollection(one, self.me, base=settled) for one in peers)
        epoch = self.settings.membership.epoch
        return self.receive(*(signed(replace(one, epoch=epoch)) for one in answers))

    # Events

    def step(self, event: Event) -> "Subject":
        self.effects = self.replica.step(event)
        for effect in self.effects:
            if isinstance(effect, Persist):
                self.records.extend(effect.records)
                self.guard.note_records(effect.records)
            elif isinstance(effect, Broadcast | Send):
                self._note_sent(effect.message)
            elif isinstance(effect, StartTimer):
                self.generations[effect.timer] = effect.generation
            elif isinstance(effect, StopTimer):
                self.generations.pop(effect.timer)
        return self

    def _note_sent(self, message: Message) -> None:
        if isinstance(message, Promise) and message.sender == self.me:
            self.promised.append(message)

    def receive(self, *messages: Message, now_ms: int = NOW_MS) -> "Subject":
        """Receive all; `effects` are those of all of them together."""
        effects: tuple[Effect, ...] = ()
        for message in messages:
            effects += self.step(Received(message=message, now_ms=now_ms)).effects
        self.effects = effects
        return self

    def submit(self, number: int = 1, *, time_ms: int = NOW_MS) -> "Subject":
        return self.step(Submitted(batch=batch(number, time_ms=time_ms), now_ms=NOW_MS))

    def wait_for(self, number: int | None) -> "Subject":
        oldest = None if number is None else digest_of(b"request %d" % number)
        return self.step(Waiting(oldest=oldest, now_ms=NOW_MS))

    def expire(self, timer: Timer) -> "Subject":
        generation = self.generations.pop(timer)
        return self.step(TimerExpired(timer=timer, generation=generation, now_ms=NOW_MS))

    def execute(
        self,
        sequence: int = 1,
        *,
        digest: bytes | None = None,
        next_epoch: NextEpoch | None = None,
    ) -> "Subject":
        computed = Digest(digest or header(sequence))
        own = signed(
            replace(
                checkpoint(self.me, sequence, digest=computed), epoch=self.settings.membership.epoch
            )
        )
        may_vote = self.replica.describe().may_vote
        return self.step(
            Executed(
                sequence=SequenceNumber(sequence),
                header_digest=computed,
                time_ms=NOW_MS,
                checkpoint=own if may_vote else None,
                now_ms=NOW_MS,
                next_epoch=next_epoch,
            )
        )

    def fetch(self, fetched: Batch) -> "Subject":
        return self.step(Fetched(batch=fetched, now_ms=NOW_MS))

    # What came of the last one

    def of(self, kind: type[AnyEffect]) -> list[AnyEffect]:
        return [one for one in self.effects if isinstance(one, kind)]

    def broadcasts(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        return [one.message for one in self.of(Broadcast) if isinstance(one.message, kind)]

    def sends(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        return [one.message for one in self.of(Send) if isinstance(one.message, kind)]

    def persisted(self, kind: type[Record]) -> list[Record]:
        return [
            record
            for effect in self.of(Persist)
            for record in effect.records
            if isinstance(record, kind)
        ]

    def is_running(self, timer: Timer) -> bool:
        return timer in self.generations

    # Ways to get somewhere

    def decide(self, sequence: int = 1, *, view: int = 0) -> "Subject":
        """Let the others commit; the body comes with the primary's proposal, if we hear it."""
        others = [one for one in range(4) if one != self.me]
        return self.receive(*(commit(one, sequence, view=view) for one in others))

    def leave(self) -> "Subject":
        """Give up the current view by the request timer."""
        if not self.is_running(Timer.REQUEST):
            self.wait_for(99)
        return self.expire(Timer.REQUEST)


def restored_at(
    executed: int = 0,
    *,
    records: Sequence[Record] = (),
    base: StableCheckpoint = GENESIS,
    own: Sequence[Checkpoint] = (),
    digest: bytes | None = None,
    next_epoch: NextEpoch | None = None,
) -> Restored:
    computed = header(executed) if executed else GENESIS_DIGEST
    return Restored(
        records=tuple(records),
        stable=base,
        executed=SequenceNumber(executed),
        header_digest=Digest(digest or computed),
        time_ms=0,
        checkpoints=tuple(own),
        nonce=NONCE,
        now_ms=NOW_MS,
        next_epoch=next_epoch,
    )
