"""Costs of authenticated maps: the figures of docs/adr/0004-authenticated-map.md.

`python benchmarks/bench_map.py [--keys N] [--hash sm3|sha256]` prints a table and, last, one JSON
line. Compared are a compressed sparse Merkle tree (binary, nodes in dicts, as the literature has
it), bucket trees of arity 2, 4 and 16 over 2^20 sorted buckets, and the production map. All
apply the same changes in batches, hashing every touched node once per batch; each case has its
own process, so that memory can be told apart. Half of the changed keys are new.
"""

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from chainnode.ledger.bucket_map import BucketMap
from chainnode.ledger.keyspace import STATE, bucket_of
from chainnode.ledger.store import Store
from chainnode.suites import suite_named

BITS = 20
BUCKET_COUNT = 1 << BITS
SUITES = {"sm3": "sm", "sha256": "intl"}
BATCHES = (100, 1_000, 10_000)
ROUNDS = 5

Hash = Callable[[bytes], bytes]


class Tree(Protocol):
    """What is compared: apply changes in one batch, tell the size of a proof."""

    def apply(self, changes: dict[bytes, bytes]) -> None:
        """Set these values."""

    def proof_bytes(self, key: bytes) -> int:
        """Return how large a proof of this key is."""


class Sparse:
    """Binary tree over the bits of the key; a leaf stands as high as it is alone."""

    def __init__(self, h: Hash) -> None:
        self._h = h
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._leaves: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._empty = h(b"")

    def apply(self, changes: dict[bytes, bytes]) -> None:
        """Place leaves, then hash every inner node above them once, lowest first."""
        dirty: dict[int, set[int]] = {}
        for key, value in changes.items():
            self._place(key, value, dirty)
        for depth in range(max(dirty, default=0), -1, -1):
            for prefix in dirty.get(depth, ()):
                below = self._nodes.get
                left = below((depth + 1, prefix * 2), self._empty)
                right = below((depth + 1, prefix * 2 + 1), self._empty)
                self._nodes[depth, prefix] = self._h(b"\x01" + left + right)

    def proof_bytes(self, key: bytes) -> int:
        """Return one sibling a level and the leaf."""
        number, depth = int.from_bytes(key), 0
        while (depth, number >> 256 - depth) not in self._leaves:
            depth += 1
        return 32 * depth + 64

    def _place(self, key: bytes, value: bytes, dirty: dict[int, set[int]]) -> None:
        waiting = [(key, value, 0)]
        while waiting:
            key, value, depth = waiting.pop()
            number = int.from_bytes(key)
            while True:
                place = depth, number >> 256 - depth
                leaf = self._leaves.get(place)
                if (
                    leaf is None
                    and place not in self._nodes
                    and depth not in dirty_at(dirty, place)
                ):
                    break
                if leaf is not None:
                    if leaf[0] == key:
                        break
                    del self._leaves[place]
                    waiting.append((*leaf, depth + 1))
                dirty.setdefault(depth, set()).add(place[1])
                depth += 1
            self._leaves[place] = key, value
            self._nodes[place] = self._h(b"\x00" + key + value)


def dirty_at(dirty: dict[int, set[int]], place: tuple[int, int]) -> tuple[int, ...]:
    """Return the depth when an inner node is about to be made at this place."""
    depth, prefix = place
    return (depth,) if prefix in dirty.get(depth, ()) else ()


