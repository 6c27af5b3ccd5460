"""The one encoding of everything that is hashed or signed: canonical MessagePack.

Pure leaf, docs/wire-format.md §1, ADR-0001. Four types: integers 0 … 2^53 − 1, byte strings,
UTF-8 strings, arrays. One linear walk over the encoded headers (`_measure`) knows which types
and bounds are legal; `decode` runs it before anything is built and `encode` over what the C
packer made, so both directions share one definition.
"""

import threading
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import msgpack

from chainnode.errors import InvalidInput, InvariantBroken

Plain: TypeAlias = "int | bytes | str | tuple[Plain, ...]"

# Every integer is exact in JSON and in IEEE doubles.
INTEGER_MAX: Final = 2**53 - 1
# No format in docs/wire-format.md nests deeper than 8; encoder and decoder agree on this cap.
DEPTH_CAP: Final = 16

_BIN8: Final = 0xC4
_BIN16: Final = 0xC5
_UINT64: Final = 0xCF
_FIXARRAY: Final = range(0x90, 0xA0)
_ARRAY_LENGTH_BYTES: Final = {0xDC: 2, 0xDD: 4}
# Bytes of the length (of the number itself for the 64-bit integer) after the first byte.
_RARE_LENGTH_BYTES: Final = {_UINT64: 8, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}


