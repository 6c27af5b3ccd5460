"""How a trail proof is made: by whoever keeps rows and chunks, wherever they come from.

The rows may stand in a database that anybody could have changed, so what is built here is
worth nothing until `verify_trail_proof` has accepted it. Pure: reads through `TrailSource`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from chainnode.ledger.bucket_map import MapProof
from chainnode.ledger.merkle import Hash, InvalidProof
from chainnode.ledger.ranges import range_path_from_nodes
from chainnode.ledger.trail_proofs import ChunkProof, TrailProof
from chainnode.ledger.trails import Chunk, Trail


class TrailSource(Protocol):
    """What is kept of one index key, below the index size at which the proof is built."""

    def chunk_of_row(self, row: int) -> int:
        """Return the number of the chunk that holds this row."""
        ...

    def chunks(self, start: int, stop: int) -> Sequence[Chunk]:
        """Return the chunks of these numbers, in order."""
        ...

    def rows(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the 40-byte rows of these numbers, in order."""
        ...

    def row_node(self, chunk: int, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the rows of a chunk, by its number."""
        ...

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node of the Merkle tree over the chunks (level 0: their leaves)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """The rows to disclose, from number `start` on and before `stop`; none when equal."""

    start: int
    stop: int


NO_ROWS = RowRange(start=0, stop=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A trail to be proven: its key, its value at a height (None: absent), its map proof."""

    index_key: bytes
    trail: Trail | None
    map_proof: MapProof = field(repr=False)


def build_trail_proof(
    h: Hash, listing: Listing, *, shown: RowRange, source: TrailSource
) -> TrailProof:
    """Return the proof that discloses these rows of the trail.

    Raises:
        InvalidProof: no such rows in the trail, or `source` holds fewer than the trail counts.

    """
    trail = listing.trail
    bare = TrailProof(index_key=listing.index_key, trail=trail, map_proof=listing.map_proof)
    if shown.start == shown.stop:
        return bare
    if trail is None or not 0 <= shown.start < shown.stop <= trail.rows:
        raise InvalidProof(
            what="rows to disclose",
            expected=f"within {0 if trail is None else trail.rows}",
            actual=f"{shown.start} … {shown.stop}",
        )
    first = source.chunk_of_row(shown.start)
    stop = source.chunk_of_row(shown.stop - 1) + 1
    chunks = source.chunks(first, stop)
    if len(chunks) != stop - first:
        raise InvalidProof(what="kept chunks", expected=f"{stop - first}", actual=f"{len(chunks)}")
    return TrailProof(
        index_key=listing.index_key,
        trail=trail,
        map_proof=listing.map_proof,
        first_chunk=first,
        chunks=tuple(
            _chunk_proof(h, chunk, shown, source, number)
            for number, chunk in enumerate(chunks, start=first)
        ),
        path=range_path_from_nodes(h, start=first, stop=stop, size=trail.chunks, node=source.node),
    )


def _chunk_proof(
    h: Hash, chunk: Chunk, shown: RowRange, source: TrailSource, number: int
) -> ChunkProof:
    """Disclose the rows of this chunk that are to be shown; at least one is."""
    start = max(shown.start - chunk.first_row, 0)
    stop = min(shown.stop - chunk.first_row, chunk.rows)
    rows = source.rows(chunk.first_row + start, chunk.first_row + stop)
    if len(rows) != stop - start:
        raise InvalidProof(what="kept rows", expected=f"{stop - start}", actual=f"{len(rows)}")
    path: tuple[bytes, ...] = ()
    if stop - start < chunk.rows:
        path = range_path_from_nodes(
            h, start=start, stop=stop, size=chunk.rows, node=partial(source.row_node, number)
        )
    return ChunkProof(
        first_row=chunk.first_row,
        rows=chunk.rows,
        start=start,
        disclosed=b"".join(rows),
        path=path,
    )
