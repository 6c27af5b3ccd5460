"""Agreement, prefix, validity, at-most-once, contiguous application, equal roots, durability."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from consensus.effects import Execute
from consensus.messages import StableCheckpoint
from tests.simulation.checkers.violation import Violation, fair_quorum
from tests.simulation.disk import Block

if TYPE_CHECKING:
    from tests.simulation.node import Node


class LedgerOracle:
    """Compares the blocks of all correct nodes with one another, and with what was asked for."""

    def __init__(
        self,
        *,
        size: int,
        correct: frozenset[int],
        unreliable: frozenset[int],
        is_submitted: Callable[[int], bool],
    ) -> None:
        faulty = size - sum(one < size for one in correct) + len(unreliable)
        self._holders_min = fair_quorum(size) - faulty
        self._unreliable = unreliable
        self._is_submitted = is_submitted
        self._decided: dict[int, bytes] = {}
        self._headers: dict[int, bytes] = {}
        self._roots: dict[int, bytes] = {}
        self._executed_at: dict[int, int] = {}
        self._handed: dict[tuple[int, int], int] = {}
        self._heights: dict[int, int] = {}
        self._acknowledged = 0

    def on_start(self, node: "Node") -> None:
        """Whatever a crash left on the disk, what was acknowledged is durable elsewhere."""
        self._heights[node.index] = node.disk.ledger.height
        self._check_durable()

    def on_execute(self, node: "Node", effect: Execute) -> None:
        """In one life every sequence after the ledger's is asked once, in order."""
        life = (node.index, node.lives)
        expected = max(self._handed.get(life, 0), node.disk.ledger.height) + 1
        if effect.sequence != expected:
            raise Violation(f"replica {node.index} executes {effect.sequence}, expected {expected}")
        self._handed[life] = effect.sequence
        decided = self._decided.setdefault(effect.sequence, effect.batch.digest)
        if decided != effect.batch.digest:
            raise Violation(f"agreement: sequence {effect.sequence} has two batches")

    def on_block(self, node: "Node", block: Block) -> None:
        if block.height != self._heights.get(node.index, 0) + 1:
            raise Violation(f"replica {node.index} appends block {block.height} out of order")
        self._heights[node.index] = block.height
        if self._headers.setdefault(block.height, block.header_digest) != block.header_digest:
            raise Violation(f"agreement: height {block.height} has two headers")
        if self._roots.setdefault(block.height, block.root) != block.root:
            raise Violation(f"height {block.height} has two roots")
        for request in block.requests:
            if not self._is_submitted(request):
                raise Violation(f"validity: nobody submitted request {request}")
            if self._executed_at.setdefault(request, block.height) != block.height:
                raise Violation(f"request {request} is executed twice")

    def on_acknowledged(self, stable: StableCheckpoint) -> None:
        """Acknowledged means durable on q − f correct replicas, whatever crashes now."""
        if stable.height > self._acknowledged:
            self._acknowledged = stable.height
            self._check_durable()

    def _check_durable(self) -> None:
        holders = sum(
            height >= self._acknowledged
            for index, height in self._heights.items()
            if index not in self._unreliable
        )
        if self._acknowledged and holders < self._holders_min:
            raise Violation(f"height {self._acknowledged} acknowledged, durable on {holders} only")
