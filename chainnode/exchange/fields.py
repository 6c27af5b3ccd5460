"""Named fields of an HTTP request or response, as both departments read them. Pure.

docs/wire-format.md §15. A JSON body is cut into the values of its members as they were sent, so
that no reader's idea of a number or an escape can change a commitment; every other body is one
field with its digest.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from chainnode.exchange.bounded_json import IllegalJson, json_text, parse_json
from chainnode.exchange.commitments import FIELDS_MAX, Field
from chainnode.ledger.merkle import Hash

JSON_BYTES_MAX = 1024 * 1024
ITEMS_MAX = 256
BODY = "body"
# Members of a request beside its body: why the call is made.
REASONS = ("purpose", "reason", "case", "operator", "role", "represented")
# Method, target, the reasons; a body has what is left.
_FIELDS_AROUND = 2 + len(REASONS)
_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?\Z", re.IGNORECASE)
# A whole string, or white space outside of one.
_STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*+")|[ \t\n\r]+', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
# A whole member of an object in a text that is JSON, when neither its name nor its value holds
# an escape, and its value is no array or object: what nearly all members are.
_PLAIN_MEMBER = re.compile(
    r'"([^"\\]*)"[ \t\n\r]*:[ \t\n\r]*("[^"\\]*"|[-+.0-9Ee]+|true|false|null)[ \t\n\r]*'
    r"(?:(\})|,[ \t\n\r]*)"
)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder()


class _NoFields(Exception):
    """The body is not what is cut into fields; it becomes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body by its digest; `content` is there only where it is small enough to be cut."""

    content_type: str = ""
    digest: bytes
    size: int
    content: bytes | None = field(default=None, repr=False)


def whole_body(h: Hash, content: bytes, *, content_type: str = "") -> Body:
    """Return the body of a message that is held as a whole."""
    return Body(content_type=content_type, digest=h(content), size=len(content), content=content)


def request_fields(
    *, method: str, target: str, reasons: Mapping[str, str], body: Body
) -> tuple[Field, ...]:
    """Return the fields of a request; `reasons` by names out of `REASONS`."""
    present = (Field(name, reasons[name]) for name in REASONS if name in reasons)
    return (Field("method", method), Field("target", target), *present, *body_fields(body))


def response_fields(*, status: int, body: Body) -> tuple[Field, ...]:
    """Return the fields of a response."""
    return (Field("status", str(status)), *body_fields(body))


def body_fields(body: Body) -> tuple[Field, ...]:
    """Return the fields of a body: none when empty, its members, or one with its digest."""
    if body.size == 0:
        return ()
    if is_json(body.content_type) and body.content is not None and body.size <= JSON_BYTES_MAX:
        try:
            return _members_of(body.content)
        except _NoFields:
            pass
    return (Field(BODY, body.digest.hex()),)


# A service and its callers know a few types; a hostile one only costs its place.
@lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Tell whether this content type is JSON (RFC 8259, RFC 6839 §3.1)."""
    return _JSON_TYPE.match(content_type.strip()) is not None


def members(content: bytes) -> Mapping[str, str] | None:
    """Return the members of a JSON object by name, each as it was sent; None: no such body.

    A name twice is none either: two readers could each take another one.
    """
    try:
        text = _text(content)
        found = tuple(_members(text, _skip(text, 0)))
    except _NoFields:
        return None
    by_name = dict(found)
    return MappingProxyType(by_name) if len(by_name) == len(found) else None


def _members_of(content: bytes) -> tuple[Field, ...]:
    text = _text(content)
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        fields = tuple(_array_fields(text, start))
    else:
        fields = tuple(Field(f"{BODY}.{name}", raw) for name, raw in _members(text, start))
    # An empty object or array has no member that could stand for it.
    if not fields or len(fields) > FIELDS_MAX - _FIELDS_AROUND:
        raise _NoFields
    if len({one.name for one in fields}) != len(fields):
        raise _NoFields
    return fields


def _text(content: bytes) -> str:
    try:
        text = json_text(content)
        # Parsed as a whole first: what follows cuts a text that is known to be JSON.
        parse_json(text)
    except IllegalJson as error:
        raise _NoFields from error
    return text


def _array_fields(text: str, start: int) -> Iterator[Field]:
    at = _skip(text, start + 1)
    number = 0
    while text[at] != "]":
        if number == ITEMS_MAX:
            raise _NoFields
        end = _value_end(text, at)
        cut = [Field(f"{BODY}[{number}].{name}", raw) for name, raw in _members(text, at)]
        if not cut:
            raise _NoFields
        yield from cut
        number += 1
        at = _next(text, end)


def _members(text: str, start: int) -> Iterator[tuple[str, str]]:
    """Yield name and value, as sent without white space, of each member of the object here."""
    if text[start] != "{":
        raise _NoFields
    at = _skip(text, start + 1)
    while text[at] != "}":
        if plain := _PLAIN_MEMBER.match(text, at):
            yield plain[1], plain[2]
            at = plain.start(3) if plain[3] else plain.end()
            continue
        name, end = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        end = _value_end(text, at)
        yield _legal(name), _compact(text[at:end])
        at = _next(text, end)


def _value_end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _next(text: str, at: int) -> int:
    """Return where the next item begins after one that ends here, or the closing bracket."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _compact(raw: str) -> str:
    return _STRING_OR_SPACE.sub(lambda found: found.group(1) or "", raw)


def _legal(name: str) -> str:
    """Refuse a name with half of a surrogate pair, which is no text."""
    if _HALF_PAIR.search(name):
        raise _NoFields
    return name
