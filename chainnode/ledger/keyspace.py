"""Keys of the ledger's store: one letter for the kind, then fixed-width numbers, big-endian.

Not part of the wire format: it may change with the format version of the data directory.
Heights and positions sort as they count, so that ranges are ranges.
"""

from chainnode.ledger.types import Place

_NUMBER_BYTES = 8
_LEVEL_BYTES = 1
_BUCKET_BYTES = 4
_PLACE_INDEX_BYTES = 4

# One value each.
GENESIS = b"g"
VOTE_MARK = b"m"
# By height.
_HEADER = b"h"
_BATCH = b"b"
_RECEIPTS = b"r"
_CERTIFICATE = b"c"
_OWN_CHECKPOINT = b"o"
# By position in the log; by level and index.
_ENTRY = b"e"
_LOG_NODE = b"n"
# By submission digest; by state key; by bucket number.
_PLACE = b"p"
_VALUE = b"v"
_BUCKET = b"k"


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


def value_key(state_key: bytes) -> bytes:
    """Key of the value of a state entry."""
    return _VALUE + state_key


def bucket_key(bucket: int) -> bytes:
    """Key of the rows of a bucket of the state map."""
    return _BUCKET + bucket.to_bytes(_BUCKET_BYTES)


# All keys of a kind, as a range.
HEADERS = (_HEADER, bytes([_HEADER[0] + 1]))
BATCHES = (_BATCH, bytes([_BATCH[0] + 1]))
CERTIFICATES = (_CERTIFICATE, bytes([_CERTIFICATE[0] + 1]))
BUCKETS = (_BUCKET, bytes([_BUCKET[0] + 1]))


def number_of(key: bytes) -> int:
    """Return the height, position or bucket that ends a key."""
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
