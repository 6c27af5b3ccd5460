"""Execution goes wrong in some replicas: the group halts, a record is signed, the chain goes on."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from consensus.effects import Effect, EnteredView, HeadersDiverged
from consensus.epochs import EpochEnd
from consensus.errors import Diverged
from consensus.guard import VoteGuard
from consensus.messages import Batch, RecoveryPromise
from consensus.recovery_record import RecoveryRecord
from consensus.types import Digest, Epoch, Height, Membership, SequenceNumber
from tests.simulation.checkers import Oracles
from tests.simulation.cluster import Cluster, options_of
from tests.simulation.disk import Block, Ledger
from tests.simulation.node import Node
from tests.simulation.stubs import CHAIN_ID, ENCODER, digest_of, stub_signature

GOOD_UNTIL = 3
REQUESTS = 12


class SpoiltLedger(Ledger):
    """A machine whose execution goes wrong above `GOOD_UNTIL`."""

    def build(self, sequence: SequenceNumber, batch: Batch) -> Block:
        block = super().build(sequence, batch)
        if sequence <= GOOD_UNTIL:
            return block
        return replace(block, header_digest=digest_of(block.header_digest))


class DivergingCluster(Cluster):
    """Calm weather; `buggy` nodes compute other headers above `GOOD_UNTIL`."""

    def __init__(self, seed: int, buggy: tuple[int, ...]) -> None:
        options = replace(
            options_of(0),
            size=4,
            window=8,
            vices=MappingProxyType({}),
            learner=False,
            fragile=(),
            biased=False,
            drop=0.0,
            duplicate=0.0,
            idle_ms=300,
        )
        super().__init__(seed, options)
        self.halts: dict[int, HeadersDiverged] = {}
        self.failures: dict[int, Exception] = {}
        for index in buggy:
            self.nodes[index].disk.ledger = SpoiltLedger()
        for node in self.nodes:
            node.start()

    def on_effect(self, node: Node, effect: Effect) -> None:
        """Let the oracles see votes and views; blocks of wrong execution are not for them."""
        if isinstance(effect, HeadersDiverged):
            self.halts[node.index] = effect
        elif isinstance(effect, EnteredView):
            super().on_effect(node, effect)

    def on_block(self, node: Node, block: Block) -> None:
        """The oracles would rightly complain of these blocks, but not of who signs them."""
        self._oracles.note_computed(node, block)

    def on_start(self, node: Node) -> None:
        """Nor of what is rolled back."""

    def on_crash(self, node: Node, what: str) -> None:
        """Nobody restarts by itself."""

    def on_failure(self, node: Node, error: Exception) -> None:
        self.failures[node.index] = error
        node.crash()

    def begin_epoch(self) -> None:
        """Start everybody; what was promised in the epoch before binds nobody."""
        self._oracles = Oracles(size=4, correct=frozenset(range(4)))
        for node in self.nodes:
            node.start()

    def work(self, requests: range) -> None:
        for request in requests:
            self._submit(request)
            self.clock.run_until(self.clock.now_ms + 150)
        self.clock.run_until(self.clock.now_ms + 6_000)


def test_one_replica_with_a_bug_stops_alone_and_the_others_see_its_digest() -> None:
    cluster = DivergingCluster(1, buggy=(3,))

    cluster.work(range(REQUESTS))

    assert isinstance(cluster.failures[3], Diverged)
    assert cluster.halts == {}
    heights = [node.disk.ledger.height for node in cluster.nodes[:3]]
    assert min(heights) > GOOD_UNTIL + 1
    assert all(node.disk.ledger.executed >= set(range(REQUESTS)) for node in cluster.nodes[:3])


@pytest.mark.parametrize("seed", range(4))
def test_a_group_without_a_quorum_halts_recovers_and_keeps_what_it_committed(seed: int) -> None:
    cluster = DivergingCluster(seed, buggy=(1, 3))
    cluster.work(range(REQUESTS))

    described = [node.replica.describe() for node in cluster.nodes]
    assert {one.split_at for one in described} == {GOOD_UNTIL + 1}
    digests = [dict(one.checkpoint_digests) for one in described]
    assert all(one[0] == one[2] != one[1] == one[3] for one in digests)
    assert all(max(node.disk.ledger.certificates) == GOOD_UNTIL for node in cluster.nodes)

    kept = recover(cluster)
    assert len(kept) >= 1
    cluster.work(range(REQUESTS, REQUESTS + 4))

    for node in cluster.nodes:
        ledger = node.disk.ledger
        assert node.replica.describe().epoch == 1
        assert [one.batch for one in ledger.blocks[GOOD_UNTIL:]][: len(kept)] == list(kept)
        assert ledger.executed >= set(range(REQUESTS, REQUESTS + 4))
        assert max(ledger.certificates) > GOOD_UNTIL + len(kept)
        for height, stable in ledger.certificates.items():
            assert stable.epoch == int(height > GOOD_UNTIL)
    chains = [[one.header_digest for one in node.disk.ledger.blocks] for node in cluster.nodes]
    shortest = min(map(len, chains))
    assert len({tuple(one[:shortest]) for one in chains}) == 1


def recover(cluster: DivergingCluster) -> tuple[Batch, ...]:
    """Do what operators do: repair the software, sign one record, apply it everywhere."""
    longest = max((node.disk.ledger for node in cluster.nodes), key=lambda one: one.height)
    kept = tuple(one.batch for one in longest.blocks[GOOD_UNTIL:])
    base = cluster.nodes[0].disk.ledger.certificates[GOOD_UNTIL]
    record = RecoveryRecord(
        chain_id=CHAIN_ID,
        epoch=Epoch(0),
        base_epoch=base.epoch,
        height=Height(base.height),
        header_digest=base.header_digest,
        batches=tuple(one.digest for one in kept),
        members_digest=Digest(bytes(32)),
    )
    content = record.signed_content(encoder=ENCODER)
    for node in cluster.nodes:
        _promise(node, record, content)
        node.crash()
        _apply(node, kept)
        node.config = replace(
            node.config,
            membership=Membership(epoch=Epoch(1), size=4),
            past=(EpochEnd(membership=Membership(epoch=Epoch(0), size=4), stable=base),),
            settled=SequenceNumber(record.last_height),
        )
    cluster.begin_epoch()
    return kept


def _promise(node: Node, record: RecoveryRecord, content: bytes) -> None:
    guard = VoteGuard(
        replica_id=node.replica_id, epoch=Epoch(0), chain_id=CHAIN_ID, encoder=ENCODER
    )
    guard.restore(node.disk.votes)
    assert guard.recall(slot=record.slot, content=content) is None
    signature = stub_signature(node.replica_id, content)
    promise = RecoveryPromise(
        epoch=Epoch(0), sender=node.replica_id, content=content, signature=signature
    )
    node.disk.write_votes((promise,))
    node.disk.sync_votes()


def _apply(node: Node, kept: tuple[Batch, ...]) -> None:
    """Roll back to the certified block, with repaired software, and keep the batches."""
    spoilt = node.disk.ledger
    spoilt.cut(GOOD_UNTIL)
    node.disk.ledger = Ledger(
        blocks=spoilt.blocks,
        certificates=spoilt.certificates,
        executed=spoilt.executed,
        own_checkpoints=spoilt.own_checkpoints,
        marks=spoilt.marks,
    )
    node.kept = dict(enumerate(kept, start=GOOD_UNTIL + 1))