class Buckets:
    """Sorted buckets under a complete tree of any arity, digests packed by level."""

    def __init__(self, h: Hash, *, arity: int) -> None:
        self._h = h
        self._arity = arity
        self._rows: dict[int, dict[bytes, bytes]] = {}
        self._levels: list[bytearray] = []
        count, digest = BUCKET_COUNT, h(b"\x00")
        while count:
            self._levels.append(bytearray(digest * count))
            digest = h(b"\x01" + digest * arity)
            count //= arity

    def apply(self, changes: dict[bytes, bytes]) -> None:
        """Hash every touched bucket and node once, level by level."""
        h, arity = self._h, self._arity
        touched = set()
        for key, value in changes.items():
            bucket = int.from_bytes(key[:4]) >> 32 - BITS
            self._rows.setdefault(bucket, {})[key] = value
            touched.add(bucket)
        level = self._levels[0]
        for bucket in touched:
            rows = self._rows[bucket]
            content = b"".join([key + rows[key] for key in sorted(rows)])
            level[bucket * 32 : bucket * 32 + 32] = h(b"\x00" + content)
        group = 32 * arity
        for below, above in zip(self._levels, self._levels[1:], strict=False):
            touched = {index // arity for index in touched}
            for index in touched:
                above[index * 32 : index * 32 + 32] = h(
                    b"\x01" + below[index * group : index * group + group]
                )

    def proof_bytes(self, key: bytes) -> int:
        """Return the bucket and all siblings."""
        rows = self._rows[int.from_bytes(key[:4]) >> 32 - BITS]
        return 64 * len(rows) + 32 * (self._arity - 1) * (len(self._levels) - 1)


class Production:
    """`BucketMap` with its kept heights; the rows lie in a dict, in the node in LevelDB."""

    def __init__(self, h: Hash) -> None:
        self._map = BucketMap(h, bits=BITS)
        self._rows: dict[int, bytes] = {}

    def apply(self, changes: dict[bytes, bytes]) -> None:
        """Compute, stage and commit, as the ledger does around its write."""
        rows = self._rows
        delta = self._map.update(dict(changes), lambda bucket: rows.get(bucket, b""))
        self._map.stage(delta)
        self._map.commit()
        self._map.forget()
        rows.update(delta.rows)

    def proof_bytes(self, key: bytes) -> int:
        """Return the size of a real proof."""
        rows = self._rows[int.from_bytes(key[:4]) >> 32 - BITS]
        proof = self._map.prove(key, rows, self._map.height)
        return len(proof.rows) + sum(map(len, proof.siblings))


TREES: dict[str, Callable[[Hash], Tree]] = {
    "sparse binary": Sparse,
    "buckets, 2-ary": lambda h: Buckets(h, arity=2),
    "buckets, 4-ary": lambda h: Buckets(h, arity=4),
    "buckets, 16-ary": lambda h: Buckets(h, arity=16),
    "production": Production,
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """Figures of one case: µs per changed key by batch size, proof bytes, memory."""

    tree: str
    us_per_key: dict[int, float]
    proof_bytes: int
    mb: int


def main() -> None:
    """Run all cases and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--hash", choices=sorted(SUITES), default="sm3")
    chosen = parser.parse_args()
    cases = [(name, chosen.keys, chosen.hash) for name in TREES]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        results = []
        for result in pool.map(measure, cases):
            results.append(result)
            figures = "  ".join(f"{one:6.1f} µs/{size}" for size, one in result.us_per_key.items())
            print(f"{result.tree:16} {figures}  {result.proof_bytes:5} B  {result.mb:5} MB")
        opened = pool.submit(measure_opening, chosen.keys, chosen.hash).result()
        proving = pool.submit(measure_proving, chosen.keys, chosen.hash).result()
    print(
        json.dumps(
            {
                "keys": chosen.keys,
                "hash": chosen.hash,
                "maps": {one.tree: vars(one) for one in results},
                "open_s": opened,
                "prove_us": proving[0],
                "prove_oldest_us": proving[1],
            },
            ensure_ascii=False,
        )
    )


def measure(case: tuple[str, int, str]) -> Result:
    """Fill one tree, then change keys in batches of several sizes."""
    name, count, hash_name = case
    h = suite_named(SUITES[hash_name]).digest
    before = resident_mb()
    tree = TREES[name](h)
    for batch in batches(h, 0, count, 10_000):
        tree.apply(batch)
    gc.freeze()
    mb = resident_mb() - before
    us_per_key = {}
    fresh = count
    for size in BATCHES:
        spent = 0.0
        for _ in range(ROUNDS):
            new = next(batches(h, fresh, size // 2, size))
            old = next(batches(h, fresh * 7919 % (count - size), size // 2, size))
            changes = new | {key: h(value) for key, value in old.items()}
            fresh += size // 2
            start = time.process_time()
            tree.apply(changes)
            spent += time.process_time() - start
        us_per_key[size] = round(spent / ROUNDS / size * 1e6, 1)
    sizes = [tree.proof_bytes(key) for key in next(batches(h, 0, 1000, 1000))]
    return Result(tree=name, us_per_key=us_per_key, proof_bytes=sum(sizes) // len(sizes), mb=mb)


def measure_opening(count: int, hash_name: str) -> float:
    """CPU seconds to rebuild the map from a real store, as a node does when it starts."""
    h = suite_named(SUITES[hash_name]).digest
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "db")
        rows: dict[int, bytes] = {}
        for batch in batches(h, 0, count, count):
            rows = dict(BucketMap(h, bits=BITS).update(dict(batch), lambda _: b"").rows)
        store.write(((STATE.bucket(0, one), content) for one, content in rows.items()), sync=True)
        start = time.process_time()
        rebuilt = BucketMap(h, bits=BITS)
        rebuilt.load(stored(store))
        spent = time.process_time() - start
        store.close()
    return round(spent, 2)


def measure_proving(count: int, hash_name: str) -> tuple[float, float]:
    """CPU microseconds per proof at the newest and at the oldest kept height."""
    h = suite_named(SUITES[hash_name]).digest
    made = BucketMap(h, bits=BITS)
    rows: dict[int, bytes] = {}
    for batch in [*batches(h, 0, count, count), *batches(h, count, 64_000, 1_000)]:
        delta = made.update(dict(batch), lambda bucket: rows.get(bucket, b""))
        made.stage(delta)
        made.commit()
        made.forget()
        rows.update(delta.rows)
    # Keys whose bucket no kept height has touched: their rows are the same at all of them.
    touched = {
        int.from_bytes(key[:4]) >> 32 - BITS for key in next(batches(h, count, 64_000, 64_000))
    }
    keys = [
        key
        for key in next(batches(h, 0, 2_000, 2_000))
        if int.from_bytes(key[:4]) >> 32 - BITS not in touched
    ]
    figures = []
    for height in (made.height, made.oldest_height):
        start = time.process_time()
        for key in keys:
            made.prove(key, rows[int.from_bytes(key[:4]) >> 32 - BITS], height)
        figures.append(round((time.process_time() - start) / len(keys) * 1e6, 1))
    return figures[0], figures[1]


def stored(store: Store) -> Iterator[tuple[int, bytes]]:
    """Yield the stored buckets."""
    start, stop = STATE.buckets_of(0)
    for key, rows in store.iterate(start=start, stop=stop):
        yield bucket_of(key), rows


def batches(h: Hash, first: int, count: int, size: int) -> Iterator[dict[bytes, bytes]]:
    """Yield `count` keys and values from number `first` on, `size` at a time."""
    numbers: Iterable[int]
    for start in range(first, first + count, size):
        numbers = range(start, min(start + size, first + count))
        yield {h(b"key %d" % one): h(b"value %d" % one) for one in numbers}


def resident_mb() -> int:
    """Resident memory of this process in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


if __name__ == "__main__":
    main()
