"""What any thread may ask of a ledger, while one other thread appends to it.

Readers see the old tip or the new one, never a mix: everything that belongs to a height hangs on
one `View`, which is replaced as a whole. What lies below a tip never changes and is read from the
store directly. State is proven at the last `KEPT_HEIGHTS` heights since the ledger was opened:
a snapshot of the store per height gives values and buckets, the map the digests above them.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainnode.ledger import keyspace, recovery
from chainnode.ledger.bucket_map import BucketMap, bucket_number, find_row
from chainnode.ledger.codec import call_of_batch, decode_entry, decode_receipt
from chainnode.ledger.errors import DamagedLedger, HeightNotKept, UnknownHeight, UnknownPosition
from chainnode.ledger.log import Log
from chainnode.ledger.merkle import Frontier, Hash, hash_leaf, inclusion_path
from chainnode.ledger.recent import ReceiptTrees
from chainnode.ledger.store import Snapshot, Store
from chainnode.ledger.types import Header, Place, Receipt, ReceiptProof, StateItem


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One height as readers see it. `frontier` is copied before it grows, never changed."""

    header: Header
    digest: bytes
    frontier: Frontier
    snapshot: Snapshot


class LedgerReader:
    """Reads of one chain. A height or position that does not exist (yet) is refused.

    Every method may raise `UnknownHeight` or `UnknownPosition` for such an argument, and
    `StorageError` for what is damaged: the process must then exit.
    """

    def __init__(self, h: Hash, store: Store, *, state: BucketMap, log: Log, view: View) -> None:
        self._h = h
        self._store = store
        self._log = log
        # The lock guards the map, the kept views, and moving from one tip to the next.
        self._lock = threading.Lock()
        self._state = state
        self._view = view
        self._views = {view.header.height: view}
        self._receipt_trees = ReceiptTrees(h, lambda height: recovery.read_receipts(store, height))

    @property
    def tip(self) -> Header:
        """Header of the last block."""
        return self._view.header

    @property
    def tip_digest(self) -> bytes:
        """Digest of the last header: the parent digest of the next."""
        return self._view.digest

    @property
    def height(self) -> int:
        """Height of the last block."""
        return self._view.header.height

    @property
    def log_size(self) -> int:
        """Number of log entries as of the last block."""
        return self._view.header.head.log_size

    def header(self, height: int) -> Header:
        """Return the header of a block."""
        tip = self._view.header
        if height == tip.height:
            return tip
        self._require_height(height)
        return recovery.read_header(self._store, height)

    def batch_bytes(self, height: int) -> bytes | None:
        """Return the batch of a block as it was ordered; None when it was pruned."""
        self._require_height(height)
        return self._store.get(keyspace.batch_key(height))

    def certificate(self, height: int) -> bytes | None:
        """Return the certificate of a block, if it is here."""
        self._require_height(height)
        return self._store.get(keyspace.certificate_key(height))

    def own_checkpoint(self, height: int) -> bytes | None:
        """Return what this replica signed for a block; None when it only learned it."""
        self._require_height(height)
        return self._store.get(keyspace.own_checkpoint_key(height))

    def vote_mark(self) -> bytes | None:
        """Return where the vote file stood when a block last said so."""
        return self._store.get(keyspace.VOTE_MARK)

    def receipts(self, height: int) -> tuple[Receipt, ...]:
        """Return the receipts of a block in the order of its batch."""
        self._require_height(height)
        return tuple(decode_receipt(one) for one in self._receipt_trees.leaves(height))

    def receipt_proof(self, height: int, index: int) -> ReceiptProof:
        """Return a receipt of a block with its path to the receipts root."""
        self._require_height(height)
        return self._receipt_trees.proof(height, index)

    def place_of(self, submission_digest: bytes) -> Place | None:
        """Return where a submission was executed, or else first refused; None: never seen."""
        stored = self._view.snapshot.get(keyspace.place_key(submission_digest))
        return None if stored is None else keyspace.decode_place(stored)

    def receipt_of(self, submission_digest: bytes) -> tuple[int, Receipt] | None:
        """Return height and receipt of a submission, as `place_of` finds it."""
        place = self.place_of(submission_digest)
        if place is None:
            return None
        proof = self._receipt_trees.proof(place.height, place.index)
        return place.height, decode_receipt(proof.receipt)

    def positions(self, height: int) -> range:
        """Return the log positions of the entries of a block."""
        start = self.header(height - 1).head.log_size if height else 0
        return range(start, self.header(height).head.log_size)

    def entry(self, position: int) -> bytes:
        """Return a log entry."""
        return self._log.entry(position, size=self.log_size)

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the log entries `start … stop − 1` in order."""
        size = self.log_size
        if not 0 <= start <= stop <= size:
            raise UnknownPosition(position=max(start, stop - 1), size=size)
        return self._log.entries(start, stop)

    def record_path(self, position: int, size: int) -> tuple[bytes, ...]:
        """Return the path of an entry in the log of the first `size`, as a header counts it."""
        if size > self.log_size:
            raise UnknownPosition(position=size - 1, size=self.log_size)
        return self._log.path(position, size=size)

    def block_path(self, height: int, index: int) -> tuple[bytes, ...]:
        """Return the path of the `index`-th entry of a block to its records root."""
        positions = self.positions(height)
        if not 0 <= index < len(positions):
            raise UnknownPosition(position=index, size=len(positions))
        entries = self._log.entries(positions.start, positions.stop)
        return inclusion_path(self._h, [hash_leaf(self._h, one) for one in entries], index)

    def call_parts(self, position: int) -> tuple[str, bytes, bytes] | None:
        """Return (action, public, private) of the call behind an entry; None when pruned."""
        entry = decode_entry(self.entry(position))
        place = self.place_of(entry.submission_digest)
        if place is None or place.height != entry.height:
            raise DamagedLedger(
                what=f"submission of entry {position}",
                expected=f"an execution at height {entry.height}",
                actual=f"{place}",
            )
        batch = self.batch_bytes(place.height)
        if batch is None:
            return None
        return call_of_batch(batch, submission=place.index, call=entry.call_index)

    def value(self, key: bytes) -> bytes | None:
        """Return the value of a state key as of the last block."""
        return self._view.snapshot.get(keyspace.value_key(key))

    def state_proof(self, keys: Sequence[bytes], height: int) -> tuple[StateItem, ...]:
        """Return each key with its value or absence and the proof, all at one height.

        Raises:
            HeightNotKept: only the last heights since the start can be proven.

        """
        with self._lock:
            view = self._views.get(height)
        if view is None:
            raise self._not_kept(height)
        return tuple(self._state_item(key, view) for key in keys)

    def _state_item(self, key: bytes, view: View) -> StateItem:
        height = view.header.height
        key_digest = self._h(key)
        bucket = bucket_number(key_digest, self._state.bits)
        rows = view.snapshot.get(keyspace.bucket_key(bucket)) or b""
        value = view.snapshot.get(keyspace.value_key(key))
        if find_row(rows, key_digest) != (None if value is None else self._h(value)):
            raise DamagedLedger(
                what="state value", expected="the one its bucket commits to", actual="another"
            )
        with self._lock:
            if height >= self._state.oldest_height:
                proof = self._state.prove(key_digest, rows, height)
                return StateItem(key=key, value=value, proof=proof)
        raise self._not_kept(height)

    def _not_kept(self, height: int) -> HeightNotKept:
        return HeightNotKept(height=height, oldest=self._state.oldest_height, newest=self.height)

    def _require_height(self, height: int) -> None:
        if not 0 <= height <= self.height:
            raise UnknownHeight(height=height, tip=self.height)
