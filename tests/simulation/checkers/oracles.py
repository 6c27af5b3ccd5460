"""The front of the oracles: what happened goes to those whom it concerns."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from consensus.effects import (
    Effect,
    EnteredView,
    Equivocated,
    Execute,
    Persist,
    Record,
    Send,
    Stabilized,
    StartTimer,
    VotingEnded,
)
from consensus.messages import Commit, Message, NewView, PreparedCertificate
from tests.simulation.checkers.answers import AnswerOracle
from tests.simulation.checkers.certificates import CertificateOracle
from tests.simulation.checkers.ledgers import LedgerOracle
from tests.simulation.checkers.memory import check_memory
from tests.simulation.checkers.violation import Violation
from tests.simulation.checkers.votes import VoteOracle
from tests.simulation.disk import Block

if TYPE_CHECKING:
    from tests.simulation.node import Node


class Oracles:
    """What all correct nodes together have shown so far, over all their lives.

    `unreliable` members are correct, but nothing counts on what their disks hold.
    """

    def __init__(
        self,
        *,
        size: int,
        correct: frozenset[int],
        unreliable: frozenset[int] = frozenset(),
        is_submitted: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self._correct = correct
        self._certificates = CertificateOracle(size=size)
        self._votes = VoteOracle(size=size, certificates=self._certificates)
        self._answers = AnswerOracle()
        self._ledgers = LedgerOracle(
            size=size, correct=correct, unreliable=unreliable, is_submitted=is_submitted
        )

    def on_start(self, node: "Node") -> None:
        if node.index in self._correct:
            self.note_computed(node, *node.disk.ledger.blocks)
            self._ledgers.on_start(node)

    def on_send(self, node: "Node", message: Message) -> None:
        """A message leaves; of a liar's words `on_lie` tells what becomes of them."""
        if node.index in self._correct:
            self._votes.note_commit(message)
            self._votes.on_send(node.replica_id, message)
            self._votes.check_place(node, message)

    def on_lie(self, message: Message) -> None:
        """What a liar really said, and a driver let in: a COMMIT of it counts like any other."""
        self._votes.note_commit(message)

    def on_effect(self, node: "Node", effect: Effect) -> None:
        if node.index not in self._correct:
            return
        match effect:
            case Execute():
                self._ledgers.on_execute(node, effect)
                self._votes.check_decided(node, effect)
            case EnteredView(view=view):
                self._votes.on_enter(node, view)
            case Send() | StartTimer():
                self._answers.on_effect(node, effect)
            case Stabilized(stable=stable):
                self._certificates.check_stable(stable)
                self._ledgers.on_acknowledged(stable)
            case Persist(records=records):
                for record in records:
                    self._on_record(record)
            case Equivocated(first=first, second=second):
                self._check_evidence(first, second)
            case VotingEnded(promise=promise) if not node.disk.is_older_copy:
                raise Violation(f"replica {node.index} is said to have forgotten {promise}")
            case _:
                pass

    def _check_evidence(self, first: Message, second: Message) -> None:
        """Only a liar is accused, and by its own signatures (checklist B8)."""
        for one in (first, second):
            self._certificates.check_signature(one)
            if one.sender in self._correct:
                raise Violation(f"replica {one.sender} is accused, and did not lie")

    def _on_record(self, record: Record) -> None:
        match record:
            case PreparedCertificate():
                self._certificates.check_prepared(record)
                self._votes.check_carried(record)
            case Commit():
                self._votes.note_commit(record)
            case NewView():
                self._certificates.check_new_view(record)
                self._votes.check_new_view(record)
            case _:
                pass

    def on_block(self, node: "Node", block: Block) -> None:
        if node.index in self._correct:
            self.note_computed(node, block)
            self._ledgers.on_block(node, block)

    def note_computed(self, node: "Node", *blocks: Block) -> None:
        """These headers a node may sign, in every later life too (checklist D1)."""
        self._votes.note_computed(node.index, blocks)

    def check_memory(self, node: "Node") -> None:
        """Every container of a correct node's state keeps to its bound."""
        check_memory(node)
