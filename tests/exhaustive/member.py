"""One honest member: a real `Replica` with its guard, a ledger of digests, and no clock.

What its driver would do is done at once: a block is executed, a body fetched, a state
transferred as soon as the replica asks for it. Timers run out when the search says so.
"""

from typing import TypeAlias

from consensus.codec import Slot
from consensus.effects import (
    Broadcast,
    Effect,
    Execute,
    FetchBatch,
    FetchState,
    Send,
    Timer,
)
from consensus.events import (
    Event,
    Executed,
    Fetched,
    Received,
    Submitted,
    Synced,
    TimerExpired,
    Waiting,
)
from consensus.messages import Message
from consensus.normal_case import next_sequence
from consensus.replica import Replica
from consensus.state import ReplicaState
from consensus.types import Digest, ReplicaId, SequenceNumber
from tests.exhaustive.world import (
    BODIES,
    LEDGERS,
    SIZE,
    Ledger,
    header_of,
    named_batch,
)
from tests.simulation.stubs import ENCODER, GuardedSigner, digest_of
from tests.unit.consensus.group import NOW_MS, checkpoint, config, make_guard, restored_at

Outcome: TypeAlias = tuple[Message, ...]


class _Remembering(GuardedSigner):
    """Never asks whether it forgot something: nobody restarts here.

    A fact of the search stands for all messages that differ only in who signed a certificate, so
    a member may meet its own promise again in the words of another schedule.
    """

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:  # noqa: ARG002 (the port)
        return False


class Member:
    """Steps the replica and carries out what it asks for; returns what it said."""

    def __init__(self, identity: ReplicaId, *, replica_class: type[Replica] = Replica) -> None:
        self.identity = identity
        self.ledger: Ledger = ()
        self.replica = replica_class(
            config(identity, size=SIZE),
            encoder=ENCODER,
            signer=_Remembering(identity, make_guard(identity)),
        )

    @property
    def state(self) -> ReplicaState:
        held = vars(self.replica)["_state"]
        assert isinstance(held, ReplicaState)
        return held

    # Events

    def start(self) -> Outcome:
        return self.step(restored_at())

    def wait(self) -> Outcome:
        """Know of a submission that nobody serves: from now on the request timer has a reason."""
        oldest = digest_of(b"a submission that waits for ever")
        return self.step(Waiting(oldest=oldest, now_ms=NOW_MS))

    def hear(self, message: Message) -> Outcome:
        return self.step(Received(message=message, now_ms=NOW_MS))

    def expire(self, timer: Timer) -> Outcome:
        generation = vars(self.state.outbox)["_generations"][timer]
        return self.step(TimerExpired(timer=timer, generation=generation, now_ms=NOW_MS))

    def propose(self, name: str) -> Outcome:
        body = named_batch(name, self.next_sequence)
        return self.step(Submitted(batch=body, now_ms=NOW_MS))

    def step(self, event: Event) -> Outcome:
        said: Outcome = ()
        for effect in self.replica.step(event):
            said += self._carry_out(effect)
        return said

    def _carry_out(self, effect: Effect) -> Outcome:
        match effect:
            case Broadcast(message=message) | Send(message=message):
                return (message,)
            case Execute():
                return self._execute(effect)
            case FetchBatch(digest=digest):
                return self.step(Fetched(batch=BODIES[digest], now_ms=NOW_MS))
            case FetchState():
                return self._synchronize(effect)
            case _:
                return ()

    def _execute(self, effect: Execute) -> Outcome:
        self.ledger = (*self.ledger, effect.batch.digest)
        header = header_of(self.ledger)
        return self.step(
            Executed(
                sequence=effect.sequence,
                header_digest=header,
                time_ms=NOW_MS,
                checkpoint=checkpoint(self.identity, effect.sequence, digest=header),
                now_ms=NOW_MS,
            )
        )

    def _synchronize(self, effect: FetchState) -> Outcome:
        target = effect.target
        self.ledger = LEDGERS[target.header_digest]
        return self.step(
            Synced(
                stable=target,
                executed=SequenceNumber(len(self.ledger)),
                header_digest=target.header_digest,
                time_ms=NOW_MS,
                now_ms=NOW_MS,
            )
        )

    # Questions

    @property
    def view(self) -> int:
        return self.state.view

    @property
    def next_sequence(self) -> SequenceNumber:
        return next_sequence(self.state)

    @property
    def running(self) -> tuple[Timer, ...]:
        outbox = self.state.outbox
        return tuple(one for one in (Timer.REQUEST, Timer.NEW_VIEW) if outbox.is_running(one))

    def decided(self, sequence: SequenceNumber) -> Digest | None:
        """Return what this member executed, or holds a quorum of COMMITs for."""
        if sequence <= len(self.ledger):
            return self.ledger[sequence - 1]
        slot = self.state.log.find(sequence)
        return None if slot is None or slot.committed is None else slot.committed.batch_digest


def start_group(replica_class: type[Replica]) -> tuple[Member, ...]:
    """Start four members, let them say all they have to say at a start, then let them wait."""
    members = tuple(Member(ReplicaId(one), replica_class=replica_class) for one in range(SIZE))
    said = [one for member in members for one in member.start()]
    while said:
        message = said.pop(0)
        for member in members:
            if member.identity != message.sender:
                said.extend(member.hear(message))
    for member in members:
        member.wait()
    return members
