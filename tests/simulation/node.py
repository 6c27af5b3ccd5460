"""One simulated process: a real `Replica`, a disk that outlives it, a small driver.

The driver carries out effects one after another; a crash may come between any two of them,
also in the middle of a `Persist`.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol, assert_never

from consensus.codec import signed_content, slot_of
from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
    Equivocated,
    Execute,
    FetchBatch,
    FetchState,
    Persist,
    Send,
    Stabilized,
    StartTimer,
    StopTimer,
)
from consensus.errors import InvalidMessage
from consensus.events import (
    Event,
    Executed,
    Fetched,
    Received,
    Restored,
    Submitted,
    Synced,
    TimerExpired,
    Waiting,
)
from consensus.guard import VoteGuard
from consensus.messages import Batch, Checkpoint, Message
from consensus.new_view import UNSIGNED
from consensus.ports import Signer
from consensus.replica import Replica, ReplicaConfig
from consensus.types import Digest, Height, ReplicaId, SequenceNumber
from tests.simulation.clock import Clock
from tests.simulation.disk import Block, Disk
from tests.simulation.stubs import (
    CHAIN_ID,
    ENCODER,
    GuardedSigner,
    digest_of,
    make_batch,
)

REQUESTS_PER_BATCH_MAX = 3
PROPOSALS_IN_FLIGHT_MAX = 4
EXECUTION_MS = 8
FETCH_MS = 12
RETRY_MS = 60


class Surroundings(Protocol):
    """What a node asks of the cluster."""

    def transmit(self, sender: "Node", to: ReplicaId | None, message: Message) -> None: ...
    def find_batch(self, asker: "Node", effect: FetchBatch) -> Batch | None: ...
    def find_blocks(self, asker: "Node", effect: FetchState) -> list[Block] | None: ...
    def on_effect(self, node: "Node", effect: Effect) -> None: ...
    def on_block(self, node: "Node", block: Block) -> None: ...
    def on_refusal(self, node: "Node", event: Event, error: InvalidMessage) -> None: ...
    def on_failure(self, node: "Node", error: Exception) -> None: ...


class Node:
    """A process that can be killed and started again; `index` names it, also among twins."""

    def __init__(
        self,
        index: int,
        *,
        config: ReplicaConfig,
        clock: Clock,
        random: Random,
        surroundings: Surroundings,
        replica_class: type[Replica] = Replica,
    ) -> None:
        self.index = index
        self.config = config
        self.disk = Disk()
        self.pool: dict[int, None] = {}
        self.is_alive = False
        self.lives = 0
        # A clock that runs fast lets every timer end early.
        self.timer_scale = 1.0
        self.crash_after_effects: int | None = None
        self.replica: Replica
        self._clock = clock
        self._random = random
        self._surroundings = surroundings
        self._replica_class = replica_class
        self._sealed: set[int] = set()
        self._timers: dict[str, int] = {}
        self._batch_due = False
        self._waiting: int | None = None
        self._is_offering = False
        self._signer: Signer
        self._busy_until_ms = 0

    @property
    def replica_id(self) -> ReplicaId:
        return self.config.replica_id

    # Life and death

    def start(self) -> None:
        self.lives += 1
        self.is_alive = True
        self._signer = self._make_signer()
        self.replica = self._replica_class(self.config, encoder=ENCODER, signer=self._signer)
        self._sealed, self._timers, self._waiting = set(), {}, None
        self._batch_due = self._is_offering = False
        self._busy_until_ms = 0
        ledger = self.disk.ledger
        self.step(
            Restored(
                records=tuple(self.disk.votes),
                stable=self.disk.newest_certificate(self.config.membership.epoch),
                executed=SequenceNumber(ledger.height),
                header_digest=ledger.tip_digest,
                time_ms=ledger.tip_time_ms,
                checkpoint=ledger.own_checkpoint,
                now_ms=self._clock.now_ms,
            )
        )

    def crash(self) -> None:
        self.is_alive = False

    def _make_signer(self) -> Signer:
        guard = VoteGuard(
            replica_id=self.replica_id,
            epoch=self.config.membership.epoch,
            chain_id=CHAIN_ID,
            encoder=ENCODER,
        )
        guard.note_records(self.disk.votes)
        if self.disk.ledger.own_checkpoint is not None:
            guard.note_checkpoint(self.disk.ledger.own_checkpoint)
        return GuardedSigner(self.replica_id, guard)

    def rotate_votes(self) -> None:
        """Begin a new segment of the vote log with a restatement (checklist G5)."""
        self.disk.votes = list(self.replica.restatement())

    # Events in, effects out

    def receive(self, message: Message) -> None:
        if self.is_alive:
            self.step(Received(message=message, now_ms=self._clock.now_ms))

    def submit(self, request: int) -> None:
        if request not in self.disk.ledger.executed:
            self.pool[request] = None
        if self.is_alive:
            self._offer()

    def step(self, event: Event) -> None:
        try:
            effects = self.replica.step(event)
        except InvalidMessage as error:
            self._surroundings.on_refusal(self, event, error)
            return
        except Exception as error:  # noqa: BLE001 (any exception of the core is a finding)
            self._surroundings.on_failure(self, error)
            return
        for effect in effects:
            if not self._survives(effect):
                return
            self._surroundings.on_effect(self, effect)
            self._carry_out(effect)
        self._offer()

    def _survives(self, effect: Effect) -> bool:
        if self.crash_after_effects is None:
            return self.is_alive
        self.crash_after_effects -= 1
        if self.crash_after_effects > 0:
            return True
        if isinstance(effect, Persist):
            kept = self._random.randrange(len(effect.records) + 1)
            self.disk.append_votes(effect.records[:kept])
        self.crash_after_effects = None
        self.crash()
        return False

    def _carry_out(self, effect: Effect) -> None:  # noqa: C901, PLR0912 (one flat case an effect)
        match effect:
            case Persist(records=records):
                self.disk.append_votes(records)
                self._note_records(effect)
            case Broadcast(message=message):
                self._surroundings.transmit(self, None, message)
            case Send(to=to, message=message):
                self._surroundings.transmit(self, to, message)
            case Execute():
                self._execute(effect)
            case Stabilized(stable=stable):
                self.disk.ledger.certificates[stable.height] = stable
                self._drop_certified()
            case BuildBatch():
                self._batch_due = True
            case EnteredView():
                self._sealed.clear()
                self._batch_due = False
            case FetchBatch():
                self._later(FETCH_MS, lambda: self._fetch_batch(effect))
            case FetchState():
                self._later(FETCH_MS, lambda: self._fetch_state(effect))
            case StartTimer():
                self._start_timer(effect)
            case StopTimer(timer=timer):
                self._timers.pop(timer.value, None)
            case Equivocated():
                pass
            case _:
                assert_never(effect)

    def _note_records(self, effect: Persist) -> None:
        if isinstance(self._signer, GuardedSigner):
            self._signer.guard.note_records(effect.records)

    def _later(self, delay_ms: int, action: Callable[[], None]) -> None:
        life = self.lives

        def act() -> None:
            if self.is_alive and self.lives == life:
                action()

        self._clock.after(delay_ms, act)

    def _start_timer(self, effect: StartTimer) -> None:
        self._timers[effect.timer.value] = effect.generation

        def expire() -> None:
            if self._timers.get(effect.timer.value) == effect.generation:
                self.step(
                    TimerExpired(
                        timer=effect.timer,
                        generation=effect.generation,
                        now_ms=self._clock.now_ms,
                    )
                )

        self._later(int(effect.duration_ms * self.timer_scale), expire)

    # Proposals

    def _offer(self) -> None:
        """Offer batches while the core may propose and there is something to say."""
        if self._is_offering:
            return
        self._is_offering = True
        self._watch_pool()
        while self.is_alive and self.replica.may_propose and self._has_reason():
            self._batch_due = False
            unsealed = [one for one in self.pool if one not in self._sealed]
            requests = tuple(unsealed[:REQUESTS_PER_BATCH_MAX])
            self._sealed.update(requests)
            batch = make_batch(self._clock.now_ms, requests)
            self.step(Submitted(batch=batch, now_ms=self._clock.now_ms))
        self._is_offering = False

    def _has_reason(self) -> bool:
        if self._batch_due:
            return True
        has_work = any(one not in self._sealed for one in self.pool)
        return has_work and self.replica.in_flight < PROPOSALS_IN_FLIGHT_MAX

    def _watch_pool(self) -> None:
        oldest = next(iter(self.pool), None)
        if oldest != self._waiting:
            self._waiting = oldest
            digest = None if oldest is None else digest_of(b"%d" % oldest)
            self.step(Waiting(oldest=digest, now_ms=self._clock.now_ms))

    def _drop_certified(self) -> None:
        ledger = self.disk.ledger
        certified = max(ledger.certificates, default=0)
        for block in ledger.blocks:
            if block.height <= certified:
                for request in block.requests:
                    self.pool.pop(request, None)

    # Ledger

    def _execute(self, effect: Execute) -> None:
        """Execute after all that was asked for before."""
        duration_ms = int(self._random.random() * EXECUTION_MS)
        start_ms = max(self._busy_until_ms, self._clock.now_ms)
        self._busy_until_ms = start_ms + duration_ms
        self._later(self._busy_until_ms - self._clock.now_ms, lambda: self._finish(effect))

    def _finish(self, effect: Execute) -> None:
        block = self.disk.ledger.build(effect.sequence, effect.batch)
        checkpoint = self._sign_checkpoint(block)
        self.disk.ledger.append(block, checkpoint)
        self._surroundings.on_block(self, block)
        self._drop_certified()
        self.step(
            Executed(
                sequence=effect.sequence,
                header_digest=block.header_digest,
                time_ms=block.time_ms,
                checkpoint=checkpoint,
                now_ms=self._clock.now_ms,
            )
        )

    def _sign_checkpoint(self, block: Block) -> Checkpoint | None:
        if not self.config.may_vote:
            return None
        unsigned = Checkpoint(
            epoch=self.config.membership.epoch,
            height=Height(block.height),
            header_digest=block.header_digest,
            sender=self.replica_id,
            signature=UNSIGNED,
        )
        content = signed_content(unsigned, chain_id=CHAIN_ID, encoder=ENCODER)
        signature = self._signer.sign(slot=slot_of(unsigned), content=content)
        return Checkpoint(
            epoch=unsigned.epoch,
            height=unsigned.height,
            header_digest=unsigned.header_digest,
            sender=unsigned.sender,
            signature=signature,
        )

    def _fetch_batch(self, effect: FetchBatch) -> None:
        batch = self._surroundings.find_batch(self, effect)
        if batch is not None:
            self.step(Fetched(batch=batch, now_ms=self._clock.now_ms))

    def _fetch_state(self, effect: FetchState) -> None:
        blocks = self._surroundings.find_blocks(self, effect)
        if blocks is None:
            self._later(RETRY_MS, lambda: self._fetch_state(effect))
            return
        ledger = self.disk.ledger
        for block in blocks:
            ledger.append(block, ledger.own_checkpoint)
            self._surroundings.on_block(self, block)
        ledger.certificates[effect.target.height] = effect.target
        self._drop_certified()
        self.step(
            Synced(
                stable=effect.target,
                executed=SequenceNumber(ledger.height),
                header_digest=Digest(ledger.tip_digest),
                time_ms=ledger.tip_time_ms,
                now_ms=self._clock.now_ms,
            )
        )
