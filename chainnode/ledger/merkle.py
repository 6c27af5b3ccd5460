"""Merkle trees of RFC 9162 §2.1 over any 32-byte hash: roots, paths, and their verification.

Here is the shape of the tree and nothing about what its leaves mean. Leaves and nodes are hashed
under different tags (0x00, 0x01), so that neither passes for the other. All functions are
iterative: a hostile size costs at most one step per bit, and never recursion.

A *complete* node (level, index) covers the leaves `index << level … (index + 1) << level` and
never changes once they all exist. Paths are built from complete nodes only, wherever they come
from (`NodeReader`): a list in memory, or the store.
"""

from collections.abc import Callable, Sequence

from chainnode.errors import InvalidInput

Hash = Callable[[bytes], bytes]
NodeReader = Callable[[int, int], bytes]
# A complete node and its place: level, index, digest.
TreeNode = tuple[int, int, bytes]

DIGEST_BYTES = 32
LEAF_TAG = b"\x00"
NODE_TAG = b"\x01"
# Sizes travel as integers of the canonical encoding, which end here.
SIZE_MAX = 2**53 - 1


class InvalidProof(InvalidInput):
    """A proof that does not prove what it claims.

    `what` names the check that failed; `expected` and `actual` make the sentence.
    """

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


def hash_leaf(h: Hash, data: bytes) -> bytes:
    """Return the digest of a leaf that holds `data`."""
    return h(LEAF_TAG + data)


def hash_node(h: Hash, left: bytes, right: bytes) -> bytes:
    """Return the digest of the node above two digests."""
    return h(NODE_TAG + left + right)


def merkle_root(h: Hash, leaves: Sequence[bytes]) -> bytes:
    """Return MTH of the raw leaf data (RFC 9162 §2.1.1); of no leaves, the hash of nothing."""
    return merkle_root_of_hashes(h, [h(LEAF_TAG + leaf) for leaf in leaves])


