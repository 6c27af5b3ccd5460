"""Where a request says its subject: `json:a.b`, `query:a`, `path:/x/{a}` or `header:A`.

Pure. A selector finds nothing, finds values, or raises: whoever names one person where a gateway
reads, and another in a form that only the service reads, must not be let through. So what two
readers could take for different people is unreadable. What is found never shows itself: identity
numbers live here until they are tokens.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import unquote, unquote_plus

from chainnode.errors import ConfigurationError, InvalidInput
from chainnode.exchange.bounded_json import IllegalJson, read_json
from chainnode.exchange.fields import is_json

# What a selector may find in one request; more is refused by the caller.
VALUES_MAX: Final = 256
VALUE_CHARACTERS_MAX: Final = 256
_QUERY_FIELDS_MAX: Final = 256
_SELECTOR_CHARACTERS_MAX: Final = 256
_CHARSET: Final = re.compile(r'charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)
_UTF_8: Final = frozenset({"utf-8", "utf8"})
# Servers cut, merge, resolve or decode these in a path, each in its own way.
_AMBIGUOUS_IN_PATH: Final = frozenset("/\\;%")
_SEGMENTS_RESOLVED: Final = frozenset({"", ".", ".."})


ValueT = TypeVar("ValueT")


class UnreadableSelector(InvalidInput):
    """A place that a service could read otherwise than a gateway; never says what stood there."""

    def __init__(self, *, source: "Source", expected: str) -> None:
        self.source = source
        self.expected = expected
        super().__init__(f"selector {source.value}: expected {expected}")


class Source(Enum):
    """Part of a request in which a selector looks."""

    JSON = "json"
    QUERY = "query"
    PATH = "path"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestParts:
    """A request as selectors see it; header names are in lower case, `path` percent-encoded."""

    path: str = field(repr=False)
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def all_of(self, name: str) -> tuple[str, ...]:
        """Return the values of every header of this name."""
        return tuple(value for key, value in self.headers if key == name)


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
        """Return what stands there, without repetition; empty when nothing does.

        Raises:
            UnreadableSelector: something could stand there for another reader.

        """
        match self.source:
            case Source.JSON:
                found = _in_json(request, self.place)
            case Source.QUERY:
                found = _in_query(request.query, self.place)
            case Source.PATH:
                found = _in_path(request.path, self.place)
            case Source.HEADER:
                found = _named(request.headers, self.place, Source.HEADER)
        texts = tuple(one.strip() for one in found)
        if any(len(one) > VALUE_CHARACTERS_MAX or not _is_text(one) for one in texts):
            raise UnreadableSelector(
                source=self.source, expected=f"text of at most {VALUE_CHARACTERS_MAX} characters"
            )
        # Cut after copies are gone: nobody hides a person behind many copies of another.
        return tuple(dict.fromkeys(one for one in texts if one))[: VALUES_MAX + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Whom a request names in all its places; unless `is_readable`, it could name others too."""

    values: tuple[str, ...] = field(repr=False)
    is_readable: bool


def subjects_of(selectors: Sequence[Selector], request: RequestParts) -> Subjects:
    """Read every place, also behind one that cannot be read: whoever is named is recorded."""
    found: dict[str, None] = {}
    is_readable = True
    for selector in selectors:
        try:
            found |= dict.fromkeys(selector.values(request))
        except UnreadableSelector:
            is_readable = False
    return Subjects(values=tuple(found), is_readable=is_readable)


def _in_json(request: RequestParts, place: str) -> list[str]:
    if not request.body:
        return []
    _require_utf_8_json(request)
    try:
        level = [read_json(request.body, pairs_hook=_distinct)]
    except IllegalJson as error:
        raise UnreadableSelector(source=Source.JSON, expected="one JSON text") from error
    for name in place.split("."):
        level = [
            value for one in _opened(level) for value in _named(_members(one), name, Source.JSON)
        ]
    return [_text(one) for one in _opened(level)]


def _require_utf_8_json(request: RequestParts) -> None:
    """Refuse a body that its headers let somebody read as something else than JSON in UTF-8."""
    types = request.all_of("content-type")
    charsets = _CHARSET.findall(types[0]) if types else []
    is_utf_8 = all(one.lower() in _UTF_8 for one in charsets)
    is_plain = len(types) == 1 and is_json(types[0]) and is_utf_8
    has_charsets_read = is_plain and types[0].lower().count("charset") == len(charsets)
    codings = request.all_of("content-encoding")
    if not has_charsets_read or any(one.strip().lower() != "identity" for one in codings):
        raise UnreadableSelector(source=Source.JSON, expected="a body of JSON in UTF-8")


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object with a name twice: the service could take the other value than we."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _opened(values: Iterable[object]) -> Iterator[object]:
    """Open arrays, so that `json:people.id` finds each person's id; null names nobody."""
    for value in values:
        for one in value if isinstance(value, list) else (value,):
            if one is not None:
                yield one


