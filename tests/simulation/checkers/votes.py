"""One vote per slot over all lives, promises that are kept, decisions that later views carry."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from consensus.codec import slot_of
from consensus.effects import Execute
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
)
from consensus.types import NULL_BATCH_DIGEST, ReplicaId
from tests.simulation.checkers.certificates import CertificateOracle
from tests.simulation.checkers.violation import Violation, fair_quorum
from tests.simulation.disk import Block

if TYPE_CHECKING:
    from tests.simulation.node import Node


class VoteOracle:
    """Remembers everything that correct replicas ever said, and all COMMITs of anybody."""

    def __init__(self, *, size: int, certificates: CertificateOracle) -> None:
        self._quorum = fair_quorum(size)
        self._certificates = certificates
        self._said: dict[tuple[int, tuple[str | int, ...]], bytes] = {}
        # Every header that a replica computed, in whichever life, and whatever became of it.
        self._computed: set[tuple[int, int, bytes]] = set()
        self._promised: dict[int, int] = {}
        self._commits: dict[tuple[int, int, bytes], set[int]] = {}
        # Per sequence the first view in which a quorum sent COMMIT, and for what.
        self._committed: dict[int, tuple[int, bytes]] = {}
        # Per process the last view it entered, and how far its window reached.
        self._entered: dict[int, int] = {}
        self._low: dict[tuple[int, int], int] = {}

    def note_commit(self, message: Message) -> None:
        if not isinstance(message, Commit):
            return
        vote = (message.view, message.sequence, message.batch_digest)
        senders = self._commits.setdefault(vote, set())
        senders.add(message.sender)
        if len(senders) == self._quorum:
            held = self._committed.get(message.sequence)
            if held is not None and held[1] != message.batch_digest:
                raise Violation(f"agreement: sequence {message.sequence} is committed twice")
            if held is None or message.view < held[0]:
                self._committed[message.sequence] = (message.view, message.batch_digest)

    def on_enter(self, node: "Node", view: int) -> None:
        self._entered[node.index] = view

    def check_place(self, node: "Node", message: Message) -> None:
        """A vote is for a view that was entered and for a place inside the window, which grows."""
        low, life = node.replica.low_watermark, (node.index, node.lives)
        if low < self._low.get(life, 0):
            raise Violation(f"replica {node.index} moves its watermark back to {low}")
        self._low[life] = low
        match message:
            case PrePrepare() | Prepare() | Commit() if message.sender == node.replica_id:
                if message.view > self._entered.get(node.index, 0):
                    raise Violation(
                        f"replica {node.index} votes in view {message.view} it did not enter"
                    )
                if message.sequence > low + 2 * node.config.window:
                    raise Violation(
                        f"replica {node.index} votes on {message.sequence} outside its window"
                    )
            case _:
                pass

    def check_decided(self, node: "Node", effect: Execute) -> None:
        """Nothing is executed for which no quorum ever sent COMMIT.

        Our own may have been written down and never sent: a crash came between.
        """
        decided = self._committed.get(effect.sequence)
        if decided is not None and decided[1] == effect.batch.digest:
            return
        place = (effect.sequence, effect.batch.digest)
        others = (senders for vote, senders in self._commits.items() if vote[1:] == place)
        if max((len(one | {node.replica_id}) for one in others), default=0) < self._quorum:
            raise Violation(
                f"replica {node.index} executes {effect.sequence}, which no quorum committed"
            )

    def note_computed(self, replica: int, blocks: Iterable[Block]) -> None:
        self._computed.update((replica, one.height, one.header_digest) for one in blocks)

    def on_send(self, replica: ReplicaId, message: Message) -> None:
        self._check_single(replica, message)
        match message:
            case Checkpoint(height=height, header_digest=digest) if message.sender == replica:
                if (replica, height, digest) not in self._computed:
                    raise Violation(f"replica {replica} signs header {height} it did not compute")
            case PrePrepare(view=view) | Prepare(view=view) | Commit(view=view):
                if message.sender == replica and view < self._promised.get(replica, 0):
                    raise Violation(f"replica {replica} votes in view {view} it left")
            case ViewChange():
                self._check_view_change(message)
                promised = max(self._promised.get(replica, 0), message.new_view)
                self._promised[replica] = promised
            case NewView():
                self._certificates.check_new_view(message)
                self.check_new_view(message)
            case _:
                pass

    def _check_single(self, replica: ReplicaId, message: Message) -> None:
        """One content per slot and replica over all lives; the signature stands for it."""
        slot = slot_of(message)
        if not slot or message.sender != replica:
            return
        said = self._said.get((replica, slot))
        if said is None:
            self._certificates.check_message(message)
            self._said[(replica, slot)] = message.signature
        elif said != message.signature:
            raise Violation(f"replica {replica} contradicts itself in {slot}")

    def _check_view_change(self, message: ViewChange) -> None:
        """No view is asked for unless a correct replica's own timer led there, one by one."""
        if message.new_view > max(self._promised.values(), default=0) + 1:
            raise Violation(f"faulty members moved {message.sender} to view {message.new_view}")

    def check_carried(self, certificate: PreparedCertificate) -> None:
        """Nothing else is ever prepared after a quorum committed."""
        view, digest = self._committed.get(certificate.sequence, (certificate.view, b""))
        if certificate.view > view and certificate.batch_digest != digest:
            raise Violation(
                f"sequence {certificate.sequence} was committed in view {view}"
                f" and something else is prepared in view {certificate.view}"
            )

    def check_new_view(self, message: NewView) -> None:
        """Every later view proposes again what a quorum committed, unless it is stable."""
        if not message.view_changes:
            return
        low = max(one.stable.height for one in message.view_changes)
        proposed: dict[int, bytes] = {
            one.sequence: one.batch_digest for one in message.pre_prepares
        }
        for sequence, (view, digest) in self._committed.items():
            if sequence <= low or view >= message.view:
                continue
            if proposed.get(sequence, NULL_BATCH_DIGEST) != digest:
                raise Violation(f"view {message.view} forgets sequence {sequence} of view {view}")
