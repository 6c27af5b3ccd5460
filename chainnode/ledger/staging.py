"""Where the maps of a snapshot are put together, beside those that are live. Thread-safe.

Subtree by subtree, in the slot that is not live, in writes that need not be durable by
themselves: the switch (`Ledger.install`) is one synchronous write behind them all, and LevelDB's
log keeps their order. A subtree that is whole is marked with its digest, so that after a crash,
or for another height, what has not changed is not fetched again. Nothing here is ever read as
state or index before the switch.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence

from chainnode.ledger import keyspace
from chainnode.ledger.keyspace import MapKeys
from chainnode.ledger.store import Change, Store
from chainnode.ledger.stored_map import MapBits
from chainnode.ledger.subtrees import SubtreePage, buckets_in_subtree


class StagedMap:
    """One map that is being gathered."""

    def __init__(
        self, store: Store, *, keys: MapKeys, bits: int, slot: int, lock: threading.Lock
    ) -> None:
        self._store = store
        self._keys = keys
        self._bits = bits
        self._slot = slot
        self._lock = lock

    def holds(self, subtree: int, digest: bytes) -> bool:
        """Tell whether this very subtree stands here, whole."""
        return self._store.get(self._keys.mark(subtree)) == digest

    def put(self, page: SubtreePage, rows: Sequence[bytes], *, digest: bytes) -> None:
        """Write a verified page; the first of a subtree clears it, the last marks it.

        Pages of one subtree come in order and without gap: the caller sees to that.

        Raises:
            StoreFailed: the process must exit.

        """
        with self._lock:
            self._store.write(self._changes(page, rows, digest), sync=False)

    def put_empty(self, subtree: int, *, digest: bytes) -> None:
        """Note a subtree without rows.

        Raises:
            StoreFailed: the process must exit.

        """
        with self._lock:
            marked = (self._keys.mark(subtree), digest)
            self._store.write([*self._cleared(subtree), marked], sync=False)

    def _changes(self, page: SubtreePage, rows: Sequence[bytes], digest: bytes) -> Iterator[Change]:
        keys, slot, count = self._keys, self._slot, buckets_in_subtree(self._bits)
        if page.first == 0:
            yield from self._cleared(page.subtree)
        first = page.subtree * count + page.first
        for bucket, (items, content) in enumerate(zip(page.buckets, rows, strict=True), first):
            if content:
                yield keys.bucket(slot, bucket), content
            for key_digest, value in items:
                yield keys.value(slot, key_digest), value
        if page.stop == count:
            yield keys.mark(page.subtree), digest

    def _cleared(self, subtree: int) -> Iterator[Change]:
        """Yield the deletion of what an earlier attempt, or an earlier height, left here."""
        keys, slot, count = self._keys, self._slot, buckets_in_subtree(self._bits)
        first, stop = subtree * count, (subtree + 1) * count
        buckets = keys.bucket(slot, first), keys.bucket(slot, stop)
        values = keys.values_between(slot, first, stop, bits=self._bits)
        for key in _keys(self._store, (values, buckets)):
            yield key, None
        yield keys.mark(subtree), None


class Staging:
    """All maps of a snapshot. Open, they are filled; closed, their slot may be swept."""

    def __init__(self, store: Store, *, bits: MapBits, slot: int) -> None:
        self._store = store
        self._slot = slot
        self._lock = threading.Lock()
        self._is_open = False
        self._maps = {
            keys: StagedMap(store, keys=keys, bits=bits.of(keys), slot=slot, lock=self._lock)
            for keys in keyspace.MAPS
        }

    @property
    def slot(self) -> int:
        """The slot that is being filled."""
        return self._slot

    def of(self, keys: MapKeys) -> StagedMap:
        """Return one of the maps."""
        return self._maps[keys]

    def open(self) -> None:
        """Keep the sweeper away: pages follow."""
        with self._lock:
            self._is_open = True

    def close(self) -> None:
        """Let go; what is whole is found again by the next attempt."""
        with self._lock:
            self._is_open = False

    def drop(self) -> None:
        """Forget every mark: what stands here is of no use any more, and may be swept.

        Raises:
            StoreFailed: the process must exit.

        """
        with self._lock:
            self._store.write(list(self.marks_gone()), sync=False)

    def marks_gone(self) -> Iterator[Change]:
        """Yield the deletion of all marks, which rides in the switch too."""
        for key in _keys(self._store, [one.all_marks for one in keyspace.MAPS]):
            yield key, None

    def sweep(self, *, keys_max: int) -> bool:
        """Delete up to `keys_max` keys of a slot that nobody fills; tell whether any was left.

        Marks go first: what has lost a part must not be found whole.

        Raises:
            StoreFailed: the process must exit.

        """
        with self._lock:
            if self._is_open:
                return False
            ranges = [one.all_marks for one in keyspace.MAPS]
            for one in keyspace.MAPS:
                ranges += [one.values_of(self._slot), one.buckets_of(self._slot)]
            gone = list(itertools.islice(_keys(self._store, ranges), keys_max))
            if gone:
                self._store.write([(key, None) for key in gone], sync=False)
            return len(gone) == keys_max


def _keys(store: Store, ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for start, stop in ranges:
        for key, _ in store.iterate(start=start, stop=stop):
            yield key
