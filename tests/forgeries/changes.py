"""One random change somewhere in evidence: in its JSON, or inside the bytes that it carries.

Byte strings are changed as bytes and, where they are MessagePack arrays themselves (entries,
proofs, heads), as arrays: numbers move by one, elements are swapped, dropped, doubled and
added, digests lose bits and change places.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import msgpack

from chainnode.verify.strict_json import JsonObject, JsonValue

Place: TypeAlias = tuple[str | int, ...]
Any: TypeAlias = "JsonValue | bytes"
_HEX = re.compile(r"(?:[0-9a-f]{2}){8,}\Z")
_BLOCKS = (32, 40, 64, 96)
_INTEGERS = (0, 1, 2**32, 2**53 - 1)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """Evidence with one change, and where it was made (inside bytes: where these are)."""

    place: Place
    what: str
    document: JsonObject


def mutant(document: JsonObject, chance: Random) -> Mutant | None:
    """Return the evidence with one random change; None where nothing came of it."""
    return mutant_at(document, chance.choice(every_place(document)), chance)


def every_place(document: JsonObject) -> list[Place]:
    """Return where a change can be made, the whole document first."""
    return [place for place, _ in _places(document, ())]


def mutant_at(document: JsonObject, place: Place, chance: Random) -> Mutant | None:
    """Return the evidence with one random change at a place; None where nothing came of it."""
    value = at(document, place)
    what, changed = _changed(value, chance)
    if changed == value and type(changed) is type(value):
        return None
    result = replaced(document, place, changed)
    return None if not isinstance(result, dict) else Mutant(place=place, what=what, document=result)


def transplant(document: JsonObject, donor: JsonObject, chance: Random) -> Mutant | None:
    """Return the evidence with one part of `donor`, which proves something else."""
    place, value = chance.choice([*_places(document, ())][1:])
    try:
        other = at(donor, place)
    except (KeyError, IndexError, TypeError):
        return None
    if other == value:
        return None
    result = replaced(document, place, other)
    assert isinstance(result, dict)
    return Mutant(place=place, what="transplant", document=result)


def at(value: JsonValue, place: Place) -> JsonValue:
    """Return what stands at a place."""
    for step in place:
        if isinstance(value, dict):
            value = value[str(step)]
        elif isinstance(value, list):
            value = value[int(step)]
        else:
            raise TypeError(step)
    return value


def replaced(value: JsonValue, place: Place, new: JsonValue) -> JsonValue:
    """Return a copy with another value at a place; what is not on the way is shared."""
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(value, dict):
        return {**value, str(step): replaced(value[str(step)], rest, new)}
    assert isinstance(value, list)
    copy = list(value)
    copy[int(step)] = replaced(copy[int(step)], rest, new)
    return copy


def _places(value: JsonValue, place: Place) -> "list[tuple[Place, JsonValue]]":
    found = [(place, value)]
    if isinstance(value, dict):
        for name, one in value.items():
            found += _places(one, (*place, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            found += _places(one, (*place, index))
    return found


def _changed(value: JsonValue, chance: Random) -> tuple[str, JsonValue]:
    match value:
        case dict():
            return _changed_object(value, chance)
        case list():
            what, changed = _changed_list(list(value), chance)
            return what, changed
        case bool() | None:
            return "another type", 0
        case int():
            return "number", _number(value, chance)
        case str():
            return _changed_text(value, chance)


def _changed_object(value: JsonObject, chance: Random) -> tuple[str, JsonValue]:
    names = list(value)
    if not names or chance.random() < 0.3:
        return "name added", {**value, "extra": 0}
    gone = chance.choice(names)
    return "name gone", {name: one for name, one in value.items() if name != gone}


def _changed_list(value: list[JsonValue], chance: Random) -> tuple[str, list[JsonValue]]:
    """Drop, double, add, swap, turn round."""
    if not value:
        return "element added", [0]
    first, second = chance.randrange(len(value)), chance.randrange(len(value))
    what = chance.choice(("dropped", "doubled", "added", "swapped", "turned round", "emptied"))
    match what:
        case "dropped":
            del value[first]
        case "doubled":
            value.insert(first, value[first])
        case "added":
            value.insert(second, value[first])
        case "swapped":
            value[first], value[second] = value[second], value[first]
        case "turned round":
            value.reverse()
        case _:
            value.clear()
    return f"element {what}", value


def _number(value: int, chance: Random) -> int:
    return max(
        0, chance.choice((value + 1, value - 1, value ^ 1 << chance.randrange(20), *_INTEGERS))
    )


def _changed_text(value: str, chance: Random) -> tuple[str, JsonValue]:
    if _HEX.match(value):
        what, data = _changed_bytes(bytes.fromhex(value), chance)
        return what, data.hex()
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "text", value + "x"
    if not data:
        return "text", "AA=="
    what, changed = _changed_bytes(data, chance)
    return what, base64.b64encode(changed).decode()


def _changed_bytes(data: bytes, chance: Random) -> tuple[str, bytes]:
    if chance.random() < 0.6:
        inside = _unpacked(data)
        if inside is not None:
            what, changed = _changed_plain(inside, chance)
            try:
                return f"inside: {what}", msgpack.packb(changed)
            except (ValueError, OverflowError):
                pass
    return _changed_raw(data, chance)


def _changed_raw(data: bytes, chance: Random) -> tuple[str, bytes]:
    """Flip a bit; cut, lengthen; swap, drop or double blocks of the sizes that rows have."""
    block = chance.choice(_BLOCKS)
    blocks = [data[at : at + block] for at in range(0, len(data), block)]
    what = chance.choice(("bit", "bit", "cut", "longer", "block"))
    if what == "bit" and data:
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        return what, data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
    if what == "cut" and data:
        return what, data[: -chance.choice((1, block))] if chance.random() < 0.5 else data[1:]
    if what == "longer" or not blocks:
        return "longer", data + bytes(chance.choice((1, block)))
    shuffled: list[JsonValue] = list(range(len(blocks)))
    order = _changed_list(shuffled, chance)[1]
    return "blocks", b"".join(
        blocks[one] for one in order if isinstance(one, int) and one < len(blocks)
    )


def _unpacked(data: bytes) -> list[object] | None:
    try:
        value = msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException):
        # A map whose key is a list is no TypeError of ours.
        return None
    return value if isinstance(value, list) else None


def _changed_plain(value: list[object], chance: Random) -> tuple[str, list[object]]:
    """Change one element of an array, at any depth, or the array itself."""
    if not value or chance.random() < 0.15:
        shuffled: list[JsonValue] = list(range(len(value)))
        what, order = _changed_list(shuffled, chance)
        return what, [value[one] for one in order if isinstance(one, int) and one < len(value)]
    place = chance.randrange(len(value))
    element = value[place]
    changed = list(value)
    match element:
        case int():
            what, changed[place] = "number", _number(element, chance)
        case bytes():
            what, changed[place] = _changed_bytes(element, chance)
        case list():
            what, changed[place] = _changed_plain(element, chance)
        case _:
            what, changed[place] = "text", f"{element}x"
    return what, changed
