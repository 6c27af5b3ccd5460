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


class Map:
    """The authenticated map of §2 over a plain dict, computed whole."""

    def __init__(self, h: Hash, bits: int, values: dict[bytes, bytes]) -> None:
        self._h, self._bits = h, bits
        self.values = values
        buckets: list[list[bytes]] = [[] for _ in range(2**bits)]
        for key, value in values.items():
            buckets[self._bucket(key)].append(h(key) + h(value))
        self._rows = [b"".join(sorted(one)) for one in buckets]

    @property
    def root(self) -> bytes:
        return self._node(0, 4 ** (self._bits // 2))

    def rows(self, key: bytes) -> bytes:
        return self._rows[self._bucket(key)]

    def siblings(self, key: bytes) -> list[bytes]:
        bucket, result = self._bucket(key), []
        for level in range(self._bits // 2):
            width = 4**level
            first = bucket // (4 * width) * 4 * width
            mine = bucket // width * width
            others = [one for one in range(first, first + 4 * width, width) if one != mine]
            result.append(b"".join(self._node(one, width) for one in others))
        return result

    def _bucket(self, key: bytes) -> int:
        return int(f"{int.from_bytes(self._h(key), 'big'):0256b}"[: self._bits], 2)

    def _node(self, first: int, width: int) -> bytes:
        """The digest over `width` buckets from `first` on."""
        if width == 1:
            return self._h(b"\x00" + self._rows[first])
        quarter = width // 4
        below = [self._node(first + one * quarter, quarter) for one in range(4)]
        return self._h(b"\x01" + b"".join(below))


def trail_proof(
    h: Hash, key: bytes, chunks: Sequence[Sequence[bytes]], index: Map, *, start: int, stop: int
) -> list[object]:
    """The array of the proof that discloses the rows `start … stop − 1` of all."""
    shown: list[tuple[int, Sequence[bytes], int, int]] = []
    numbers: list[int] = []
    first = 0
    for number, rows in enumerate(chunks):
        a, b = max(start - first, 0), min(stop - first, len(rows))
        if a < b:
            numbers.append(number)
            shown.append((first, rows, a, b))
        first += len(rows)
    head: list[bytes] = []
    tail: list[bytes] = []
    path: list[bytes] = []
    if shown:
        head = range_path(h, *shown[0][1:])
        tail = range_path(h, *shown[-1][1:]) if len(shown) > 1 else []
        path = range_path(h, chunk_leaves(h, chunks), numbers[0], numbers[-1] + 1)
    return [
        "kun.trailproof",
        1,
        key,
        [packed(trail(h, chunks))] if chunks else [],
        index.rows(key),
        index.siblings(key),
        numbers[0] if numbers else 0,
        shown[0][0] if shown else 0,
        shown[0][2] if shown else 0,
        run_lengths([len(rows) for _, rows, _, _ in shown]),
        b"".join(b"".join(rows[a:b]) for _, rows, a, b in shown),
        head,
        tail,
        path,
    ]


def run_lengths(numbers: Sequence[int]) -> list[list[int]]:
    """`[how often, number]` of equal neighbours."""
    if not numbers:
        return []
    alike = 1
    while numbers[alike : alike + 1] == numbers[:1]:
        alike += 1
    return [[alike, numbers[0]], *run_lengths(numbers[alike:])]


def consistency_path(h: Hash, leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """RFC 9162 §2.1.4.1."""
    if old_size in {0, len(leaves)}:
        return []
    return _subproof(h, leaves, old_size, is_whole=True)


def _subproof(h: Hash, leaves: Sequence[bytes], m: int, *, is_whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if is_whole else [tree_root(h, leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*_subproof(h, leaves[:k], m, is_whole=is_whole), tree_root(h, leaves[k:])]
    return [*_subproof(h, leaves[k:], m - k, is_whole=False), tree_root(h, leaves[:k])]
