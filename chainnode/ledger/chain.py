"""The ledger of one node: the chain of executed blocks, its log and its state, on disk.

`Ledger` is the front door of the room. One thread appends, any number read (`LedgerReader`). A
block is one synchronous atomic write (ADR-0005); only after it returned do the tip, the log's
edge and the maps in memory move on, together. A snapshot becomes the tip in the same way:
staged at leisure, switched to in one write (ADR-0013).
"""

import shutil
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from chainnode.errors import StorageError
from chainnode.genesis import Genesis
from chainnode.ledger import keyspace, recovery
from chainnode.ledger.base import read_base
from chainnode.ledger.bucket_map import KEPT_HEIGHTS
from chainnode.ledger.codec import decode_certificate
from chainnode.ledger.directory import LEDGER_FOLDER, DataDirectory, sync_folder
from chainnode.ledger.errors import (
    CertificateMismatch,
    DamagedLedger,
    ForeignLedger,
    UnknownHeight,
)
from chainnode.ledger.genesis_block import genesis_block
from chainnode.ledger.log import Log
from chainnode.ledger.merkle import Frontier, Hash
from chainnode.ledger.packed import Changes
from chainnode.ledger.reader import LedgerReader, View
from chainnode.ledger.snapshots import SnapshotEnd, switch_changes, verify_edge
from chainnode.ledger.staging import Staging
from chainnode.ledger.store import Store
from chainnode.ledger.stored_map import MapBits, Maps
from chainnode.ledger.types import ExecutedBlock, Header, MapUpdate
from chainnode.ledger.waiting import Waiting
from chainnode.ledger.writes import (
    advance_changes,
    block_changes,
    place_changes,
    require_above,
    require_next,
)
from chainnode.suites.port import Suite

# Deletions in one write: under a millisecond, so that a block never waits long behind it.
PRUNED_PER_STEP = 64
# What a height has that can be forgotten.
_PRUNED_KEYS = (keyspace.batch_key, keyspace.own_bodies_key)
_HEIGHTS_PER_STEP = PRUNED_PER_STEP // len(_PRUNED_KEYS)
# Seconds under load, in which all peers still have the height that one has found the newest.
BASES_KEPT = 8
_UNFINISHED = f"{LEDGER_FOLDER}.unfinished"


