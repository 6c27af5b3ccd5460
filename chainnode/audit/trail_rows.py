"""Rows and chunks of one trail for the builder of proofs: from the read model and the ledger.

Where rows stand comes from the database and may be a lie; what they hold is hashed from the
ledger's own entries, and whoever builds with this verifies the proof before showing it. The work
is bounded by what is shown: at its edges one chunk, of which ≤ 64 rows on either side are hashed.
"""

from collections.abc import Callable, Mapping, Sequence

from chainnode.audit.growth import fold, row_node
from chainnode.audit.port import (
    CHUNK_NODE_LEVEL_MIN,
    AuditDatabase,
    ChunkPlace,
    DamagedReadModel,
    RowPlace,
)
from chainnode.ledger.merkle import LEAF_TAG, Hash
from chainnode.ledger.trails import Chunk, chunk_leaf, encode_row

LeafReader = Callable[[int], bytes]

# A chunk is what one advance adds: fewer than 8,192 waiting entries and those of one block.
_CHUNK_ROWS_MAX = 65_536


class TrailRows:
    """A `TrailSource` over a run of rows that was found in the read model."""

    def __init__(
        self,
        h: Hash,
        database: AuditDatabase,
        *,
        trail: int,
        run: Sequence[RowPlace],
        leaf: LeafReader,
    ) -> None:
        """`leaf` gives the hash of the log entry at a position; `run` is not empty."""
        self._h = h
        self._database = database
        self._trail = trail
        self._run: Mapping[int, RowPlace] = {one.row: one for one in run}
        self._leaf = leaf
        self._chunks: dict[int, ChunkPlace] = {}
        self._positions: dict[int, list[int]] = {}

    def chunk_of_row(self, row: int) -> int:
        """Return the number of the chunk that holds this row."""
        return self._place(row).chunk

    def chunks(self, start: int, stop: int) -> Sequence[Chunk]:
        """Return the chunks of these numbers, in order."""
        if not 0 < stop - start <= len(self._run):
            raise DamagedReadModel("chunks of a run of rows: more than it has rows")
        found = self._read_chunks(start, stop)
        self._require_in_chunks()
        return [Chunk(first_row=one.first_row, rows=one.rows, root=one.root) for one in found]

    def rows(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the 40-byte rows of these numbers, in order."""
        positions = (self._place(row).position for row in range(start, stop))
        return [encode_row(position, self._leaf(position)) for position in positions]

    def row_node(self, chunk: int, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the rows of a chunk."""
        (place,) = self._read_chunks(chunk, chunk + 1)
        return row_node(
            self._h,
            level=level,
            index=index,
            nodes=place.nodes,
            leaf=lambda number: self._row_leaf(place, number),
        )

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the chunks."""
        if level < CHUNK_NODE_LEVEL_MIN:
            below = self._read_chunks(index << level, index + 1 << level)
            leaves = (chunk_leaf(one.first_row, one.rows, one.root) for one in below)
            return fold(self._h, [self._h(LEAF_TAG + leaf) for leaf in leaves])
        node = self._database.node(self._trail, level, index)
        if node is None:
            raise DamagedReadModel("node over the chunks of a trail: expected one, got none")
        return node

    def _place(self, row: int) -> RowPlace:
        place = self._run.get(row)
        if place is None:
            raise DamagedReadModel("rows of a trail: expected a gapless run, got a gap")
        return place

    def _require_in_chunks(self) -> None:
        """Check the chunk of every row: the proof itself looks at the first and the last."""
        for row in self._run.values():
            chunk = self._chunks.get(row.chunk)
            if chunk is None or not 0 <= row.row - chunk.first_row < chunk.rows:
                raise DamagedReadModel("rows of a trail: expected them in their chunks")

    def _read_chunks(self, start: int, stop: int) -> list[ChunkPlace]:
        if not all(number in self._chunks for number in range(start, stop)):
            found = self._database.chunks(self._trail, start, stop)
            self._chunks |= {one.number: one for one in found}
            if len(found) != stop - start:
                raise DamagedReadModel(
                    f"chunks of a trail: expected {stop - start}, got {len(found)}"
                )
        return [self._chunks[number] for number in range(start, stop)]

    def _row_leaf(self, chunk: ChunkPlace, number: int) -> bytes:
        """Hash a row of a chunk that is not shown."""
        positions = self._positions.get(chunk.number)
        if positions is None:
            count = min(chunk.rows, _CHUNK_ROWS_MAX)
            rows = self._database.rows_from(self._trail, chunk.first_position, limit=count)
            positions = self._positions[chunk.number] = [one.position for one in rows]
        if number >= len(positions):
            raise DamagedReadModel("rows of a chunk: fewer than it counts")
        position = positions[number]
        return self._h(LEAF_TAG + encode_row(position, self._leaf(position)))
