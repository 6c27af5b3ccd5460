"""The index of docs/wire-format.md §10 word by word, recursive and slow: an oracle.

Shares nothing with the product: trees are recursions over lists, maps are plain dicts, and
every value is computed from all entries anew.
"""

from collections.abc import Callable, Sequence

import msgpack

Hash = Callable[[bytes], bytes]


def split(size: int) -> int:
    """Return the largest power of two below `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def tree_root(h: Hash, leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1."""
    if not leaves:
        return h(b"")
    if len(leaves) == 1:
        return h(b"\x00" + leaves[0])
    k = split(len(leaves))
    return h(b"\x01" + tree_root(h, leaves[:k]) + tree_root(h, leaves[k:]))


def range_path(h: Hash, leaves: Sequence[bytes], start: int, stop: int) -> list[bytes]:
    """The largest subtrees that hold none of the leaves `start … stop − 1`, left to right."""
    if stop <= 0 or start >= len(leaves):
        return [tree_root(h, leaves)]
    if start <= 0 and stop >= len(leaves):
        return []
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    left = range_path(h, leaves[:k], start, stop)
    return left + range_path(h, leaves[k:], start - k, stop - k)


def peaks(h: Hash, leaves: Sequence[bytes]) -> list[bytes]:
    """The complete nodes of a tree, largest first."""
    if not leaves:
        return []
    k = 1
    while k * 2 <= len(leaves):
        k *= 2
    return [tree_root(h, leaves[:k]), *peaks(h, leaves[k:])]


def row(h: Hash, position: int, entry: bytes) -> bytes:
    """A row of a chunk."""
    return position.to_bytes(8, "big") + h(b"\x00" + entry)


def chunk_leaves(h: Hash, chunks: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The leaf data of chunks, each given as its rows."""
    leaves, first = [], 0
    for rows in chunks:
        leaf = first.to_bytes(8, "big") + len(rows).to_bytes(8, "big") + tree_root(h, rows)
        leaves.append(leaf)
        first += len(rows)
    return leaves


def trail(h: Hash, chunks: Sequence[Sequence[bytes]]) -> list[object]:
    """The array of a trail."""
    leaves = chunk_leaves(h, chunks)
    return ["kun.trail", 1, sum(map(len, chunks)), len(chunks), peaks(h, leaves)]


def packed(value: object) -> bytes:
    """The encoding of a plain array: integers here are small and strings short."""
    data = msgpack.packb(value, use_bin_type=True)
    assert isinstance(data, bytes)
    return data
