"""Questions as a browser sends them (`POST /questions`), read strictly.

A number of a person comes in the body, goes to the custodian, and stands in no error, log or
`repr`. Refusals are codes.
"""

from dataclasses import dataclass, field
from typing import Final

from chainnode.errors import InvalidInput, NodeError
from chainnode.periods import NoInstant, bounds, milliseconds
from chainnode.reports import Rendering
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_fields,
    as_text,
    read_object,
)
from contracts.schemas.access import Finding
from contracts.schemas.audit import VALUES_MAX, Basis
from contracts.schemas.call_words import CALL_ID_BYTES
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier
from contracts.schemas.index_kinds import DISPUTE_ID_BYTES, IndexKind
from contracts.schemas.shape import DIGEST_BYTES

PERSON: Final = "person"
_KINDS: Final = {one.name.lower(): one for one in IndexKind}
# Chains of earlier rules know the kinds up to this one.
_KIND_MAX_BEFORE_DISPUTES: Final = IndexKind.UNMATCHED
_RULES_DISPUTES: Final = 3
# Kinds whose values are bytes, written as hexadecimal.
_VALUE_BYTES: Final = {
    IndexKind.SUBJECT: DIGEST_BYTES,
    IndexKind.TRACE: CALL_ID_BYTES,
    IndexKind.DISPUTE: DISPUTE_ID_BYTES,
}
_NAMES: Final = frozenset({"kind", "values", "from", "to", "purpose"})
_NAMES_OF_PERSON: Final = _NAMES - {"values"} | {PERSON}
# What a question may say besides: on what it rests, and which tables go into its file.
_BASIS: Final = "basis"
_WITH: Final = "with"
_BASES: Final = {one.name.lower(): one for one in Basis}
# Disputes of all departments are asked for at once, by several questions in one file.
DEPARTMENTS_MAX: Final = 10 * VALUES_MAX
_BODY_BYTES_MAX: Final = 16 * 1024
_TEXT_CHARACTERS_MAX: Final = 240
PURPOSE_CHARACTERS_MAX: Final = 500
_TIME_CHARACTERS_MAX: Final = 40


class QuestionRefused(NodeError):
    """A question that is not asked, or was not answered; `code` says why, in a word."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPerson:
    """Whose records are asked for; the number is shown by nothing."""

    id_type: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question that may be asked: values of an index kind, or a person; period [from, to)."""

    kind: IndexKind
    values: tuple[bytes | str, ...] = field(repr=False)
    person: AskedPerson | None
    period: tuple[int, int]
    purpose: str = field(repr=False)
    basis: Basis = Basis.SUPERVISION
    renderings: tuple[Rendering, ...] = (Rendering.CSV,)


def bases_of(rules: int) -> tuple[str, ...]:
    """Return on what a question can rest; before rules 3 it does not say."""
    return tuple(_BASES) if rules >= _RULES_DISPUTES else ()


def basis_named(name: str) -> Basis:
    """Return a basis by its name.

    Raises:
        QuestionRefused: there is none of this name.

    """
    if name not in _BASES:
        raise QuestionRefused("BASIS")
    return _BASES[name]


def kinds_of(rules: int) -> tuple[str, ...]:
    """Return the names of the kinds that a chain of these rules answers questions about."""
    last = max(IndexKind) if rules >= _RULES_DISPUTES else _KIND_MAX_BEFORE_DISPUTES
    return tuple(name for name, one in _KINDS.items() if one <= last)


def read_asked(body: bytes) -> AskedQuestion:
    """Read the body of a request.

    Raises:
        QuestionRefused: no question; `code` names the member that is wrong.

    """
    try:
        document = read_object(body, bytes_max=_BODY_BYTES_MAX)
        name = as_text(document.get("kind"), "kind", characters_max=_TEXT_CHARACTERS_MAX)
    except InvalidInput:
        raise QuestionRefused("BODY") from None
    is_person = name == PERSON
    if set(document) - {_BASIS, _WITH} != (_NAMES_OF_PERSON if is_person else _NAMES):
        raise QuestionRefused("BODY")
    kind = IndexKind.SUBJECT if is_person else _KINDS.get(name)
    if kind is None:
        raise QuestionRefused("KIND")
    purpose = _text(document, "purpose", characters_max=PURPOSE_CHARACTERS_MAX).strip()
    if not purpose:
        raise QuestionRefused("PURPOSE")
    return AskedQuestion(
        kind=kind,
        values=() if is_person else _values(kind, document["values"]),
        person=_person(document) if is_person else None,
        period=_period(document),
        purpose=purpose,
        basis=_basis(document),
        renderings=_renderings(document),
    )


