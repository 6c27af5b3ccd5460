"""Merkle proofs in named corruptions, and edges; the shapes are in tests/property."""

import hashlib
from collections.abc import Callable

import pytest

from chainnode.ledger.merkle import (
    SIZE_MAX,
    Frontier,
    InvalidProof,
    MerkleTree,
    hash_leaf,
    hash_node,
    inclusion_path_from_nodes,
    verify_consistency,
    verify_inclusion,
)

SIZE = 13
INDEX = 5


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


LEAVES = [f"leaf {one}".encode() for one in range(SIZE)]
HASHES = [hash_leaf(h, one) for one in LEAVES]
TREE = MerkleTree(h, HASHES)
PATH = TREE.inclusion_path(INDEX)
OLD_SIZE = 6
OLD_ROOT = MerkleTree(h, HASHES[:OLD_SIZE]).root
CONSISTENCY = TREE.consistency_path(OLD_SIZE)


def flipped(digest: bytes) -> bytes:
    return bytes([digest[0] ^ 1]) + digest[1:]


def include(
    *,
    leaf_hash: bytes = HASHES[INDEX],
    index: int = INDEX,
    size: int = SIZE,
    path: tuple[bytes, ...] = PATH,
    root: bytes = TREE.root,
) -> None:
    verify_inclusion(h, leaf_hash=leaf_hash, index=index, size=size, path=path, root=root)


def extend(
    *,
    old_size: int = OLD_SIZE,
    new_size: int = SIZE,
    old_root: bytes = OLD_ROOT,
    new_root: bytes = TREE.root,
    path: tuple[bytes, ...] = CONSISTENCY,
) -> None:
    verify_consistency(
        h, old_size=old_size, new_size=new_size, old_root=old_root, new_root=new_root, path=path
    )


INCLUSION_CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "next index": ("inclusion", lambda: include(index=INDEX + 1)),
    "previous index": ("inclusion", lambda: include(index=INDEX - 1)),
    "index equal to size": ("leaf index", lambda: include(index=SIZE)),
    "negative index": ("leaf index", lambda: include(index=-1)),
    "index beyond size": ("leaf index", lambda: include(index=SIZE + INDEX)),
    "empty tree": ("leaf index", lambda: include(index=0, size=0)),
    "size beyond the encoding": ("leaf index", lambda: include(size=SIZE_MAX + 1)),
    "size of a taller tree": ("path length", lambda: include(size=17)),
    "size of a lower tree": ("path length", lambda: include(size=8)),
    "swapped siblings": ("inclusion", lambda: include(path=(PATH[1], PATH[0], *PATH[2:]))),
    "reversed path": ("inclusion", lambda: include(path=PATH[::-1])),
    "lowest sibling missing": ("path length", lambda: include(path=PATH[1:])),
    "highest sibling missing": ("path length", lambda: include(path=PATH[:-1])),
    "one sibling more": ("path length", lambda: include(path=(*PATH, PATH[0]))),
    "no path": ("path length", lambda: include(path=())),
    "short sibling": ("path node", lambda: include(path=(PATH[0][:31], *PATH[1:]))),
    "long sibling": ("path node", lambda: include(path=(*PATH[:-1], PATH[-1] + b"\x00"))),
    "bit in the first sibling": (
        "inclusion",
        lambda: include(path=(flipped(PATH[0]), *PATH[1:])),
    ),
    "bit in a middle sibling": (
        "inclusion",
        lambda: include(path=(*PATH[:2], flipped(PATH[2]), *PATH[3:])),
    ),
    "bit in the last sibling": (
        "inclusion",
        lambda: include(path=(*PATH[:-1], flipped(PATH[-1]))),
    ),
    "bit in the leaf": ("inclusion", lambda: include(leaf_hash=flipped(HASHES[INDEX]))),
    "bit in the root": ("inclusion", lambda: include(root=flipped(TREE.root))),
    "neighbour's leaf": ("inclusion", lambda: include(leaf_hash=HASHES[INDEX - 1])),
}


@pytest.mark.parametrize("name", INCLUSION_CORRUPTIONS)
def test_a_corrupted_inclusion_proof_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = INCLUSION_CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what.startswith(what)
    assert caught.value.expected
    assert caught.value.actual


def test_the_uncorrupted_inclusion_and_consistency_proofs_are_accepted() -> None:
    include()
    extend()


def test_a_node_cannot_be_passed_off_as_a_leaf() -> None:
    node = hash_node(h, HASHES[4], HASHES[5])
    leaf_made_of_it = hash_leaf(h, HASHES[4] + HASHES[5])

    include(leaf_hash=node, index=2, size=7, path=PATH[1:])  # the digest is in the tree,
    with pytest.raises(InvalidProof, match="inclusion"):  # but no data hashes to it as a leaf
        include(leaf_hash=leaf_made_of_it, index=2, size=7, path=PATH[1:])


def test_a_tree_with_its_odd_leaf_repeated_has_another_root() -> None:
    odd = MerkleTree(h, HASHES[:3])
    doubled = MerkleTree(h, [*HASHES[:3], HASHES[2]])

    assert odd.root != doubled.root
    with pytest.raises(InvalidProof, match="path length"):
        verify_inclusion(
            h, leaf_hash=HASHES[2], index=2, size=3, path=doubled.inclusion_path(2), root=odd.root
        )
    with pytest.raises(InvalidProof, match="inclusion"):
        verify_inclusion(
            h, leaf_hash=HASHES[2], index=3, size=4, path=doubled.inclusion_path(3), root=odd.root
        )


