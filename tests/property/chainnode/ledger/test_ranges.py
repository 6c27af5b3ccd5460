"""Range paths against the format word by word: every size up to 130, and large ones."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.ledger.merkle import InvalidProof, MerkleTree, hash_leaf
from chainnode.ledger.ranges import (
    range_path_from_nodes,
    range_path_length,
    root_of_range,
    verify_range,
)
from tests import naive_index

SIZE_MAX = 130
# Up to here every range of every size; above, those at edges and powers of two, and some more.
ALL_RANGES_MAX = 34
LEAVES = [f"leaf {one}".encode() for one in range(SIZE_MAX)]


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


HASHES = [hash_leaf(h, one) for one in LEAVES]


@cache
def node(level: int, index: int) -> bytes:
    return naive_index.tree_root(h, LEAVES[index << level : (index + 1) << level])


def ranges_of(size: int) -> Iterator[tuple[int, int]]:
    if size <= ALL_RANGES_MAX:
        yield from ((a, b) for a in range(size) for b in range(a + 1, size + 1))
        return
    for a in {0, 1, size - 1, size // 2, *range(3, size, size // 4)}:
        for b in {a + 1, size, *range(a + 2, size, size // 3)}:
            yield a, b


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1))
def test_range_paths_are_those_of_the_format_and_lead_to_the_root(size: int) -> None:
    root = naive_index.tree_root(h, LEAVES[:size])
    for start, stop in ranges_of(size):
        path = range_path_from_nodes(h, start=start, stop=stop, size=size, node=node)
        assert list(path) == naive_index.range_path(h, LEAVES[:size], start, stop)
        assert len(path) == range_path_length(start=start, stop=stop, size=size)
        verify_range(
            h, start=start, leaf_hashes=HASHES[start:stop], size=size, path=path, root=root
        )


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1, 7))
def test_path_of_one_leaf_holds_the_nodes_of_its_inclusion_path(size: int) -> None:
    tree = MerkleTree(h, HASHES[:size])
    for index in range(size):
        path = range_path_from_nodes(h, start=index, stop=index + 1, size=size, node=node)
        assert sorted(path) == sorted(tree.inclusion_path(index))


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1, 7))
def test_path_of_a_run_to_the_end_holds_the_peaks_before_it(size: int) -> None:
    for start in range(size):
        path = range_path_from_nodes(h, start=start, stop=size, size=size, node=node)
        assert list(path) == naive_index.peaks(h, LEAVES[:start])


def accepts(start: int, leaf_hashes: Sequence[bytes], size: int, path: Sequence[bytes]) -> bool:
    root = naive_index.tree_root(h, LEAVES[:40])
    try:
        verify_range(h, start=start, leaf_hashes=leaf_hashes, size=size, path=path, root=root)
    except InvalidProof:
        return False
    return True


@given(
    bounds=st.tuples(st.integers(0, 39), st.integers(1, 40)),
    start=st.integers(0, 45),
    count=st.integers(0, 45),
    size=st.integers(38, 42),
)
def test_other_leaves_than_those_of_the_run_are_refused(
    bounds: tuple[int, int], start: int, count: int, size: int
) -> None:
    a, b = min(bounds), max(bounds[1], min(bounds) + 1)
    path = range_path_from_nodes(h, start=a, stop=b, size=40, node=node)

    assert accepts(a, HASHES[a:b], 40, path)
    if (start, start + count) != (a, b):
        assert not accepts(start, HASHES[start : start + count], 40, path)
    assert not accepts(a, [*HASHES[a:b], HASHES[0]], 40, path)
    # Near the right edge a neighbouring size can describe the same path: never other leaves.
    if accepts(start, HASHES[start : start + count], size, path):
        assert (start, start + count) == (a, b)
    assert not accepts(a, HASHES[a : b - 1], 40, path)


@given(
    start=st.integers(0, 2**53),
    count=st.integers(0, 5),
    size=st.integers(0, 2**53 + 1),
    nodes=st.integers(0, 110),
)
def test_hostile_sizes_cost_one_step_a_bit_and_are_refused(
    start: int, count: int, size: int, nodes: int
) -> None:
    path = [b"\x11" * 32] * nodes
    try:
        root = root_of_range(h, start=start, leaf_hashes=HASHES[:count], size=size, path=path)
    except InvalidProof:
        return
    assert len(root) == 32
    assert range_path_length(start=start, stop=start + count, size=size) == nodes <= 106


def test_a_run_in_the_largest_tree_has_a_root() -> None:
    size = 2**53 - 1
    for start in (0, 1, 2**52, size - 2):
        length = range_path_length(start=start, stop=start + 2, size=size)
        path = [bytes([one]) * 32 for one in range(length)]
        root = root_of_range(h, start=start, leaf_hashes=HASHES[:2], size=size, path=path)
        with pytest.raises(InvalidProof):
            root_of_range(h, start=start, leaf_hashes=HASHES[:2], size=size, path=path[1:])
        assert len(root) == 32


def test_short_nodes_and_empty_runs_are_refused() -> None:
    path = list(range_path_from_nodes(h, start=3, stop=9, size=40, node=node))
    with pytest.raises(InvalidProof, match="path node"):
        root_of_range(h, start=3, leaf_hashes=HASHES[3:9], size=40, path=[path[0][1:], *path[1:]])
    with pytest.raises(InvalidProof, match="leaf range"):
        root_of_range(h, start=3, leaf_hashes=[], size=40, path=path)
    with pytest.raises(InvalidProof, match="leaf range"):
        range_path_from_nodes(h, start=3, stop=41, size=40, node=node)


@settings(max_examples=12, deadline=None)
@given(
    size=st.integers(SIZE_MAX, 1500),
    bounds=st.tuples(st.integers(0, 1499), st.integers(1, 1500)),
)
def test_runs_in_larger_trees_are_those_of_the_format(size: int, bounds: tuple[int, int]) -> None:
    start, stop = min(*bounds, size - 1), min(max(bounds), size)
    stop = max(stop, start + 1)
    leaves = [b"large %d" % one for one in range(size)]
    tree = MerkleTree(h, [hash_leaf(h, one) for one in leaves])
    path = range_path_from_nodes(h, start=start, stop=stop, size=size, node=tree.node)

    assert list(path) == naive_index.range_path(h, leaves, start, stop)
    verify_range(
        h,
        start=start,
        leaf_hashes=[hash_leaf(h, one) for one in leaves[start:stop]],
        size=size,
        path=path,
        root=naive_index.tree_root(h, leaves),
    )
