"""Where the state of a snapshot is put together, beside the state that is live. Thread-safe.

Subtree by subtree, in the slot that is not live, in writes that need not be durable by
themselves: the switch (`Ledger.install`) is one synchronous write behind them all, and LevelDB's
log keeps their order. A subtree that is whole is marked with its digest, so that after a crash,
or for another height, what has not changed is not fetched again. Nothing here is ever read as
state before the switch.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence

from chainnode.ledger import keyspace
from chainnode.ledger.store import Change, Store
from chainnode.ledger.subtrees import SubtreePage, buckets_in_subtree


class Staging:
    """One state that is being gathered. Open, it is filled; closed, its slot may be swept."""

    def __init__(self, store: Store, *, bits: int, slot: int) -> None:
        self._store = store
        self._bits = bits
        self._slot = slot
        self._lock = threading.Lock()
        self._is_open = False

    @property
    def slot(self) -> int:
        """The slot that is being filled."""
        return self._slot

    def open(self) -> None:
        """Keep the sweeper away: pages follow."""
        with self._lock:
            self._is_open = True

    def close(self) -> None:
        """Let go; what is whole is found again by the next attempt."""
        with self._lock:
            self._is_open = False

    def holds(self, subtree: int, digest: bytes) -> bool:
        """Tell whether this very subtree stands here, whole."""
        return self._store.get(keyspace.staged_key(subtree)) == digest

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
            marked = (keyspace.staged_key(subtree), digest)
            self._store.write([*self._cleared(subtree), marked], sync=False)

    def drop(self) -> None:
        """Forget every mark: what stands here is of no use any more, and may be swept.

        Raises:
            StoreFailed: the process must exit.

        """
        with self._lock:
            self._store.write(list(self.marks_gone()), sync=False)

    def marks_gone(self) -> Iterator[Change]:
        """Yield the deletion of all marks, which rides in the switch too."""
        start, stop = keyspace.STAGED
        for key, _ in self._store.iterate(start=start, stop=stop):
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
            slot = self._slot
            ranges = (keyspace.STAGED, keyspace.values_of(slot), keyspace.buckets_of(slot))
            gone = list(itertools.islice(self._keys(ranges), keys_max))
            if gone:
                self._store.write([(key, None) for key in gone], sync=False)
            return len(gone) == keys_max

    def _changes(self, page: SubtreePage, rows: Sequence[bytes], digest: bytes) -> Iterator[Change]:
        count = buckets_in_subtree(self._bits)
        if page.first == 0:
            yield from self._cleared(page.subtree)
        first = page.subtree * count + page.first
        for bucket, (items, content) in enumerate(zip(page.buckets, rows, strict=True), first):
            if content:
                yield keyspace.bucket_key(self._slot, bucket), content
            for key_digest, value in items:
                yield keyspace.value_key(self._slot, key_digest), value
        if page.stop == count:
            yield keyspace.staged_key(page.subtree), digest

    def _cleared(self, subtree: int) -> Iterator[Change]:
        """Yield the deletion of what an earlier attempt, or an earlier state, left here."""
        count = buckets_in_subtree(self._bits)
        first, stop = subtree * count, (subtree + 1) * count
        buckets = keyspace.bucket_key(self._slot, first), keyspace.bucket_key(self._slot, stop)
        values = keyspace.values_between(self._slot, first, stop, bits=self._bits)
        for key in self._keys((values, buckets)):
            yield key, None
        yield keyspace.staged_key(subtree), None

    def _keys(self, ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
        for start, stop in ranges:
            for key, _ in self._store.iterate(start=start, stop=stop):
                yield key
