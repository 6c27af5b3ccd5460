"""Rows, chunks and trails against the format word by word, and what is no trail."""

import hashlib
from dataclasses import replace

import pytest

from chainnode.codec import InvalidEncoding, encode
from chainnode.ledger.trails import (
    EMPTY_TRAIL,
    Trail,
    chunk_leaf,
    decode_trail,
    encode_row,
    encode_trail,
    trail_root,
)
from tests import naive_index
from tests.listed_trail import extended

CHUNKS_MAX = 130


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def chunk_rows(number: int) -> list[bytes]:
    return [encode_row(10 * number + one, h(b"%d" % one)) for one in range(1 + number % 4)]


CHUNKS = [chunk_rows(number) for number in range(CHUNKS_MAX)]


def trail_of(chunks: list[list[bytes]]) -> Trail:
    trail = EMPTY_TRAIL
    for rows in chunks:
        trail, _ = extended(h, trail, rows)
    return trail


def test_a_trail_extended_chunk_by_chunk_is_that_of_the_format() -> None:
    trail = EMPTY_TRAIL
    leaves = naive_index.chunk_leaves(h, CHUNKS)
    for count, rows in enumerate(CHUNKS, start=1):
        trail, leaf = extended(h, trail, rows)
        assert leaf == leaves[count - 1]
        assert encode_trail(trail) == naive_index.packed(naive_index.trail(h, CHUNKS[:count]))
        assert trail_root(h, trail) == naive_index.tree_root(h, leaves[:count])
        assert decode_trail(encode_trail(trail)) == trail


def test_the_root_of_a_trail_without_chunks_is_that_of_the_empty_tree() -> None:
    assert trail_root(h, EMPTY_TRAIL) == naive_index.tree_root(h, [])


def test_rows_and_chunks_are_written_as_the_format_words_them() -> None:
    row = encode_row(7, h(b"\x00entry"))

    assert row == naive_index.row(h, 7, b"entry")
    assert (
        chunk_leaf(0, 1, naive_index.tree_root(h, [row])) == naive_index.chunk_leaves(h, [[row]])[0]
    )


THREE = trail_of(CHUNKS[:3])


@pytest.mark.parametrize(
    ("trail", "what"),
    [
        (replace(THREE, chunks=0, peaks=()), "trail chunks"),
        (replace(THREE, rows=2), "trail chunks"),
        (replace(THREE, chunks=2), "trail peaks"),
        (replace(THREE, peaks=(b"", b"")), "trail peak"),
        (replace(THREE, peaks=(bytes(32),) * 54), "trail peaks"),
    ],
    ids=["no chunks", "fewer rows than chunks", "a peak too many", "short peaks", "54 peaks"],
)
def test_what_is_no_trail_is_refused(trail: Trail, what: str) -> None:
    with pytest.raises(InvalidEncoding, match=what):
        decode_trail(encode_trail(trail))


def test_another_tag_or_version_is_refused() -> None:
    plain = THREE.plain
    assert isinstance(plain, tuple)

    for other in (("kun.chunk", *plain[1:]), (plain[0], 2, *plain[2:])):
        with pytest.raises(InvalidEncoding, match="tag and version"):
            decode_trail(encode(other))
