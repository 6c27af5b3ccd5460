"""The leaf of one named value under a salted root: certificates' metadata, messages of calls.

Wire format §9 and §15. Leaves ascend by name; a salt shows nothing of its value.
"""

import msgspec

FIELD_TAG = "kun.field"
FORMAT_VERSION = 1

_ENCODER = msgspec.msgpack.Encoder()


def encode_field(*, salt: bytes, name: str, value: str) -> bytes:
    """Return the canonical leaf of one field.

    Raises:
        UnicodeEncodeError: a name or value with half of a surrogate pair is no text.

    """
    return _ENCODER.encode((FIELD_TAG, FORMAT_VERSION, salt, name, value))
