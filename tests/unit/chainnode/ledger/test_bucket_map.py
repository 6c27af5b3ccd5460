"""Proofs of the authenticated map in named corruptions, heights that are kept, refused changes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chainnode.errors import InvariantBroken
from chainnode.ledger.bucket_map import (
    KEPT_HEIGHTS,
    ROW_BYTES,
    ROWS_MAX,
    BucketMap,
    MapProof,
    bucket_number,
    find_row,
    verify_map_proof,
)
from chainnode.ledger.merkle import InvalidProof, hash_leaf, hash_node
from chainnode.ledger.packed import PackedDigests

BITS = 8
KEYS = 600


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def key_of(number: int) -> bytes:
    return f"key {number}".encode()


def value_of(number: int) -> bytes:
    return f"value {number}".encode()


def filled() -> tuple[BucketMap, dict[int, bytes]]:
    made = BucketMap(h, bits=BITS)
    changes: dict[bytes, bytes | None] = {h(key_of(one)): h(value_of(one)) for one in range(KEYS)}
    delta = made.update(changes, lambda _: b"")
    made.stage(delta)
    made.commit()
    return made, dict(delta.rows)


MAP, ROWS = filled()
KEY = key_of(7)
VALUE = value_of(7)
# Not in the map; its bucket has rows and is not that of `KEY`.
ABSENT = next(
    key
    for key in map(key_of, range(KEYS, 2 * KEYS))
    if bucket_number(h(key), BITS) in ROWS.keys() - {bucket_number(h(KEY), BITS)}
)
PROOF = MAP.prove(h(KEY), ROWS[bucket_number(h(KEY), BITS)], 1)
ABSENCE = MAP.prove(h(ABSENT), ROWS[bucket_number(h(ABSENT), BITS)], 1)


def check(
    *,
    bits: int = BITS,
    root: bytes = MAP.root,
    key: bytes = KEY,
    value: bytes | None = VALUE,
    proof: MapProof = PROOF,
) -> None:
    verify_map_proof(h, bits=bits, root=root, key=key, value=value, proof=proof)


def with_siblings(*siblings: bytes) -> MapProof:
    return replace(PROOF, siblings=siblings)


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def other_order(rows: bytes) -> bytes:
    return rows[ROW_BYTES : 2 * ROW_BYTES] + rows[:ROW_BYTES] + rows[2 * ROW_BYTES :]


S = PROOF.siblings
CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "another value": ("map value", lambda: check(value=VALUE + b"!")),
    "present shown as absent": ("map value", lambda: check(value=None)),
    "absent shown as present": (
        "map value",
        lambda: check(key=ABSENT, proof=ABSENCE, value=VALUE),
    ),
    "proof of another bucket": ("bucket rows", lambda: check(proof=ABSENCE)),
    "row taken out": ("map root", lambda: check(proof=replace(PROOF, rows=PROOF.rows[64:]))),
    "row cut short": ("bucket rows", lambda: check(proof=replace(PROOF, rows=PROOF.rows[:-1]))),
    "rows in another order": (
        "bucket rows",
        lambda: check(proof=replace(PROOF, rows=other_order(PROOF.rows))),
    ),
    "row repeated": (
        "bucket rows",
        lambda: check(proof=replace(PROOF, rows=PROOF.rows[:64] + PROOF.rows)),
    ),
    "too many rows": (
        "bucket rows",
        lambda: check(proof=replace(PROOF, rows=bytes(ROW_BYTES * (ROWS_MAX + 1)))),
    ),
    "no rows": ("map root", lambda: check(proof=replace(PROOF, rows=b""))),
    "bit in a row": (
        "map root",
        lambda: check(proof=replace(PROOF, rows=flipped(PROOF.rows, 63))),
    ),
    "swapped levels": ("map root", lambda: check(proof=with_siblings(S[1], S[0], *S[2:]))),
    "swapped siblings of a level": (
        "map root",
        lambda: check(proof=with_siblings(S[0][32:64] + S[0][:32] + S[0][64:], *S[1:])),
    ),
    "level missing": ("map siblings", lambda: check(proof=with_siblings(*S[:-1]))),
    "level more": ("map siblings", lambda: check(proof=with_siblings(*S, S[0]))),
    "short level": ("map siblings", lambda: check(proof=with_siblings(S[0][:64], *S[1:]))),
    "bit in the lowest level": (
        "map root",
        lambda: check(proof=with_siblings(flipped(S[0]), *S[1:])),
    ),
    "bit in the highest level": (
        "map root",
        lambda: check(proof=with_siblings(*S[:-1], flipped(S[-1], 95))),
    ),
    "bit in the root": ("map root", lambda: check(root=flipped(MAP.root))),
    "map of another size": ("bucket rows", lambda: check(bits=BITS + 2)),
    "odd bits": ("map bits", lambda: check(bits=9)),
    "bits too small": ("map bits", lambda: check(bits=6)),
    "bits too large": ("map bits", lambda: check(bits=26)),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_map_proof_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what == what


def test_the_uncorrupted_proofs_of_presence_and_absence_are_accepted() -> None:
    check()
    check(key=ABSENT, value=None, proof=ABSENCE)


def test_a_node_of_the_tree_cannot_be_passed_off_as_a_bucket() -> None:
    """A subtree shown as the rows of a bucket hashes under another tag."""
    children = b"".join([hash_leaf(h, ROWS.get(one, b"")) for one in range(4)])

    assert hash_leaf(h, children) != hash_node(h, children[:64], children[64:])
    with pytest.raises(InvalidProof, match="bucket rows"):
        check(proof=replace(PROOF, rows=children))


def test_a_height_stays_provable_while_the_map_moves_on_and_then_is_refused() -> None:
    rows: list[dict[int, bytes]] = [{}]
    moving = BucketMap(h, bits=BITS)
    roots = [moving.root]
    for height in range(1, KEPT_HEIGHTS + 3):
        current = dict(rows[-1])
        delta = moving.update({h(KEY): h(value_of(height))}, lambda one: current.get(one, b""))  # noqa: B023 - called before the loop goes on
        moving.stage(delta)
        moving.commit()
        moving.forget()
        current.update(delta.rows)
        rows.append(current)
        roots.append(moving.root)

    bucket = bucket_number(h(KEY), BITS)
    assert moving.oldest_height == moving.height - KEPT_HEIGHTS + 1
    for height in range(moving.oldest_height, moving.height + 1):
        proof = moving.prove(h(KEY), rows[height][bucket], height)
        verify_map_proof(
            h, bits=BITS, root=roots[height], key=KEY, value=value_of(height), proof=proof
        )
    for height in (moving.oldest_height - 1, moving.height + 1):
        with pytest.raises(InvariantBroken, match="map height"):
            moving.prove(h(KEY), b"", height)


def test_a_staged_change_leaves_every_proof_as_it_was_until_it_is_committed() -> None:
    made, rows = filled()
    bucket = bucket_number(h(KEY), BITS)
    before = made.prove(h(KEY), rows[bucket], 1)
    delta = made.update({h(KEY): None}, lambda one: rows.get(one, b""))

    made.stage(delta)
    assert made.prove(h(KEY), rows[bucket], 1) == before
    made.commit()

    assert made.prove(h(KEY), rows[bucket], 1) == before
    after = made.prove(h(KEY), delta.rows[bucket], 2)
    verify_map_proof(h, bits=BITS, root=delta.root, key=KEY, value=None, proof=after)


class Watched(PackedDigests):
    """Digests of a level that call back before each of them is put in place."""

    def __init__(self, digests: PackedDigests, seen: Callable[[], None]) -> None:
        super().__init__()
        for index, digest in digests:
            self.append(index, bytes(digest))
        self._seen = seen

    def __iter__(self) -> Iterator[tuple[int, bytes | bytearray]]:
        for pair in super().__iter__():
            self._seen()
            yield pair


def test_a_height_is_proven_as_it_was_at_every_moment_of_a_commit() -> None:
    made, rows = filled()
    bucket = bucket_number(h(KEY), BITS)
    before = made.prove(h(KEY), rows[bucket], 1)
    manifest = made.digests_at(1, 1)
    changes: dict[bytes, bytes | None] = {h(key_of(one)): h(b"new") for one in range(40)}
    delta = made.update(changes, lambda one: rows.get(one, b""))
    moments = 0

    def look() -> None:
        nonlocal moments
        moments += 1
        assert made.prove(h(KEY), rows[bucket], 1) == before
        assert made.digests_at(1, 1) == manifest

    made.stage(replace(delta, levels=tuple(Watched(one, look) for one in delta.levels)))
    made.commit()

    assert moments > 60
    assert made.root == delta.root
    assert made.prove(h(KEY), delta.rows[bucket], 2) != before


def test_what_a_height_replaced_is_put_back_in_a_map_of_many_pieces() -> None:
    made = BucketMap(h, bits=16)
    changes: dict[bytes, bytes | None] = {h(key_of(one)): h(VALUE) for one in range(KEYS)}
    empty = made.digests_at(0, 0)
    made.stage(made.update(changes, lambda _: b""))
    made.commit()

    assert made.digests_at(0, 1) != empty
    assert made.digests_at(0, 0) == empty


def test_rows_that_the_map_was_not_told_are_never_proven() -> None:
    bucket = bucket_number(h(KEY), BITS)

    with pytest.raises(InvariantBroken, match="its rows differ"):
        MAP.prove(h(KEY), ROWS[bucket] + bytes(ROW_BYTES), 1)


def test_a_change_is_refused_on_another_root_and_beside_a_staged_one() -> None:
    made, rows = filled()
    first = made.update({h(KEY): None}, lambda one: rows.get(one, b""))
    second = made.update({h(ABSENT): h(b"")}, lambda one: rows.get(one, b""))

    made.stage(first)
    with pytest.raises(InvariantBroken, match="expected one on top of"):
        made.stage(second)
    made.commit()
    with pytest.raises(InvariantBroken, match="expected one on top of"):
        made.stage(second)
    with pytest.raises(InvariantBroken, match="expected a staged one"):
        made.commit()


def test_a_change_of_nothing_keeps_the_root_and_counts_as_a_height() -> None:
    made, _ = filled()

    delta = made.update({}, lambda _: b"")
    made.stage(delta)
    made.commit()

    assert (delta.root, made.root, made.height) == (MAP.root, MAP.root, 2)


def test_removing_the_last_row_of_a_bucket_leaves_it_as_if_never_used() -> None:
    made = BucketMap(h, bits=BITS)
    added = made.update({h(KEY): h(VALUE)}, lambda _: b"")
    made.stage(added)
    made.commit()

    removed = made.update({h(KEY): None}, lambda one: added.rows[one])

    assert set(removed.rows.values()) == {b""}
    assert removed.root == BucketMap(h, bits=BITS).root


def test_a_row_is_found_by_its_key_alone() -> None:
    rows = ROWS[bucket_number(h(KEY), BITS)]

    assert find_row(rows, h(KEY)) == h(VALUE)
    assert find_row(rows, h(VALUE)) is None
    assert find_row(b"", h(KEY)) is None
