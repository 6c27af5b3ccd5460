"""Carry out a decided batch: what is due, each submission in order, then the roots.

The outcome is a function of batch, parent block and state alone. Nothing that a batch may hold
makes execution raise: what is wrong becomes a code in a receipt. Signatures were checked before
ordering and are not looked at here. An error inside a contract is our own fault and stops the
node, because a receipt for it might differ between replicas.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chainnode.batch import DecodedBatch
from chainnode.errors import InvariantBroken
from chainnode.execution.block_work import BlockWork, ChainRules
from chainnode.execution.crypto import SuiteCrypto
from chainnode.execution.index_advance import advanced
from chainnode.genesis import Genesis
from chainnode.ledger.merkle import Frontier, hash_leaf, merkle_root, merkle_root_of_hashes
from chainnode.ledger.packed import Changes
from chainnode.ledger.types import (
    ExecutedBlock,
    Head,
    Header,
    MapUpdate,
    Member,
    Rest,
    members_digest,
)
from chainnode.ledger.waiting import Waiting
from chainnode.suites.port import Suite


class LedgerView(Protocol):
    """What execution reads of the ledger: the newest block, its state, the log's right edge."""

    @property
    def tip(self) -> Header:
        """Header of the newest block."""
        ...

    def value(self, key: bytes) -> bytes | None:
        """Return the value under a state key at the newest block."""
        ...

    def log_frontier(self) -> Frontier:
        """Return a copy of the log's frontier after the newest block."""
        ...

    def state_update(self, changes: Mapping[bytes, bytes | None]) -> MapUpdate:
        """Compute what new values by key make of the state; change nothing."""
        ...

    @property
    def waiting(self) -> Waiting:
        """What the index does not cover yet after the newest block."""
        ...

    def trail(self, key_digest: bytes) -> bytes | None:
        """Return the encoded trail under the digest of an index key at the newest block."""
        ...

    def index_update(self, changes: Changes) -> MapUpdate:
        """Compute what new trails by digest of their key make of the index; change nothing."""
        ...


class Executor:
    """Executes batches on top of the newest block of one ledger."""

    def __init__(self, genesis: Genesis, suite: Suite, ledger: LedgerView) -> None:
        self._hash = suite.digest
        self._chain = ChainRules.of(genesis, SuiteCrypto(suite))
        self._ledger = ledger

    def execute(
        self, height: int, batch: DecodedBatch, *, epoch: int, members: tuple[Member, ...]
    ) -> ExecutedBlock:
        """Execute the batch of `height`; the ledger stays as it is until the block is appended.

        Raises:
            InvariantBroken: another height than the next one, or a fault inside a contract.

        """
        parent = self._ledger.tip
        if height != parent.height + 1:
            raise InvariantBroken(f"height: expected {parent.height + 1}, got {height}")
        work = BlockWork(
            self._chain,
            height=height,
            time_ms=max(parent.head.time_ms, batch.time_ms),
            log_size=parent.head.log_size,
            read=self._ledger.value,
        )
        work.execute(batch.submissions)
        return self._block(batch, work, parent, epoch=epoch, members=members)

    def _block(
        self,
        batch: DecodedBatch,
        work: BlockWork,
        parent: Header,
        *,
        epoch: int,
        members: tuple[Member, ...],
    ) -> ExecutedBlock:
        h = self._hash
        leaf_hashes = [hash_leaf(h, entry) for entry in work.entries]
        frontier = self._ledger.log_frontier()
        log_nodes = frontier.extend(leaf_hashes)
        changes: dict[bytes, bytes | None] = {**work.overlay.changes, **work.nonces.changes()}
        state = self._ledger.state_update(changes)
        waiting, index = self._index(leaf_hashes, work)
        members_root = members_digest(h, epoch=epoch, members=members)
        head = Head(
            chain_id=self._chain.chain_id,
            epoch=epoch,
            height=work.height,
            time_ms=work.time_ms,
            parent_digest=parent.digest(h),
            batch_digest=batch.digest,
            log_size=frontier.size,
            index_size=waiting.start,
            index_rules=parent.head.index_rules,
        )
        rest = Rest(
            log_root=frontier.root(),
            records_root=merkle_root_of_hashes(h, leaf_hashes),
            index_root=index.root,
            state_root=state.root,
            receipts_root=merkle_root(h, work.receipts),
            members_digest=members_root,
            next_members_digest=members_root,
        )
        return ExecutedBlock(
            header=Header(head=head, rest=rest),
            batch=batch.encoded,
            outcomes=tuple(work.outcomes),
            receipts=tuple(work.receipts),
            entries=tuple(work.entries),
            own_bodies=tuple(work.own_bodies),
            log_nodes=tuple(log_nodes),
            frontier=frontier,
            state=state,
            index=index,
            waiting=waiting,
        )

    def _index(self, leaf_hashes: Sequence[bytes], work: BlockWork) -> tuple[Waiting, MapUpdate]:
        """Return what waits after the block, and what it makes of the index: mostly nothing."""
        ledger, h = self._ledger, self._hash
        waiting = ledger.waiting.extended(h, leaf_hashes, work.index_keys, time_ms=work.time_ms)
        if not waiting.is_due(work.time_ms):
            return waiting, ledger.index_update({})
        changes = advanced(h, waiting, ledger.trail)
        return Waiting(start=waiting.stop), ledger.index_update(changes)
