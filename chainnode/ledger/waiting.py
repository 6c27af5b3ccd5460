"""The log entries that the index does not cover yet, and when it is to cover them. Pure.

docs/wire-format.md §10. What waits is a function of the chain: every replica has the same, and
whoever starts again reads it back out of the log. A row is the same for every key of its entry,
so it is hashed once, as the leaf of a chunk, when its entry comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.ledger.merkle import DIGEST_BYTES, LEAF_TAG, Hash
from chainnode.ledger.trails import encode_row

# docs/wire-format.md §10, "Advance".
WAITING_MAX = 8192
DELAY_MS = 1000
# A primary whose clock stands behind the tip cannot move time on; so it tries at most this often.
_PAUSE_MS_MIN = 100

IndexKeys = tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """The entries of one block: per entry the leaf over its row, packed, and its index keys."""

    leaves: bytes = field(repr=False)
    keys: tuple[IndexKeys, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Entries from position `start` on, which is the size of the index, in the order of the log.

    `time_ms` is the block time of the first of them; it means nothing while none waits.
    """

    start: int = 0
    count: int = 0
    time_ms: int = 0
    arrivals: tuple[_Arrival, ...] = field(default=(), repr=False)

    @property
    def stop(self) -> int:
        """The position after the last entry: the size of the log."""
        return self.start + self.count

    def extended(
        self, h: Hash, leaf_hashes: Sequence[bytes], keys: Sequence[IndexKeys], *, time_ms: int
    ) -> "Waiting":
        """Return what waits after a block of this time added entries with these keys."""
        if not leaf_hashes:
            return self
        rows = enumerate(leaf_hashes, self.stop)
        leaves = b"".join([h(LEAF_TAG + encode_row(*row)) for row in rows])
        return Waiting(
            start=self.start,
            count=self.count + len(leaf_hashes),
            time_ms=self.time_ms if self.count else time_ms,
            arrivals=(*self.arrivals, _Arrival(leaves=leaves, keys=tuple(keys))),
        )

    def is_due(self, time_ms: int) -> bool:
        """Tell whether the block of this time, whose entries are in here, advances the index."""
        is_full = self.count >= WAITING_MAX
        return self.count > 0 and (is_full or time_ms >= self.time_ms + DELAY_MS)

    def due_in_ms(self, time_ms: int) -> int | None:
        """Return how long after the tip, which has this time, an advance is due; None: never."""
        if not self.count:
            return None
        return max(self.time_ms + DELAY_MS - time_ms, _PAUSE_MS_MIN)

    def by_key(self) -> dict[bytes, bytes | list[bytes]]:
        """Return per index key the leaf over its row, or of several rows the leaves in order.

        Most keys have one row, and 50,000 lists would be as many for the collector to look at.
        """
        found: dict[bytes, bytes | list[bytes]] = {}
        for one in self.arrivals:
            leaves = one.leaves
            at = 0
            for keys in one.keys:
                leaf = leaves[at : at + DIGEST_BYTES]
                at += DIGEST_BYTES
                for key in keys:
                    rows = found.get(key)
                    if rows is None:
                        found[key] = leaf
                    elif isinstance(rows, list):
                        rows.append(leaf)
                    else:
                        found[key] = [rows, leaf]
        return found
