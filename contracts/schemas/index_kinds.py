"""Kinds of index keys, rules version 1 (wire format §9, §18); a kind keeps its number for ever."""

from collections.abc import Callable
from enum import IntEnum

RULES_VERSION = 1
# Index keys of one entry; those of rules 1 and 2 have at most ten.
KEYS_MAX = 12
# A dispute's id, drawn by whoever files it.
DISPUTE_ID_BYTES = 16
# A longer value is replaced by its digest, so that a key stays within 64 bytes.
VALUE_BYTES_MAX = 63

Digester = Callable[[bytes], bytes]


class IndexKind(IntEnum):
    """What the value of an index key is."""

    SUBJECT = 1
    REQUESTER = 2
    PROVIDER = 3
    ITEM = 4
    GRANT = 5
    CERTIFICATE = 6
    FINDING = 7
    UNMATCHED = 8
    TRACE = 9
    DISPUTE = 10
    RESPONSIBLE = 11


def index_key(digest: Digester, kind: IndexKind, value: bytes | str) -> bytes:
    """Return `kind (1 byte) ‖ value`; a text is its UTF-8."""
    data = value.encode() if isinstance(value, str) else value
    return _PREFIXES[kind] + (data if len(data) <= VALUE_BYTES_MAX else digest(data))


_PREFIXES = tuple(bytes((kind,)) for kind in range(max(IndexKind) + 1))
