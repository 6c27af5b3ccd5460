"""Trail proofs in named corruptions: every check refuses by itself, and says why."""

import hashlib
from dataclasses import replace

import pytest

from chainnode.codec import InvalidEncoding
from chainnode.ledger.bucket_map import MapProof
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.trail_building import (
    NO_ROWS,
    Listing,
    RowRange,
    build_trail_proof,
)
from chainnode.ledger.trail_proofs import (
    ChunkProof,
    TrailProof,
    decode_trail_proof,
    encode_trail_proof,
    verify_trail_proof,
)
from chainnode.ledger.trails import EMPTY_TRAIL, Chunk, Trail, encode_row
from tests import naive_index
from tests.listed_trail import ListedTrail, extended

BITS = 8
KEY = b"\x01" + b"k" * 32


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


ROWS = [encode_row(3 * number, h(b"%d" % number)) for number in range(14)]
CHUNKS = [ROWS[:4], ROWS[4:6], ROWS[6:7], ROWS[7:12], ROWS[12:]]
INDEX_SIZE = 40
INDEX = naive_index.Map(h, BITS, {KEY: naive_index.packed(naive_index.trail(h, CHUNKS))})
MAP_PROOF = MapProof(rows=INDEX.rows(KEY), siblings=tuple(INDEX.siblings(KEY)))


def whole_trail() -> Trail:
    trail = EMPTY_TRAIL
    for rows in CHUNKS:
        trail, _ = extended(h, trail, rows)
    return trail


LISTING = Listing(index_key=KEY, trail=whole_trail(), map_proof=MAP_PROOF)
# Chunks 1, 2 and 3: the second of two rows, one row, three of five rows.
PROOF = build_trail_proof(
    h, LISTING, shown=RowRange(start=5, stop=10), source=ListedTrail(h, CHUNKS)
)
FIRST, SECOND, THIRD = PROOF.chunks


def verify(proof: TrailProof, index_size: int = INDEX_SIZE) -> None:
    verify_trail_proof(h, bits=BITS, index_root=INDEX.root, index_size=index_size, proof=proof)


def with_chunks(*chunks: ChunkProof) -> TrailProof:
    return replace(PROOF, chunks=chunks)


def test_the_proof_that_is_corrupted_below_is_good() -> None:
    verify(PROOF)
    assert decode_trail_proof(encode_trail_proof(PROOF)) == PROOF


@pytest.mark.parametrize(
    ("proof", "what"),
    [
        (replace(PROOF, index_key=KEY[:-1]), "map root|map value|bucket rows"),
        (replace(PROOF, trail=None), "map value"),
        (replace(PROOF, trail=replace(whole_trail(), rows=15)), "map value"),
        (replace(PROOF, first_chunk=3), "chunks"),
        (replace(PROOF, first_chunk=2), "trail rows|leaf range|path length|range proof"),
        (replace(PROOF, first_chunk=0), "first row"),
        (with_chunks(replace(FIRST, first_row=0), SECOND, THIRD), "first row"),
        (with_chunks(replace(FIRST, first_row=3), SECOND, THIRD), "run of rows"),
        (with_chunks(replace(FIRST, rows=3), SECOND, THIRD), "run of rows"),
        (with_chunks(FIRST, replace(SECOND, start=1), THIRD), "run of rows"),
        (with_chunks(FIRST, THIRD), "run of rows"),
        (with_chunks(FIRST, SECOND, replace(THIRD, rows=8)), "trail rows"),
        (with_chunks(FIRST, SECOND, replace(THIRD, rows=6)), "path length|range proof"),
        (with_chunks(replace(FIRST, path=()), SECOND, THIRD), "path length"),
        (with_chunks(replace(FIRST, path=(h(b""),)), SECOND, THIRD), "range proof"),
        (replace(PROOF, path=PROOF.path[::-1]), "range proof"),
        (replace(PROOF, path=PROOF.path[1:]), "path length"),
        (replace(PROOF, path=(PROOF.path[0][1:], *PROOF.path[1:])), "path node"),
        (replace(PROOF, chunks=()), "proof without chunks"),
        (replace(PROOF, chunks=(), first_chunk=0), "proof without chunks"),
    ],
)
def test_a_corrupted_proof_is_refused_by_the_check_it_meets(proof: TrailProof, what: str) -> None:
    with pytest.raises(InvalidProof) as refused:
        verify(proof)
    assert refused.value.what in what.split("|")


def test_the_last_chunk_ends_the_trail() -> None:
    proof = build_trail_proof(
        h, LISTING, shown=RowRange(start=12, stop=14), source=ListedTrail(h, CHUNKS)
    )
    (last,) = proof.chunks
    verify(proof)
    for changed in (replace(last, rows=3), replace(last, first_row=11)):
        with pytest.raises(InvalidProof, match="trail rows"):
            verify(replace(proof, chunks=(changed,)))


