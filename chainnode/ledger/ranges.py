"""Runs of neighbouring leaves in RFC 9162 trees: their path, and the root that both give.

docs/wire-format.md §10: the path of the leaves `start … stop − 1` among `size` holds the largest
subtrees that hold none of them, from left to right. Those on the left are complete, one for each
bit of `start`; those on the right stand where the way to leaf `stop − 1` turns left, and the last
of them reaches the edge. So nothing lies between the leaves of a run that verifies, and nothing
is left out. All functions are iterative: a hostile size costs at most one step per bit.
"""

from collections.abc import Sequence

from chainnode.ledger.merkle import (
    NODE_TAG,
    SIZE_MAX,
    Hash,
    InvalidProof,
    NodeReader,
    range_root,
    require_path,
    require_root,
)


def range_path_length(*, start: int, stop: int, size: int) -> int:
    """Return how many nodes the path of this run has.

    Raises:
        InvalidProof: there is no such run.

    """
    _require_range(start, stop, size)
    inner = _inner_length(stop, size)
    return start.bit_count() + _left_turns(stop, inner)


def range_path_from_nodes(
    h: Hash, *, start: int, stop: int, size: int, node: NodeReader
) -> tuple[bytes, ...]:
    """Return the path of the leaves `start … stop − 1` in the tree of the first `size` leaves.

    Raises:
        InvalidProof: there is no such run.

    """
    _require_range(start, stop, size)
    last = stop - 1
    inner = _inner_length(stop, size)
    path = [
        node(level, (start >> level) - 1)
        for level in range(start.bit_length() - 1, -1, -1)
        if start >> level & 1
    ]
    path.extend(
        node(level, (last >> level) + 1) for level in range(inner - 1) if not last >> level & 1
    )
    if inner:
        # Only this subtree reaches the right edge, so it alone may be incomplete.
        edge = ((last >> (inner - 1)) + 1) << (inner - 1)
        path.append(range_root(h, edge, size, node))
    return tuple(path)


def root_of_range(
    h: Hash, *, start: int, leaf_hashes: Sequence[bytes], size: int, path: Sequence[bytes]
) -> bytes:
    """Return the root of the tree of `size` leaves in which these stand from `start` on.

    Raises:
        InvalidProof: no leaves, more than the tree has, or a path of another length.

    """
    stop = start + len(leaf_hashes)
    require_path(path, length=range_path_length(start=start, stop=stop, size=size))
    cut = start.bit_count()
    left, right = list(path[:cut]), list(reversed(path[cut:]))
    row, first, final = list(leaf_hashes), start, size - 1
    while final:
        if first & 1:
            row.insert(0, left.pop())
            first -= 1
        if len(row) & 1 and first + len(row) <= final:
            row.append(right.pop())
        above = [h(NODE_TAG + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        # The last node of a level without a sibling moves up as it is.
        row = above + row[len(above) * 2 :]
        first >>= 1
        final >>= 1
    return row[0]


def verify_range(
    h: Hash,
    *,
    start: int,
    leaf_hashes: Sequence[bytes],
    size: int,
    path: Sequence[bytes],
    root: bytes,
) -> None:
    """Check that these are the leaves from `start` on of the `size` leaves under `root`.

    Raises:
        InvalidProof: no leaves, more than the tree has, a path of another length, a node that
            is not a digest, or another root.

    """
    digest = root_of_range(h, start=start, leaf_hashes=leaf_hashes, size=size, path=path)
    require_root("range proof", digest, root)


def _inner_length(stop: int, size: int) -> int:
    """Return below which level the way of the run's last leaf differs from the tree's last."""
    return ((stop - 1) ^ (size - 1)).bit_length()


def _left_turns(stop: int, inner: int) -> int:
    """Count the levels below `inner` on which the way to leaf `stop − 1` turns left."""
    return inner - ((stop - 1) & ((1 << inner) - 1)).bit_count()


def _require_range(start: int, stop: int, size: int) -> None:
    if not 0 <= start < stop <= size <= SIZE_MAX:
        raise InvalidProof(
            what="leaf range",
            expected=f"0 ≤ start < stop ≤ size ≤ {SIZE_MAX}",
            actual=f"{start} … {stop} of {size}",
        )
