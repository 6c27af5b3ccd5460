"""What is checked when a ledger is opened, and how its memory is rebuilt.

LevelDB's checksums find damaged bytes; this finds what they cannot: another chain, a block that
is missing, state or log that belong to another tip. Everything here is read once, at start.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from chainnode.errors import InvalidInput
from chainnode.ledger import keyspace
from chainnode.ledger.base import Base
from chainnode.ledger.codec import (
    decode_entry,
    decode_header,
    decode_own_bodies,
    decode_own_body,
    decode_receipts,
)
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.keyspace import (
    CERTIFICATES,
    FLOOR,
    HEADERS,
    header_key,
    number_of,
    own_bodies_key,
    receipts_key,
)
from chainnode.ledger.log import Log
from chainnode.ledger.merkle import Frontier, Hash, hash_leaf, merkle_root
from chainnode.ledger.store import Store
from chainnode.ledger.types import Entry, Header, OwnBody
from chainnode.ledger.waiting import Waiting

# How far back the hash chain is walked: the widest window of sequences in flight.
CHECKED_HEIGHTS = 256


def read_header(store: Store, height: int) -> Header:
    """Return a stored header.

    Raises:
        DamagedLedger: missing, unreadable, or of another height.

    """
    stored = store.get(header_key(height))
    if stored is None:
        raise DamagedLedger(what=f"header {height}", expected="a header", actual="nothing")
    try:
        header = decode_header(stored)
    except InvalidInput as error:
        raise DamagedLedger(
            what=f"header {height}", expected="a header", actual=str(error)
        ) from error
    _require_same(f"height in header {height}", height, header.height)
    return header


def end_of(store: Store, kind: tuple[bytes, bytes], *, last: bool) -> int | None:
    """Return the highest or lowest number of a kind of key; None when there is none."""
    start, stop = kind
    for key, _ in store.iterate(start=start, stop=stop, reverse=last):
        return number_of(key)
    return None


def read_last_headers(store: Store, h: Hash, *, base: Base) -> tuple[Header, ...]:
    """Return the last headers, ascending, their hash chain checked, down to the base at most.

    Raises:
        DamagedLedger: a header is missing or does not name its parent.

    """
    height = end_of(store, HEADERS, last=True) or 0
    headers = [child := read_header(store, height)]
    lowest = max(height - CHECKED_HEIGHTS, base.height)
    for parent_height in range(height - 1, lowest - 1, -1):
        parent = read_header(store, parent_height)
        _require_same(
            f"parent digest in header {child.height}",
            child.head.parent_digest.hex(),
            parent.digest(h).hex(),
        )
        headers.append(child := parent)
    return tuple(reversed(headers))


def read_floor(store: Store, *, base: Base) -> int:
    """Return the lowest height from which on every batch is here."""
    stored = store.get(FLOOR)
    first = base.height + 1 if base.height else 0
    return first if stored is None else max(first, int.from_bytes(stored))


def read_certified_height(store: Store) -> int:
    """Return the highest height with a stored certificate; 0 needs none."""
    return end_of(store, CERTIFICATES, last=True) or 0


def rebuild_frontier(log: Log, *, tip: Header) -> Frontier:
    """Return the right edge of the log.

    Raises:
        DamagedLedger: its root is not the one of the tip.

    """
    frontier = log.frontier(tip.head.log_size)
    _require_same("log root", tip.rest.log_root.hex(), frontier.root().hex())
    return frontier


def rebuild_waiting(log: Log, h: Hash, *, tip: Header) -> Waiting:
    """Return what the index does not cover yet, read back out of the log.

    Raises:
        DamagedLedger: an entry is missing, unreadable, or not the one under the log's root.

    """
    start, size = tip.head.index_size, tip.head.log_size
    if start > size:
        raise DamagedLedger(what="index size", expected=f"≤ {size}", actual=f"{start}")
    waiting, frontier = Waiting(start=start), log.frontier(start)
    for time_ms, entries in groupby(_decoded(log, start, size), key=lambda one: one[1].time_ms):
        leaf_hashes, keys = [], []
        for encoded, entry in entries:
            leaf_hashes.append(hash_leaf(h, encoded))
            keys.append(entry.index_keys)
        frontier.extend(leaf_hashes)
        waiting = waiting.extended(h, leaf_hashes, keys, time_ms=time_ms)
    _require_same("log root over what waits", tip.rest.log_root.hex(), frontier.root().hex())
    return waiting


def check_advances(store: Store, headers: Sequence[Header]) -> None:
    """Check that the marks of the index's advances are those that these headers tell of.

    Raises:
        DamagedLedger: one is missing, is too many, or names another height.

    """
    expected = [
        (child.head.index_size, child.height)
        for parent, child in pairwise(headers)
        if child.head.index_size > parent.head.index_size
    ]
    low = headers[0].head.index_size
    start, stop = keyspace.advance_key(low + 1), keyspace.ADVANCES[1]
    found = [
        (number_of(key), int.from_bytes(height))
        for key, height in store.iterate(start=start, stop=stop)
    ]
    _require_same("advances of the index", expected, found)
    if low and store.get(keyspace.advance_key(low)) is None:
        raise DamagedLedger(what=f"advance to {low}", expected="a height", actual="nothing")


def check_last_block(store: Store, h: Hash, *, tip: Header, log: Log, base: Base) -> None:
    """Check that entries and receipts of the tip are those of its header.

    A block that came as a snapshot has neither here; its roots are those of log and state.

    Raises:
        DamagedLedger: they are not.

    """
    if base.height == tip.height > 0:
        return
    start = read_header(store, tip.height - 1).head.log_size if tip.height else 0
    records = merkle_root(h, list(log.entries(start, tip.head.log_size)))
    _require_same("records root", tip.rest.records_root.hex(), records.hex())
    receipts = merkle_root(h, read_receipts(store, tip.height))
    _require_same("receipts root", tip.rest.receipts_root.hex(), receipts.hex())


def read_receipts(store: Store, height: int) -> tuple[bytes, ...]:
    """Return the encoded receipts of a block.

    Raises:
        DamagedLedger: missing or unreadable.

    """
    stored = store.get(receipts_key(height))
    if stored is None:
        raise DamagedLedger(what=f"receipts {height}", expected="receipts", actual="nothing")
    try:
        return decode_receipts(stored)
    except InvalidInput as error:
        raise DamagedLedger(
            what=f"receipts {height}", expected="receipts", actual=str(error)
        ) from error


def read_own_bodies(store: Store, height: int) -> tuple[OwnBody, ...] | None:
    """Return the bodies of the records that the ledger itself made; None: it keeps none.

    Raises:
        DamagedLedger: unreadable.

    """
    stored = store.get(own_bodies_key(height))
    try:
        return None if stored is None else decode_own_bodies(stored)
    except InvalidInput as error:
        raise DamagedLedger(
            what=f"own bodies {height}", expected="bodies", actual=str(error)
        ) from error


def read_own_body(store: Store, height: int, index: int) -> OwnBody | None:
    """Return one of these bodies; None: the block keeps none.

    Raises:
        DamagedLedger: unreadable, or there are fewer.

    """
    stored = store.get(own_bodies_key(height))
    try:
        return None if stored is None else decode_own_body(stored, index)
    except InvalidInput as error:
        raise DamagedLedger(
            what=f"own bodies {height}", expected=f"more than {index}", actual=str(error)
        ) from error


def _decoded(log: Log, start: int, stop: int) -> Iterator[tuple[bytes, Entry]]:
    for position, encoded in enumerate(log.entries(start, stop), start):
        try:
            yield encoded, decode_entry(encoded)
        except InvalidInput as error:
            raise DamagedLedger(
                what=f"entry {position}", expected="an entry", actual=str(error)
            ) from error


def _require_same(what: str, expected: object, actual: object) -> None:
    if actual != expected:
        raise DamagedLedger(what=what, expected=f"{expected}", actual=f"{actual}")
