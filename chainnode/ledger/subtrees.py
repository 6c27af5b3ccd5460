"""The state map in pieces that each prove themselves: how it travels. Pure.

A *subtree* is one node near the root with all buckets below it; its size follows from the map's
bits alone, so that every node cuts alike. The digests of all subtrees (the *manifest*) hash to
the map's root, and a page of buckets, with the digests of the other buckets of its subtree,
hashes to one of them: whoever sends a wrong page is known by that page (ADR-0013).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.ledger.bucket_map import (
    ARITY,
    require_bits,
    require_rows,
)
from chainnode.ledger.merkle import DIGEST_BYTES, LEAF_TAG, NODE_TAG, Hash, InvalidProof

# At most 4,096 subtrees: a manifest of 128 KiB, and 256 buckets each at 2^20.
_DEPTH_MAX = 6

# A bucket as it travels: the digest of each key with its value, ascending.
BucketItems = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtreePage:
    """Buckets of one subtree from `first` (counted within it) on, and the digests of the others.

    `others` are those of the buckets before and after, ascending.
    """

    subtree: int
    first: int
    buckets: tuple[BucketItems, ...] = field(repr=False)
    others: tuple[bytes, ...] = field(repr=False)

    @property
    def stop(self) -> int:
        """The bucket, counted within the subtree, with which the next page begins."""
        return self.first + len(self.buckets)


def subtree_level(bits: int) -> int:
    """Return the level of the map that subtrees stand on; buckets are level 0.

    Raises:
        InvalidProof: a map size that the format does not know.

    """
    require_bits(bits)
    return bits // 2 - min(bits // 2, _DEPTH_MAX)


def buckets_in_subtree(bits: int) -> int:
    """Return the number of buckets below one subtree."""
    return int(ARITY ** subtree_level(bits))


def subtree_count(bits: int) -> int:
    """Return the number of subtrees of a map."""
    return (1 << bits) // buckets_in_subtree(bits)


def empty_subtree(h: Hash, *, bits: int) -> bytes:
    """Return the digest of a subtree without rows."""
    digest = h(LEAF_TAG)
    for _ in range(subtree_level(bits)):
        digest = h(NODE_TAG + digest * ARITY)
    return digest


def digest_of_rows(h: Hash, rows: bytes) -> bytes:
    """Return the digest of a bucket."""
    return h(LEAF_TAG + rows)


def rows_of_items(h: Hash, items: BucketItems) -> bytes:
    """Return the rows that a bucket with these values has."""
    return b"".join([key_digest + h(value) for key_digest, value in items])


def cut_manifest(digests: bytes) -> tuple[bytes, ...]:
    """Cut packed digests into single ones.

    Raises:
        InvalidProof: not a whole number of them.

    """
    if len(digests) % DIGEST_BYTES:
        raise InvalidProof(
            what="manifest", expected="whole digests", actual=f"{len(digests)} bytes"
        )
    return tuple(digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))


def verify_manifest(h: Hash, *, bits: int, root: bytes, manifest: Sequence[bytes]) -> None:
    """Check that these are the digests of all subtrees of the map under `root`.

    Raises:
        InvalidProof: they are not.

    """
    _require("subtrees", f"{subtree_count(bits)}", f"{len(manifest)}")
    _require("map root", root.hex(), _root_over(h, manifest).hex())


def verify_page(h: Hash, *, bits: int, digest: bytes, page: SubtreePage) -> tuple[bytes, ...]:
    """Check that a page belongs to the subtree with this digest; return the rows per bucket.

    Raises:
        InvalidProof: malformed, unsorted, of other buckets, or of another map.

    """
    count = buckets_in_subtree(bits)
    if not page.buckets or page.stop > count:
        raise InvalidProof(
            what="buckets of a page",
            expected=f"1 … {count - page.first}",
            actual=f"{len(page.buckets)}",
        )
    _require("digests beside a page", f"{count - len(page.buckets)}", f"{len(page.others)}")
    if any(len(one) != DIGEST_BYTES for one in page.others):
        raise InvalidProof(
            what="digest beside a page", expected=f"{DIGEST_BYTES} bytes", actual="another size"
        )
    first_bucket = page.subtree * count + page.first
    rows = []
    for bucket, items in enumerate(page.buckets, start=first_bucket):
        # A longer one would swallow the rows before it, and their values would be missing.
        if any(len(key_digest) != DIGEST_BYTES for key_digest, _ in items):
            raise InvalidProof(
                what="key digest in a page",
                expected=f"{DIGEST_BYTES} bytes",
                actual="another size",
            )
        rows.append(rows_of_items(h, items))
        require_rows(rows[-1], bucket=bucket, bits=bits)
    inner = [digest_of_rows(h, one) for one in rows]
    digests = [*page.others[: page.first], *inner, *page.others[page.first :]]
    _require("subtree", digest.hex(), _root_over(h, digests).hex())
    return tuple(rows)


def _root_over(h: Hash, digests: Sequence[bytes]) -> bytes:
    """Fold a full level of the tree, its number of nodes a power of four."""
    level = list(digests)
    while len(level) > 1:
        level = [
            h(NODE_TAG + b"".join(level[at : at + ARITY])) for at in range(0, len(level), ARITY)
        ]
    return level[0]


def _require(what: str, expected: str, actual: str) -> None:
    if actual != expected:
        raise InvalidProof(what=what, expected=expected, actual=actual)
