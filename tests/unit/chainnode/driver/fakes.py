"""What stands behind the driver's ports in these tests: parts that only note what happens.

All of them write into one journal, so that the order over all of them can be seen.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chainnode.driver.batches import Batches
from chainnode.driver.driver import Driver
from chainnode.driver.finality import Finality
from chainnode.driver.ports import ExecutedBatch, Succession, TransferredState
from chainnode.driver.proposals import Proposals
from chainnode.errors import StorageError
from chainnode.genesis import Genesis
from chainnode.mempool import Mempool
from chainnode.submission import SubmissionDigest
from chainnode.suites import suite_named
from consensus.effects import Effect, EpochEnded, FetchBatch, FetchState, Record
from consensus.errors import InvalidShape
from consensus.events import Event, Received, Restored
from consensus.messages import Batch, Message, Prepare, StableCheckpoint, Status
from consensus.replica import Replica
from consensus.types import (
    Digest,
    Epoch,
    Height,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
)
from tests.builders import NOW_MS, ManualClock, genesis_of

UNSIGNED = Signature(bytes(64))
Journal = list[tuple[str, object]]


def status(sender: int = 1, executed: int = 0) -> Status:
    return Status(
        epoch=Epoch(0),
        view=View(0),
        stable_height=Height(0),
        prepared=SequenceNumber(0),
        committed=SequenceNumber(0),
        executed=SequenceNumber(executed),
        sender=ReplicaId(sender),
        signature=UNSIGNED,
    )


def prepare(sequence: int = 1) -> Prepare:
    return Prepare(
        epoch=Epoch(0),
        view=View(0),
        sequence=SequenceNumber(sequence),
        batch_digest=Digest(bytes(32)),
        sender=ReplicaId(0),
        signature=UNSIGNED,
    )


def stable(height: int) -> StableCheckpoint:
    return StableCheckpoint(
        epoch=Epoch(0), height=Height(height), header_digest=Digest(bytes(32)), signatures=()
    )


def restored() -> Restored:
    return Restored(
        records=(),
        stable=stable(0),
        executed=SequenceNumber(0),
        header_digest=Digest(bytes(32)),
        time_ms=NOW_MS,
        checkpoints=(),
        nonce=Nonce(bytes(32)),
        now_ms=NOW_MS,
    )


def executed_batch(
    sequence: int, *submissions: bytes, next_block_in_ms: int | None = None
) -> ExecutedBatch:
    return ExecutedBatch(
        sequence=SequenceNumber(sequence),
        header_digest=bytes(32),
        time_ms=NOW_MS,
        checkpoint=None,
        submissions=submissions,
        next_block_in_ms=next_block_in_ms,
    )


def transferred(height: int, *, stable_height: int | None = None) -> TransferredState:
    return TransferredState(
        height=height,
        header_digest=bytes(32),
        time_ms=NOW_MS,
        stable=stable(height if stable_height is None else stable_height),
    )


class ScriptedReplica(Replica):
    """Answers events as the test says, instead of as the protocol does."""

    def __init__(self, script: Callable[[Event], Sequence[Effect]]) -> None:
        self.events: list[Event] = []
        self.script = script
        self.can_propose = False
        self.proposed = 0

    def step(self, event: Event) -> tuple[Effect, ...]:
        self.events.append(event)
        if isinstance(event, Received) and event.message.sender == 99:
            raise InvalidShape(what="message", expected="a good one", actual="a bad one")
        return tuple(self.script(event))

    @property
    def may_propose(self) -> bool:
        return self.can_propose

    @property
    def in_flight(self) -> int:
        return self.proposed

    def restatement(self) -> tuple[Record, ...]:
        return (prepare(7),)

    def seen(self, kind: type[Event]) -> list[Event]:
        return [one for one in self.events if isinstance(one, kind)]


@dataclass
class FakeVotes:
    """A vote log whose sync can be made to wait or to fail."""

    journal: Journal
    is_full: bool = False
    error: StorageError | None = None
    may_sync: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_sync.set()

    def append(self, records: Sequence[Record]) -> None:
        self.journal.append(("append", tuple(records)))

    def rotate(self, restatement: Sequence[Record]) -> None:
        self.journal.append(("rotate", tuple(restatement)))
        self.is_full = False

    def sync(self) -> None:
        self.journal.append(("sync begins", None))
        assert self.may_sync.wait(20)
        if self.error is not None:
            raise self.error
        self.journal.append(("sync ends", None))


@dataclass
class FakeNetwork:
    """Links that lead nowhere."""

    journal: Journal

    def send(self, to: ReplicaId, message: Message) -> None:
        self.journal.append(("send", (to, message)))

    def broadcast(self, message: Message) -> None:
        self.journal.append(("broadcast", message))


@dataclass
class FakeExecution:
    """Executes when the test lets it; notes when two run at once."""

    journal: Journal
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    submissions: tuple[bytes, ...] = ()
    next_block_in_ms: int | None = None
    running: int = 0

    def __post_init__(self) -> None:
        self.may_go_on.set()

    async def execute(self, sequence: SequenceNumber, batch: Batch) -> ExecutedBatch:  # noqa: ARG002 (the port)
        self.running += 1
        self.journal.append(("execute begins", sequence))
        assert self.running == 1
        await self.may_go_on.wait()
        self.running -= 1
        if self.error is not None:
            raise self.error
        self.journal.append(("execute ends", sequence))
        return executed_batch(sequence, *self.submissions, next_block_in_ms=self.next_block_in_ms)


@dataclass
class FakeTransfer:
    """Answers fetches from lists, in order; an empty list is a peer that never answers."""

    journal: Journal
    batches: list[Batch | None] = field(default_factory=list)
    states: list[TransferredState | None] = field(default_factory=list)
    installs: list[ExecutedBatch] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_go_on.set()

    async def fetch_batch(self, effect: FetchBatch) -> Batch | None:
        self.journal.append(("fetch batch", effect.digest))
        await self.may_go_on.wait()
        return self.batches.pop(0)

    async def fetch_state(
        self, effect: FetchState, installed: Callable[[ExecutedBatch], None]
    ) -> TransferredState | None:
        self.journal.append(("fetch state", effect.target.height))
        await self.may_go_on.wait()
        for one in self.installs:
            installed(one)
        return self.states.pop(0)


@dataclass
class FakeCertified:
    """Notes what it is told."""

    journal: Journal

    def on_stable(self, stable: StableCheckpoint) -> None:
        self.journal.append(("stable", stable.height))

    def on_executed(self, height: int) -> None:
        self.journal.append(("executed", height))

    def on_final(self, digests: Sequence[SubmissionDigest]) -> None:
        self.journal.append(("final", tuple(digests)))


@dataclass
class FakeEvidence:
    """Keeps pairs in memory."""

    pairs: list[tuple[Message, Message]] = field(default_factory=list)

    def keep(self, first: Message, second: Message) -> None:
        self.pairs.append((first, second))


@dataclass
class Bench:
    """A driver over all these fakes; the mempool, the proposals and the finality are real."""

    script: Callable[[Event], Sequence[Effect]] = lambda _: ()
    genesis: Genesis = field(default_factory=genesis_of)
    journal: Journal = field(default_factory=list)
    successions: list[Succession | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.replica = ScriptedReplica(self.script)
        self.votes = FakeVotes(self.journal)
        self.network = FakeNetwork(self.journal)
        self.execution = FakeExecution(self.journal)
        self.transfer = FakeTransfer(self.journal)
        self.certified = FakeCertified(self.journal)
        self.pool = Mempool()
        self.evidence = FakeEvidence()
        self.finality = Finality()
        suite = suite_named(self.genesis.suite_name)
        self.batches = Batches(genesis=self.genesis, suite=suite)
        self.disk = ThreadPoolExecutor(1)
        self.driver = Driver(
            replica=self.replica,
            clock=self.clock,
            votes=self.votes,
            network=self.network,
            execution=self.execution,
            transfer=self.transfer,
            certified=self.certified,
            evidence=self.evidence,
            epochs=self,
            pool=self.pool,
            proposals=Proposals(
                genesis=self.genesis,
                suite=suite,
                pool=self.pool,
                batches=self.batches,
                clock=self.clock,
            ),
            finality=self.finality,
            entered_view=lambda: self.journal.append(("entered view", None)),
            voting_ended=lambda promise: self.journal.append(("voting ended", promise)),
            disk=self.disk,
        )

    def succeed(self, ended: EpochEnded) -> Succession | None:
        """Act as the driver's `Epochs`: the test says who comes next."""
        self.journal.append(("epoch ended", ended.stable.height))
        return self.successions.pop(0)

    def happened(self) -> list[str]:
        """Return what happened, without its details."""
        return [what for what, _ in self.journal]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.driver.run(restored()))
        try:
            yield task
        finally:
            self.votes.may_sync.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.disk.shutdown()


def post(bench: Bench, message: Message | None = None) -> None:
    """Let a peer's message come."""
    bench.driver.on_message(message or status(), lambda: None)
