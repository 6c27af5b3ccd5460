"""A trail held in memory as lists, and the rows of it that a period asks for."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from chainnode.ledger.merkle import Hash, MerkleTree, hash_leaf, merkle_root
from chainnode.ledger.trail_building import RowRange
from chainnode.ledger.trails import Chunk, Trail, chunk_leaf, grown


def extended(h: Hash, trail: Trail, rows: Sequence[bytes]) -> tuple[Trail, bytes]:
    """Return the trail with one chunk of these rows more, and the leaf of that chunk."""
    leaf = chunk_leaf(trail.rows, len(rows), merkle_root(h, rows))
    return grown(h, trail, [hash_leaf(h, row) for row in rows]), leaf


class ListedTrail:
    """A `TrailSource` over the rows of each chunk, held in memory."""

    def __init__(self, h: Hash, chunks: Sequence[Sequence[bytes]]) -> None:
        self._rows = [row for rows in chunks for row in rows]
        self._chunks: list[Chunk] = []
        self._trees = [MerkleTree(h, [hash_leaf(h, row) for row in rows]) for rows in chunks]
        first = 0
        for tree in self._trees:
            self._chunks.append(Chunk(first_row=first, rows=tree.size, root=tree.root))
            first += tree.size
        leaves = [chunk_leaf(one.first_row, one.rows, one.root) for one in self._chunks]
        self._tree = MerkleTree(h, [hash_leaf(h, one) for one in leaves])

    def chunk_of_row(self, row: int) -> int:
        """Return the number of the chunk that holds this row."""
        return bisect_left(self._chunks, row + 1, key=lambda chunk: chunk.first_row) - 1

    def chunks(self, start: int, stop: int) -> Sequence[Chunk]:
        """Return the chunks of these numbers, in order."""
        return self._chunks[start:stop]

    def rows(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the 40-byte rows of these numbers, in order."""
        return self._rows[start:stop]

    def row_node(self, chunk: int, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the rows of a chunk."""
        return self._trees[chunk].node(level, index)

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the chunks."""
        return self._tree.node(level, index)


def rows_of_period(
    rows: int, time_of_row: Callable[[int], int], *, from_ms: int, to_ms: int | None
) -> RowRange:
    """Return the rows with `from_ms ≤ time < to_ms` and the boundary row on either side.

    `to_ms` None means to the last row. Times do not descend; O(log rows) of them are read.
    """
    numbers = range(rows)
    start = bisect_left(numbers, from_ms, key=time_of_row)
    stop = rows if to_ms is None else bisect_left(numbers, to_ms, key=time_of_row)
    return RowRange(start=max(start - 1, 0), stop=min(stop + 1, rows))
