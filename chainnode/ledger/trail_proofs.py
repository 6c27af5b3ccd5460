"""Proof that a list of log entries is the whole list of one index key: bytes and verification.

docs/wire-format.md §10. `decode_trail_proof` refuses all but the one encoding of a proof within
limits (`InvalidEncoding`); `verify_trail_proof` checks it against an index root and refuses with
`InvalidProof`. What it returns holds nothing but what is proven: how many rows the key has, and
one gapless run of them. What the entries behind the rows say is for the caller, who has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

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
from chainnode.ledger.bucket_map import ROW_BYTES as MAP_ROW_BYTES
from chainnode.ledger.bucket_map import ROWS_MAX as MAP_ROWS_MAX
from chainnode.ledger.bucket_map import SIBLINGS_BYTES, MapProof, verify_map_proof
from chainnode.ledger.merkle import DIGEST_BYTES, LEAF_TAG, Hash, InvalidProof
from chainnode.ledger.ranges import root_of_range, verify_range
from chainnode.ledger.trails import (
    EMPTY_TRAIL,
    POSITION_BYTES,
    ROW_BYTES,
    Trail,
    chunk_leaf,
    decode_trail,
    encode_trail,
    trail_root,
)
from chainnode.ledger.types import INDEX_KEY_BYTES_MAX

PROOF_TAG = "kun.trailproof"
PROOF_VERSION = 1
# More entries than fit into one evidence file (4 MiB) with their bodies.
DISCLOSED_ROWS_MAX = 16_384
# The rows are 0.65 MB, a full bucket is 1 MB; no two neighbouring chunks alike are 3 elements each.
PROOF_LIMITS = Limits(bytes_max=2 * 1024 * 1024, depth_max=3, elements_max=65_536)

_PROOF_FIELDS = 14
_SIZE_FIELDS = 2
_SIBLINGS_MAX = 12
_TRAIL_BYTES_MAX = 2048
# At most 53 subtrees on either side of a run.
_PATH_MAX = 106


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProof:
    """One chunk: its numbers, and its rows from `start` on with their range path.

    `disclosed` holds whole rows of 40 bytes, one after the other.
    """

    first_row: int
    rows: int
    start: int
    disclosed: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)

    @property
    def stop(self) -> int:
        """The row of the chunk after the last disclosed one."""
        return self.start + len(self.disclosed) // ROW_BYTES


_NO_CHUNK = ChunkProof(first_row=0, rows=0, start=0, disclosed=b"", path=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailProof:
    """A trail as somebody shows it: present or absent (None) in the map, and a run of its chunks.

    `chunks` are consecutive from number `first_chunk` on, and `path` is their range path. Only
    the first and the last of them have a path of their own: the others are disclosed whole.
    """

    index_key: bytes
    trail: Trail | None
    map_proof: MapProof
    first_chunk: int = 0
    chunks: tuple[ChunkProof, ...] = field(default=(), repr=False)
    path: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenTrail:
    """What a verified proof says of one key, below the index size at which it was verified.

    `rows` are the position and leaf hash of each disclosed entry, gapless from row number
    `first_row` on. `trail` is `EMPTY_TRAIL` for a key that no entry carries.
    """

    index_key: bytes
    trail: Trail
    first_row: int
    rows: tuple[tuple[int, bytes], ...] = field(repr=False)

    @property
    def is_to_end(self) -> bool:
        """Whether no row below the index size stands after those that are disclosed."""
        return self.first_row + len(self.rows) == self.trail.rows


def encode_trail_proof(proof: TrailProof) -> bytes:
    """Return the bytes of a trail proof."""
    chunks = proof.chunks
    first = chunks[0] if chunks else _NO_CHUNK
    sizes = [(len(list(alike)), rows) for rows, alike in groupby(one.rows for one in chunks)]
    return encode(
        (
            PROOF_TAG,
            PROOF_VERSION,
            proof.index_key,
            () if proof.trail is None else (encode_trail(proof.trail),),
            proof.map_proof.rows,
            proof.map_proof.siblings,
            proof.first_chunk,
            first.first_row,
            first.start,
            tuple(sizes),
            b"".join([one.disclosed for one in chunks]),
            first.path,
            chunks[-1].path if len(chunks) > 1 else (),
            proof.path,
        )
    )


def decode_trail_proof(data: bytes) -> TrailProof:
    """Read a trail proof.

    Raises:
        InvalidEncoding: not the one encoding of a proof within limits.

    """
    wire = as_array(decode(data, PROOF_LIMITS), _PROOF_FIELDS, "trail proof")
    if wire[:2] != (PROOF_TAG, PROOF_VERSION):
        raise InvalidEncoding(
            what="trail proof tag and version",
            expected=f"{PROOF_TAG} {PROOF_VERSION}",
            actual=f"{wire[0]!r:.40} {wire[1]!r:.40}",
        )
    trail = as_array(wire[3], None, "trail proof trail", maximum=1)
    chunks = _chunks(wire)
    first_chunk = as_int(wire[6], "first chunk")
    if first_chunk and not chunks:
        raise InvalidEncoding(what="first chunk", expected="0 without chunks", actual="another")
    return TrailProof(
        index_key=as_bytes(wire[2], "index key", maximum=INDEX_KEY_BYTES_MAX),
        trail=decode_trail(as_bytes(trail[0], "trail", maximum=_TRAIL_BYTES_MAX))
        if trail
        else None,
        map_proof=MapProof(
            rows=as_bytes(wire[4], "bucket rows", maximum=MAP_ROWS_MAX * MAP_ROW_BYTES),
            siblings=_byte_strings(wire[5], "siblings", SIBLINGS_BYTES, maximum=_SIBLINGS_MAX),
        ),
        first_chunk=first_chunk,
        chunks=chunks,
        path=_byte_strings(wire[13], "chunk path", DIGEST_BYTES, maximum=_PATH_MAX),
    )


def verify_trail_proof(
    h: Hash, *, bits: int, index_root: bytes, index_size: int, proof: TrailProof
) -> ProvenTrail:
    """Check a trail proof under the index root of a header; return what it proves.

    `bits` is the chain's `index_map_bits`, `index_size` that of the same header.

    Raises:
        InvalidProof: the map gives the key another trail; a chunk, or a row, is not where the
            proof puts it; there is a gap; the numbers of rows do not add up; or a position does
            not ascend, or is not below `index_size`.

    """
    value = None if proof.trail is None else encode_trail(proof.trail)
    verify_map_proof(
        h, bits=bits, root=index_root, key=proof.index_key, value=value, proof=proof.map_proof
    )
    trail = proof.trail or EMPTY_TRAIL
    if not proof.chunks:
        if proof.first_chunk or proof.path:
            raise InvalidProof(
                what="proof without chunks",
                expected="first chunk 0 and no path",
                actual=f"{proof.first_chunk} and {len(proof.path)} nodes",
            )
        return ProvenTrail(index_key=proof.index_key, trail=trail, first_row=0, rows=())
    _require_bookkeeping(trail, proof)
    rows = _disclosed_rows(h, trail, proof)
    _require_positions([position for position, _ in rows], index_size)
    first = proof.chunks[0]
    return ProvenTrail(
        index_key=proof.index_key, trail=trail, first_row=first.first_row + first.start, rows=rows
    )


def verify_continuation(held: Trail, proof: TrailProof) -> None:
    """Check that a *verified* proof goes on where a trail that was proven earlier ended.

    Then what the proof discloses are the first rows that `held` did not have, and those that
    it had are the same. A client that has seen nothing holds `EMPTY_TRAIL`.

    Raises:
        InvalidProof: the run begins elsewhere, or the earlier chunks are not those of `held`.

    """
    if not proof.chunks:
        rows = (proof.trail or EMPTY_TRAIL).rows
        if proof.trail != (held if held.rows else None):
            raise InvalidProof(
                what="held trail", expected=f"{held.rows} rows as before", actual=f"{rows} rows"
            )
        return
    first = proof.chunks[0]
    row = first.first_row + first.start
    if (proof.first_chunk, row) != (held.chunks, held.rows):
        raise InvalidProof(
            what="held trail",
            expected=f"a run from chunk {held.chunks}, row {held.rows}",
            actual=f"chunk {proof.first_chunk}, row {row}",
        )
    if proof.path[: len(held.peaks)] != held.peaks:
        raise InvalidProof(
            what="held trail", expected="its peaks at the left end of the path", actual="others"
        )


def covered_until_ms(
    trail: Trail, *, first_row: int, times_ms: Sequence[int], from_ms: int, as_of_ms: int
) -> int | None:
    """Return before which ledger time a gapless run holds all rows from `from_ms` on.

    `times_ms` are the block times of its entries, from row number `first_row` on, and `as_of_ms`
    is the time to which the index is complete. None: a row of the period may stand before it.
    """
    if not times_ms:
        return as_of_ms if not trail.rows else None
    if first_row and times_ms[0] >= from_ms:
        return None
    # A row that is not disclosed has no lower time than the last one that is.
    is_to_end = first_row + len(times_ms) == trail.rows
    return as_of_ms if is_to_end else min(as_of_ms, times_ms[-1])


def _require_bookkeeping(trail: Trail, proof: TrailProof) -> None:
    """Check that chunks and rows are numbered without a gap, and fit into the trail.

    Every chunk has a row at least; the first begins with row 0, and the last ends the trail.
    """
    first, last = proof.chunks[0], proof.chunks[-1]
    after = trail.chunks - proof.first_chunk - len(proof.chunks)
    if after < 0:
        raise InvalidProof(
            what="chunks",
            expected=f"{trail.chunks}",
            actual=f"{proof.first_chunk + len(proof.chunks)}",
        )
    if first.first_row < proof.first_chunk or (first.first_row and not proof.first_chunk):
        raise InvalidProof(
            what="first row",
            expected=f"that of chunk {proof.first_chunk}",
            actual=f"{first.first_row}",
        )
    for left, right in pairwise(proof.chunks):
        if left.stop != left.rows or right.start or right.first_row != left.first_row + left.rows:
            raise InvalidProof(
                what="run of rows",
                expected=f"row {left.first_row + left.rows} after the end of a chunk",
                actual=f"rows to {left.first_row + left.stop}, "
                f"then {right.first_row + right.start}",
            )
    end = last.first_row + last.rows
    if end + after > trail.rows or (not after and end != trail.rows):
        raise InvalidProof(
            what="trail rows",
            expected=f"{trail.rows}",
            actual=f"{end} and those of {after} chunks",
        )


def _disclosed_rows(h: Hash, trail: Trail, proof: TrailProof) -> tuple[tuple[int, bytes], ...]:
    """Check every row in its chunk and every chunk in the trail; return positions and leaves."""
    rows: list[tuple[int, bytes]] = []
    leaves = []
    for chunk in proof.chunks:
        blob = chunk.disclosed
        cut = [blob[at : at + ROW_BYTES] for at in range(0, len(blob), ROW_BYTES)]
        root = root_of_range(
            h,
            start=chunk.start,
            leaf_hashes=[h(LEAF_TAG + row) for row in cut],
            size=chunk.rows,
            path=chunk.path,
        )
        leaves.append(h(LEAF_TAG + chunk_leaf(chunk.first_row, chunk.rows, root)))
        rows.extend((int.from_bytes(row[:POSITION_BYTES]), row[POSITION_BYTES:]) for row in cut)
    verify_range(
        h,
        start=proof.first_chunk,
        leaf_hashes=leaves,
        size=trail.chunks,
        path=proof.path,
        root=trail_root(h, trail),
    )
    return tuple(rows)


def _require_positions(positions: Sequence[int], index_size: int) -> None:
    if any(left >= right for left, right in pairwise(positions)):
        raise InvalidProof(what="positions", expected="ascending", actual="another order")
    if positions[-1] >= index_size:
        raise InvalidProof(
            what="positions", expected=f"below index size {index_size}", actual=f"{positions[-1]}"
        )


def _chunks(wire: tuple[Plain, ...]) -> tuple[ChunkProof, ...]:
    """Cut the run of a proof into the chunks that it says; every one gets a row at least."""
    first_row = as_int(wire[7], "first row")
    start = as_int(wire[8], "start of the run")
    run = as_bytes(wire[10], "run", maximum=DISCLOSED_ROWS_MAX * ROW_BYTES)
    sizes = _sizes(wire[9], maximum=len(run) // ROW_BYTES)
    paths = [_byte_strings(one, "row path", DIGEST_BYTES, maximum=_PATH_MAX) for one in wire[11:13]]
    if not sizes and (first_row or start):
        raise InvalidEncoding(
            what="run", expected="row 0 without chunks", actual=f"{first_row} and {start}"
        )
    chunks = []
    at = 0
    for number, rows in enumerate(sizes):
        stop = min(at + (rows - start) * ROW_BYTES, len(run))
        if stop <= at:
            raise InvalidEncoding(
                what="run", expected="a row of every chunk", actual=f"{len(run)} bytes"
            )
        chunk = ChunkProof(
            first_row=first_row,
            rows=rows,
            start=start,
            disclosed=run[at:stop],
            path=paths.pop(0) if number in {0, len(sizes) - 1} else (),
        )
        chunks.append(chunk)
        at, start, first_row = stop, 0, first_row + rows
    if at != len(run) or len(run) % ROW_BYTES or any(paths):
        raise InvalidEncoding(
            what="run",
            expected=f"rows of {ROW_BYTES} bytes within the chunks, a path for either end",
            actual=f"{len(run)} bytes in {len(chunks)} chunks",
        )
    return tuple(chunks)


def _sizes(value: Plain, *, maximum: int) -> list[int]:
    """Return the number of rows of every shown chunk, at most `maximum` of them."""
    pairs = [
        as_array(one, _SIZE_FIELDS, "chunk sizes")
        for one in as_array(value, None, "chunk sizes", maximum=maximum)
    ]
    sizes: list[int] = []
    for pair in pairs:
        chunks, rows = (as_int(one, "chunk sizes") for one in pair)
        if not 1 <= chunks <= maximum - len(sizes) or not rows or sizes[-1:] == [rows]:
            raise InvalidEncoding(
                what="chunk sizes",
                expected=f"pairs of at least 1, no two alike, at most {maximum} chunks",
                actual=f"{chunks} chunks of {rows} rows",
            )
        sizes += [rows] * chunks
    return sizes


def _byte_strings(value: Plain, what: str, size: int, *, maximum: int) -> tuple[bytes, ...]:
    return tuple(as_bytes(one, what, size) for one in as_array(value, None, what, maximum=maximum))
