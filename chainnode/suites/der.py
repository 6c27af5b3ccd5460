"""As much of DER (X.690) as SM2 needs: short sequences, positive integers, octet strings. Pure.

Readers take what stands there; their caller encodes again and compares, so that one value has
one encoding.
"""

from typing import Final

_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_SEQUENCE: Final = 0x30
# Longer contents have their length in a second byte.
_SHORT_MAX: Final = 0x7F
_ONE_LENGTH_BYTE: Final = 0x81


def sequence(body: bytes) -> bytes:
    """Return a SEQUENCE of at most 255 bytes."""
    return _head(_SEQUENCE, len(body)) + body


def integer(value: int) -> bytes:
    """Return an INTEGER ≥ 0."""
    # One bit more than the value: DER integers are signed.
    body = value.to_bytes(value.bit_length() // 8 + 1)
    return _head(_INTEGER, len(body)) + body


def octets(value: bytes) -> bytes:
    """Return an OCTET STRING of at most 255 bytes."""
    return _head(_OCTETS, len(value)) + value


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """Return the integer whose tag stands at `at`, and where it ends.

    Raises:
        IndexError: the data ends before.

    """
    body, end = read_value(data, at)
    return int.from_bytes(body), end


def read_value(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the content of the value whose tag stands at `at`, and where it ends.

    Raises:
        IndexError: the data ends before.

    """
    size, start = data[at + 1], at + 2
    if size == _ONE_LENGTH_BYTE:
        size, start = data[start], start + 1
    return data[start : start + size], start + size


def _head(tag: int, size: int) -> bytes:
    if size <= _SHORT_MAX:
        return bytes((tag, size))
    return bytes((tag, _ONE_LENGTH_BYTE, size))
