"""Canonical MessagePack as wire-format §1 words it, over the plain library."""

import base64
from typing import Any

import msgpack

INTEGER_MAX = 2**53 - 1


class NotCanonical(Exception):
    """Bytes that are not the one encoding of a value."""


def enc(value: Any) -> bytes:  # noqa: ANN401  a value of the format is any of four types
    """Return the encoding of a plain value."""
    packed = msgpack.packb(value, use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed


def dec(data: bytes) -> Any:  # noqa: ANN401  a value of the format is any of four types
    """Return the value, arrays as lists.

    Raises:
        NotCanonical: another type, trailing bytes, or a longer form than the shortest.

    """
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise NotCanonical from error
    if not _is_plain(value) or enc(value) != data:
        raise NotCanonical
    return value


def tagged(data: bytes, tag: str, size: int, *, version: int = 1) -> list[Any]:
    """Return an array of the format `tag`.

    Raises:
        NotCanonical: it is none.

    """
    value = dec(data)
    if not isinstance(value, list) or len(value) != size or value[:2] != [tag, version]:
        raise NotCanonical
    return value


def from_base64url(text: str) -> bytes:
    """Return the bytes of base64url without padding.

    Raises:
        NotCanonical: it is none.

    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise NotCanonical
    return data


def _is_plain(value: object) -> bool:
    match value:
        case bool():
            return False
        case int():
            return 0 <= value <= INTEGER_MAX
        case bytes() | str():
            return True
        case list():
            return all(map(_is_plain, value))
        case _:
            return False
