"""What the index holds for one key: rows, the chunks they come in, and the trail over the chunks.

docs/wire-format.md §10. A trail keeps the right edge of the Merkle tree over its chunks and two
numbers, so that it grows by one chunk without a look at what is below.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    decode,
    encode,
)
from chainnode.ledger.merkle import (
    DIGEST_BYTES,
    LEAF_TAG,
    NODE_TAG,
    Hash,
    merkle_root_of_hashes,
)

TRAIL_TAG = "kun.trail"
TRAIL_VERSION = 1
POSITION_BYTES = 8
ROW_BYTES = POSITION_BYTES + DIGEST_BYTES

_TRAIL_FIELDS = 5
# A number of chunks below 2^53 has at most 53 peaks.
_PEAKS_MAX = 53
_TRAIL_LIMITS = Limits(bytes_max=2048, depth_max=2, elements_max=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """All rows of one index key, as the index root binds them.

    `peaks` are the complete nodes, largest first, of the tree over the chunks: one for each bit
    of `chunks`. Every chunk holds at least one row.
    """

    rows: int
    chunks: int
    peaks: tuple[bytes, ...]

    @property
    def plain(self) -> Plain:
        """The array whose hash stands in the index map."""
        return (TRAIL_TAG, TRAIL_VERSION, self.rows, self.chunks, self.peaks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The rows that one advance adds to one key: the number of the first, how many, their root."""

    first_row: int
    rows: int
    root: bytes


# A key that no entry carries yet; it is absent from the map.
EMPTY_TRAIL = Trail(rows=0, chunks=0, peaks=())


def encode_row(position: int, leaf_hash: bytes) -> bytes:
    """Return the row of the log entry at `position` with this leaf hash."""
    return position.to_bytes(POSITION_BYTES) + leaf_hash


def chunk_leaf(first_row: int, rows: int, root: bytes) -> bytes:
    """Return the leaf of the chunk with these values."""
    return first_row.to_bytes(POSITION_BYTES) + rows.to_bytes(POSITION_BYTES) + root


def grown(h: Hash, trail: Trail, row_hashes: Sequence[bytes]) -> Trail:
    """Return the trail with one chunk more, given the leaves over its rows as hashes.

    Runs once for each key of each advance: it takes what is known to be right, checks nothing.
    """
    count = len(row_hashes)
    # Most chunks of most keys hold one row.
    root = row_hashes[0] if count == 1 else merkle_root_of_hashes(h, row_hashes)
    digest = h(LEAF_TAG + chunk_leaf(trail.rows, count, root))
    peaks = list(trail.peaks)
    merges = trail.chunks
    while merges & 1:
        digest = h(NODE_TAG + peaks.pop() + digest)
        merges >>= 1
    peaks.append(digest)
    return Trail(rows=trail.rows + count, chunks=trail.chunks + 1, peaks=tuple(peaks))


def trail_root(h: Hash, trail: Trail) -> bytes:
    """Return the root of the tree over the trail's chunks; of none, the hash of nothing."""
    if not trail.peaks:
        return h(b"")
    digest = trail.peaks[-1]
    for left in reversed(trail.peaks[:-1]):
        digest = h(NODE_TAG + left + digest)
    return digest


def encode_trail(trail: Trail) -> bytes:
    """Return the value of a key in the index map."""
    return encode(trail.plain)


def decode_trail(data: bytes) -> Trail:
    """Read the value of a key in the index map.

    Raises:
        InvalidEncoding: not canonical, another tag, no chunks, fewer rows than chunks, or
            another number of peaks than `chunks` has bits.

    """
    wire = as_array(decode(data, _TRAIL_LIMITS), _TRAIL_FIELDS, "trail")
    if wire[:2] != (TRAIL_TAG, TRAIL_VERSION):
        raise InvalidEncoding(
            what="trail tag and version",
            expected=f"{TRAIL_TAG} {TRAIL_VERSION}",
            actual=f"{wire[0]!r:.40} {wire[1]!r:.40}",
        )
    trail = Trail(
        rows=as_int(wire[2], "trail rows"),
        chunks=as_int(wire[3], "trail chunks"),
        peaks=tuple(
            as_bytes(one, "trail peak", size=DIGEST_BYTES)
            for one in as_array(wire[4], None, "trail peaks", maximum=_PEAKS_MAX)
        ),
    )
    if not 0 < trail.chunks <= trail.rows:
        raise InvalidEncoding(
            what="trail chunks", expected=f"1 … {trail.rows}", actual=f"{trail.chunks}"
        )
    if len(trail.peaks) != trail.chunks.bit_count():
        raise InvalidEncoding(
            what="trail peaks",
            expected=f"{trail.chunks.bit_count()}",
            actual=f"{len(trail.peaks)}",
        )
    return trail
