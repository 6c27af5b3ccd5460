"""An advance of the index: what the waiting entries make of the trails of their keys.

docs/wire-format.md §10. One chunk for each key that they carry; a function of what waits and of
the trails so far alone, so that every replica computes the same before it signs.
"""

from collections.abc import Callable

from chainnode.codec import InvalidEncoding
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.merkle import Hash
from chainnode.ledger.packed import PackedValues
from chainnode.ledger.trails import EMPTY_TRAIL, Trail, decode_trail, encode_trail, grown
from chainnode.ledger.waiting import Waiting

# Returns the encoded trail under the digest of an index key; None: no entry carried it yet.
TrailReader = Callable[[bytes], bytes | None]


def advanced(h: Hash, waiting: Waiting, read: TrailReader) -> PackedValues:
    """Return the new trail, by digest of its key, of every key that the waiting entries carry.

    Raises:
        DamagedLedger: a stored trail is none.

    """
    changes = PackedValues()
    by_key = waiting.by_key()
    # Taken out one by one: to free all at once would keep other threads waiting.
    while by_key:
        key, leaves = by_key.popitem()
        key_digest = h(key)
        stored = read(key_digest)
        trail = EMPTY_TRAIL if stored is None else _stored_trail(stored)
        row_hashes = leaves if isinstance(leaves, list) else (leaves,)
        changes.append(key_digest, encode_trail(grown(h, trail, row_hashes)))
    return changes


def _stored_trail(stored: bytes) -> Trail:
    try:
        return decode_trail(stored)
    except InvalidEncoding as error:
        raise DamagedLedger(what="trail", expected="a trail", actual=str(error)) from error
