"""One simulated process: a real `Replica`, a disk that outlives it, a small driver.

The driver carries out effects one after another. It can stop between any two of them, inside
a write and inside a sync; while a slow sync lasts the core steps on and its effects wait.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Protocol, TypeVar

from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
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
    Synced,
    TimerExpired,
)
from consensus.guard import VoteGuard
from consensus.messages import Batch, Message, StableCheckpoint
from consensus.ports import Signer
from consensus.replica import Replica, ReplicaConfig
from consensus.types import Digest, Nonce, ReplicaId, SequenceNumber
from tests.simulation.clock import Clock, LocalClock
from tests.simulation.crash import AFTER, CrashPoint, Fuse
from tests.simulation.disk import Block, Disk
from tests.simulation.execution import sign_checkpoint
from tests.simulation.network import Network
from tests.simulation.proposals import Proposals
from tests.simulation.stubs import CHAIN_ID, ENCODER, GuardedSigner, digest_of

EXECUTION_MS = 8
FETCH_MS = 12
INSTALL_MS = 2
RETRY_MS = 60


class NoAnswer(Exception):
    """A peer that was asked never answers."""


class Surroundings(Protocol):
    """What a node asks of the cluster, and tells it."""

    def transmit(self, sender: "Node", to: ReplicaId | None, message: Message) -> None: ...
    def find_batch(self, asker: "Node", effect: FetchBatch) -> Batch | None: ...
    def find_blocks(self, asker: "Node", effect: FetchState) -> list[Block] | None: ...
    def on_start(self, node: "Node") -> None: ...
    def on_crash(self, node: "Node", what: str) -> None: ...
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
        disk: Disk | None = None,
    ) -> None:
        self.index = index
        self.config = config
        self.disk = Disk() if disk is None else disk
        self.local = LocalClock(clock)
        self.is_alive = False
        self.is_paused = False
        self.lives = 0
        self.fuse: Fuse | None = None
        # What a recovery record keeps, by sequence (checklist B9).
        self.kept: dict[int, Batch] = {}
        self.has_bad_disk = False
        # How the disk of this run behaves: see `Options`.
        self.tearing = False
        self.sync_max_ms = 0
        self.replica: Replica
        self.proposals: Proposals
        self._clock = clock
        self._random = random
        self._surroundings = surroundings
        self._replica_class = replica_class
        self._signer: Signer
        self._is_recovering = False
        self._is_syncing = False
        self._backlog: deque[Effect] = deque()
        self._held: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._busy_until_ms = 0
        self._actions: dict[type[Effect], Callable[..., None]] = {
            Broadcast: self._broadcast,
            Send: self._send,
            Execute: self._execute,
            Stabilized: self._stabilize,
            BuildBatch: self._build_batch,
            EnteredView: self._enter_view,
            FetchBatch: lambda effect: self.later(self._fetch_ms(), self._fetch_batch, effect),
            FetchState: lambda effect: self.later(self._fetch_ms(), self._fetch_state, effect),
            StartTimer: self._start_timer,
            StopTimer: lambda _: None,
            Equivocated: lambda _: None,
            HeadersDiverged: lambda _: None,
            VotingEnded: self._end_voting,
        }

    @property
    def replica_id(self) -> ReplicaId:
        return self.config.replica_id

    @property
    def pool(self) -> dict[int, None]:
        """What clients wait for here, oldest first."""
        return self.proposals.pool

    # Life and death

    def start(self) -> None:
        """Open the disk and go on from there; the pool of an earlier life is lost."""
        self.lives += 1
        self.is_alive, self.is_paused = True, False
        self._held = []
        self._backlog.clear()
        self._is_syncing = False
        self._busy_until_ms = 0
        opened = self.disk.open()
        self.config = replace(self.config, may_vote=self.config.may_vote and opened.may_vote)
        self._signer = self._make_signer()
        self.replica = self._replica_class(self.config, encoder=ENCODER, signer=self._signer)
        self.proposals = self._make_proposals()
        self._surroundings.on_start(self)
        ledger = self.disk.ledger
        stable = self.disk.newest_certificate(self.config.membership.epoch)
        self._is_recovering = True
        self.step(
            Restored(
                records=opened.records,
                stable=stable,
                executed=SequenceNumber(ledger.height),
                header_digest=ledger.tip_digest,
                time_ms=ledger.tip_time_ms,
                checkpoints=ledger.checkpoints_above(stable.height),
                nonce=Nonce(digest_of(b"life %d of %d" % (self.lives, self.index))),
                now_ms=self.local.now_ms,
                decided=tuple(self.kept[one] for one in sorted(self.kept) if one > ledger.height),
            )
        )
        self._is_recovering = False

    def crash(self, what: str = "crash", *, by_power_cut: bool = False) -> None:
        """Stop; what was not synced may be lost, or worse."""
        self.is_alive = False
        self.fuse = None
        if by_power_cut:
            self.disk.lose_power(self._random, tearing=self.tearing, reordering=self.has_bad_disk)
        else:
            self.disk.lose_process(self._random)
        self._surroundings.on_crash(self, what)

    def pause(self) -> None:
        """Stand still: events and expiries wait (SIGSTOP)."""
        self.is_paused = True

    def resume(self) -> None:
        """Go on: all that waited comes at once."""
        self.is_paused = False
        held, self._held = self._held, []
        for action, arguments in held:
            if self.is_alive:
                action(*arguments)

    def later(self, delay_ms: int, action: Callable[..., None], *arguments: object) -> None:
        """Do something after a while, in this life."""
        self._clock.after(delay_ms, self._wake, self.lives, action, arguments)

    def _wake(self, life: int, action: Callable[..., None], arguments: tuple[object, ...]) -> None:
        if not self.is_alive or self.lives != life:
            return
        if self.is_paused:
            self._held.append((action, arguments))
        else:
            action(*arguments)

    def _make_signer(self) -> Signer:
        guard = VoteGuard(
            replica_id=self.replica_id,
            epoch=self.config.membership.epoch,
            chain_id=CHAIN_ID,
            encoder=ENCODER,
        )
        guard.restore(self.disk.votes)
        for own in self.disk.ledger.checkpoints_above(self.disk.ledger.height):
            guard.note_checkpoint(own)
        return GuardedSigner(self.replica_id, guard)

    def _make_proposals(self) -> Proposals:
        return Proposals(self)

    # Events in

    def receive(self, message: Message) -> None:
        if self.is_paused:
            self._held.append((self.receive, (message,)))
        elif self.is_alive:
            self.step(Received(message=message, now_ms=self.local.now_ms))

    def submit(self, request: int) -> None:
        """A client asks for something; nobody answers where nothing runs."""
        if self.is_paused:
            self._held.append((self.submit, (request,)))
        elif self.is_alive:
            self.proposals.add(request)
            self.proposals.offer()

    def step(self, event: Event) -> None:
        try:
            effects = self.replica.step(event)
        except InvalidMessage as error:
            self._surroundings.on_refusal(self, event, error)
            return
        except Exception as error:  # noqa: BLE001 (any exception of the core is a finding)
            self._surroundings.on_failure(self, error)
            return
        if self._is_syncing:
            self._backlog.extend(effects)
        else:
            self._carry_out(effects)
        if self.is_alive:
            self.proposals.offer()

    # Effects out

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for position, effect in enumerate(effects, start=1):
            if type(effect) is Persist:
                if not self._persist(effect):
                    if self._is_syncing:
                        self._backlog.extendleft(reversed(effects[position:]))
                    return
            else:
                self._surroundings.on_effect(self, effect)
                self._actions[type(effect)](effect)
            if self.fuse is not None and self._burns_after(effect):
                return

    def _burns_after(self, effect: Effect) -> bool:
        fuse = self.fuse
        if fuse is None or not fuse.burns_after(effect, is_recovering=self._is_recovering):
            return False
        is_recovery = fuse.point is CrashPoint.IN_RECOVERY
        self._stop(CrashPoint.IN_RECOVERY.value if is_recovery else AFTER[type(effect)], fuse)
        return True

    def _burns_at(self, point: CrashPoint) -> bool:
        if self.fuse is None or not self.fuse.burns_at(point):
            return False
        self._stop(point.value, self.fuse)
        return True

    def _stop(self, what: str, fuse: Fuse) -> None:
        """Die by one of two causes: the process was killed, or the power failed."""
        by_power_cut = fuse.by_power_cut
        if by_power_cut is None:
            by_power_cut = self._random.random() < 0.5
        self.crash(what, by_power_cut=by_power_cut)

    # The vote log

    def _persist(self, effect: Persist) -> bool:
        """Tell whether the records are durable now; a slow sync goes on meanwhile."""
        self.disk.write_votes(effect.records)
        if isinstance(self._signer, GuardedSigner):
            self._signer.guard.note_records(effect.records)
        if self._burns_at(CrashPoint.IN_PERSIST) or self._burns_at(CrashPoint.ERROR_OF_VOTE_LOG):
            return False
        delay_ms = int(self._random.random() * self.sync_max_ms) if self.sync_max_ms else 0
        if delay_ms:
            self._is_syncing = True
            self.later(delay_ms, self._end_sync, effect)
            return False
        self.disk.sync_votes()
        self._surroundings.on_effect(self, effect)
        return True

    def _end_sync(self, effect: Persist) -> None:
        if self._burns_at(CrashPoint.IN_SYNC):
            return
        self.disk.sync_votes()
        self._surroundings.on_effect(self, effect)
        self._is_syncing = False
        waiting = tuple(self._backlog)
        self._backlog.clear()
        self._carry_out(waiting)
        if self.is_alive:
            self.proposals.offer()

    def rotate_votes(self) -> None:
        """Begin a new segment of the vote log with a restatement (checklist G5)."""
        if self._is_syncing or not self.config.may_vote:
            return
        self.disk.write_segment(self.replica.restatement())
        if not self._burns_at(CrashPoint.IN_ROTATION):
            self.disk.sync_votes()

    def _end_voting(self, _: VotingEnded) -> None:
        """Remember it beside the key, where no older copy of the data can undo it."""
        self.disk.is_disowned = True
        self.config = replace(self.config, may_vote=False)

    # Messages and timers

    def _broadcast(self, effect: Broadcast) -> None:
        self._surroundings.transmit(self, None, effect.message)

    def _send(self, effect: Send) -> None:
        self._surroundings.transmit(self, effect.to, effect.message)

    def _start_timer(self, effect: StartTimer) -> None:
        """Tell of every expiry, also of a timer that was stopped while it was on its way (E12)."""
        delay_ms = self.local.duration_ms(effect.duration_ms)
        self.later(delay_ms, self._expire, effect.timer, effect.generation)

    def _expire(self, timer: Timer, generation: int) -> None:
        self.step(TimerExpired(timer=timer, generation=generation, now_ms=self.local.now_ms))

    # Proposals

    def _build_batch(self, _effect: BuildBatch) -> None:
        self.proposals.is_batch_due = True

    def _enter_view(self, _effect: EnteredView) -> None:
        self.proposals.unseal()

    def _stabilize(self, effect: Stabilized) -> None:
        self._keep_certificate(effect.stable)

    def _keep_certificate(self, stable: StableCheckpoint) -> None:
        self.disk.ledger.certificates[stable.height] = stable
        self.proposals.drop_certified()

    # Ledger

    def _execute(self, effect: Execute) -> None:
        """Execute after all that was asked for before."""
        duration_ms = int(self._random.random() * EXECUTION_MS)
        now_ms = self._clock.now_ms
        self._busy_until_ms = max(self._busy_until_ms, now_ms) + duration_ms
        self.later(self._busy_until_ms - now_ms, self._finish, effect)

    def _finish(self, effect: Execute) -> None:
        block = self.disk.ledger.build(effect.sequence, effect.batch)
        checkpoint = sign_checkpoint(block, config=self.config, signer=self._signer)
        self.disk.write_block(block, checkpoint)
        if self._burns_at(CrashPoint.IN_BLOCK_WRITE) or self._burns_at(CrashPoint.ERROR_OF_LEDGER):
            return
        self.disk.sync_block()
        self._surroundings.on_block(self, block)
        if self._burns_at(CrashPoint.BEFORE_CHECKPOINT):
            return
        self.proposals.drop_certified()
        self.step(
            Executed(
                sequence=effect.sequence,
                header_digest=block.header_digest,
                time_ms=block.time_ms,
                checkpoint=checkpoint,
                now_ms=self.local.now_ms,
            )
        )

    # What peers ask for

    def serve_batch(self, effect: FetchBatch) -> Batch | None:
        """Return the body that a peer asks for, if it is here."""
        batch = self.replica.batch_of(effect.sequence, effect.digest)
        if batch is None and self.disk.ledger.height >= effect.sequence:
            batch = self.disk.ledger.blocks[effect.sequence - 1].batch
        return batch if batch is not None and batch.digest == effect.digest else None

    def serve_blocks(self, effect: FetchState, *, above: int) -> list[Block] | None:
        """Return the blocks after `above` up to the target, if we stand there too."""
        ledger, target = self.disk.ledger, effect.target
        if ledger.height < target.height:
            return None
        if ledger.blocks[target.height - 1].header_digest != target.header_digest:
            return None
        return ledger.blocks[above : target.height]

    # What we ask for

    def _fetch_ms(self) -> int:
        """Sometimes quicker than what is being executed, sometimes slower."""
        return int(self._random.random() * 2 * FETCH_MS)

    def _fetch_batch(self, effect: FetchBatch) -> None:
        batch = self._surroundings.find_batch(self, effect)
        if batch is not None:
            self.step(Fetched(batch=batch, now_ms=self.local.now_ms))

    def _fetch_state(self, effect: FetchState) -> None:
        blocks = self._surroundings.find_blocks(self, effect)
        if blocks is None:
            self.later(RETRY_MS, self._fetch_state, effect)
        else:
            self._install(effect, blocks)

    def _install(self, effect: FetchState, blocks: list[Block]) -> None:
        """Execute transferred blocks one by one; ours must be the ones that are proven (H3).

        Our CHECKPOINTs for them are signed and stored, and not sent.
        """
        if not blocks:
            self._end_transfer(effect)
            return
        proven, rest = blocks[0], blocks[1:]
        block = self.disk.ledger.build(SequenceNumber(proven.height), proven.batch)
        if block.header_digest != proven.header_digest:
            self.later(RETRY_MS, self._fetch_state, effect)
            return
        checkpoint = sign_checkpoint(block, config=self.config, signer=self._signer)
        self.disk.write_block(block, checkpoint)
        self.disk.sync_block()
        self._surroundings.on_block(self, block)
        if not self._burns_at(CrashPoint.IN_TRANSFER):
            self.later(INSTALL_MS, self._install, effect, rest)

    def _end_transfer(self, effect: FetchState) -> None:
        ledger = self.disk.ledger
        self._keep_certificate(effect.target)
        self.step(
            Synced(
                stable=effect.target,
                executed=SequenceNumber(ledger.height),
                header_digest=Digest(ledger.tip_digest),
                time_ms=ledger.tip_time_ms,
                now_ms=self.local.now_ms,
                checkpoint=ledger.newest_own_checkpoint,
            )
        )


AnyNode = TypeVar("AnyNode", bound=Node)


def peers_of(
    asker: Node, nodes: Sequence[AnyNode], *, network: Network, random: Random
) -> list[AnyNode]:
    """Return who can answer a node now, in an order of chance."""
    peers = [
        one
        for one in nodes
        if one.is_alive
        and not one.is_paused
        and one is not asker
        and network.is_open(one.index, asker.index)
    ]
    random.shuffle(peers)
    return peers