class InvalidEncoding(InvalidInput):
    """Bytes that are not canonical, over a limit, or a decoded value of another shape."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class EncodingError(InvariantBroken):
    """Our own fault: a value that the encoding cannot express was about to be hashed or sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds checked before anything is decoded; depth counts nested arrays."""

    bytes_max: int
    depth_max: int = 8
    elements_max: int = 65_536

    def __post_init__(self) -> None:
        if not 0 <= self.depth_max <= DEPTH_CAP:
            raise EncodingError(f"depth_max: expected 0 … {DEPTH_CAP}, got {self.depth_max}")


def encode(value: Plain) -> bytes:
    """Return the one encoding of `value`; a list counts as an array.

    Raises:
        EncodingError: a float, map, None, boolean, negative or too large integer, extension,
            lone surrogate, or more than `DEPTH_CAP` arrays inside each other.

    """
    try:
        data = _pack(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise EncodingError(f"cannot be encoded: {error}") from error
    try:
        _measure(data, depth_max=DEPTH_CAP, elements_max=len(data))
    except InvalidEncoding as error:
        raise EncodingError(f"cannot be encoded: {error}") from error
    return data


def decode(data: bytes, limits: Limits) -> Plain:
    """Return the value whose one encoding is `data`; arrays become tuples.

    Raises:
        InvalidEncoding: over a limit, another type, truncated, trailing bytes, bad UTF-8, or
            a longer form than the shortest.

    """
    if len(data) > limits.bytes_max:
        raise InvalidEncoding(
            what="encoded value", expected=f"≤ {limits.bytes_max} bytes", actual=f"{len(data)}"
        )
    _measure(data, depth_max=limits.depth_max, elements_max=limits.elements_max)
    try:
        value = cast("Plain", msgpack.unpackb(data, use_list=False))
    except ValueError as error:
        raise InvalidEncoding(
            what="encoded string", expected="UTF-8", actual="other bytes"
        ) from error
    if _pack(value) != data:
        raise InvalidEncoding(
            what="encoded value", expected="shortest forms", actual="a longer form"
        )
    return value


def decode_part(data: bytes, *path: int, what: str) -> Plain:
    """Return what stands at `path`, an index for each array on the way, and skip all the rest.

    Only for bytes that were found to be canonical before they were stored: what is skipped is
    not looked at, and costs next to nothing.

    Raises:
        InvalidEncoding: there is no such element.

    """
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=max(1, len(data)))
    unpacker.feed(data)
    try:
        for index in path:
            count = unpacker.read_array_header()
            if not 0 <= index < count:
                raise InvalidEncoding(
                    what=what, expected=f"an index below {count}", actual=f"{index}"
                )
            for _ in range(index):
                unpacker.skip()
        return cast("Plain", unpacker.unpack())
    except (msgpack.UnpackException, ValueError) as error:
        raise InvalidEncoding(what=what, expected="arrays as stored", actual="others") from error


class _Packers(threading.local):
    """One packer per thread: it reuses its buffer and must not be shared."""

    def __init__(self) -> None:
        self.packer = msgpack.Packer(use_bin_type=True)


_PACKERS: Final = _Packers()


def _pack(value: Plain) -> bytes:
    return cast("bytes", _PACKERS.packer.pack(value))


def _fixed_sizes() -> tuple[int, ...]:
    """Size of an element that its first byte tells alone; 0 where it does not."""
    sizes = [0] * 256
    sizes[0x00:0x80] = [1] * 0x80
    sizes[0xA0:0xC0] = range(1, 0x21)
    sizes[0xCC], sizes[0xCD], sizes[0xCE] = 2, 3, 5
    return tuple(sizes)


_FIXED_SIZES: Final = _fixed_sizes()


def _measure(data: bytes, *, depth_max: int, elements_max: int) -> None:
    """Check the headers of exactly one value without building anything.

    Afterwards only the four types are in `data`, every array has the elements that it claims,
    and the bounds hold, so that decoding costs memory in proportion to `elements_max`.
    """
    try:
        end = _walk(data, depth_max=depth_max, elements_max=elements_max)
    except IndexError as error:
        raise _not_one_value(data, "truncated") from error
    if end != len(data):
        raise _not_one_value(data, "truncated" if end > len(data) else "bytes after it")


def _walk(data: bytes, *, depth_max: int, elements_max: int) -> int:
    """Return where the value ends; the cost of every hashed message, hence no calls inside."""
    at, waiting, elements = 0, 1, 1
    outer: list[int] = []
    while True:
        while waiting:
            waiting -= 1
            header = data[at]
            size = _FIXED_SIZES[header]
            if size:
                at += size
            elif header == _BIN8:
                at += 2 + data[at + 1]
            elif header == _BIN16:
                at += 3 + (data[at + 1] << 8) + data[at + 2]
            elif header in _RARE_LENGTH_BYTES:
                at += _rare_size(data, at)
            else:
                outer.append(waiting)
                at, waiting = _open_array(data, at)
                elements += waiting
                if len(outer) > depth_max or elements > elements_max:
                    raise InvalidEncoding(
                        what="arrays",
                        expected=f"depth ≤ {depth_max}, elements ≤ {elements_max}",
                        actual=f"depth {len(outer)}, elements {elements}",
                    )
        if not outer:
            return at
        waiting = outer.pop()


def _rare_size(data: bytes, at: int) -> int:
    """Size of a 64-bit integer, a long string or a very long byte string."""
    start = at + 1
    end = start + _RARE_LENGTH_BYTES[data[at]]
    number = int.from_bytes(data[start:end])
    if data[at] != _UINT64:
        return end - at + number
    if number > INTEGER_MAX:
        raise InvalidEncoding(what="integer", expected="≤ 2^53 − 1", actual=f"{number}")
    return end - at


def _open_array(data: bytes, at: int) -> tuple[int, int]:
    """Return where the first element of the array at `at` stands, and how many it claims."""
    header = data[at]
    if header in _FIXARRAY:
        return at + 1, header - _FIXARRAY.start
    width = _ARRAY_LENGTH_BYTES.get(header)
    if width is None:
        raise InvalidEncoding(
            what="type",
            expected="integer ≥ 0, byte string, string or array",
            actual=f"header 0x{header:02x}",
        )
    start = at + 1
    return start + width, int.from_bytes(data[start : start + width])


def _not_one_value(data: bytes, actual: str) -> InvalidEncoding:
    return InvalidEncoding(
        what=f"encoded value of {len(data)} bytes", expected="exactly one value", actual=actual
    )


def as_array(
    value: Plain, size: int | None, what: str, *, maximum: int | None = None
) -> tuple[Plain, ...]:
    """Return `value` as an array of exactly `size`, or of at most `maximum`, elements.

    Raises:
        InvalidEncoding: another type or size.

    """
    if not isinstance(value, tuple):
        raise _wrong_type(what, "an array", value)
    _check_size(what, "elements", len(value), size, maximum)
    return value


def as_int(value: Plain, what: str, maximum: int = INTEGER_MAX) -> int:
    """Return `value` as an integer 0 … `maximum`.

    Raises:
        InvalidEncoding: another type or a larger integer.

    """
    if not isinstance(value, int):
        raise _wrong_type(what, "an integer", value)
    if value > maximum:
        raise InvalidEncoding(what=what, expected=f"≤ {maximum}", actual=f"{value}")
    return value


def as_bytes(value: Plain, what: str, size: int | None = None, maximum: int | None = None) -> bytes:
    """Return `value` as a byte string of exactly `size`, or of at most `maximum`, bytes.

    Raises:
        InvalidEncoding: another type or size.

    """
    if not isinstance(value, bytes):
        raise _wrong_type(what, "a byte string", value)
    _check_size(what, "bytes", len(value), size, maximum)
    return value


def as_text(value: Plain, what: str, maximum: int) -> str:
    """Return `value` as a string of at most `maximum` characters.

    Raises:
        InvalidEncoding: another type or a longer string.

    """
    if not isinstance(value, str):
        raise _wrong_type(what, "a string", value)
    _check_size(what, "characters", len(value), None, maximum)
    return value


def _check_size(what: str, unit: str, actual: int, size: int | None, maximum: int | None) -> None:
    if size is not None and actual != size:
        raise InvalidEncoding(what=what, expected=f"{size} {unit}", actual=f"{actual}")
    if maximum is not None and actual > maximum:
        raise InvalidEncoding(what=what, expected=f"≤ {maximum} {unit}", actual=f"{actual}")


def _wrong_type(what: str, expected: str, value: Plain) -> InvalidEncoding:
    names = {int: "an integer", bytes: "a byte string", str: "a string", tuple: "an array"}
    return InvalidEncoding(what=what, expected=expected, actual=names[type(value)])
