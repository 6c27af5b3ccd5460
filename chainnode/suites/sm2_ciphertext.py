"""The two encodings of an SM2 ciphertext: C1 ‖ C3 ‖ C2 on the wire, DER at the library. Pure.

GB/T 32918.4 §6, with the order of the parts that GM/T 0003 fixes; docs/wire-format.md §16.
"""

from typing import Final

from chainnode.suites import der
from chainnode.suites.port import InvalidSignature

_COORDINATE_BYTES: Final = 32
_HASH_BYTES: Final = 32
_UNCOMPRESSED: Final = 4
_C1_BYTES: Final = 1 + 2 * _COORDINATE_BYTES
_CIPHERTEXT_BYTES_MAX: Final = 64


def raw_of(encoded: bytes) -> bytes:
    """Return C1 ‖ C3 ‖ C2 of what the library made."""
    body, _ = der.read_value(encoded, 0)
    at = len(encoded) - len(body)
    x, at = der.read_integer(encoded, at)
    y, at = der.read_integer(encoded, at)
    digest, at = der.read_value(encoded, at)
    ciphertext, _ = der.read_value(encoded, at)
    point = x.to_bytes(_COORDINATE_BYTES) + y.to_bytes(_COORDINATE_BYTES)
    return bytes((_UNCOMPRESSED,)) + point + digest + ciphertext


def der_of(raw: bytes) -> bytes:
    """Return the DER form of C1 ‖ C3 ‖ C2.

    Raises:
        InvalidSignature: another form of the point, too short or too long.

    """
    size = len(raw) - _C1_BYTES - _HASH_BYTES
    if not 0 < size <= _CIPHERTEXT_BYTES_MAX or raw[0] != _UNCOMPRESSED:
        raise InvalidSignature("expected an uncompressed point, a hash and a short ciphertext")
    x = int.from_bytes(raw[1 : 1 + _COORDINATE_BYTES])
    y = int.from_bytes(raw[1 + _COORDINATE_BYTES : _C1_BYTES])
    digest, ciphertext = raw[_C1_BYTES : _C1_BYTES + _HASH_BYTES], raw[_C1_BYTES + _HASH_BYTES :]
    return der.sequence(
        der.integer(x) + der.integer(y) + der.octets(digest) + der.octets(ciphertext)
    )
