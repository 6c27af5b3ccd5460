"""The disk of one simulated node: a vote log and a ledger that survive a crash.

A `Persist` that a crash interrupts leaves any prefix of its records; a block is one atomic
write. The ledger hashes batches into headers and executes every request once.
"""

from dataclasses import dataclass, field

from consensus.effects import Record
from consensus.messages import Batch, Checkpoint, StableCheckpoint
from consensus.types import (
    NULL_BATCH_DIGEST,
    Digest,
    Epoch,
    Height,
    SequenceNumber,
)
from tests.simulation.stubs import digest_of, read_batch

GENESIS_DIGEST = digest_of(b"genesis")


def genesis_checkpoint(epoch: Epoch) -> StableCheckpoint:
    return StableCheckpoint(
        epoch=epoch, height=Height(0), header_digest=GENESIS_DIGEST, signatures=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    height: int
    time_ms: int
    header_digest: Digest
    batch: Batch
    requests: tuple[int, ...]


@dataclass(slots=True)
class Ledger:
    blocks: list[Block] = field(default_factory=list)
    certificates: dict[int, StableCheckpoint] = field(default_factory=dict)
    executed: set[int] = field(default_factory=set)
    own_checkpoint: Checkpoint | None = None

    @property
    def height(self) -> int:
        return len(self.blocks)

    @property
    def tip_digest(self) -> Digest:
        return self.blocks[-1].header_digest if self.blocks else GENESIS_DIGEST

    @property
    def tip_time_ms(self) -> int:
        return self.blocks[-1].time_ms if self.blocks else 0

    def build(self, sequence: SequenceNumber, batch: Batch) -> Block:
        """Compute the block that executing `batch` here gives; a pure function of the chain."""
        requests: tuple[int, ...] = ()
        if batch.digest != NULL_BATCH_DIGEST:
            proposed = dict.fromkeys(read_batch(batch.body)[1])
            requests = tuple(one for one in proposed if one not in self.executed)
        time_ms = max(self.tip_time_ms, batch.time_ms)
        content = repr((sequence, self.tip_digest, time_ms, batch.digest, requests))
        return Block(
            height=sequence,
            time_ms=time_ms,
            header_digest=digest_of(content.encode()),
            batch=batch,
            requests=requests,
        )

    def append(self, block: Block, checkpoint: Checkpoint | None) -> None:
        """One atomic write: block, state, own checkpoint."""
        self.blocks.append(block)
        self.executed.update(block.requests)
        self.own_checkpoint = checkpoint


@dataclass(slots=True)
class Disk:
    votes: list[Record] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)

    def append_votes(self, records: tuple[Record, ...]) -> None:
        self.votes.extend(records)

    def newest_certificate(self, epoch: Epoch) -> StableCheckpoint:
        certified = [one for one in self.ledger.certificates if one <= self.ledger.height]
        if not certified:
            return genesis_checkpoint(epoch)
        return self.ledger.certificates[max(certified)]