def _members(value: object) -> Iterable[tuple[str, object]]:
    if not isinstance(value, dict):
        raise UnreadableSelector(source=Source.JSON, expected="an object or an array of objects")
    return value.items()


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnreadableSelector(source=Source.JSON, expected="text, a whole number, or an array of it")


def _in_query(query: str, name: str) -> list[str]:
    """Return the values of a field; where `;` parts fields for some, it must part none of ours."""
    found = _query_values(query, name, separator="&")
    if ";" in query and _query_values(query.replace("&", ";"), name, separator=";") != found:
        raise UnreadableSelector(source=Source.QUERY, expected="fields parted by &")
    return found


def _query_values(query: str, name: str, *, separator: str) -> list[str]:
    fields = query.split(separator)
    if len(fields) > _QUERY_FIELDS_MAX:
        raise UnreadableSelector(
            source=Source.QUERY, expected=f"at most {_QUERY_FIELDS_MAX} fields"
        )
    pairs = [one.partition("=") for one in fields]
    named = [(_decoded(key, Source.QUERY, is_form=True), value) for key, _, value in pairs]
    if any("%" in key for key, _ in named):
        raise UnreadableSelector(source=Source.QUERY, expected="names that are encoded once")
    found = _named(named, name, Source.QUERY)
    return [_decoded(one, Source.QUERY, is_form=True) for one in found]


def _in_path(path: str, pattern: str) -> list[str]:
    # Services route by the decoded path, and some whatever its case, so that is what is compared.
    wanted, actual = pattern.rstrip("/").split("/"), _segments(path)
    if len(wanted) != len(actual):
        return []
    pairs = list(zip(wanted, actual, strict=True))
    if any(one.casefold() != other.casefold() and not _is_placeholder(one) for one, other in pairs):
        return []
    return [other for one, other in pairs if _is_placeholder(one)]


def _segments(path: str) -> list[str]:
    """Return a path by segments, decoded, without a slash at its end.

    Raises:
        UnreadableSelector: servers could route it in more than one way.

    """
    first, *others = path.split("/")
    segments = [_decoded(one, Source.PATH) for one in others]
    if segments and not segments[-1]:
        segments.pop()
    is_plain = not first and not any(
        one in _SEGMENTS_RESOLVED or not one.isprintable() or _AMBIGUOUS_IN_PATH & set(one)
        for one in segments
    )
    if not is_plain:
        raise UnreadableSelector(source=Source.PATH, expected="a path that has one meaning")
    return ["", *segments]


def _decoded(text: str, source: Source, *, is_form: bool = False) -> str:
    """Return what percent-encoded UTF-8 says; in a form `+` is a space."""
    try:
        # A target has no other characters (RFC 9112 §3.2); who has some can mean any charset.
        text.encode("ascii")
        return (unquote_plus if is_form else unquote)(text, errors="strict")
    except UnicodeError as error:
        raise UnreadableSelector(source=source, expected="percent-encoded UTF-8") from error


def _named(pairs: Iterable[tuple[str, ValueT]], name: str, source: Source) -> list[ValueT]:
    """Return the values under a name in whatever case: some languages read `ID` as `id`.

    Raises:
        UnreadableSelector: under another name that frameworks take for this one.

    """
    wanted, alike = _spellings(name)
    found = []
    for key, value in pairs:
        if key.casefold() == wanted:
            found.append(value)
        elif alike and _letters(key) == alike:
            raise UnreadableSelector(source=source, expected="no second spelling of a name")
    return found


# Names of selectors: a handful in a process.
@lru_cache(maxsize=64)
def _spellings(name: str) -> tuple[str, str]:
    return name.casefold(), _letters(name)


def _letters(name: str) -> str:
    """Return what frameworks may compare of a name.

    `id_card`, `id-card`, `idCard`, ` id.card` and `id_card[]` are one name to some of them.
    """
    whole, *_ = re.split(r"[\[\0]", name, maxsplit=1)
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", whole).casefold()))


def _is_text(value: str) -> bool:
    """Tell whether it can be written: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
