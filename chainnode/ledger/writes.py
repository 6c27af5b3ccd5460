"""What one block writes, as changes of the store; and what must hold before it may.

Only what cannot be derived is stored: bodies of calls are in the batch and found by place, those
of the ledger's own records stand beside it, the lowest levels of the log tree are hashed again,
and the inner levels of the maps live in memory.
"""

from collections.abc import Callable, Iterator

from chainnode.ledger import keyspace
from chainnode.ledger.codec import encode_header, encode_own_bodies, encode_receipts
from chainnode.ledger.errors import WrongBlock
from chainnode.ledger.log import log_changes
from chainnode.ledger.reader import View
from chainnode.ledger.store import Change
from chainnode.ledger.stored_map import map_changes
from chainnode.ledger.types import ExecutedBlock, Header, Place


def block_changes(block: ExecutedBlock, *, slot: int) -> Iterator[Change]:
    """Yield header, batch, receipts, log and, in their slot, state and index of a block."""
    head = block.header.head
    yield keyspace.header_key(head.height), encode_header(block.header)
    yield keyspace.batch_key(head.height), block.batch
    yield keyspace.receipts_key(head.height), encode_receipts(block.receipts)
    if block.own_bodies:
        yield keyspace.own_bodies_key(head.height), encode_own_bodies(block.own_bodies)
    yield from log_changes(head.log_size - len(block.entries), block.entries, block.log_nodes)
    yield from map_changes(block.state, keys=keyspace.STATE, slot=slot)
    yield from map_changes(block.index, keys=keyspace.INDEX, slot=slot)


def advance_changes(block: ExecutedBlock, view: View) -> Iterator[Change]:
    """Yield the mark of an advance of the index: where the chunks that it added end."""
    head = block.header.head
    if head.index_size > view.header.head.index_size:
        yield keyspace.advance_key(head.index_size), keyspace.encode_number(head.height)


def place_changes(
    block: ExecutedBlock, place_of: Callable[[bytes], Place | None]
) -> Iterator[Change]:
    """Yield where submissions are found from now on.

    The first place stays, except that an execution replaces a refusal (an early nonce, a key
    not registered yet): a submission executes at most once, and that is its answer.
    """
    new: dict[bytes, Place] = {}
    for index, (digest, is_executed) in enumerate(block.outcomes):
        known = new.get(digest) or place_of(digest)
        if known is None or (is_executed and not known.is_executed):
            new[digest] = Place(height=block.header.height, index=index, is_executed=is_executed)
    for digest, place in new.items():
        yield keyspace.place_key(digest), keyspace.encode_place(place)


def require_next(block: ExecutedBlock, view: View) -> None:
    """Check that a block continues the tip, and that its parts are those of its header.

    Roots over records and receipts were computed by execution and are not hashed a second time.

    Raises:
        WrongBlock: it does not.

    """
    old, head, rest = view.header.head, block.header.head, block.header.rest
    _require("chain id", old.chain_id.hex(), head.chain_id.hex())
    _require("height", old.height + 1, head.height)
    _require("parent digest", view.digest.hex(), head.parent_digest.hex())
    _require("log size", old.log_size + len(block.entries), head.log_size)
    _require("size of the frontier", head.log_size, block.frontier.size)
    _require("log root", rest.log_root.hex(), block.frontier.root().hex())
    for keys, update in ((keyspace.STATE, block.state), (keyspace.INDEX, block.index)):
        base, root = view.header.rest.map_root(keys.name), rest.map_root(keys.name)
        _require(f"{keys.name} base", base.hex(), update.delta.base_root.hex())
        _require(f"{keys.name} root", root.hex(), update.root.hex())
    _require("index rules", old.index_rules, head.index_rules)
    _require("index size", block.waiting.start, head.index_size)
    _require("end of what waits", head.log_size, block.waiting.stop)
    if head.index_size not in {old.index_size, head.log_size}:
        raise WrongBlock(
            what="index size",
            expected=f"{old.index_size} or {head.log_size}",
            actual=f"{head.index_size}",
        )
    _require("number of receipts", len(block.outcomes), len(block.receipts))
    if head.time_ms < old.time_ms:
        raise WrongBlock(what="time", expected=f"≥ {old.time_ms}", actual=f"{head.time_ms}")


def require_above(header: Header, view: View) -> None:
    """Check that a header of a snapshot lies above the tip, on the same chain, nothing waiting.

    Raises:
        WrongBlock: it does not.

    """
    old, head = view.header.head, header.head
    _require("chain id", old.chain_id.hex(), head.chain_id.hex())
    for what, low, actual in (
        ("height", old.height + 1, head.height),
        ("log size", old.log_size, head.log_size),
        ("time", old.time_ms, head.time_ms),
    ):
        if actual < low:
            raise WrongBlock(what=what, expected=f"≥ {low}", actual=f"{actual}")
    _require("index size", head.log_size, head.index_size)


def _require(what: str, expected: object, actual: object) -> None:
    if actual != expected:
        raise WrongBlock(what=what, expected=f"{expected}", actual=f"{actual}")
