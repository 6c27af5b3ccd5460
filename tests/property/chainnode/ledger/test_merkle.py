"""The trees against RFC 9162 word by word, for every size up to 130."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.ledger.merkle import (
    Frontier,
    InvalidProof,
    MerkleTree,
    consistency_path,
    hash_leaf,
    inclusion_path,
    merkle_root,
    merkle_root_of_hashes,
    verify_consistency,
    verify_inclusion,
)
from tests.property.chainnode.ledger import rfc9162
from tests.property.chainnode.ledger.rfc9162 import sha256

SIZE_MAX = 130
LEAVES = [f"leaf {one}".encode() for one in range(SIZE_MAX)]
HASHES = [hash_leaf(sha256, one) for one in LEAVES]


@cache
def root_of(size: int) -> bytes:
    return rfc9162.mth(LEAVES[:size])


def accepts_inclusion(
    *, leaf_hash: bytes, index: int, size: int, nodes: list[bytes], root: bytes
) -> bool:
    try:
        verify_inclusion(sha256, leaf_hash=leaf_hash, index=index, size=size, path=nodes, root=root)
    except InvalidProof:
        return False
    return True


def accepts_consistency(
    *, first: int, second: int, first_hash: bytes, second_hash: bytes, nodes: list[bytes]
) -> bool:
    try:
        verify_consistency(
            sha256,
            old_size=first,
            new_size=second,
            old_root=first_hash,
            new_root=second_hash,
            path=nodes,
        )
    except InvalidProof:
        return False
    return True


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_roots_of_a_list_of_hashes_and_of_a_frontier_are_those_of_the_rfc(size: int) -> None:
    frontier = Frontier(sha256)
    completed = frontier.extend(HASHES[:size])

    assert merkle_root(sha256, LEAVES[:size]) == root_of(size)
    assert merkle_root_of_hashes(sha256, HASHES[:size]) == root_of(size)
    assert MerkleTree(sha256, HASHES[:size]).root == root_of(size)
    assert (frontier.size, frontier.root()) == (size, root_of(size))
    for level, index, digest in completed:
        assert digest == rfc9162.mth(LEAVES[index << level : index + 1 << level])
    assert len(completed) == sum(size >> level for level in range(size.bit_length()))


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1))
def test_every_inclusion_path_is_that_of_the_rfc_and_verifies(size: int) -> None:
    tree = MerkleTree(sha256, HASHES[:size])

    for index in range(size):
        nodes = tree.inclusion_path(index)
        assert list(nodes) == rfc9162.path(index, LEAVES[:size])
        verify_inclusion(
            sha256,
            leaf_hash=HASHES[index],
            index=index,
            size=size,
            path=nodes,
            root=root_of(size),
        )
    assert inclusion_path(sha256, HASHES[:size], size - 1) == nodes


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1, 3))
def test_every_consistency_path_is_that_of_the_rfc_and_verifies(size: int) -> None:
    tree = MerkleTree(sha256, HASHES[:size])

    for old_size in range(1, size + 1):
        nodes = tree.consistency_path(old_size)
        assert list(nodes) == rfc9162.proof(old_size, LEAVES[:size])
        verify_consistency(
            sha256,
            old_size=old_size,
            new_size=size,
            old_root=root_of(old_size),
            new_root=root_of(size),
            path=nodes,
        )
    assert consistency_path(sha256, HASHES[:size], size) == ()


@given(
    size=st.integers(1, 40),
    index=st.integers(0, 45),
    claimed=st.integers(1, 45),
    of=st.integers(0, 39),
    cut=st.integers(-1, 1),
)
def test_inclusion_is_accepted_exactly_when_the_rfc_accepts_it(
    size: int, index: int, claimed: int, of: int, cut: int
) -> None:
    of = min(of, size - 1)
    nodes = rfc9162.path(of, LEAVES[:size])
    nodes = nodes[:-1] if cut < 0 else [*nodes, *HASHES[:cut]]

    for leaf_hash in (HASHES[of], HASHES[index]):
        expected = rfc9162.accepts_inclusion(
            leaf_hash=leaf_hash, index=index, size=claimed, nodes=nodes, root=root_of(size)
        )
        accepted = accepts_inclusion(
            leaf_hash=leaf_hash, index=index, size=claimed, nodes=nodes, root=root_of(size)
        )
        assert accepted == expected


@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    claimed=st.tuples(st.integers(1, 45), st.integers(1, 45)),
    cut=st.integers(-1, 1),
)
def test_consistency_is_accepted_exactly_when_the_rfc_accepts_it(
    sizes: tuple[int, int], claimed: tuple[int, int], cut: int
) -> None:
    old_size, size = sorted(sizes)
    first, second = claimed[0], claimed[0] + claimed[1]
    nodes = rfc9162.proof(old_size, LEAVES[:size])
    nodes = nodes[:-1] if cut < 0 else [*nodes, *HASHES[:cut]]

    for case in ((old_size, size), (first, second), (old_size, second), (first, size)):
        if not 0 < case[0] < case[1]:
            continue
        expected = rfc9162.accepts_consistency(
            first=case[0],
            second=case[1],
            first_hash=root_of(old_size),
            second_hash=root_of(size),
            nodes=nodes,
        )
        accepted = accepts_consistency(
            first=case[0],
            second=case[1],
            first_hash=root_of(old_size),
            second_hash=root_of(size),
            nodes=nodes,
        )
        assert accepted == expected
