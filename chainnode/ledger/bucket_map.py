"""The authenticated map of state and index: sorted buckets under a complete 4-ary tree.

docs/wire-format.md §2, ADR-0004. Only digests are held here, 43 bytes a bucket, packed level by
level; the rows of a bucket belong to the owner, who reads and writes them by bucket number.
A change is computed first (`update`, changes nothing) and becomes current later (`stage`, then
`commit`), so that the owner can make it durable in between. What it replaced is kept for the
last `KEPT_HEIGHTS` heights: proofs at those heights are built while the map moves on.

One thread changes the map; others may prove meanwhile, at heights that are current before the
change begins: what it replaces is noted before any digest is overwritten, and a proof puts it
back. Only `forget` and what reads kept heights need one lock between them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from chainnode.errors import InvariantBroken
from chainnode.ledger.merkle import DIGEST_BYTES, LEAF_TAG, NODE_TAG, Hash, InvalidProof
from chainnode.ledger.packed import Changes, PackedDigests, PackedRows, ascending

RowsReader = Callable[[int], bytes]

ROW_BYTES = 2 * DIGEST_BYTES
ARITY = 4
GROUP_BYTES = ARITY * DIGEST_BYTES
SIBLINGS_BYTES = GROUP_BYTES - DIGEST_BYTES
BITS_MIN = 8
BITS_MAX = 24
# Certificates trail execution by less than a window (16 … 256 heights, in practice one or two);
# a block of 1000 records costs 0.4 MB of kept digests.
KEPT_HEIGHTS = 64
# Bounds what a verifier hashes: 1 MiB, more than an evidence file (4 MiB, base64) should spend.
ROWS_MAX = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class MapProof:
    """The whole bucket of a key, and per level, lowest first, its three siblings in order."""

    rows: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDelta:
    """A computed change: valid on top of `base_root` alone, and leading to `root`.

    `rows` holds the new content of every touched bucket, empty where nothing is left; `levels`
    the new digests, from those of the buckets up to the root.
    """

    base_root: bytes
    root: bytes
    rows: Mapping[int, bytes] = field(repr=False)
    levels: tuple[PackedDigests, ...] = field(repr=False)


class _Replaced:
    """Digests of one level that a height replaced, by ascending index; 36 bytes each."""

    __slots__ = ("_digests", "_indexes")

    def __init__(self, level: bytearray, indexes: Sequence[int]) -> None:
        self._indexes = indexes
        self._digests = digests = bytearray(len(indexes) * DIGEST_BYTES)
        at = 0
        for index in indexes:
            start = index * DIGEST_BYTES
            digests[at : at + DIGEST_BYTES] = level[start : start + DIGEST_BYTES]
            at += DIGEST_BYTES

    def put_back(self, group: bytearray, first: int) -> None:
        """Overwrite those of the siblings from `first` on that this height replaced."""
        indexes = self._indexes
        at = bisect_left(indexes, first)
        while at < len(indexes) and (offset := indexes[at] - first) < ARITY:
            group[offset * DIGEST_BYTES : (offset + 1) * DIGEST_BYTES] = self._digests[
                at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES
            ]
            at += 1

    def put_all_back(self, level: bytearray) -> None:
        """Overwrite everything that this height replaced."""
        for at, index in enumerate(self._indexes):
            level[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES] = self._digests[
                at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES
            ]


class BucketMap:
    """The digests of a map with `2^bits` buckets, current and of the kept heights.

    Levels are numbered from the buckets (0) to the root (`bits / 2`).
    """

    def __init__(self, h: Hash, *, bits: int, height: int = 0) -> None:
        require_bits(bits)
        self._h = h
        self._bits = bits
        self._height = height
        self._levels = _empty_levels(h, bits)
        self._staged: MapDelta | None = None
        # Height -> what moving to that height replaced, per level.
        self._replaced: dict[int, tuple[_Replaced, ...]] = {}
        self._oldest = height

    @property
    def bits(self) -> int:
        """Binary logarithm of the number of buckets."""
        return self._bits

    @property
    def root(self) -> bytes:
        """Current root."""
        return bytes(self._levels[-1])

    @property
    def height(self) -> int:
        """Height of the current root."""
        return self._height

    @property
    def oldest_height(self) -> int:
        """Lowest height for which proofs can be built."""
        return self._oldest

    def load(self, buckets: Iterable[tuple[int, bytes]]) -> None:
        """Fill a new map from its stored buckets; those that are not named stay empty."""
        h = self._h
        level = self._levels[0]
        touched = set()
        for bucket, rows in buckets:
            level[bucket * DIGEST_BYTES : (bucket + 1) * DIGEST_BYTES] = h(LEAF_TAG + rows)
            touched.add(bucket // ARITY)
        for below, above in pairwise(self._levels):
            for parent in touched:
                group = below[parent * GROUP_BYTES : (parent + 1) * GROUP_BYTES]
                above[parent * DIGEST_BYTES : (parent + 1) * DIGEST_BYTES] = h(NODE_TAG + group)
            touched = {parent // ARITY for parent in touched}

    def update(self, changes: Changes, rows_of: RowsReader) -> MapDelta:
        """Compute what these changes make of the map, without changing it.

        Args:
            changes: key digest to value digest; None takes the key out.
            rows_of: the current rows of a bucket, empty when it has none.

        """
        h = self._h
        rows = self._changed_rows(changes, rows_of)
        digests = PackedDigests()
        for bucket, content in rows.pairs():
            digests.append(bucket, h(LEAF_TAG + content))
        levels = [digests]
        for level in self._levels[:-1]:
            digests = _parents(h, level, digests)
            levels.append(digests)
        root = base_root = self.root
        for _, digest in digests:
            root = bytes(digest)
        return MapDelta(base_root=base_root, root=root, rows=rows, levels=tuple(levels))

    def stage(self, delta: MapDelta) -> None:
        """Keep what `delta` is going to replace; every proof stays as it was.

        Raises:
            InvariantBroken: `delta` was computed on another root, or one is staged already.

        """
        if self._staged is not None or delta.base_root != self.root:
            raise InvariantBroken(
                f"map change: expected one on top of {self.root.hex()}, "
                f"got one on top of {delta.base_root.hex()}"
            )
        self._staged = delta
        self._replaced[self._height + 1] = tuple(
            _Replaced(level, digests.indexes)
            for level, digests in zip(self._levels, delta.levels, strict=True)
        )

    def commit(self) -> None:
        """Make the staged change current, at the next height; `forget` is due then."""
        if self._staged is None:
            raise InvariantBroken("map change: expected a staged one, got none")
        # First: whoever proves a height below puts back what is overwritten from here on.
        self._height += 1
        for level, digests in zip(self._levels, self._staged.levels, strict=True):
            for index, digest in digests:
                level[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES] = digest
        self._staged = None

    def forget(self) -> None:
        """Let go of the heights beyond the last `KEPT_HEIGHTS`."""
        while self._height - self._oldest >= KEPT_HEIGHTS:
            self._oldest += 1
            del self._replaced[self._oldest]

    def prove(self, key_digest: bytes, rows: bytes, height: int) -> MapProof:
        """Build the proof of a key, present or absent, at a kept height.

        `rows` is the key's bucket at that height.

        Raises:
            InvariantBroken: `rows` is not what the map was told, or the height is not kept.

        """
        index = bucket = bucket_number(key_digest, self._bits)
        siblings = []
        for level in range(self._bits // 2):
            group = self._siblings(level, index, height)
            cut = index % ARITY * DIGEST_BYTES
            if level == 0 and group[cut : cut + DIGEST_BYTES] != self._h(LEAF_TAG + rows):
                raise InvariantBroken(f"bucket {bucket}: its rows differ from the map's digest")
            siblings.append(bytes(group[:cut] + group[cut + DIGEST_BYTES :]))
            index //= ARITY
        return MapProof(rows=rows, siblings=tuple(siblings))

    def digests_at(self, level: int, height: int) -> bytes:
        """Return all digests of a level, packed, as they were at a kept height.

        Raises:
            InvariantBroken: the height is not kept.

        """
        self._require_kept(height)
        digests = bytearray(self._levels[level])
        for later in range(self._height, height, -1):
            self._replaced[later][level].put_all_back(digests)
        return bytes(digests)

    def _siblings(self, level: int, index: int, height: int) -> bytearray:
        """Return the digests of a node and its siblings as they were at `height`.

        Going back from the newest change, each puts back what it replaced.
        """
        self._require_kept(height)
        first = index - index % ARITY
        group = self._levels[level][first * DIGEST_BYTES : (first + ARITY) * DIGEST_BYTES]
        # A staged change has not touched the levels yet.
        for later in range(self._height, height, -1):
            self._replaced[later][level].put_back(group, first)
        return group

    def _require_kept(self, height: int) -> None:
        if not self.oldest_height <= height <= self._height:
            raise InvariantBroken(
                f"map height: expected {self.oldest_height} … {self._height}, got {height}"
            )

    def _changed_rows(self, changes: Changes, rows_of: RowsReader) -> PackedRows:
        bits, found = self._bits, PackedRows()
        for bucket, rows in groupby(ascending(changes), lambda row: bucket_number(row, bits)):
            found.append(bucket, _merge_rows(rows_of(bucket), rows))
        return found


def require_bits(bits: int) -> None:
    """Refuse a map size that the format does not know.

    Raises:
        InvalidProof: odd, or outside 8 … 24.

    """
    if bits % 2 or not BITS_MIN <= bits <= BITS_MAX:
        raise InvalidProof(
            what="map bits", expected=f"an even number {BITS_MIN} … {BITS_MAX}", actual=f"{bits}"
        )


def bucket_number(key_digest: bytes, bits: int) -> int:
    """Return the bucket of a key: the first `bits` bits of its digest."""
    return int.from_bytes(key_digest[:4]) >> (32 - bits)


def find_row(rows: bytes, key_digest: bytes) -> bytes | None:
    """Return the value digest that the rows of a bucket give to a key."""
    for at in range(0, len(rows), ROW_BYTES):
        if rows[at : at + DIGEST_BYTES] == key_digest:
            return rows[at + DIGEST_BYTES : at + ROW_BYTES]
    return None


def empty_root(h: Hash, *, bits: int) -> bytes:
    """Return the root of a map without rows."""
    digest = h(LEAF_TAG)
    for _ in range(bits // 2):
        digest = h(NODE_TAG + digest * ARITY)
    return digest


def verify_map_proof(
    h: Hash, *, bits: int, root: bytes, key: bytes, value: bytes | None, proof: MapProof
) -> None:
    """Check that the map under `root` gives `value` to `key`; None: that it has no such key.

    Raises:
        InvalidProof: a malformed or unsorted bucket, a row of another bucket, siblings of
            another length, another root, or another value.

    """
    require_bits(bits)
    key_digest = h(key)
    bucket = bucket_number(key_digest, bits)
    require_rows(proof.rows, bucket=bucket, bits=bits)
    _require_siblings(proof.siblings, count=bits // 2)
    digest = h(LEAF_TAG + proof.rows)
    index = bucket
    for siblings in proof.siblings:
        cut = index % ARITY * DIGEST_BYTES
        digest = h(NODE_TAG + siblings[:cut] + digest + siblings[cut:])
        index //= ARITY
    if digest != root:
        raise InvalidProof(what="map root", expected=root.hex(), actual=digest.hex())
    found = find_row(proof.rows, key_digest)
    expected = None if value is None else h(value)
    if found != expected:
        raise InvalidProof(what="map value", expected=_shown(expected), actual=_shown(found))


def _empty_levels(h: Hash, bits: int) -> list[bytearray]:
    """Return the levels of a map without rows: each repeats one digest."""
    levels = []
    digest = h(LEAF_TAG)
    for level in range(bits // 2 + 1):
        levels.append(bytearray(digest * (1 << bits - 2 * level)))
        digest = h(NODE_TAG + digest * ARITY)
    return levels


def _parents(h: Hash, level: bytearray, below: PackedDigests) -> PackedDigests:
    """Return the new digests one level above, each touched parent hashed once."""
    above = PackedDigests()
    for parent, children in groupby(below, _parent):
        at = parent * GROUP_BYTES
        group = level[at : at + GROUP_BYTES]
        for index, digest in children:
            cut = index % ARITY * DIGEST_BYTES
            group[cut : cut + DIGEST_BYTES] = digest
        above.append(parent, h(NODE_TAG + group))
    return above


def _parent(child: tuple[int, bytes | bytearray]) -> int:
    return child[0] // ARITY


def _merge_rows(rows: bytes, changed: Iterable[bytes]) -> bytes:
    """Return the rows of a bucket after changes to it, ascending; a key alone takes its row out."""
    by_key = {
        rows[at : at + DIGEST_BYTES]: rows[at : at + ROW_BYTES]
        for at in range(0, len(rows), ROW_BYTES)
    }
    for row in changed:
        key = row[:DIGEST_BYTES]
        if row == key:
            by_key.pop(key, None)
        else:
            by_key[key] = row
    return b"".join(sorted(by_key.values()))


def require_rows(rows: bytes, *, bucket: int, bits: int) -> None:
    """Check the rows of a bucket as somebody sent them.

    Raises:
        InvalidProof: not whole rows, too many, not ascending, or of another bucket.

    """
    if len(rows) % ROW_BYTES or len(rows) > ROWS_MAX * ROW_BYTES:
        raise InvalidProof(
            what="bucket rows",
            expected=f"0 … {ROWS_MAX} rows of {ROW_BYTES} bytes",
            actual=f"{len(rows)} bytes",
        )
    keys = [rows[at : at + DIGEST_BYTES] for at in range(0, len(rows), ROW_BYTES)]
    if any(left >= right for left, right in pairwise(keys)):
        raise InvalidProof(
            what="bucket rows", expected="ascending, distinct keys", actual="another order"
        )
    for key in keys:
        if bucket_number(key, bits) != bucket:
            raise InvalidProof(
                what="bucket rows",
                expected=f"keys of bucket {bucket}",
                actual=f"one of bucket {bucket_number(key, bits)}",
            )


def _require_siblings(siblings: Sequence[bytes], *, count: int) -> None:
    if len(siblings) != count:
        raise InvalidProof(
            what="map siblings", expected=f"{count} levels", actual=f"{len(siblings)}"
        )
    for one in siblings:
        if len(one) != SIBLINGS_BYTES:
            raise InvalidProof(
                what="map siblings",
                expected=f"{SIBLINGS_BYTES} bytes a level",
                actual=f"{len(one)}",
            )


def _shown(digest: bytes | None) -> str:
    return "no such key" if digest is None else digest.hex()