def merkle_root_of_hashes(h: Hash, leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaves that are hashed already."""
    if not leaf_hashes:
        return h(b"")
    row = list(leaf_hashes)
    while len(row) > 1:
        above = [h(NODE_TAG + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        # The last one without a sibling moves up as it is: it is never paired with itself.
        row = above + row[len(above) * 2 :]
    return row[0]


class MerkleTree:
    """A tree held in memory: one hashing of the leaves serves any number of paths."""

    def __init__(self, h: Hash, leaf_hashes: Sequence[bytes]) -> None:
        self._h = h
        self._levels = [list(leaf_hashes)]
        while len(row := self._levels[-1]) > 1:
            self._levels.append(
                [h(NODE_TAG + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
            )

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """Root over all leaves."""
        return range_root(self._h, 0, self.size, self.node) if self.size else self._h(b"")

    def inclusion_path(self, index: int) -> tuple[bytes, ...]:
        """Return the inclusion path of leaf `index`, lowest sibling first."""
        return inclusion_path_from_nodes(self._h, index=index, size=self.size, node=self.node)

    def consistency_path(self, old_size: int) -> tuple[bytes, ...]:
        """Return the proof that this tree continues the one of its first `old_size` leaves."""
        return consistency_path_from_nodes(
            self._h, old_size=old_size, new_size=self.size, node=self.node
        )

    def node(self, level: int, index: int) -> bytes:
        """Return the complete node at this place (a `NodeReader`)."""
        return self._levels[level][index]


def inclusion_path(h: Hash, leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return PATH(index, leaves) of RFC 9162 §2.1.3.1."""
    return MerkleTree(h, leaf_hashes).inclusion_path(index)


def path_sides(index: int, size: int) -> int:
    """Return where the nodes of an inclusion path stand: bit i set, node i is on the left.

    Raises:
        InvalidProof: there is no such leaf.

    """
    _require_index(index, size)
    inner = _inner_length(index, size)
    above = (index >> inner).bit_count()
    return index & (1 << inner) - 1 | (1 << above) - 1 << inner


def consistency_path(h: Hash, leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return PROOF(old_size, leaves) of RFC 9162 §2.1.4.1."""
    return MerkleTree(h, leaf_hashes).consistency_path(old_size)


def range_root(h: Hash, start: int, stop: int, node: NodeReader) -> bytes:
    """Return the root over the leaves `start … stop − 1`, folded from complete nodes.

    `start` must be a multiple of the smallest power of two that is ≥ `stop − start`.
    """
    digest = b""
    position = stop
    while position > start:
        level = (position & -position).bit_length() - 1
        while position - (1 << level) < start:
            level -= 1
        left = node(level, (position >> level) - 1)
        digest = hash_node(h, left, digest) if digest else left
        position -= 1 << level
    return digest


def inclusion_path_from_nodes(
    h: Hash, *, index: int, size: int, node: NodeReader
) -> tuple[bytes, ...]:
    """Return the inclusion path of leaf `index` in the tree of the first `size` leaves.

    Raises:
        InvalidProof: there is no such leaf.

    """
    _require_index(index, size)
    inner = _inner_length(index, size)
    path = [node(level, (index >> level) ^ 1) for level in range(inner - 1)]
    if inner:
        # Only this sibling reaches the right edge, so it alone may be incomplete.
        start = ((index >> (inner - 1)) ^ 1) << (inner - 1)
        path.append(range_root(h, start, size, node))
    path.extend(
        node(level, (index >> level) - 1)
        for level in range(inner, index.bit_length())
        if index >> level & 1
    )
    return tuple(path)


def consistency_path_from_nodes(
    h: Hash, *, old_size: int, new_size: int, node: NodeReader
) -> tuple[bytes, ...]:
    """Return SUBPROOF of RFC 9162 §2.1.4.1 for two sizes; empty when it proves itself.

    Raises:
        InvalidProof: the sizes are not `0 ≤ old_size ≤ new_size`.

    """
    _require_sizes(old_size, new_size)
    if old_size in {0, new_size}:
        return ()
    path: list[bytes] = []
    start, stop = 0, new_size
    while stop != old_size:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        if old_size <= middle:
            path.append(range_root(h, middle, stop, node))
            stop = middle
        else:
            path.append(range_root(h, start, middle, node))
            start = middle
    if start:
        path.append(range_root(h, start, stop, node))
    return tuple(reversed(path))


def verify_inclusion(
    h: Hash, *, leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf_hash` is leaf `index` of the `size` leaves under `root` (§2.1.3.2).

    Raises:
        InvalidProof: index outside the tree, a path of another length, a node that is not a
            digest, or another root.

    """
    actual = inclusion_root(h, leaf_hash=leaf_hash, index=index, size=size, path=path)
    require_root("inclusion proof", actual, root)


def inclusion_root(
    h: Hash, *, leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]
) -> bytes:
    """Return the root that `path` leads to from leaf `index` of `size` (§2.1.3.2).

    Raises:
        InvalidProof: index outside the tree, a path of another length, or a node that is not a
            digest.

    """
    _require_index(index, size)
    inner = _inner_length(index, size)
    require_path(path, length=inner + (index >> inner).bit_count())
    digest = leaf_hash
    for level, sibling in enumerate(path):
        if level < inner and not index >> level & 1:
            digest = hash_node(h, digest, sibling)
        else:
            digest = hash_node(h, sibling, digest)
    return digest


def verify_consistency(
    h: Hash,
    *,
    old_size: int,
    new_size: int,
    old_root: bytes,
    new_root: bytes,
    path: Sequence[bytes],
) -> None:
    """Check that the tree under `new_root` continues the one under `old_root` (§2.1.4.2).

    The empty tree is continued by every tree, with an empty path.

    Raises:
        InvalidProof: wrong sizes, a path of another length, a node that is not a digest, or
            either root differs.

    """
    _require_sizes(old_size, new_size)
    if old_size in {0, new_size}:
        require_path(path, length=0)
        require_root("old root", h(b"") if old_size == 0 else new_root, old_root)
        return
    # The old tree ends in a complete node at `level`; from there both roots are rebuilt.
    level = (old_size & -old_size).bit_length() - 1
    index, last = (old_size - 1) >> level, (new_size - 1) >> level
    inner = (index ^ last).bit_length()
    is_whole = old_size == 1 << level
    require_path(path, length=inner + (index >> inner).bit_count() + (not is_whole))
    seed = old_root if is_whole else path[0]
    old_digest = new_digest = seed
    for step, sibling in enumerate(path if is_whole else path[1:]):
        if step < inner and not index >> step & 1:
            new_digest = hash_node(h, new_digest, sibling)
        else:
            old_digest = hash_node(h, sibling, old_digest)
            new_digest = hash_node(h, sibling, new_digest)
    require_root("old root", old_digest, old_root)
    require_root("new root", new_digest, new_root)


class Frontier:
    """The right edge of an append-only tree: what is needed to go on, and no more.

    Holds the complete nodes of which the tree is made, largest first: one per bit of `size`.
    """

    def __init__(self, h: Hash, *, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(nodes):
            raise InvalidProof(
                what="frontier", expected=f"{size.bit_count()} nodes", actual=f"{len(nodes)}"
            )
        self._h = h
        self._size = size
        self._nodes = list(nodes)

    @property
    def size(self) -> int:
        """Number of leaves so far."""
        return self._size

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The complete nodes, largest first."""
        return tuple(self._nodes)

    def copy(self) -> "Frontier":
        """Return an independent frontier at the same place."""
        return Frontier(self._h, size=self._size, nodes=self._nodes)

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._nodes:
            return self._h(b"")
        digest = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            digest = hash_node(self._h, left, digest)
        return digest

    def append(self, leaf_hash: bytes) -> list[TreeNode]:
        """Add one leaf; return the nodes that it completed, the leaf itself first."""
        index, level = self._size, 0
        completed: list[TreeNode] = [(0, index, leaf_hash)]
        digest = leaf_hash
        while index & 1:
            digest = self._h(NODE_TAG + self._nodes.pop() + digest)
            index >>= 1
            level += 1
            completed.append((level, index, digest))
        self._nodes.append(digest)
        self._size += 1
        return completed

    def extend(self, leaf_hashes: Sequence[bytes]) -> list[TreeNode]:
        """Add leaves in order; return all nodes that they completed, leaves included."""
        completed: list[TreeNode] = []
        for leaf_hash in leaf_hashes:
            completed += self.append(leaf_hash)
        return completed


def _inner_length(index: int, size: int) -> int:
    """Return below which level the way of leaf `index` differs from the way of the last leaf.

    Up to there every level has a sibling; above, only where the way goes right.
    """
    return (index ^ (size - 1)).bit_length()


def _require_index(index: int, size: int) -> None:
    if not 0 <= index < size <= SIZE_MAX:
        raise InvalidProof(
            what="leaf index",
            expected=f"0 ≤ index < size ≤ {SIZE_MAX}",
            actual=f"{index} of {size}",
        )


def _require_sizes(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise InvalidProof(
            what="tree sizes",
            expected=f"0 ≤ old ≤ new ≤ {SIZE_MAX}",
            actual=f"{old_size} and {new_size}",
        )


def require_path(path: Sequence[bytes], *, length: int) -> None:
    """Check that a path has this many nodes, each a digest.

    Raises:
        InvalidProof: it has not.

    """
    if len(path) != length:
        raise InvalidProof(
            what="path length", expected=f"{length} nodes", actual=f"{len(path)} nodes"
        )
    for node in path:
        if len(node) != DIGEST_BYTES:
            raise InvalidProof(
                what="path node", expected=f"{DIGEST_BYTES} bytes", actual=f"{len(node)} bytes"
            )


def require_root(what: str, actual: bytes, expected: bytes) -> None:
    """Check that a computed root is the one that is trusted.

    Raises:
        InvalidProof: it is another; `what` names the proof.

    """
    if actual != expected:
        raise InvalidProof(what=what, expected=f"root {expected.hex()}", actual=actual.hex())
