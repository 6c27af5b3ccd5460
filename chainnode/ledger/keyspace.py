"""Keys of the ledger's store: one letter for the kind, then fixed-width numbers, big-endian.

Not part of the wire format: it may change with the format version of the data directory.
Heights and positions sort as they count, so that ranges are ranges. The state stands in one of
two *slots*: a snapshot is put together in the other one, and one write changes which is live
(ADR-0013). Both kinds of state keys begin with the first bits of the key's digest, so that a
run of buckets is a run of values too.
"""

from chainnode.ledger.types import Place

_NUMBER_BYTES = 8
_LEVEL_BYTES = 1
_BUCKET_BYTES = 4
_SUBTREE_BYTES = 4
_PLACE_INDEX_BYTES = 4
SLOTS = (0, 1)

# One value each.
GENESIS = b"g"
VOTE_MARK = b"m"
BASE = b"s"
FLOOR = b"f"
# By height.
_HEADER = b"h"
_BATCH = b"b"
_RECEIPTS = b"r"
_CERTIFICATE = b"c"
_OWN_CHECKPOINT = b"o"
# By position in the log; by level and index.
_ENTRY = b"e"
_LOG_NODE = b"n"
# By submission digest.
_PLACE = b"p"
# By slot, then digest of the state key; by slot, then bucket number.
_VALUE = b"v"
_BUCKET = b"k"
# By number of a subtree of the state map.
_STAGED = b"y"


def header_key(height: int) -> bytes:
    """Key of the header: `encode_header`."""
    return _HEADER + height.to_bytes(_NUMBER_BYTES)


def batch_key(height: int) -> bytes:
    """Key of the batch as it was ordered."""
    return _BATCH + height.to_bytes(_NUMBER_BYTES)


def receipts_key(height: int) -> bytes:
    """Key of the receipts of a block: `encode_receipts`."""
    return _RECEIPTS + height.to_bytes(_NUMBER_BYTES)


def certificate_key(height: int) -> bytes:
    """Key of a certificate: `encode_certificate`."""
    return _CERTIFICATE + height.to_bytes(_NUMBER_BYTES)


def own_checkpoint_key(height: int) -> bytes:
    """Key of what this replica signed for a height; opaque here."""
    return _OWN_CHECKPOINT + height.to_bytes(_NUMBER_BYTES)


def entry_key(position: int) -> bytes:
    """Key of a log entry."""
    return _ENTRY + position.to_bytes(_NUMBER_BYTES)


def log_node_key(level: int, index: int) -> bytes:
    """Key of a complete node of the log."""
    return _LOG_NODE + level.to_bytes(_LEVEL_BYTES) + index.to_bytes(_NUMBER_BYTES)


def place_key(submission_digest: bytes) -> bytes:
    """Key of where a submission's receipt is: `encode_place`."""
    return _PLACE + submission_digest


def value_key(slot: int, key_digest: bytes) -> bytes:
    """Key of the value of a state entry."""
    return _VALUE + bytes([slot]) + key_digest


def bucket_key(slot: int, bucket: int) -> bytes:
    """Key of the rows of a bucket of the state map."""
    return _BUCKET + bytes([slot]) + bucket.to_bytes(_BUCKET_BYTES)


def staged_key(subtree: int) -> bytes:
    """Key of the digest of a subtree that stands, whole and verified, in the slot not live."""
    return _STAGED + subtree.to_bytes(_SUBTREE_BYTES)


# All keys of a kind, as a range.
HEADERS = (_HEADER, bytes([_HEADER[0] + 1]))
BATCHES = (_BATCH, bytes([_BATCH[0] + 1]))
CERTIFICATES = (_CERTIFICATE, bytes([_CERTIFICATE[0] + 1]))
OWN_CHECKPOINTS = (_OWN_CHECKPOINT, bytes([_OWN_CHECKPOINT[0] + 1]))
STAGED = (_STAGED, bytes([_STAGED[0] + 1]))


def buckets_of(slot: int) -> tuple[bytes, bytes]:
    """Return the range of all buckets of a slot."""
    return _BUCKET + bytes([slot]), _BUCKET + bytes([slot + 1])


def values_of(slot: int) -> tuple[bytes, bytes]:
    """Return the range of all values of a slot."""
    return _VALUE + bytes([slot]), _VALUE + bytes([slot + 1])


def values_between(slot: int, first: int, stop: int, *, bits: int) -> tuple[bytes, bytes]:
    """Return the range of the values whose keys fall into the buckets `first … stop − 1`."""
    start, end = values_of(slot)
    shift = 8 * _BUCKET_BYTES - bits
    if stop < 1 << bits:
        end = start + (stop << shift).to_bytes(_BUCKET_BYTES)
    return start + (first << shift).to_bytes(_BUCKET_BYTES), end


def key_digest_of(value_key_: bytes) -> bytes:
    """Return the digest of the state key in a `value_key`."""
    return value_key_[2:]


def bucket_of(bucket_key_: bytes) -> int:
    """Return the bucket number in a `bucket_key`."""
    return int.from_bytes(bucket_key_[2:])


def encode_number(number: int) -> bytes:
    """Return the value under `FLOOR`."""
    return number.to_bytes(_NUMBER_BYTES)


def number_of(key: bytes) -> int:
    """Return the height, position or subtree that ends a key."""
    return int.from_bytes(key[1:])


def encode_place(place: Place) -> bytes:
    """Return the value under `place_key`."""
    return (
        place.height.to_bytes(_NUMBER_BYTES)
        + place.index.to_bytes(_PLACE_INDEX_BYTES)
        + bytes([place.is_executed])
    )


def decode_place(value: bytes) -> Place:
    """Read the value under `place_key`."""
    return Place(
        height=int.from_bytes(value[:_NUMBER_BYTES]),
        index=int.from_bytes(value[_NUMBER_BYTES:-1]),
        is_executed=bool(value[-1]),
    )