class Ledger(LedgerReader):
    """Blocks, log, state and index of one chain. Any storage error is final: the process exits."""

    def __init__(self, directory: DataDirectory, store: Store, *, h: Hash, bits: MapBits) -> None:
        """Recover from an initialised store; `open` is how to get a ledger."""
        log = Log(h, store)
        base = read_base(store)
        headers = recovery.read_last_headers(store, h, base=base)
        tip = headers[-1]
        recovery.check_advances(store, headers)
        recovery.check_last_block(store, h, tip=tip, log=log, base=base)
        view = View(
            header=tip,
            digest=tip.digest(h),
            frontier=recovery.rebuild_frontier(log, tip=tip),
            snapshot=store.snapshot(),
            base=base,
            maps=Maps.rebuild(store, h, bits=bits, tip=tip, slot=base.slot),
            waiting=recovery.rebuild_waiting(log, h, tip=tip),
        )
        super().__init__(h, store, log=log, view=view)
        self._directory = directory
        self._floor = recovery.read_floor(store, base=base)
        self._staging = Staging(store, bits=bits, slot=base.other_slot)
        # LevelDB turned its log into synced tables when it opened: what is read is durable.
        self._certified_height = self._stable_height = recovery.read_certified_height(store)

    @classmethod
    def open(
        cls, path: Path, *, genesis: Genesis, suite: Suite, initial_state: Mapping[bytes, bytes]
    ) -> "Ledger":
        """Lock the data directory and open its ledger; a new one starts with block 0.

        `initial_state` holds the encoded state entries that genesis stands for
        (docs/wire-format.md §9), the same at every opening.

        Raises:
            DirectoryLocked: another process uses the directory.
            UnknownFormat: it was written by newer code.
            ForeignLedger: it holds another chain.
            DamagedLedger: what is stored contradicts itself.
            StoreFailed: LevelDB refuses it, or the file system fails.

        """
        h = suite.digest
        directory = DataDirectory.open(path)
        try:
            block = genesis_block(h, genesis, initial_state)
            if not (path / LEDGER_FOLDER).exists():
                _begin(path, genesis, block)
            store = Store.open(path / LEDGER_FOLDER)
            try:
                _require_chain(store, h, genesis, block)
                bits = MapBits.of_chain(genesis.parameters)
                return cls(directory, store, h=h, bits=bits)
            except BaseException:
                store.close()
                raise
        except BaseException:
            directory.close()
            raise

    def close(self) -> None:
        """Close the store and release the directory, after all readers are gone."""
        self._views.clear()
        self._bases.clear()
        self._store.close()
        self._directory.close()

    @property
    def certified_height(self) -> int:
        """Highest height whose certificate is here; a power cut may still take it away."""
        return self._certified_height

    @property
    def stable_height(self) -> int:
        """Highest height whose certificate is durable here: below it votes may be forgotten."""
        return self._stable_height

    @property
    def newest_base(self) -> int | None:
        """The highest certified height that `export` hands out; None: none is kept."""
        with self._lock:
            certified = [one for one in self._bases if one <= self._certified_height]
        return max(certified, default=None)

    @property
    def floor(self) -> int:
        """Lowest height from which on every batch, and with it every body, is here."""
        return self._floor

    @property
    def staging(self) -> Staging:
        """Where the next snapshot is put together."""
        return self._staging

    def log_frontier(self) -> Frontier:
        """Return a copy of the log's right edge, for the next block to extend."""
        return self._view.frontier.copy()

    def state_update(self, changes: Mapping[bytes, bytes | None]) -> MapUpdate:
        """Compute what new values per state key make of the state; None removes a key.

        Changes nothing. The update is valid for the block that follows the present tip.
        """
        h, view = self._h, self._view
        return view.maps.state.update(
            {h(key): value for key, value in changes.items()}, view.snapshot
        )

    def index_update(self, changes: Changes) -> MapUpdate:
        """Compute what new trails by digest of their key make of the index, as `state_update`."""
        view = self._view
        return view.maps.index.update(changes, view.snapshot)

    def append(
        self,
        block: ExecutedBlock,
        *,
        own_checkpoint: bytes | None = None,
        vote_mark: bytes | None = None,
        certificate: bytes | None = None,
    ) -> None:
        """Make the next block durable, then current; one that is here already is a no-op.

        `own_checkpoint` (what this replica signed for it), `vote_mark` (where its vote file
        stood) and `certificate` (of this height or a lower one) ride in the same write.

        Raises:
            WrongBlock: it does not continue the chain, or its parts contradict its header;
                nothing is changed.
            InvalidEncoding, UnknownHeight, CertificateMismatch: the certificate; nothing is
                changed.
            StoreFailed: unknown whether it is durable; the process must exit.

        """
        if self._holds(block.header):
            return
        require_next(block, self._view)
        height = block.header.height
        slot = self._view.base.slot
        changes = [*advance_changes(block, self._view), *place_changes(block, self.place_of)]
        if own_checkpoint is not None:
            changes.append((keyspace.own_checkpoint_key(height), own_checkpoint))
        if vote_mark is not None:
            changes.append((keyspace.VOTE_MARK, vote_mark))
        # Certificates that were written before this write are durable after it.
        stable_height = self._certified_height
        if certificate is not None:
            certified = self._certificate_height(certificate, following=block.header)
            changes.append((keyspace.certificate_key(certified), certificate))
            stable_height = max(stable_height, certified)
        maps = self._view.maps
        maps.state.stage(block.state)
        maps.index.stage(block.index)
        # Not collected first: of an advance these are 100,000 pairs.
        self._store.write(chain(block_changes(block, slot=slot), changes), sync=True)
        self._move_to(block, stable_height=stable_height)

    def store_certificate(self, encoded: bytes, *, sync: bool = False) -> int:
        """Keep a certificate whose signatures the caller has verified; return its height.

        Without `sync` it becomes durable, and `stable_height` moves, with the next block: until
        then a power cut may take it away, and peers have it. Any thread may call this.

        Raises:
            InvalidEncoding: malformed.
            UnknownHeight: no such block here yet.
            CertificateMismatch: for another header than ours at that height.
            StoreFailed: the process must exit.

        """
        height = self._certificate_height(encoded)
        self._store.write([(keyspace.certificate_key(height), encoded)], sync=sync)
        with self._lock:
            self._certified_height = max(self._certified_height, height)
            if sync:
                self._stable_height = max(self._stable_height, height)
        return height

    def store_own_checkpoints(self, signed: Mapping[int, bytes]) -> None:
        """Keep, durably, what this replica signed by height for blocks that are here.

        Raises:
            UnknownHeight: no such block here yet.
            StoreFailed: the process must exit.

        """
        for height in signed:
            self._require_height(height)
        changes = [(keyspace.own_checkpoint_key(one), data) for one, data in signed.items()]
        self._store.write(changes, sync=True)

    def prune_batches(self, below: int, *, count_max: int = _HEIGHTS_PER_STEP) -> bool:
        """Forget the oldest batches below a height and all bodies with them, `count_max` at a time.

        Tells whether some are left. Every proof stays valid: entries, receipts, headers and
        certificates stay. A power cut may bring back what was not durable, never keep the
        deletion and lose the certificate above it: LevelDB's log keeps their order.

        Raises:
            UnknownHeight: above the certified height: that is not final yet.
            StoreFailed: the process must exit.

        """
        if not 0 <= below <= self._certified_height:
            raise UnknownHeight(height=below, tip=self._certified_height)
        # A snapshot that is installed meanwhile raises the floor, on another thread.
        with self._lock:
            floor = min(below, self._floor + count_max)
            if floor > self._floor:
                heights = range(self._floor, floor)
                gone = [(key(one), None) for one in heights for key in _PRUNED_KEYS]
                changes = [*gone, (keyspace.FLOOR, keyspace.encode_number(floor))]
                self._store.write(changes, sync=False)
                self._floor = floor
            return floor < below

    def install(self, end: SnapshotEnd, *, vote_mark: bytes | None = None) -> None:
        """Stand on the staged snapshot from now on, durably; one that is below the tip is a no-op.

        The caller has verified the certificate, and staged every subtree of both maps. Nothing
        of what was here is deleted but the marks of the staging: the old maps are swept later.

        Raises:
            WrongBlock: the header is not of this chain, or not above the tip.
            InvalidProof: the edge is not that of the header; nothing is changed.
            InvalidEncoding, CertificateMismatch: the certificate; nothing is changed.
            DamagedLedger: what was staged is not state and index of the header; it is dropped,
                the process must exit.
            StoreFailed: unknown whether it is durable; the process must exit.

        """
        if self._holds(end.header):
            return
        require_above(end.header, self._view)
        frontier = verify_edge(self._h, header=end.header, edge=end.edge)
        self._certificate_height(end.certificate, following=end.header)
        maps = self._staged_maps(end.header)
        changes = [*self._staging.marks_gone(), *switch_changes(end, slot=self._staging.slot)]
        if vote_mark is not None:
            changes.append((keyspace.VOTE_MARK, vote_mark))
        self._store.write(changes, sync=True)
        self._stand_on(end.header, frontier, maps)

    def _staged_maps(self, header: Header) -> Maps:
        bits = self._view.maps.bits
        try:
            return Maps.rebuild(
                self._store, self._h, bits=bits, tip=header, slot=self._staging.slot
            )
        except DamagedLedger:
            self._staging.drop()
            raise

    def _stand_on(self, header: Header, frontier: Frontier, maps: Maps) -> None:
        base = read_base(self._store)
        view = View(
            header=header,
            digest=header.digest(self._h),
            frontier=frontier,
            snapshot=self._store.snapshot(),
            base=base,
            maps=maps,
            waiting=Waiting(start=header.head.index_size),
        )
        with self._lock:
            self._views = {header.height: view}
            self._bases.clear()
            self._keep_base(view)
            self._view = view
            self._floor = recovery.read_floor(self._store, base=base)
            self._stable_height = self._certified_height = header.height
            self._staging = Staging(self._store, bits=maps.bits, slot=base.other_slot)

    def _holds(self, header: Header) -> bool:
        if header.height > self.height:
            return False
        return self.has_header(header.height) and self.header(header.height) == header

    def _certificate_height(self, encoded: bytes, *, following: Header | None = None) -> int:
        """Return the height of a certificate for a header that is here, or `following`."""
        certificate = decode_certificate(encoded)
        if following is not None and certificate.height == following.height:
            header = following
        else:
            header = self.header(certificate.height)
        digest = header.digest(self._h)
        if (certificate.header_digest, certificate.epoch) != (digest, header.head.epoch):
            raise CertificateMismatch(
                height=certificate.height, expected=digest, actual=certificate.header_digest
            )
        return certificate.height

    def _move_to(self, block: ExecutedBlock, *, stable_height: int) -> None:
        view = View(
            header=block.header,
            digest=block.header.digest(self._h),
            frontier=block.frontier,
            snapshot=self._store.snapshot(),
            base=self._view.base,
            maps=self._view.maps,
            waiting=block.waiting,
        )
        view.maps.state.commit()
        view.maps.index.commit()
        with self._lock:
            self._views[block.header.height] = view
            self._views.pop(block.header.height - KEPT_HEIGHTS, None)
            self._stable_height = max(self._stable_height, stable_height)
            self._certified_height = max(self._certified_height, stable_height)
            self._keep_base(view)
            self._forget_bases()
            self._view = view

    def _forget_bases(self) -> None:
        """Keep the newest certified ones, and those above, as many as a window has at most."""
        certified = [one for one in self._bases if one <= self._certified_height]
        for height in certified[:-BASES_KEPT]:
            del self._bases[height]


