"""Where a request says its subject: `json:a.b`, `query:a`, `path:/x/{a}` or `header:A`.

Pure. What is found never shows itself: identity numbers live here until they are tokens.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, unquote

from chainnode.errors import ConfigurationError
from chainnode.exchange.bounded_json import IllegalJson, read_json

# What a selector may find in one request; more is refused by the caller.
VALUES_MAX: Final = 256
VALUE_CHARACTERS_MAX: Final = 256
_QUERY_FIELDS_MAX: Final = 256
_SELECTOR_CHARACTERS_MAX: Final = 256


class Source(Enum):
    """Part of a request in which a selector looks."""

    JSON = "json"
    QUERY = "query"
    PATH = "path"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestParts:
    """A request as selectors see it; header names are in lower case, `path` percent-encoded."""

    path: str
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """One place in a request."""

    source: Source
    place: str

    @classmethod
    def parse(cls, text: str) -> "Selector":
        """Read `source:place`.

        Raises:
            ConfigurationError: no such source, or a place that it cannot have.

        """
        source, _, place = text.partition(":")
        known = {one.value: one for one in Source}
        is_legal = source in known and 0 < len(place) <= _SELECTOR_CHARACTERS_MAX
        if is_legal and source == Source.PATH.value:
            is_legal = sum(_is_placeholder(one) for one in place.split("/")) == 1
        if not is_legal:
            raise ConfigurationError(
                f"selector: expected json:NAME, query:NAME, header:NAME or path:/with/{{one}},"
                f" got {text[:64]!a}"
            )
        return cls(source=known[source], place=place)

    def values(self, request: RequestParts) -> tuple[str, ...]:
        """Return what stands there, without repetition; empty when nothing does."""
        match self.source:
            case Source.JSON:
                found = _in_json(request.body, self.place.split("."))
            case Source.QUERY:
                found = _in_query(request.query, self.place)
            case Source.PATH:
                found = _in_path(request.path, self.place)
            case Source.HEADER:
                name = self.place.lower()
                found = [value for key, value in request.headers if key == name]
        texts = (one.strip() for one in found)
        # Cut after copies are gone: nobody hides a person behind many copies of another.
        return tuple(dict.fromkeys(one for one in texts if one))[: VALUES_MAX + 1]


def _in_json(body: bytes, names: list[str]) -> list[str]:
    """Return the values of a member in whatever case: some languages read `ID` as `id`."""
    try:
        level = [read_json(body, pairs_hook=_distinct)]
    except IllegalJson:
        return []
    for name in names:
        wanted = name.casefold()
        objects = (one for one in level if isinstance(one, dict))
        level = _flat(
            [value for one in objects for key, value in one.items() if key.casefold() == wanted]
        )
    return [str(one) for one in level if isinstance(one, str | int) and not isinstance(one, bool)]


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object with a name twice: the service could take the other value than we."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _flat(values: list[object]) -> list[object]:
    """Open arrays, so that `json:people.id` finds each person's id."""
    flat: list[object] = []
    for value in values:
        flat.extend(value if isinstance(value, list) else [value])
    return flat


def _in_query(query: str, name: str) -> list[str]:
    try:
        pairs = parse_qsl(query, max_num_fields=_QUERY_FIELDS_MAX)
    except ValueError:
        return []
    wanted = name.casefold()
    return [value for key, value in pairs if key.casefold() == wanted]


def _in_path(path: str, pattern: str) -> list[str]:
    # Services route by the decoded path, so that is what is compared.
    wanted, actual = pattern.split("/"), [unquote(one) for one in path.split("/")]
    if len(wanted) != len(actual):
        return []
    pairs = list(zip(wanted, actual, strict=True))
    if any(one != other and not _is_placeholder(one) for one, other in pairs):
        return []
    return [other for one, other in pairs if _is_placeholder(one)]


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
