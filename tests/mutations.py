"""Every small change of a JSON document, one at a time, each with a name that says what it did.

For tests that must refuse corrupted evidence: each leaf is replaced by other types and by
neighbouring values, byte strings lose and gain bytes and flip bits, names and elements are
removed, added, doubled and swapped.
"""

import base64
import binascii
import copy
import re
from collections.abc import Iterator

from chainnode.verify.strict_json import JsonObject, JsonValue

Place = tuple[str | int, ...]
_HEX = re.compile(r"(?:[0-9a-f]{2}){4,}\Z")


def mutations(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield (name, changed copy) for every single change; no copy equals the original."""
    for place, value in _walk(document, ()):
        for what, changed in _changes(value):
            if changed != value or type(changed) is not type(value):
                yield f"{_shown(place)}: {what}", _replaced(document, place, changed)
        if place:
            yield f"{_shown(place)}: removed", _without(document, place)


def _walk(value: JsonValue, place: Place) -> Iterator[tuple[Place, JsonValue]]:
    yield place, value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _walk(one, (*place, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _walk(one, (*place, index))


def _changes(value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    match value:
        case dict():
            yield "unknown name", {**value, "unknown": 0}
            yield "emptied", {}
            yield "as array", [*value.values()]
        case list():
            yield from _changed_list(value)
        case bool():
            yield "negated", not value
        case int():
            yield from (("plus one", value + 1), ("minus one", value - 1), ("zero", 0))
            yield from (("huge", 2**53), ("as text", str(value)), ("as flag", True))
        case str():
            yield from _changed_text(value)
        case None:
            yield from (("as text", ""), ("as zero", 0), ("as base64", "AAAA"))
    if value is not None:
        yield "null", None


def _changed_list(value: list[JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    yield "as object", {"0": 0}
    yield "one more", [*value, value[-1] if value else 0]
    if value:
        yield "emptied", []
        yield "first doubled", [value[0], *value]
        yield "last one gone", value[:-1]
    if len(value) > 1:
        yield "reversed", value[::-1]
        yield "first two swapped", [value[1], value[0], *value[2:]]


def _changed_text(value: str) -> Iterator[tuple[str, JsonValue]]:
    yield "emptied", ""
    yield "as number", 0
    yield "upper case", value.swapcase()
    yield "a space after it", f"{value} "
    yield "another character first", ("B" if value[:1] == "A" else "A") + value[1:]
    if _HEX.match(value):
        yield from ((what, one.hex()) for what, one in _changed_bytes(bytes.fromhex(value)))
        return
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return
    yield "padding gone", value.rstrip("=") + "!"
    for what, one in _changed_bytes(data):
        yield what, base64.b64encode(one).decode()


def _changed_bytes(data: bytes) -> Iterator[tuple[str, bytes]]:
    for at in sorted({0, len(data) // 2, len(data) - 1}) if data else ():
        for bit in (0x01, 0x80):
            changed = bytearray(data)
            changed[at] ^= bit
            yield f"bit {bit:#x} of byte {at}", bytes(changed)
    yield "a byte more", data + b"\x00"
    yield "a byte less", data[:-1]
    yield "all zero", bytes(len(data))


def _replaced(document: JsonObject, place: Place, value: JsonValue) -> JsonObject:
    if not place:
        return value if isinstance(value, dict) else {"replaced": value}
    changed = copy.deepcopy(document)
    parent = _at(changed, place[:-1])
    if isinstance(parent, dict):
        parent[str(place[-1])] = value
    elif isinstance(parent, list):
        parent[int(place[-1])] = value
    return changed


def _without(document: JsonObject, place: Place) -> JsonObject:
    changed = copy.deepcopy(document)
    parent = _at(changed, place[:-1])
    if isinstance(parent, dict):
        del parent[str(place[-1])]
    elif isinstance(parent, list):
        del parent[int(place[-1])]
    return changed


def _at(value: JsonValue, place: Place) -> JsonValue:
    for step in place:
        if isinstance(value, dict):
            value = value[str(step)]
        elif isinstance(value, list):
            value = value[int(step)]
    return value


def _shown(place: Place) -> str:
    return ".".join(str(step) for step in place) or "document"
