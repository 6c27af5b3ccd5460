"""What is checked when a ledger is opened, and how its memory is rebuilt.

LevelDB's checksums find damaged bytes; this finds what they cannot: another chain, a block that
is missing, state or log that belong to another tip. Everything here is read once, at start.
"""

from chainnode.errors import InvalidInput
from chainnode.ledger.base import Base
from chainnode.ledger.codec import decode_header, decode_receipts
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.keyspace import (
    CERTIFICATES,
    FLOOR,
    HEADERS,
    header_key,
    number_of,
    receipts_key,
)
from chainnode.ledger.log import Log
from chainnode.ledger.merkle import Frontier, Hash, merkle_root
from chainnode.ledger.store import Store
from chainnode.ledger.types import Header

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


def read_tip(store: Store, h: Hash, *, base: Base) -> Header:
    """Return the last header, the hash chain below it checked, down to the base at most.

    Raises:
        DamagedLedger: a header is missing or does not name its parent.

    """
    height = end_of(store, HEADERS, last=True) or 0
    tip = child = read_header(store, height)
    lowest = max(height - CHECKED_HEIGHTS, base.height)
    for parent_height in range(height - 1, lowest - 1, -1):
        parent = read_header(store, parent_height)
        _require_same(
            f"parent digest in header {child.height}",
            child.head.parent_digest.hex(),
            parent.digest(h).hex(),
        )
        child = parent
    return tip


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


def _require_same(what: str, expected: object, actual: object) -> None:
    if actual != expected:
        raise DamagedLedger(what=what, expected=f"{expected}", actual=f"{actual}")
