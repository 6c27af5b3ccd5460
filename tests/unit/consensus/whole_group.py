"""Several correct replicas with one message queue in between; nothing moves by itself."""

from collections import deque
from collections.abc import Callable

from consensus.effects import (
    Broadcast,
    Effect,
    Execute,
    FetchBatch,
    Send,
    Stabilized,
    StartTimer,
    Timer,
)
from consensus.events import Event, Executed, Fetched, Received, Submitted, TimerExpired, Waiting
from consensus.messages import Message
from consensus.replica import Replica
from consensus.types import ReplicaId
from tests.simulation.disk import Ledger
from tests.simulation.stubs import ENCODER, GuardedSigner, digest_of
from tests.unit.consensus.group import NOW_MS, batch, checkpoint, config, make_guard, restored_at


class Group:
    """Several correct replicas; messages wait in one queue until `deliver` is called.

    Blocks are executed at once, by the ledger of the simulator.
    """

    def __init__(self, size: int = 4) -> None:
        self.size = size
        self.queue: deque[tuple[int, int, Message]] = deque()
        self.ledgers = [Ledger() for _ in range(size)]
        self.stabilized: list[list[int]] = [[] for _ in range(size)]
        self.members = [self._make_member(one) for one in range(size)]
        self._timers: list[dict[Timer, int]] = [{} for _ in range(size)]
        for one in range(size):
            self.step(one, restored_at())
        self.deliver()

    def _make_member(self, one: int) -> Replica:
        signer = GuardedSigner(ReplicaId(one), make_guard(one))
        return Replica(config(one, size=self.size), encoder=ENCODER, signer=signer)

    def step(self, member: int, event: Event) -> None:
        for effect in self.members[member].step(event):
            self._carry_out(member, effect)

    def _carry_out(self, member: int, effect: Effect) -> None:
        match effect:
            case Broadcast(message=message):
                others = (one for one in range(self.size) if one != member)
                self.queue.extend((member, one, message) for one in others)
            case Send(to=to, message=message):
                self.queue.append((member, to, message))
            case Execute():
                self._execute(member, effect)
            case Stabilized(stable=certificate):
                self.stabilized[member].append(certificate.height)
            case StartTimer():
                self._timers[member][effect.timer] = effect.generation
            case FetchBatch():
                self._fetch(member, effect)
            case _:
                pass

    def _execute(self, member: int, effect: Execute) -> None:
        ledger = self.ledgers[member]
        block = ledger.build(effect.sequence, effect.batch)
        own = checkpoint(member, block.height, digest=block.header_digest)
        ledger.append(block, own)
        self.step(
            member,
            Executed(
                sequence=effect.sequence,
                header_digest=block.header_digest,
                time_ms=block.time_ms,
                checkpoint=own,
                now_ms=NOW_MS,
            ),
        )

    def _fetch(self, member: int, effect: FetchBatch) -> None:
        for other in self.members:
            found = other.batch_of(effect.sequence, effect.digest)
            if found is not None:
                self.step(member, Fetched(batch=found, now_ms=NOW_MS))
                return

    def submit(self, member: int, number: int = 1) -> None:
        self.step(member, Submitted(batch=batch(number), now_ms=NOW_MS))

    def deliver(self, keep: Callable[[int, int, Message], bool] = lambda *_: True) -> None:
        """Deliver all that waits and all that comes of it, but what `keep` refuses."""
        while self.queue:
            sender, receiver, message = self.queue.popleft()
            if keep(sender, receiver, message):
                self.step(receiver, Received(message=message, now_ms=NOW_MS))

    def time_out(self, *members: int) -> None:
        """Let the request timers of `members` run out."""
        for member in members:
            oldest = digest_of(b"a starved request")
            self.step(member, Waiting(oldest=oldest, now_ms=NOW_MS))
            generation = self._timers[member][Timer.REQUEST]
            self.step(
                member,
                TimerExpired(timer=Timer.REQUEST, generation=generation, now_ms=NOW_MS),
            )

    def heights(self) -> list[int]:
        return [ledger.height for ledger in self.ledgers]

    def tips(self) -> set[bytes]:
        return {ledger.tip_digest for ledger in self.ledgers}
