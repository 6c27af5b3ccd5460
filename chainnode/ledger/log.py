"""The stored log: entries by position, and the tree nodes that inclusion paths need.

Nodes below `STORED_LEVEL_MIN` are not stored: they are hashed again from the at most eight
entries below them, all neighbours in the store. That leaves one stored node per eight records
(ADR-0005) at the price of fifteen entries read and hashed per path.
"""

from collections.abc import Iterator, Sequence

from chainnode.ledger.errors import DamagedLedger, UnknownPosition
from chainnode.ledger.keyspace import entry_key, log_node_key
from chainnode.ledger.merkle import (
    Frontier,
    Hash,
    TreeNode,
    consistency_path_from_nodes,
    inclusion_path_from_nodes,
    merkle_root,
)
from chainnode.ledger.store import Change, Store

STORED_LEVEL_MIN = 4


class Log:
    """Reads of the append-only log. What is below a known size never changes: no lock needed."""

    def __init__(self, h: Hash, store: Store) -> None:
        self._h = h
        self._store = store

    def entry(self, position: int, *, size: int) -> bytes:
        """Return the entry at a position of the first `size`.

        Raises:
            UnknownPosition: there is none.
            DamagedLedger: it is missing in the store.

        """
        _require_position(position, size)
        entry = self._store.get(entry_key(position))
        if entry is None:
            raise DamagedLedger(what=f"entry {position}", expected="an entry", actual="nothing")
        return entry

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the entries `start … stop − 1` in order.

        Raises:
            DamagedLedger: one is missing.

        """
        position = start
        for key, entry in self._store.iterate(start=entry_key(start), stop=entry_key(stop)):
            if key != entry_key(position):
                break
            yield entry
            position += 1
        if position < stop:
            raise DamagedLedger(what=f"entry {position}", expected="an entry", actual="nothing")

    def path(self, position: int, *, size: int) -> tuple[bytes, ...]:
        """Return the inclusion path of an entry in the tree of the first `size`.

        Raises:
            UnknownPosition: there is no such entry among them.

        """
        _require_position(position, size)
        return inclusion_path_from_nodes(self._h, index=position, size=size, node=self.node)

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node.

        Raises:
            DamagedLedger: it, or an entry below it, is missing.

        """
        if level < STORED_LEVEL_MIN:
            entries = list(self.entries(index << level, index + 1 << level))
            return merkle_root(self._h, entries)
        node = self._store.get(log_node_key(level, index))
        if node is None:
            raise DamagedLedger(
                what=f"log node {level}/{index}", expected="a digest", actual="nothing"
            )
        return node

    def consistency_path(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return the proof that the log of `new_size` entries continues that of `old_size`."""
        return consistency_path_from_nodes(
            self._h, old_size=old_size, new_size=new_size, node=self.node
        )

    def frontier(self, size: int) -> Frontier:
        """Return the right edge of the tree of the first `size` entries."""
        levels = [level for level in range(size.bit_length()) if size >> level & 1]
        nodes = [self.node(level, (size >> level) - 1) for level in reversed(levels)]
        return Frontier(self._h, size=size, nodes=nodes)


def log_changes(
    first: int, entries: Sequence[bytes], nodes: Sequence[TreeNode]
) -> Iterator[Change]:
    """Yield what is written for new entries, the first of which stands at `first`."""
    for position, entry in enumerate(entries, start=first):
        yield entry_key(position), entry
    for level, index, digest in nodes:
        if level >= STORED_LEVEL_MIN:
            yield log_node_key(level, index), digest


def _require_position(position: int, size: int) -> None:
    if not 0 <= position < size:
        raise UnknownPosition(position=position, size=size)