def _basis(document: JsonObject) -> Basis:
    if _BASIS not in document:
        return Basis.SUPERVISION
    return basis_named(_text(document, _BASIS, characters_max=_TEXT_CHARACTERS_MAX))


def _renderings(document: JsonObject) -> tuple[Rendering, ...]:
    """Return the tables that are wanted in the file, in the order of the file; CSV if unsaid."""
    if _WITH not in document:
        return (Rendering.CSV,)
    try:
        given = as_array(document[_WITH], _WITH, size_max=len(Rendering))
        wanted = {as_text(one, _WITH, characters_max=_TEXT_CHARACTERS_MAX) for one in given}
    except InvalidInput:
        raise QuestionRefused("WITH") from None
    if len(wanted) != len(given) or not wanted <= {one.value for one in Rendering}:
        raise QuestionRefused("WITH")
    return tuple(one for one in Rendering if one.value in wanted)


def _person(document: JsonObject) -> AskedPerson:
    try:
        told = as_fields(document[PERSON], PERSON, ("id_type", "number"))
    except InvalidInput:
        raise QuestionRefused("PERSON") from None
    return AskedPerson(
        id_type=_text(told, "id_type", characters_max=3),
        number=_text(told, "number", characters_max=_TEXT_CHARACTERS_MAX),
    )


def _period(document: JsonObject) -> tuple[int, int]:
    begin = _text(document, "from", characters_max=_TIME_CHARACTERS_MAX)
    end = _text(document, "to", characters_max=_TIME_CHARACTERS_MAX)
    return period_of(begin, end)


def period_of(begin: str, end: str) -> tuple[int, int]:
    """Return [from, to) in ms; the month or day of `end` is included, "" is no bound.

    Raises:
        QuestionRefused: no such period.

    """
    if max(len(begin), len(end)) > _TIME_CHARACTERS_MAX:
        raise QuestionRefused("PERIOD")
    try:
        from_ms = milliseconds(bounds(begin)[0]) if begin else 0
        to_ms = milliseconds(bounds(end)[1]) if end else 0
    except NoInstant:
        raise QuestionRefused("PERIOD") from None
    if end and to_ms <= from_ms:
        raise QuestionRefused("PERIOD")
    return from_ms, to_ms


def _values(kind: IndexKind, given: JsonValue) -> tuple[bytes | str, ...]:
    """Read the values of a kind: none that can be on no chain, for it would be proven absent."""
    most = DEPARTMENTS_MAX if kind is IndexKind.RESPONSIBLE else VALUES_MAX
    try:
        texts = [
            as_text(one, "value", characters_max=_TEXT_CHARACTERS_MAX)
            for one in as_array(given, "values", size_max=most)
        ]
    except InvalidInput:
        raise QuestionRefused("VALUES") from None
    if not texts or len(set(texts)) != len(texts):
        raise QuestionRefused("VALUES")
    return tuple(_value(kind, one) for one in texts)


def _value(kind: IndexKind, text: str) -> bytes | str:
    try:
        if kind in _VALUE_BYTES:
            return _bytes(text, size=_VALUE_BYTES[kind])
        if kind is IndexKind.FINDING:
            return bytes((Finding[text.replace("-", "_").upper()],))
        if kind is IndexKind.CERTIFICATE:
            parse_identifier(text)
    except (KeyError, ValueError, InvalidIdentifier):
        raise QuestionRefused("VALUES") from None
    if not text.strip():
        raise QuestionRefused("VALUES")
    return text


def _bytes(text: str, *, size: int) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != size:
        raise QuestionRefused("VALUES")
    return value


def _text(document: JsonObject, name: str, *, characters_max: int) -> str:
    try:
        return as_text(document[name], name, characters_max=characters_max)
    except InvalidInput:
        raise QuestionRefused(name.upper()) from None