def test_every_bit_of_a_proof_counts() -> None:
    data = encode_trail_proof(PROOF)
    refused = 0
    # Every third: each byte is met, and each bit of many.
    for at in range(0, 8 * len(data), 3):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        try:
            proof = decode_trail_proof(bytes(changed))
        except InvalidEncoding:
            refused += 1
            continue
        assert encode_trail_proof(proof) == changed
        with pytest.raises(InvalidProof):
            verify(proof)
    assert refused < 8 * len(data)


def test_a_position_that_the_index_does_not_cover_is_refused() -> None:
    verify(PROOF, index_size=28)
    with pytest.raises(InvalidProof, match="below index size 27"):
        verify(PROOF, index_size=27)


def test_positions_that_do_not_ascend_are_refused_although_a_quorum_signed_them() -> None:
    for rows in ([ROWS[1], ROWS[0]], [ROWS[0], ROWS[0]]):
        chunks = [rows[:1], rows[1:]]
        index = naive_index.Map(h, BITS, {KEY: naive_index.packed(naive_index.trail(h, chunks))})
        array = naive_index.trail_proof(h, KEY, chunks, index, start=0, stop=2)
        proof = decode_trail_proof(naive_index.packed(array))
        with pytest.raises(InvalidProof, match="positions"):
            verify_trail_proof(
                h, bits=BITS, index_root=index.root, index_size=INDEX_SIZE, proof=proof
            )


ARRAY = naive_index.trail_proof(h, KEY, CHUNKS, INDEX, start=5, stop=10)


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (0, "kun.trail", "tag and version"),
        (1, 2, "tag and version"),
        (2, b"k" * 65, "index key"),
        (3, [b"", b""], "trail"),
        (3, [b"\x90"], "trail"),
        (4, bytes(64 * 16_385), "bucket rows"),
        (5, [bytes(95)], "siblings"),
        (5, [bytes(96)] * 13, "siblings"),
        (8, 2, "run"),
        (8, 3, "run"),
        (9, [], "run"),
        (9, [[1, 2], [1, 1]], "run"),
        (9, [[1, 2], [1, 1], [2, 3]], "run"),
        (9, [[1, 2], [2, 1], [1, 1]], "chunk sizes"),
        (9, [[1, 2], [1, 1], [0, 5]], "chunk sizes"),
        (9, [[1, 2], [1, 1], [1, 0]], "chunk sizes"),
        (9, [[1, 2], [1, 1], [1, 5], [3, 1]], "chunk sizes"),
        (9, [[2**53 - 1, 1]], "chunk sizes"),
        (9, [[1, 2, 3]], "chunk sizes"),
        (10, b"".join(ROWS[5:10])[:-1], "run"),
        (10, b"".join(ROWS[5:13]), "run"),
        (10, bytes(40 * 16_385), "run"),
        (11, [bytes(32)] * 107, "row path"),
        (12, [bytes(31)], "row path"),
        (13, [bytes(31)], "chunk path"),
    ],
)
def test_what_is_not_the_one_encoding_of_a_proof_is_refused(
    place: int, value: object, what: str
) -> None:
    array = list(ARRAY)
    array[place] = value
    with pytest.raises(InvalidEncoding, match=what):
        decode_trail_proof(naive_index.packed(array))


@pytest.mark.parametrize(("place", "value"), [(6, 1), (7, 1), (8, 1), (11, [bytes(32)])])
def test_a_proof_without_chunks_says_nothing_of_them(place: int, value: object) -> None:
    array = naive_index.trail_proof(h, KEY, CHUNKS, INDEX, start=0, stop=0)
    verify(decode_trail_proof(naive_index.packed(array)))
    array[place] = value
    with pytest.raises(InvalidEncoding):
        decode_trail_proof(naive_index.packed(array))


def test_rows_that_are_not_in_the_trail_cannot_be_disclosed() -> None:
    source = ListedTrail(h, CHUNKS)
    absent = replace(LISTING, trail=None)
    for listing, shown in (
        (LISTING, RowRange(start=3, stop=15)),
        (LISTING, RowRange(start=4, stop=3)),
        (absent, RowRange(start=0, stop=1)),
    ):
        with pytest.raises(InvalidProof, match="rows to disclose"):
            build_trail_proof(h, listing, shown=shown, source=source)
    assert not build_trail_proof(h, LISTING, shown=NO_ROWS, source=source).chunks


class Forgetful(ListedTrail):
    """A store that lost something."""

    def __init__(self, *, chunks: int = 0, rows: int = 0) -> None:
        super().__init__(h, CHUNKS)
        self._lost_chunks, self._lost_rows = chunks, rows

    def chunks(self, start: int, stop: int) -> list[Chunk]:
        found = list(super().chunks(start, stop))
        return found[: len(found) - self._lost_chunks]

    def rows(self, start: int, stop: int) -> list[bytes]:
        found = list(super().rows(start, stop))
        return found[: len(found) - self._lost_rows]


@pytest.mark.parametrize("source", [Forgetful(chunks=1), Forgetful(rows=1)], ids=["chunk", "row"])
def test_a_store_that_lost_something_builds_no_proof(source: Forgetful) -> None:
    with pytest.raises(InvalidProof, match="kept"):
        build_trail_proof(h, LISTING, shown=RowRange(start=5, stop=10), source=source)
