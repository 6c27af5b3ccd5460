"""The disk of one simulated node: a vote log and a ledger, and what a crash leaves of them.

What was written and not yet synced may be there afterwards, half there (torn), gone, or there
behind a hole (reordered). The vote log is opened by the rule of production (checklist G5): a
torn tail is cut, anything else that is not as written means that this key must not vote again.
A block is one atomic write; it stores how far the vote log was durable.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

from consensus.effects import Record
from consensus.messages import NULL_BATCH, Batch, Checkpoint, StableCheckpoint
from consensus.types import (
    NULL_BATCH_DIGEST,
    Digest,
    Epoch,
    Height,
    SequenceNumber,
)
from tests.simulation.stubs import digest_of, is_body_of, read_batch

GENESIS_DIGEST = digest_of(b"genesis")
_GENESIS_ROOT = digest_of(b"nothing executed")

# What must have happened in a large number of runs.
COUNTERS = (
    "disk_kept",
    "disk_dropped",
    "disk_torn",
    "disk_reordered",
    "disk_block_lost",
    "disk_block_kept",
    "disk_ledger_ahead_of_votes",
    "disk_rotation_lost",
    "disk_rotation_kept",
    "disk_vote_rot",
    "disk_block_rot",
    "learner_after_damage",
    "older_copy_of_all",
    "older_copy_of_votes",
)


def genesis_checkpoint(epoch: Epoch) -> StableCheckpoint:
    return StableCheckpoint(
        epoch=epoch, height=Height(0), header_digest=GENESIS_DIGEST, signatures=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a vote log reaches: what a block stores of it."""

    segment: int
    length: int


