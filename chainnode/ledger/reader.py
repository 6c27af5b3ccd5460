"""What any thread may ask of a ledger, while one other thread appends to it.

Readers see the old tip or the new one, never a mix: everything that belongs to a height hangs on
one `View`, which is replaced as a whole. What lies below a tip never changes and is read from the
store directly. State and index are proven at the last `KEPT_HEIGHTS` heights since the ledger was
opened: a snapshot of the store per height gives values and buckets, the maps the digests above.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainnode.ledger import keyspace, recovery
from chainnode.ledger.base import Base
from chainnode.ledger.codec import call_of_submission, decode_entry, decode_receipt
from chainnode.ledger.errors import (
    DamagedLedger,
    HeightNotKept,
    NotABase,
    Pruned,
    UnknownHeight,
    UnknownPosition,
)
from chainnode.ledger.log import Log
from chainnode.ledger.merkle import Frontier, Hash, hash_leaf, inclusion_path
from chainnode.ledger.recent import ReceiptTrees
from chainnode.ledger.snapshots import Exported, LogEdge, edge_start, is_base
from chainnode.ledger.store import Snapshot, Store
from chainnode.ledger.stored_map import Maps
from chainnode.ledger.submissions import Submissions
from chainnode.ledger.types import (
    Entry,
    Header,
    MapItem,
    OwnBody,
    Place,
    Receipt,
    ReceiptProof,
)
from chainnode.ledger.waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One height as readers see it. `frontier` is copied before it grows, never changed.

    `base` says where this chain begins here, `maps` are those of its slot, `waiting` is what
    the index does not cover yet.
    """

    header: Header
    digest: bytes
    frontier: Frontier
    snapshot: Snapshot
    base: Base
    maps: Maps
    waiting: Waiting


