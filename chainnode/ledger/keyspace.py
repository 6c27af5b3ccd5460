"""Keys of the ledger's store: one letter for the kind, then fixed-width numbers, big-endian.

Not part of the wire format: it may change with the format version of the data directory.
Heights and positions sort as they count, so that ranges are ranges. The two authenticated maps,
state and index, are kept alike (`MapKeys`), each in one of two *slots*: a snapshot is put
together in the other one, and one write changes which is live (ADR-0013). Both kinds of keys of
a map begin with the first bits of the key's digest, so that a run of buckets is a run of values.
"""

from dataclasses import dataclass

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
_OWN_BODIES = b"w"
# By position in the log; by level and index.
_ENTRY = b"e"
_LOG_NODE = b"n"
# By submission digest.
_PLACE = b"p"
# By size that the index had after an advance.
_ADVANCE = b"a"


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


def own_bodies_key(height: int) -> bytes:
    """Key of the bodies of the records that the ledger itself made: `encode_own_bodies`."""
    return _OWN_BODIES + height.to_bytes(_NUMBER_BYTES)


def entry_key(position: int) -> bytes:
    """Key of a log entry."""
    return _ENTRY + position.to_bytes(_NUMBER_BYTES)


def log_node_key(level: int, index: int) -> bytes:
    """Key of a complete node of the log."""
    return _LOG_NODE + level.to_bytes(_LEVEL_BYTES) + index.to_bytes(_NUMBER_BYTES)


def place_key(submission_digest: bytes) -> bytes:
    """Key of where a submission's receipt is: `encode_place`."""
    return _PLACE + submission_digest


def advance_key(index_size: int) -> bytes:
    """Key of the height at which the index came to cover this many entries: `encode_number`."""
    return _ADVANCE + index_size.to_bytes(_NUMBER_BYTES)


# All keys of a kind, as a range.
HEADERS = (_HEADER, bytes([_HEADER[0] + 1]))
BATCHES = (_BATCH, bytes([_BATCH[0] + 1]))
CERTIFICATES = (_CERTIFICATE, bytes([_CERTIFICATE[0] + 1]))
OWN_CHECKPOINTS = (_OWN_CHECKPOINT, bytes([_OWN_CHECKPOINT[0] + 1]))
ADVANCES = (_ADVANCE, bytes([_ADVANCE[0] + 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class MapKeys:
    """Where one of the authenticated maps lies: a letter each for values, buckets and marks.

    Values by slot and digest of their key, rows by slot and bucket, and the digests of subtrees
    that stand whole and verified in the slot that is not live.
    """

    name: str
    values: bytes
    buckets: bytes
    marks: bytes

    def value(self, slot: int, key_digest: bytes) -> bytes:
        """Key of a value."""
        return self.values + bytes([slot]) + key_digest

    def bucket(self, slot: int, bucket: int) -> bytes:
        """Key of the rows of a bucket."""
        return self.buckets + bytes([slot]) + bucket.to_bytes(_BUCKET_BYTES)

    def mark(self, subtree: int) -> bytes:
        """Key of the digest of a staged subtree."""
        return self.marks + subtree.to_bytes(_SUBTREE_BYTES)

    def values_of(self, slot: int) -> tuple[bytes, bytes]:
        """Return the range of all values of a slot."""
        return self.values + bytes([slot]), self.values + bytes([slot + 1])

    def buckets_of(self, slot: int) -> tuple[bytes, bytes]:
        """Return the range of all buckets of a slot."""
        return self.buckets + bytes([slot]), self.buckets + bytes([slot + 1])

    @property
    def all_marks(self) -> tuple[bytes, bytes]:
        """The range of all marks."""
        return self.marks, bytes([self.marks[0] + 1])

    def values_between(self, slot: int, first: int, stop: int, *, bits: int) -> tuple[bytes, bytes]:
        """Return the range of the values whose keys fall into the buckets `first … stop − 1`."""
        start, end = self.values_of(slot)
        shift = 8 * _BUCKET_BYTES - bits
        if stop < 1 << bits:
            end = start + (stop << shift).to_bytes(_BUCKET_BYTES)
        return start + (first << shift).to_bytes(_BUCKET_BYTES), end


STATE = MapKeys(name="state", values=b"v", buckets=b"k", marks=b"y")
INDEX = MapKeys(name="index", values=b"t", buckets=b"i", marks=b"z")
MAPS = (STATE, INDEX)


def key_digest_of(value_key: bytes) -> bytes:
    """Return the digest of the map's key in the key of a value."""
    return value_key[2:]


def bucket_of(bucket_key: bytes) -> int:
    """Return the bucket number in the key of its rows."""
    return int.from_bytes(bucket_key[2:])


def encode_number(number: int) -> bytes:
    """Return the value under `FLOOR` and `advance_key`."""
    return number.to_bytes(_NUMBER_BYTES)


def number_of(key: bytes) -> int:
    """Return the height, position or size that ends a key."""
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