_NO_VOTES = Position(segment=1, length=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    height: int
    time_ms: int
    header_digest: Digest
    batch: Batch
    requests: tuple[int, ...]
    # Of all that was executed up to here, in order.
    root: Digest


@dataclass(slots=True)
class Ledger:
    blocks: list[Block] = field(default_factory=list)
    certificates: dict[int, StableCheckpoint] = field(default_factory=dict)
    executed: set[int] = field(default_factory=set)
    own_checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    marks: dict[int, Position] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return len(self.blocks)

    @property
    def tip_digest(self) -> Digest:
        return self.blocks[-1].header_digest if self.blocks else GENESIS_DIGEST

    @property
    def tip_time_ms(self) -> int:
        return self.blocks[-1].time_ms if self.blocks else 0

    @property
    def newest_own_checkpoint(self) -> Checkpoint | None:
        return self.own_checkpoints.get(max(self.own_checkpoints, default=0))

    def checkpoints_above(self, height: int) -> tuple[Checkpoint, ...]:
        """Our CHECKPOINTs above `height`, each stored with its block; the newest in any case."""
        newest = max(self.own_checkpoints, default=0)
        heights = (one for one in sorted(self.own_checkpoints) if one > height or one == newest)
        return tuple(self.own_checkpoints[one] for one in heights)

    @property
    def mark(self) -> Position:
        """How far the vote log was durable when the last block was written."""
        return self.marks.get(self.height, _NO_VOTES)

    def build(self, sequence: SequenceNumber, batch: Batch) -> Block:
        """Compute the block that executing `batch` here gives; a pure function of the chain."""
        requests: tuple[int, ...] = ()
        if batch.digest != NULL_BATCH_DIGEST:
            proposed = dict.fromkeys(read_batch(batch.body)[1])
            requests = tuple(one for one in proposed if one not in self.executed)
        time_ms = max(self.tip_time_ms, batch.time_ms)
        root = self.blocks[-1].root if self.blocks else _GENESIS_ROOT
        for request in requests:
            root = digest_of(b"%d after %b" % (request, root))
        content = (sequence, self.tip_digest, time_ms, batch.digest, requests, root)
        return Block(
            height=sequence,
            time_ms=time_ms,
            header_digest=digest_of(repr(content).encode()),
            batch=batch,
            requests=requests,
            root=root,
        )

    def as_of(self, height: int) -> "Ledger":
        """Return this ledger as it stood at `height`."""
        earlier = Ledger()
        for block in self.blocks[:height]:
            earlier.append(block, None)
        return earlier

    def is_extended_by(self, blocks: list[Block], *, target: StableCheckpoint) -> bool:
        """Tell whether these blocks lead from here to the certified header (checklist H3)."""
        tip, height = self.tip_digest, self.height
        for one in blocks:
            height += 1
            content = (height, tip, one.time_ms, one.batch.digest, one.requests, one.root)
            tip = digest_of(repr(content).encode())
            has_body = one.batch == NULL_BATCH or is_body_of(one.batch.digest, one.batch)
            if one.height != height or one.header_digest != tip or not has_body:
                return False
        return (height, tip) == (target.height, target.header_digest)

    def append(
        self, block: Block, checkpoint: Checkpoint | None, mark: Position = _NO_VOTES
    ) -> None:
        """One atomic write: block, state, own checkpoint, length of the vote log."""
        self.blocks.append(block)
        self.executed.update(block.requests)
        self.marks[block.height] = mark
        if checkpoint is not None:
            self.own_checkpoints[block.height] = checkpoint

    def cut(self, height: int) -> None:
        """Give up the blocks above `height`; they must come again by state transfer."""
        for block in self.blocks[height:]:
            self.executed.difference_update(block.requests)
            self.own_checkpoints.pop(block.height, None)
            self.certificates.pop(block.height, None)
        del self.blocks[height:]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A write that no sync has confirmed: records at the end, or a segment that replaces all."""

    records: tuple[Record, ...]
    is_rotation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderCopy:
    """What somebody saved of a disk, vote log and ledger of the same moment."""

    votes: tuple[Record, ...]
    segment: int
    ledger: Ledger


@dataclass(slots=True, kw_only=True)
class Opened:
    """What a process finds at its start."""

    records: tuple[Record, ...]
    may_vote: bool


class Disk:
    """Survives its node; `votes` is what is durable of the vote log."""

    def __init__(self, *, counters: Counter[str] | None = None) -> None:
        self.votes: list[Record] = []
        self.ledger = Ledger()
        # Set for good: this key must not vote again (checklist G4).
        self.is_disowned = False
        # Somebody put an older copy back in place, or the newest blocks were given up.
        self.is_older_copy = False
        self._counters: Counter[str] = Counter() if counters is None else counters
        self._segment = 1
        self._pending: list[_Pending] = []
        self._block: tuple[Block, Checkpoint | None] | None = None
        self._is_damaged = False
        self._height_at_write = 0

    # Writing

    def write_votes(self, records: tuple[Record, ...]) -> None:
        """Hand records to the operating system."""
        if not self._pending:
            self._height_at_write = self.ledger.height
        self._pending.append(_Pending(records=records))

    def write_segment(self, restatement: tuple[Record, ...]) -> None:
        """Begin a new segment of the vote log with a restatement (checklist G5)."""
        self._pending.append(_Pending(records=restatement, is_rotation=True))

    def sync_votes(self) -> None:
        """Make durable what was handed over."""
        for one in self._pending:
            self._apply(one)
        self._pending.clear()

    def write_block(self, block: Block, checkpoint: Checkpoint | None) -> None:
        self._block = (block, checkpoint)

    def sync_block(self) -> None:
        if self._block is not None:
            self.ledger.append(*self._block, self.mark)
            self._block = None

    @property
    def mark(self) -> Position:
        """How far the vote log is durable."""
        return Position(segment=self._segment, length=len(self.votes))

    def _apply(self, one: _Pending) -> None:
        if one.is_rotation:
            self._segment += 1
            self.votes = list(one.records)
        else:
            self.votes.extend(one.records)

    # Losing

    def lose_process(self, random: Random) -> None:
        """The process is gone, perhaps inside a write; the operating system keeps the rest."""
        self._counters["crash_by_kill"] += 1
        if self._pending:
            last = self._pending.pop()
            whole = random.randrange(len(last.records) + 1)
            self.sync_votes()
            if not last.is_rotation:
                self.votes.extend(last.records[:whole])
        self.sync_block()

    def lose_power(self, random: Random, *, tearing: bool, reordering: bool) -> None:
        """Decide what is left of every write that was not synced, each for itself."""
        self._counters["crash_by_power_cut"] += 1
        if self._block is not None:
            if random.random() < 0.5:
                self.sync_block()
                self._counters["disk_block_kept"] += 1
            else:
                self._block = None
                self._counters["disk_block_lost"] += 1
        pending, self._pending = self._pending, []
        for one in pending:
            if not self._keep(one, random, tearing=tearing, reordering=reordering):
                if self.ledger.height > self._height_at_write:
                    self._counters["disk_ledger_ahead_of_votes"] += 1
                return

    def _keep(self, one: _Pending, random: Random, *, tearing: bool, reordering: bool) -> bool:
        """Keep all of a write, or spoil it; nothing after a spoilt one can be read."""
        if one.is_rotation:
            is_kept = random.random() < 0.5
            self._counters["disk_rotation_kept" if is_kept else "disk_rotation_lost"] += 1
            if is_kept:
                self._apply(one)
            return is_kept
        holes = reordering and len(one.records) > 1
        ways = ["kept", "dropped"] + ["torn"] * tearing
        way = "reordered" if holes else random.choice(ways)
        self._counters[f"disk_{way}"] += 1
        if way == "kept":
            self._apply(one)
            return True
        if way in ("torn", "reordered"):
            whole = random.randrange(len(one.records) - holes)
            self.votes.extend(one.records[:whole])
            # A record half written is cut; one that stands behind a hole is damage.
            self._is_damaged = self._is_damaged or way == "reordered"
        return False

    def rot_votes(self) -> None:
        """Change a byte of a record that is whole: its checksum will tell."""
        if self.votes:
            self._is_damaged = True
            self._counters["disk_vote_rot"] += 1

    def rot_block(self, random: Random) -> None:
        """Change a byte of a block: its checksum will tell, and it must come again.

        Our CHECKPOINTs are lost with the blocks that they were stored with.
        """
        if self.ledger.blocks:
            self.ledger.cut(random.randrange(self.ledger.height))
            self.is_older_copy = True
            self._counters["disk_block_rot"] += 1

    # Copies

    def copy(self) -> OlderCopy:
        """Save what is durable."""
        return OlderCopy(
            votes=tuple(self.votes), segment=self._segment, ledger=deepcopy(self.ledger)
        )

    def put_back(self, copy: OlderCopy, *, with_ledger: bool) -> None:
        """Replace the vote log by an older one, with or without the ledger of its time."""
        self.is_older_copy = True
        self.votes, self._segment = list(copy.votes), copy.segment
        self._counters["older_copy_of_all" if with_ledger else "older_copy_of_votes"] += 1
        if with_ledger:
            self.ledger = deepcopy(copy.ledger)

    # Opening

    def open(self) -> Opened:
        """Read the vote log, judge it, and never believe one that was damaged or cut short."""
        if not self.is_disowned and (self._is_damaged or not self._reaches(self.ledger.mark)):
            self.is_disowned = True
            self._counters["learner_after_damage"] += 1
        if self.is_disowned:
            return Opened(records=(), may_vote=False)
        return Opened(records=tuple(self.votes), may_vote=True)

    def _reaches(self, wanted: Position) -> bool:
        if wanted.segment == self._segment:
            return len(self.votes) >= wanted.length
        return wanted.segment < self._segment

    def newest_certificate(self, epoch: Epoch) -> StableCheckpoint:
        certified = [one for one in self.ledger.certificates if one <= self.ledger.height]
        if not certified:
            return genesis_checkpoint(epoch)
        return self.ledger.certificates[max(certified)]