class LedgerReader:
    """Reads of one chain. A height or position that does not exist (yet) is refused.

    Every method may raise `UnknownHeight` or `UnknownPosition` for such an argument, `Pruned`
    for what lies below the snapshot that this node stands on, and `StorageError` for what is
    damaged: the process must then exit.
    """

    def __init__(self, h: Hash, store: Store, *, log: Log, view: View) -> None:
        self._h = h
        self._store = store
        self._log = log
        # The lock guards the kept views, and moving from one tip to the next.
        self._lock = threading.Lock()
        self._view = view
        self._views = {view.header.height: view}
        # Heights to stand on: nothing waits for the index there (ADR-0013).
        self._bases: dict[int, Exported] = {}
        self._keep_base(view)
        self._receipt_trees = ReceiptTrees(h, self._read_receipts)

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

    @property
    def waiting(self) -> Waiting:
        """What the index does not cover yet as of the last block."""
        return self._view.waiting

    @property
    def next_block_in_ms(self) -> int | None:
        """How long after the last block another is due for an advance of the index, if at all."""
        view = self._view
        return view.waiting.due_in_ms(view.header.head.time_ms)

    @property
    def base_height(self) -> int:
        """Height of the snapshot that this node stands on; 0: it executed every block."""
        return self._view.base.height

    @property
    def first_position(self) -> int:
        """The first log entry that can be shown here with its path."""
        return self._view.base.first_position

    @property
    def first_covered(self) -> int:
        """The size of the index at the base: chunks are delimited from there on."""
        height = self.base_height
        return self.header(height).head.index_size if height else 0

    def has_header(self, height: int) -> bool:
        """Tell whether a header is here: below the base there may be none."""
        if height > self.base_height:
            return height <= self.height
        return height >= 0 and self._store.get(keyspace.header_key(height)) is not None

    def header(self, height: int) -> Header:
        """Return the header of a block."""
        tip = self._view.header
        if height == tip.height:
            return tip
        self._require_height(height)
        if not self.has_header(height):
            raise Pruned(what="height", asked=height, oldest=self.base_height)
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

    def newest_own_checkpoint(self) -> bytes | None:
        """Return what this replica signed last, however far below the last block that is."""
        start, stop = keyspace.OWN_CHECKPOINTS
        return next(
            (stored for _, stored in self._store.iterate(start=start, stop=stop, reverse=True)),
            None,
        )

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
        self._require_kept_position(position)
        return self._log.entry(position, size=self.log_size)

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the log entries `start … stop − 1` in order."""
        size = self.log_size
        if not 0 <= start <= stop <= size:
            raise UnknownPosition(position=max(start, stop - 1), size=size)
        if start < stop:
            self._require_kept_position(start)
        return self._log.entries(start, stop)

    def record_path(self, position: int, size: int) -> tuple[bytes, ...]:
        """Return the path of an entry in the log of the first `size`, as a header counts it."""
        if size > self.log_size:
            raise UnknownPosition(position=size - 1, size=self.log_size)
        self._require_kept_position(position)
        return self._log.path(position, size=size)

    def block_path(self, height: int, index: int) -> tuple[bytes, ...]:
        """Return the path of the `index`-th entry of a block to its records root."""
        positions = self.positions(height)
        if not 0 <= index < len(positions):
            raise UnknownPosition(position=index, size=len(positions))
        self._require_kept_position(positions.start)
        entries = self._log.entries(positions.start, positions.stop)
        return inclusion_path(self._h, [hash_leaf(self._h, one) for one in entries], index)

    def submissions(self) -> Submissions:
        """Return what reads the calls of one answer quickly; for one thread."""
        return Submissions(self.batch_bytes)

    def call_parts(
        self, position: int, *, submissions: Submissions | None = None
    ) -> tuple[str, bytes, bytes] | None:
        """Return (action, public, private) of the call behind an entry; None when pruned.

        `submissions` remembers what it read for the entry before.
        """
        entry = decode_entry(self.entry(position))
        if entry.is_ledgers_own:
            return self._own_parts(entry)
        place = self.place_of(entry.submission_digest)
        is_here = place is not None and place.height == entry.height
        if not is_here and entry.height <= self.base_height:
            return None
        if place is None or place.height != entry.height:
            raise DamagedLedger(
                what=f"submission of entry {position}",
                expected=f"an execution at height {entry.height}",
                actual=f"{place}",
            )
        blob = (submissions or self.submissions()).at(place)
        return None if blob is None else call_of_submission(blob, entry.call_index)

    def _own_parts(self, entry: Entry) -> tuple[str, bytes, bytes] | None:
        """Return the body of a record of the ledger itself; its private part is empty."""
        body = recovery.read_own_body(self._store, entry.height, entry.call_index)
        if body is None:
            if self.batch_bytes(entry.height) is None:
                return None
            raise DamagedLedger(
                what=f"own bodies {entry.height}",
                expected=f"more than {entry.call_index}",
                actual="none",
            )
        return body.action, body.public, b""

    def own_bodies(self, height: int) -> tuple[OwnBody, ...] | None:
        """Return the bodies of the ledger's own records of a block by call index; None: none here.

        A block that has no such record, and one whose bodies were pruned, look alike.
        """
        self._require_height(height)
        return recovery.read_own_bodies(self._store, height)

    def value(self, key: bytes) -> bytes | None:
        """Return the value of a state key as of the last block."""
        view = self._view
        return view.maps.state.value(self._h(key), view.snapshot)

    def trail(self, key_digest: bytes) -> bytes | None:
        """Return the encoded trail under the digest of an index key as of the last block."""
        view = self._view
        return view.maps.index.value(key_digest, view.snapshot)

    def advance_ends(self, start: int, stop: int) -> Iterator[int]:
        """Yield, ascending, the sizes at which the index ever stood in `start < size ≤ stop`.

        Two of them that follow each other delimit one chunk in the trail of every key that an
        entry between them carries. Above the present index size there is none.
        """
        oldest = self.first_covered
        if start < oldest:
            raise Pruned(what="position", asked=start, oldest=oldest)
        first, end = keyspace.advance_key(start + 1), keyspace.advance_key(stop + 1)
        for key, _ in self._store.iterate(start=first, stop=end):
            yield keyspace.number_of(key)

    def consistency_path(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return the path from the log of the first `old_size` entries to that of `new_size`."""
        size = self.log_size
        if not 0 <= old_size <= new_size <= size:
            raise UnknownPosition(position=max(old_size, new_size) - 1, size=size)
        if 0 < old_size < self.first_position:
            raise Pruned(what="position", asked=old_size, oldest=self.first_position)
        return self._log.consistency_path(old_size, new_size)

    def state_proof(self, keys: Sequence[bytes], height: int) -> tuple[MapItem, ...]:
        """Return each key with its value or absence and the proof, all at one height.

        Raises:
            HeightNotKept: only the last heights since the start can be proven.

        """
        view = self._view_at(height)
        state, source = view.maps.state, view.snapshot
        return tuple(state.item(key, source=source, height=height) for key in keys)

    def index_proof(self, keys: Sequence[bytes], height: int) -> tuple[MapItem, ...]:
        """Return each index key with its trail or absence and the proof, all at one height.

        Raises:
            HeightNotKept: only the last heights since the start can be proven.

        """
        view = self._view_at(height)
        index, source = view.maps.index, view.snapshot
        return tuple(index.item(key, source=source, height=height) for key in keys)

    def export(self, height: int) -> Exported:
        """Return the maps of a height to stand on, to be handed out piece by piece.

        Raises:
            NotABase: something waited for the index there, or it is not kept any more.

        """
        with self._lock:
            found, kept = self._bases.get(height), tuple(self._bases)
        if found is None:
            raise NotABase(height=height, kept=kept)
        return found

    def log_edge(self, log_size: int) -> LogEdge:
        """Return what a log of this size needs to go on."""
        start = edge_start(log_size)
        entries = tuple(self.entries(start, log_size))
        return LogEdge(nodes=self._log.frontier(start).nodes, entries=entries)

    def _view_at(self, height: int) -> View:
        with self._lock:
            view = self._views.get(height)
            oldest = min(self._views)
        if view is None:
            raise HeightNotKept(height=height, oldest=oldest, newest=self.height)
        return view

    def _keep_base(self, view: View) -> None:
        """Hold what is to be handed out of a height, if others may stand on it."""
        header = view.header
        if not is_base(header):
            return
        maps = (view.maps.state.export(header.height), view.maps.index.export(header.height))
        self._bases[header.height] = Exported(
            header=header, maps={one.keys.name: one for one in maps}, source=view.snapshot
        )

    def _read_receipts(self, height: int) -> tuple[bytes, ...]:
        stored = self._store.get(keyspace.receipts_key(height))
        if stored is None and height <= self.base_height:
            raise Pruned(what="height", asked=height, oldest=self.base_height + 1)
        return recovery.read_receipts(self._store, height)

    def _require_kept_position(self, position: int) -> None:
        oldest = self.first_position
        if 0 <= position < oldest:
            raise Pruned(what="position", asked=position, oldest=oldest)

    def _require_height(self, height: int) -> None:
        if not 0 <= height <= self.height:
            raise UnknownHeight(height=height, tip=self.height)
