"""Carries out the effects of the consensus core and turns I/O into its events.

Rules: one task steps the replica; a `Persist` is on disk before any later effect of its round
is carried out (all events that wait are stepped first, then one fdatasync serves them all);
a storage error or a broken invariant ends `run` and with it the process.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import assert_never

from chainnode.clock import WallClock
from chainnode.driver.finality import Finality
from chainnode.driver.ports import (
    Certified,
    Epochs,
    Evidence,
    ExecutedBatch,
    Execution,
    Network,
    Transfer,
    Votes,
)
from chainnode.driver.proposals import Proposals
from chainnode.driver.timers import Timers
from chainnode.mempool import Mempool
from chainnode.submission import SubmissionDigest
from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
    EpochEnded,
    Equivocated,
    Execute,
    FetchBatch,
    FetchState,
    HeadersDiverged,
    Persist,
    Send,
    Stabilized,
    StartTimer,
    StopTimer,
    Timer,
    VotingEnded,
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
from consensus.messages import Message, Promise, StableCheckpoint
from consensus.replica import Replica
from consensus.types import Digest, Height, sequence_of

# Events stepped before one fdatasync: bounds the delay of the first of them.
_EVENTS_PER_ROUND = 256
# Pause before a fetch that nobody could answer is tried again.
_FETCH_RETRY_S = 0.2
# Proposals in flight: enough to hide one round trip, few enough for batches to grow.
_PROPOSALS_IN_FLIGHT_MAX = 4

_log = logging.getLogger(__name__)


class LeftGroup(Exception):
    """The epoch ended and this node has no part in the next one: it orders nothing any more."""

    def __init__(self, *, epoch: int, height: int) -> None:
        self.epoch = epoch
        self.height = height
        super().__init__(f"epoch {epoch} ended at height {height} and this replica left the group")


def _nothing() -> None:
    """Nobody wants to know."""


class Driver:
    """Owns a `Replica` and is the only caller of its `step`. Loop thread only."""

    def __init__(
        self,
        *,
        replica: Replica,
        clock: WallClock,
        votes: Votes,
        network: Network,
        execution: Execution,
        transfer: Transfer,
        certified: Certified,
        evidence: Evidence,
        epochs: Epochs,
        pool: Mempool,
        proposals: Proposals,
        finality: Finality,
        entered_view: Callable[[], None],
        voting_ended: Callable[[Promise], None],
        disk: Executor,
    ) -> None:
        self.replica = replica
        self.refused: Counter[str] = Counter()
        self.equivocations = 0
        self.fsyncs = 0
        self._clock = clock
        self._votes = votes
        self._network = network
        self._execution = execution
        self._transfer = transfer
        self._certified = certified
        self._evidence = evidence
        self._epochs = epochs
        self._pool = pool
        self._proposals = proposals
        self._finality = finality
        self._entered_view = entered_view
        self._voting_ended = voting_ended
        self._disk = disk
        # Each event with what to call once the core has seen it.
        self._inbox: deque[tuple[Event, Callable[[], None]]] = deque()
        self._wake = asyncio.Event()
        self._timers = Timers(self._on_timer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._fetching: set[Digest] = set()
        self._failure: BaseException | None = None
        self._batch_due = False
        self._ended: EpochEnded | None = None
        self._waiting: Digest | None = None
        self._executions: asyncio.Queue[Execute] = asyncio.Queue()

    def on_message(self, message: Message, seen: Callable[[], None]) -> None:
        """Take a verified message of a peer; `seen` is called when the core has seen it."""
        self._post(Received(message=message, now_ms=self._clock.now_ms()), seen)

    def on_pool_changed(self) -> None:
        """Look at the mempool: it has something new."""
        self._wake.set()

    async def run(self, restored: Restored) -> None:
        """Work until cancelled.

        Raises:
            StorageError, InvariantViolation: the process must stop.
            LeftGroup: the epoch ended and the next one goes on without this replica.

        """
        self._spawn(self._execute_in_order())
        try:
            await self._begin(restored)
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._round()
        finally:
            self._timers.stop_all()
            for task in tuple(self._tasks):
                task.cancel()

    async def _begin(self, restored: Restored, *, is_new_epoch: bool = False) -> None:
        """Let a replica see its first event before any other, and do what follows from it.

        The vote log of a new epoch starts with what binds there, and nothing leaves before.
        """
        effects = list(self.replica.step(restored))
        if is_new_epoch:
            self._votes.rotate(self.replica.restatement())
        await self._persist(effects, must_sync=is_new_epoch)
        for effect in effects:
            self._carry_out(effect)
        self._wake.set()

    async def _hand_over(self, ended: EpochEnded) -> None:
        """Drain the ended epoch and go on in the next one (checklist I2).

        Of what waits only messages are kept: their epoch is signed. Timers, the open offer and
        the watched submission were the old replica's.
        """
        self._timers.stop_all()
        succession = self._epochs.succeed(ended)
        if succession is None:
            raise LeftGroup(epoch=ended.stable.epoch, height=ended.stable.height)
        kept = ((event, seen) for event, seen in self._inbox if isinstance(event, Received))
        self._inbox = deque(kept)
        self.replica, self._votes = succession.replica, succession.votes
        self._batch_due, self._waiting = False, None
        self._pool.unseal_all()
        _log.info("entered_epoch", extra={"epoch": ended.next_epoch.membership.epoch})
        await self._begin(succession.restored, is_new_epoch=True)

    async def _round(self) -> None:
        if self._failure is not None:
            raise self._failure
        # First of all: a timer that watches what has expired meanwhile must not act.
        effects: list[Effect] = [*self._watch_pool()]
        for _ in range(min(len(self._inbox), _EVENTS_PER_ROUND)):
            event, seen = self._inbox.popleft()
            seen()
            effects += self._step(event)
        effects += self._watch_pool()
        effects += self._propose()
        await self._persist(effects)
        for effect in effects:
            self._carry_out(effect)
        while (ended := self._ended) is not None:
            self._ended = None
            await self._hand_over(ended)
        if self._inbox:
            self._wake.set()

    def _step(self, event: Event) -> tuple[Effect, ...]:
        try:
            return self.replica.step(event)
        except InvalidMessage as error:
            self.refused[type(error).__name__] += 1
            return ()

    def _watch_pool(self) -> tuple[Effect, ...]:
        self._pool.expire(self._clock.now_ms())
        oldest = self._pool.oldest
        waiting = None if oldest is None else Digest(oldest)
        if waiting == self._waiting:
            return ()
        self._waiting = waiting
        return self._step(Waiting(oldest=waiting, now_ms=self._clock.now_ms()))

    def _propose(self) -> list[Effect]:
        """Offer batches while the core may propose and there is something to say."""
        effects: list[Effect] = []
        while self.replica.may_propose and self._has_reason_to_propose():
            self._batch_due = False
            batch = self._proposals.build()
            effects += self._step(Submitted(batch=batch, now_ms=self._clock.now_ms()))
        return effects

    def _has_reason_to_propose(self) -> bool:
        if self._batch_due:
            return True
        in_flight = self.replica.in_flight
        return in_flight < _PROPOSALS_IN_FLIGHT_MAX and self._proposals.has_work

    async def _persist(self, effects: list[Effect], *, must_sync: bool = False) -> None:
        """Make every record of the round durable before anything of it leaves."""
        records = [
            record for effect in effects if isinstance(effect, Persist) for record in effect.records
        ]
        if records:
            self._votes.append(records)
            if self._votes.is_full:
                self._votes.rotate(self.replica.restatement())
        if records or must_sync:
            self.fsyncs += 1
            await asyncio.get_running_loop().run_in_executor(self._disk, self._votes.sync)

    def _carry_out(self, effect: Effect) -> None:  # noqa: C901, PLR0912 - one flat case an effect
        match effect:
            case Persist():
                pass  # durable since `_persist`
            case Send(to=to, message=message):
                self._network.send(to, message)
            case Broadcast(message=message):
                self._network.broadcast(message)
            case Execute():
                self._executions.put_nowait(effect)
            case Stabilized(stable=stable):
                self._on_stable(stable)
            case BuildBatch():
                self._batch_due = True
                self._wake.set()
            case FetchBatch():
                self._spawn(self._fetch_batch(effect))
            case FetchState():
                self._spawn(self._fetch_state(effect))
            case EnteredView(view=view):
                self._on_entered_view(view)
            case Equivocated():
                self._on_equivocated(effect)
            case EpochEnded():
                self._ended = effect
            case HeadersDiverged(height=height):
                _log.critical("headers_diverged", extra={"height": height})
            case VotingEnded(promise=promise):
                self._voting_ended(promise)
            case StartTimer():
                self._timers.start(effect)
            case StopTimer(timer=timer):
                self._timers.stop(timer)
            case _:
                assert_never(effect)

    def _on_equivocated(self, effect: Equivocated) -> None:
        self.equivocations += 1
        _log.warning("equivocation", extra={"replica": effect.first.sender})
        self._spawn(self._keep_evidence(effect))

    async def _keep_evidence(self, effect: Equivocated) -> None:
        await asyncio.get_running_loop().run_in_executor(
            self._disk, self._evidence.keep, effect.first, effect.second
        )

    def _on_entered_view(self, view: int) -> None:
        _log.info("entered_view", extra={"view": view})
        self._batch_due = False
        self._pool.unseal_all()
        self._entered_view()
        self._wake.set()

    def _on_stable(self, stable: StableCheckpoint) -> None:
        self._certified.on_stable(stable)
        self._on_final(self._finality.certified(stable.height))

    def _on_final(self, digests: tuple[SubmissionDigest, ...]) -> None:
        """Nobody waits for these any more."""
        if digests:
            self._pool.remove(digests)
            self._certified.on_final(digests)
            self._wake.set()

    async def _execute_in_order(self) -> None:
        while True:
            effect = await self._executions.get()
            done = await self._execution.execute(effect.sequence, effect.batch)
            self._note_executed(done)
            self._post(
                Executed(
                    sequence=done.sequence,
                    header_digest=Digest(done.header_digest),
                    time_ms=done.time_ms,
                    checkpoint=done.checkpoint,
                    now_ms=self._clock.now_ms(),
                    next_epoch=done.next_epoch,
                    next_block_in_ms=done.next_block_in_ms,
                )
            )
            self._executions.task_done()

    def _note_executed(self, done: ExecutedBatch) -> None:
        digests = tuple(SubmissionDigest(one) for one in done.submissions)
        self._pool.executed(digests, block_time_ms=done.time_ms)
        self._certified.on_executed(done.sequence)
        self._on_final(self._finality.executed(done.sequence, digests))

    async def _fetch_batch(self, effect: FetchBatch) -> None:
        """Look for a body once; the core asks again, also while we are still looking."""
        if effect.digest in self._fetching:
            return
        self._fetching.add(effect.digest)
        try:
            batch = await self._transfer.fetch_batch(effect)
        finally:
            self._fetching.discard(effect.digest)
        if batch is not None:
            self._post(Fetched(batch=batch, now_ms=self._clock.now_ms()))

    async def _fetch_state(self, effect: FetchState) -> None:
        """Bring the ledger to the target; nothing else executes meanwhile (checklist H4)."""
        await self._executions.join()
        done = await self._transfer.fetch_state(effect, self._note_executed)
        while done is None:
            await asyncio.sleep(_FETCH_RETRY_S)
            done = await self._transfer.fetch_state(effect, self._note_executed)
        self._post(
            Synced(
                stable=done.stable,
                executed=sequence_of(Height(done.height)),
                header_digest=Digest(done.header_digest),
                time_ms=done.time_ms,
                now_ms=self._clock.now_ms(),
                checkpoint=done.checkpoint,
                next_epoch=done.next_epoch,
                next_block_in_ms=done.next_block_in_ms,
            )
        )

    def _on_timer(self, timer: Timer, generation: int) -> None:
        self._post(TimerExpired(timer=timer, generation=generation, now_ms=self._clock.now_ms()))

    def _post(self, event: Event, seen: Callable[[], None] = _nothing) -> None:
        self._inbox.append((event, seen))
        self._wake.set()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._wake.set()
