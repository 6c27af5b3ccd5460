"""Messages of a call: fields, commitments, headers (wire-format §15)."""

import json
import re
from typing import Any

from tests import naive_index
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.encoding import enc

MEBIBYTE = 1024 * 1024
DEPTH_MAX, ITEMS_MAX, FIELDS_MAX = 64, 256, 4088
REASONS = ("purpose", "reason", "case", "operator", "role", "represented")
_STRING = r'"(?:[^"\\]|\\.)*"'
Fields = list[tuple[str, str]]


class OneField(Exception):
    """The body is not cut."""


def salt(reader: Reader, seed: bytes, name: str) -> bytes:
    """The salt of a field."""
    return reader.h(enc(["kun.fieldsalt", 1, seed, name]))[:16]


def leaf(reader: Reader, seed: bytes, name: str, value: str) -> bytes:
    """The leaf data of a field."""
    return enc(["kun.field", 1, salt(reader, seed, name), name, value])


def commitment(reader: Reader, seed: bytes, fields: Fields) -> bytes:
    """The root over the fields, ascending by name as UTF-8."""
    ordered = sorted(fields, key=lambda one: one[0].encode())
    return naive_index.tree_root(reader.h, [leaf(reader, seed, *one) for one in ordered])


def body_fields(reader: Reader, content_type: str, body: bytes) -> Fields:
    """The fields of a body: none, its members, or one with its digest."""
    if not body:
        return []
    kind = content_type.partition(";")[0].strip().lower()
    is_json = kind == "application/json" or re.fullmatch(r"application/.+\+json", kind)
    if is_json and len(body) <= MEBIBYTE:
        try:
            return _cut(body)
        except OneField:
            pass
    return [("body", reader.h(body).hex())]


def _cut(body: bytes) -> Fields:
    try:
        text = body.decode()
        # Numbers stay as they were sent; names stay in their order, twice where they stand twice.
        value = json.loads(
            text,
            object_pairs_hook=Members,
            parse_float=Raw,
            parse_int=Raw,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError) as error:
        raise OneField from error
    if _depth(value) > DEPTH_MAX:
        raise OneField
    if isinstance(value, Members):
        found = [("body." + name, raw) for name, raw in _raw_members(text)]
    elif isinstance(value, list) and all(isinstance(one, Members) for one in value):
        if len(value) > ITEMS_MAX or any(not one.pairs for one in value):
            raise OneField
        found = [
            (f"body[{number}].{name}", raw)
            for number, one in enumerate(_raw_elements(text))
            for name, raw in _raw_members(one)
        ]
    else:
        raise OneField
    if not found or len(found) > FIELDS_MAX or len({name for name, _ in found}) < len(found):
        raise OneField
    return found


class Members:
    """An object with its names as they stand."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


class Raw(str):
    """A number as it was sent."""

    __slots__ = ()


def _refuse(_name: str) -> None:
    raise ValueError


def _depth(value: object) -> int:
    if isinstance(value, Members):
        return 1 + max((_depth(one) for _, one in value.pairs), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _squeezed(text: str) -> str:
    """The text without white space outside of strings."""
    return re.sub(rf"({_STRING})|[ \t\n\r]+", lambda found: found.group(1) or "", text)


def _raw_elements(text: str) -> list[str]:
    """What stands between the commas of the outermost bracket, squeezed."""
    inside, parts, depth = _squeezed(text)[1:-1], [""], 0
    for token in re.findall(rf"{_STRING}|.", inside, re.DOTALL):
        depth += (token in "[{") - (token in "]}") if len(token) == 1 else 0
        if token == "," and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return [one for one in parts if one]


def _raw_members(text: str) -> Fields:
    found = []
    for one in _raw_elements(text):
        name = re.match(_STRING, one)
        assert name is not None
        found.append((json.loads(name.group()), one[name.end() + 1 :]))
    return found
