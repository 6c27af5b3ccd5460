"""One authenticated map as the ledger keeps it: digests in memory, rows and values in the store.

State and index are the same kind of thing under different keys (`keyspace.MapKeys`), and are
computed, written, proven, exported and rebuilt by the same code. A change is computed by
`update`, written with the block (`map_changes`), and becomes current by `stage` and `commit`.
One thread changes a map; any may prove, and none waits for a change.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from chainnode.genesis import Parameters
from chainnode.ledger import keyspace
from chainnode.ledger.bucket_map import BucketMap, bucket_number, find_row
from chainnode.ledger.errors import DamagedLedger, HeightNotKept
from chainnode.ledger.keyspace import MapKeys
from chainnode.ledger.merkle import Hash
from chainnode.ledger.packed import Changes
from chainnode.ledger.store import Change, Snapshot, Store
from chainnode.ledger.subtrees import subtree_level
from chainnode.ledger.types import Header, MapItem, MapUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMap:
    """A map at one height as it is handed out; `manifest` are the digests of its subtrees."""

    keys: MapKeys
    slot: int
    bits: int
    manifest: bytes = field(repr=False)


class StoredMap:
    """A map of one chain in one slot of the store."""

    def __init__(self, h: Hash, *, keys: MapKeys, slot: int, tree: BucketMap) -> None:
        self._h = h
        self._keys = keys
        self._slot = slot
        self._tree = tree
        # Between forgetting a height and reading it.
        self._lock = threading.Lock()

    @classmethod
    def rebuild(
        cls, store: Store, h: Hash, *, keys: MapKeys, bits: int, tip: Header, slot: int
    ) -> "StoredMap":
        """Hash a map again from all its stored buckets.

        Raises:
            DamagedLedger: its root is not the one of `tip`.

        """
        tree = BucketMap(h, bits=bits, height=tip.height)
        tree.load(_buckets(store, keys, slot))
        expected = tip.rest.map_root(keys.name)
        if tree.root != expected:
            raise DamagedLedger(
                what=f"{keys.name} root", expected=expected.hex(), actual=tree.root.hex()
            )
        return cls(h, keys=keys, slot=slot, tree=tree)

    @property
    def bits(self) -> int:
        """Binary logarithm of the number of buckets."""
        return self._tree.bits

    def value(self, key_digest: bytes, source: Snapshot) -> bytes | None:
        """Return the value of a key in a view of the store."""
        return source.get(self._keys.value(self._slot, key_digest))

    def update(self, values: Changes, source: Snapshot) -> MapUpdate:
        """Compute what new values by key digest make of the map; None takes a key out.

        Changes nothing. `source` is the store as of the present height.
        """
        h, keys, slot = self._h, self._keys, self._slot
        delta = self._tree.update(
            _Hashed(h, values),
            lambda bucket: source.get(keys.bucket(slot, bucket)) or b"",
        )
        return MapUpdate(values=values, delta=delta)

    def changes(self, update: MapUpdate) -> Iterator[Change]:
        """Yield what is to be written for a change."""
        return map_changes(update, keys=self._keys, slot=self._slot)

    def stage(self, update: MapUpdate) -> None:
        """Note what a change is going to replace.

        Raises:
            InvariantBroken: it was computed on another root.

        """
        self._tree.stage(update.delta)

    def commit(self) -> None:
        """Make the staged change, which is durable by now, current at the next height."""
        self._tree.commit()
        with self._lock:
            self._tree.forget()

    def item(self, key: bytes, *, source: Snapshot, height: int) -> MapItem:
        """Return the value of a key at a kept height, or its absence, with the proof.

        `source` is the store as of that height.

        Raises:
            HeightNotKept: only the last heights since the start can be proven.
            DamagedLedger: the value is not the one that its bucket commits to.

        """
        key_digest = self._h(key)
        bucket = bucket_number(key_digest, self._tree.bits)
        rows = source.get(self._keys.bucket(self._slot, bucket)) or b""
        value = self.value(key_digest, source)
        if find_row(rows, key_digest) != (None if value is None else self._h(value)):
            raise DamagedLedger(
                what=f"{self._keys.name} value",
                expected="the one its bucket commits to",
                actual="another",
            )
        with self._lock:
            self._require_kept(height)
            proof = self._tree.prove(key_digest, rows, height)
        return MapItem(key=key, value=value, proof=proof)

    def export(self, height: int) -> ExportedMap:
        """Return what is handed out of a kept height besides values.

        Raises:
            HeightNotKept: only the last heights since the start can be exported.

        """
        bits = self._tree.bits
        with self._lock:
            self._require_kept(height)
            manifest = self._tree.digests_at(subtree_level(bits), height)
        return ExportedMap(keys=self._keys, slot=self._slot, bits=bits, manifest=manifest)

    def _require_kept(self, height: int) -> None:
        oldest, newest = self._tree.oldest_height, self._tree.height
        if not oldest <= height <= newest:
            raise HeightNotKept(height=height, oldest=oldest, newest=newest)


@dataclass(frozen=True, slots=True)
class _Hashed:
    """Changes with the digests of their values."""

    h: Hash
    values: Changes

    def items(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield key digest and value digest, one hashed at a time."""
        for key_digest, value in self.values.items():
            yield key_digest, None if value is None else self.h(value)


def map_changes(update: MapUpdate, *, keys: MapKeys, slot: int) -> Iterator[Change]:
    """Yield what is to be written for a change of a map in a slot."""
    for key_digest, value in update.values.items():
        yield keys.value(slot, key_digest), value
    for bucket, rows in update.delta.rows.items():
        yield keys.bucket(slot, bucket), rows or None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBits:
    """How many buckets the maps of a chain have, as binary logarithms; fixed by genesis."""

    state: int
    index: int

    @classmethod
    def of_chain(cls, parameters: Parameters) -> "MapBits":
        """Return those of a chain."""
        return cls(state=parameters.state_map_bits, index=parameters.index_map_bits)

    def of(self, keys: MapKeys) -> int:
        """Return that of one map."""
        return self.index if keys == keyspace.INDEX else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """The two maps of a chain, always at the same height."""

    state: StoredMap
    index: StoredMap

    @classmethod
    def rebuild(cls, store: Store, h: Hash, *, bits: MapBits, tip: Header, slot: int) -> "Maps":
        """Hash both again from what is stored.

        Raises:
            DamagedLedger: a root is not the one of `tip`.

        """
        state, index = (
            StoredMap.rebuild(store, h, keys=keys, bits=bits.of(keys), tip=tip, slot=slot)
            for keys in keyspace.MAPS
        )
        return cls(state=state, index=index)

    @property
    def bits(self) -> MapBits:
        """The sizes of both."""
        return MapBits(state=self.state.bits, index=self.index.bits)


def _buckets(store: Store, keys: MapKeys, slot: int) -> Iterator[tuple[int, bytes]]:
    start, stop = keys.buckets_of(slot)
    for key, rows in store.iterate(start=start, stop=stop):
        yield keyspace.bucket_of(key), rows
