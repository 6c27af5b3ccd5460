"""General oracles, asked after every step: nothing here knows a particular bug.

Only correct nodes are held to them; Byzantine ones may do what they like. Certificates are
verified here by other code than the core's.
"""

import hashlib

from consensus.codec import checkpoints_of, signed_content, signed_parts, slot_of, votes_of
from consensus.effects import Effect, Execute, Persist, Stabilized
from consensus.messages import (
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    StableCheckpoint,
    ViewChange,
)
from consensus.types import ReplicaId
from tests.simulation.disk import Block
from tests.simulation.node import Node
from tests.simulation.stubs import CHAIN_ID, ENCODER, stub_signature


class Violation(AssertionError):
    """An oracle found what must never happen."""


def fair_quorum(size: int) -> int:
    """⌈(n+f+1)/2⌉, written down a second time: two quorums share f+1 members."""
    faulty = (size - 1) // 3
    return -((size + faulty + 1) // -2)


class Oracles:
    """What all correct nodes together have shown so far, over all their lives."""

    def __init__(self, *, size: int, correct: frozenset[int]) -> None:
        self._size = size
        self._quorum = fair_quorum(size)
        self._correct = correct
        self._headers: dict[int, bytes] = {}
        self._certified: dict[int, bytes] = {}
        self._decided: dict[int, bytes] = {}
        self._said: dict[tuple[int, tuple[str | int, ...]], bytes] = {}
        self._promised: dict[int, int] = {}
        self._handed: dict[tuple[int, int], int] = {}
        self._heights: dict[int, int] = {}
        self._checked: set[StableCheckpoint | PreparedCertificate] = set()

    # Effects

    def on_effect(self, node: Node, effect: Effect) -> None:
        if node.index not in self._correct:
            return
        match effect:
            case Execute():
                self._check_execution(node, effect)
            case Stabilized(stable=stable):
                self._check_stable(stable)
                self._check_durable(stable)
            case Persist(records=records):
                for record in records:
                    if isinstance(record, PreparedCertificate):
                        self._check_prepared(record)
            case _:
                pass

    def _check_execution(self, node: Node, effect: Execute) -> None:
        """Contiguous and once: in one life every sequence after the ledger's is asked once."""
        life = (node.index, node.lives)
        expected = max(self._handed.get(life, 0), node.disk.ledger.height) + 1
        if effect.sequence != expected:
            raise Violation(f"replica {node.index} executes {effect.sequence}, expected {expected}")
        self._handed[life] = effect.sequence
        decided = self._decided.setdefault(effect.sequence, effect.batch.digest)
        if decided != effect.batch.digest:
            raise Violation(f"agreement: sequence {effect.sequence} has two batches")

    def on_block(self, node: Node, block: Block) -> None:
        if node.index not in self._correct:
            return
        if block.height != self._heights.get(node.index, 0) + 1:
            raise Violation(f"replica {node.index} appends block {block.height} out of order")
        self._heights[node.index] = block.height
        held = self._headers.setdefault(block.height, block.header_digest)
        if held != block.header_digest:
            raise Violation(f"agreement: height {block.height} has two headers")

    # Messages

    def on_send(self, node: Node, message: Message) -> None:
        if node.index not in self._correct:
            return
        self._check_single(node.replica_id, message)
        match message:
            case PrePrepare(view=view) | Prepare(view=view) | Commit(view=view):
                if view < self._promised.get(node.replica_id, 0):
                    raise Violation(f"replica {node.replica_id} votes in view {view} it left")
            case ViewChange():
                self._check_view_change(message)
                promised = max(self._promised.get(node.replica_id, 0), message.new_view)
                self._promised[node.replica_id] = promised
            case NewView():
                self._check_signatures(message)
                if len({one.sender for one in message.view_changes}) < self._quorum:
                    raise Violation("NEW-VIEW without a quorum")
            case _:
                pass

    def _check_single(self, replica: ReplicaId, message: Message) -> None:
        """One content per slot and replica over all lives."""
        slot = slot_of(message)
        if not slot or message.sender != replica:
            return
        content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
        fingerprint = hashlib.blake2b(content, digest_size=16).digest()
        if self._said.setdefault((replica, slot), fingerprint) != fingerprint:
            raise Violation(f"replica {replica} contradicts itself in {slot}")

    def _check_view_change(self, message: ViewChange) -> None:
        """No view is asked for unless a correct replica's own timer led there, one by one."""
        if message.new_view > max(self._promised.values(), default=0) + 1:
            raise Violation(f"faulty members moved {message.sender} to view {message.new_view}")
        self._check_signatures(message)
        self._check_stable(message.stable)
        for certificate in message.prepared:
            self._check_prepared(certificate)

    # Certificates

    def _check_signatures(self, message: Message) -> None:
        for replica, signature, content in signed_parts(
            message, chain_id=CHAIN_ID, encoder=ENCODER, size=self._size
        ):
            if signature != stub_signature(replica, content):
                raise Violation(f"bad signature of {replica} in {type(message).__name__}")

    def _check_stable(self, stable: StableCheckpoint) -> None:
        if stable.height == 0 or stable in self._checked:
            return
        self._checked.add(stable)
        signers = {replica for replica, _ in stable.signatures}
        if len(signers) < self._quorum or len(signers) != len(stable.signatures):
            raise Violation(f"certificate {stable.height} has signers {sorted(signers)}")
        for vote in checkpoints_of(stable):
            self._check_signatures(vote)
        held = self._certified.setdefault(stable.height, stable.header_digest)
        if held != stable.header_digest:
            raise Violation(f"agreement: height {stable.height} has two certified headers")

    def _check_durable(self, stable: StableCheckpoint) -> None:
        """Acknowledged means durable on q − f correct replicas, whatever crashes now."""
        faulty = self._size - len(self._correct)
        holders = sum(height >= stable.height for height in self._heights.values())
        if holders < self._quorum - faulty:
            raise Violation(f"height {stable.height} acknowledged, durable on {holders} only")

    def _check_prepared(self, certificate: PreparedCertificate) -> None:
        if certificate in self._checked:
            return
        self._checked.add(certificate)
        primary = ReplicaId(certificate.view % self._size)
        signers = {replica for replica, _ in certificate.prepares} | {primary}
        if len(signers) < self._quorum or len(signers) != len(certificate.prepares) + 1:
            raise Violation(f"prepared certificate {certificate.sequence} of {sorted(signers)}")
        for vote in votes_of(certificate, primary=primary):
            self._check_signatures(vote)