def _begin(path: Path, genesis: Genesis, block: ExecutedBlock) -> None:
    """Make a ledger that ends with block 0: whole and durable under its name, or not there.

    LevelDB does not sync all that it makes of a new database; a power cut in the middle would
    leave one that never opens again.

    Raises:
        StorageError: it cannot be written.

    """
    new = path / _UNFINISHED
    try:
        if new.exists():
            shutil.rmtree(new)
        store = Store.open(new)
        try:
            changes = block_changes(block, slot=0)
            store.write([(keyspace.GENESIS, genesis.encoded), *changes], sync=True)
        finally:
            store.close()
        new.rename(path / LEDGER_FOLDER)
        sync_folder(path)
    except OSError as error:
        raise StorageError(f"{new}: cannot make the ledger: {error}") from error


def _require_chain(store: Store, h: Hash, genesis: Genesis, block: ExecutedBlock) -> None:
    """Check that the store holds the chain of this genesis, from its block 0 on."""
    stored = store.get(keyspace.GENESIS)
    if stored is None:
        raise DamagedLedger(what="genesis", expected="the chain's genesis", actual="nothing")
    if stored != genesis.encoded:
        raise ForeignLedger(expected=genesis.chain_id, actual=h(stored))
    if (actual := recovery.read_header(store, 0)) != block.header:
        raise DamagedLedger(
            what="block 0",
            expected=f"header {block.header.digest(h).hex()}",
            actual=actual.digest(h).hex(),
        )
