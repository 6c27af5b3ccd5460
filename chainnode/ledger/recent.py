"""Receipts trees of the blocks that were asked for last.

Every client of a block of single-call submissions asks for its own receipt: without memory, a
block of a thousand would be hashed a thousand times.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from chainnode.ledger.errors import UnknownPosition
from chainnode.ledger.merkle import Hash, MerkleTree, hash_leaf
from chainnode.ledger.types import ReceiptProof

# Clients ask right after their block; a full one costs 0.3 MB here.
_TREES_KEPT = 16

_Leaves = tuple[bytes, ...]


class ReceiptTrees:
    """Encoded receipts and their tree by height, the last few kept. Thread-safe."""

    def __init__(self, h: Hash, read: Callable[[int], _Leaves]) -> None:
        self._h = h
        self._read = read
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[_Leaves, MerkleTree]] = OrderedDict()

    def leaves(self, height: int) -> _Leaves:
        """Return the encoded receipts of a block in order."""
        return self._of(height)[0]

    def proof(self, height: int, index: int) -> ReceiptProof:
        """Return one of them with its path.

        Raises:
            UnknownPosition: the block has no such receipt.

        """
        leaves, tree = self._of(height)
        if not 0 <= index < len(leaves):
            raise UnknownPosition(position=index, size=len(leaves))
        path = tree.inclusion_path(index)
        return ReceiptProof(receipt=leaves[index], index=index, count=len(leaves), path=path)

    def _of(self, height: int) -> tuple[_Leaves, MerkleTree]:
        with self._lock:
            kept = self._kept.get(height)
            if kept is not None:
                self._kept.move_to_end(height)
                return kept
        leaves = self._read(height)
        made = leaves, MerkleTree(self._h, [hash_leaf(self._h, leaf) for leaf in leaves])
        with self._lock:
            self._kept[height] = made
            if len(self._kept) > _TREES_KEPT:
                self._kept.popitem(last=False)
        return made
