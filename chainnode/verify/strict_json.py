"""Strict, bounded JSON: evidence files, trust files and the answers of nodes are hostile.

Refused: more than `bytes_max` bytes, invalid UTF-8, nesting deeper than `DEPTH_MAX`, more than
`CONTAINERS_MAX` arrays and objects, a name twice in one object, floats, NaN, infinities,
integers outside 0 … 2^53 − 1. The helpers below turn one JSON value into one typed value or
refuse it by name; nothing here knows what a value means.
"""

import base64
import binascii
import json
import re
from typing import NoReturn, TypeAlias

from chainnode.json_nesting import NestedTooDeep, check_nesting
from chainnode.verify.errors import UnreadableEvidence

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

# docs/wire-format.md §11.
EVIDENCE_BYTES_MAX = 4 * 1024 * 1024
# Evidence nests six deep inside an answer of a node; the rest is room for `readable` parts.
DEPTH_MAX = 16
# An audit answer of 1,000 items holds about 5,000 of them.
CONTAINERS_MAX = 65_536
# Exact in every JSON reader (RFC 8259 §6), and the bound of the canonical encoding.
INTEGER_MAX = 2**53 - 1
INTEGER_DIGITS_MAX = 16

_LOWER_HEX = re.compile(r"(?:[0-9a-f]{2})*")


def _refuse(what: str, expected: str, actual: str) -> NoReturn:
    raise UnreadableEvidence(check=what, expected=expected, actual=actual)


def read_json(data: bytes, *, bytes_max: int = EVIDENCE_BYTES_MAX) -> JsonValue:
    """Parse one JSON text within the limits of this module.

    Raises:
        UnreadableEvidence: it is not such a text.

    """
    if len(data) > bytes_max:
        _refuse("json size", f"at most {bytes_max} bytes", f"{len(data)} bytes")
    _check_nesting(data)
    try:
        parsed: JsonValue = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_distinct_names,
            parse_float=_no_float,
            parse_int=_bounded_integer,
            parse_constant=_no_float,
        )
    except UnicodeDecodeError as error:
        raise UnreadableEvidence(check="json", expected="UTF-8", actual=error.reason) from error
    except json.JSONDecodeError as error:
        raise UnreadableEvidence(
            check="json", expected="one JSON value", actual=f"{error.msg} at byte {error.pos}"
        ) from error
    return parsed


def read_object(data: bytes, *, bytes_max: int = EVIDENCE_BYTES_MAX) -> JsonObject:
    """Parse a JSON text whose value is an object."""
    return as_object(read_json(data, bytes_max=bytes_max), "json")


def _check_nesting(data: bytes) -> None:
    try:
        check_nesting(data, depth_max=DEPTH_MAX, containers_max=CONTAINERS_MAX)
    except NestedTooDeep as error:
        raise UnreadableEvidence(
            check="json nesting", expected=error.expected, actual=error.actual
        ) from error


def _distinct_names(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found: JsonObject = {}
    for name, value in pairs:
        if name in found:
            _refuse("json names", "each name once in an object", f"{shown(name)} twice")
        found[name] = value
    return found


def _no_float(literal: str) -> NoReturn:
    _refuse("json number", "an integer", literal[:32])


def _bounded_integer(literal: str) -> int:
    if len(literal) > INTEGER_DIGITS_MAX or not 0 <= int(literal) <= INTEGER_MAX:
        _refuse("json number", f"0 … {INTEGER_MAX}", literal[:32])
    return int(literal)


def shown(value: JsonValue) -> str:
    """Return a short, printable form of a hostile value for an error message."""
    if isinstance(value, dict):
        return f"an object of {len(value)} names"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return ascii(value if not isinstance(value, str) else value[:64])[:80]


def as_object(value: JsonValue, what: str) -> JsonObject:
    """Return `value` when it is an object."""
    if not isinstance(value, dict):
        _refuse(what, "an object", shown(value))
    return value


def as_fields(value: JsonValue, what: str, names: tuple[str, ...]) -> JsonObject:
    """Return `value` when it is an object with exactly these names."""
    found = as_object(value, what)
    if set(found) != set(names):
        missing = ", ".join(sorted(set(names) - set(found))) or "none"
        unknown = ", ".join(shown(name) for name in sorted(set(found) - set(names))[:4]) or "none"
        _refuse(what, f"the names {', '.join(names)}", f"missing: {missing}; unknown: {unknown}")
    return found


def as_array(
    value: JsonValue, what: str, *, size_max: int, size: int | None = None
) -> list[JsonValue]:
    """Return `value` when it is an array of at most `size_max`, or exactly `size`, values."""
    if not isinstance(value, list):
        _refuse(what, "an array", shown(value))
    if len(value) > size_max or (size is not None and len(value) != size):
        wanted = f"{size}" if size is not None else f"at most {size_max}"
        _refuse(what, f"{wanted} values", f"{len(value)}")
    return value


def as_integer(value: JsonValue, what: str, *, maximum: int = INTEGER_MAX) -> int:
    """Return `value` when it is an integer 0 … `maximum`; booleans are not integers."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        _refuse(what, f"an integer 0 … {maximum}", shown(value))
    return value


def as_text(value: JsonValue, what: str, *, characters_max: int) -> str:
    """Return `value` when it is a string of Unicode scalar values of bounded length."""
    if not isinstance(value, str) or len(value) > characters_max:
        _refuse(what, f"a string of at most {characters_max} characters", shown(value))
    if any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(what, "Unicode without lone surrogates", shown(value))
    return value


def as_constant(value: JsonValue, what: str, expected: str | int) -> None:
    """Refuse anything but `expected`."""
    if type(value) is not type(expected) or value != expected:
        _refuse(what, shown(expected), shown(value))


def as_hex(value: JsonValue, what: str, *, size: int) -> bytes:
    """Return `size` bytes from lower-case hexadecimal."""
    if not isinstance(value, str) or len(value) != 2 * size or _LOWER_HEX.fullmatch(value) is None:
        _refuse(what, f"{2 * size} lower-case hex digits", shown(value))
    return bytes.fromhex(value)


def as_base64(value: JsonValue, what: str, *, bytes_max: int, size: int | None = None) -> bytes:
    """Return bytes from padded, canonical base64 (RFC 4648 §4).

    A refusal tells lengths alone: what is encoded may be the reason of a call.
    """
    limit = bytes_max if size is None else size
    if not isinstance(value, str) or len(value) > 4 * ((limit + 2) // 3):
        length = f"{len(value)} characters" if isinstance(value, str) else shown(value)
        _refuse(what, f"base64 of at most {limit} bytes", length)
    try:
        data = base64.b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise UnreadableEvidence(
            check=what, expected="base64", actual=f"{len(value)} other characters"
        ) from error
    if base64.b64encode(data).decode("ascii") != value:
        _refuse(what, "canonical base64", f"another form of {len(data)} bytes")
    if len(data) > limit or (size is not None and len(data) != size):
        _refuse(what, f"{'' if size is not None else 'at most '}{limit} bytes", f"{len(data)}")
    return data