CONSISTENCY_CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "old size + 1": ("", lambda: extend(old_size=OLD_SIZE + 1)),
    "old size - 1": ("", lambda: extend(old_size=OLD_SIZE - 1)),
    "old size above new": ("tree sizes", lambda: extend(old_size=SIZE + 1)),
    "negative old size": ("tree sizes", lambda: extend(old_size=-1)),
    "new size beyond the encoding": ("tree sizes", lambda: extend(new_size=SIZE_MAX + 1)),
    "new size of a taller tree": ("path length", lambda: extend(new_size=17)),
    "swapped nodes": (
        "",
        lambda: extend(path=(CONSISTENCY[1], CONSISTENCY[0], *CONSISTENCY[2:])),
    ),
    "first node missing": ("path length", lambda: extend(path=CONSISTENCY[1:])),
    "last node missing": ("path length", lambda: extend(path=CONSISTENCY[:-1])),
    "no nodes": ("path length", lambda: extend(path=())),
    "one node more": ("path length", lambda: extend(path=(*CONSISTENCY, OLD_ROOT))),
    "short node": ("path node", lambda: extend(path=(CONSISTENCY[0][1:], *CONSISTENCY[1:]))),
    "bit in the old root": ("old root", lambda: extend(old_root=flipped(OLD_ROOT))),
    "bit in the new root": ("new root", lambda: extend(new_root=flipped(TREE.root))),
    "bit in the first node": (
        "old root",
        lambda: extend(path=(flipped(CONSISTENCY[0]), *CONSISTENCY[1:])),
    ),
    "bit in the last node": (
        "new root",
        lambda: extend(path=(*CONSISTENCY[:-1], flipped(CONSISTENCY[-1]))),
    ),
    "roots exchanged": ("old root", lambda: extend(old_root=TREE.root, new_root=OLD_ROOT)),
    "equal sizes, other roots": ("old root", lambda: extend(new_size=OLD_SIZE, path=())),
    "equal sizes with a path": (
        "path length",
        lambda: extend(old_size=SIZE, old_root=TREE.root),
    ),
    "empty old tree with a path": (
        "path length",
        lambda: extend(old_size=0, old_root=h(b"")),
    ),
    "empty old tree with a root": ("old root", lambda: extend(old_size=0, path=())),
}


@pytest.mark.parametrize("name", CONSISTENCY_CORRUPTIONS)
def test_a_corrupted_consistency_proof_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = CONSISTENCY_CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what.startswith(what)


def test_every_tree_continues_the_empty_one_and_itself_with_an_empty_path() -> None:
    assert TREE.consistency_path(0) == ()
    extend(old_size=0, old_root=h(b""), path=())
    extend(old_size=SIZE, old_root=TREE.root, path=())


def test_a_hostile_size_costs_no_recursion_and_no_long_loop() -> None:
    path = tuple(HASHES[one % SIZE] for one in range(53))

    with pytest.raises(InvalidProof, match="inclusion proof"):
        verify_inclusion(h, leaf_hash=HASHES[0], index=0, size=SIZE_MAX, path=path, root=h(b""))
    with pytest.raises(InvalidProof, match="leaf index"):
        verify_inclusion(h, leaf_hash=HASHES[0], index=0, size=1 << 4096, path=path, root=h(b""))


def test_no_path_is_built_for_a_leaf_or_a_size_that_does_not_exist() -> None:
    with pytest.raises(InvalidProof, match="leaf index"):
        TREE.inclusion_path(SIZE)
    with pytest.raises(InvalidProof, match="tree sizes"):
        TREE.consistency_path(SIZE + 1)
    with pytest.raises(InvalidProof, match="leaf index"):
        MerkleTree(h, ()).inclusion_path(0)


def test_paths_ask_only_for_nodes_that_are_complete() -> None:
    asked: list[tuple[int, int]] = []
    levels = {(0, one): HASHES[one] for one in range(SIZE)}
    frontier = Frontier(h)
    levels.update({(a, b): digest for a, b, digest in frontier.extend(HASHES)})

    def node(level: int, index: int) -> bytes:
        asked.append((level, index))
        return levels[level, index]

    for index in range(SIZE):
        path = inclusion_path_from_nodes(h, index=index, size=SIZE, node=node)
        include(index=index, leaf_hash=HASHES[index], path=path)
    assert all(index + 1 << level <= SIZE for level, index in asked)


def test_a_copied_frontier_grows_alone_and_can_be_rebuilt_from_its_nodes() -> None:
    frontier = Frontier(h)
    frontier.extend(HASHES[:OLD_SIZE])

    copy = frontier.copy()
    copy.append(HASHES[OLD_SIZE])
    rebuilt = Frontier(h, size=OLD_SIZE, nodes=frontier.nodes)
    rebuilt.extend(HASHES[OLD_SIZE:])

    assert (frontier.size, frontier.root()) == (OLD_SIZE, OLD_ROOT)
    assert copy.size == OLD_SIZE + 1
    assert rebuilt.root() == TREE.root


def test_a_frontier_with_a_missing_node_is_refused() -> None:
    with pytest.raises(InvalidProof, match="expected 2 nodes, got 1"):
        Frontier(h, size=OLD_SIZE, nodes=(HASHES[0],))
