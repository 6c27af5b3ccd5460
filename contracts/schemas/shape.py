"""Public parts as typed arrays: canonical decoding, and refusals that name field and bound.

A schema states type, range and length of each field in its annotations; `check` states what an
annotation cannot. A well-formed part costs one pass in C; only a refused one is read again,
field by field, to say what was expected and what came (ADR-0006).
"""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta, inspect

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.text import (
    ORGANISATION_CHARACTERS_MAX,
    ORGANISATION_CHARACTERS_MIN,
    first_illegal,
    first_illegal_in_organisation,
    is_date,
)
from contracts.schemas.wire import Head, WireType, read_head

INTEGER_MAX = 2**53 - 1
SALT_BYTES = 16
DIGEST_BYTES = 32
# Characters of a text that becomes an index key: at most 240 bytes of UTF-8.
TEXT_CHARACTERS_MAX = 60

Natural = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Flag = Annotated[int, Meta(ge=0, le=1)]
Salt = Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
Digest = Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
# Empty or one digest; `require_digest_or_empty` refuses the lengths between.
OptionalDigest = Annotated[bytes, Meta(max_length=DIGEST_BYTES)]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
OptionalText = Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]
OrganisationId = Annotated[
    str, Meta(min_length=ORGANISATION_CHARACTERS_MIN, max_length=ORGANISATION_CHARACTERS_MAX)
]

_ENCODER = msgspec.msgpack.Encoder()


class PublicPart(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False
):
    """What a contract reads of a call; the salt stands first in every one."""

    salt: Salt

    def check(self) -> None:
        """Refuse what the annotations cannot see.

        Raises:
            Rejection: with the field and what was expected of it.

        """

    def field(self, name: str) -> int:
        """Position of a field on the wire, as it stands in details; the salt is 0."""
        return self.__struct_fields__.index(name)


PartT = TypeVar("PartT", bound=PublicPart)
OrderedT = TypeVar("OrderedT", int, bytes)


class Schema(Generic[PartT]):
    """Decoder of one kind of public part."""

    def __init__(self, part_type: type[PartT]) -> None:
        self._decoder = msgspec.msgpack.Decoder(part_type)
        self._fields = _field_types(part_type)

    def decode(self, data: bytes) -> PartT:
        """Return the part; its canonical encoding is `data`, and `check` let it pass.

        Raises:
            Rejection: what `data` is not, in codes 21–29.

        """
        try:
            part = self._decoder.decode(data)
        except ValueError as error:
            raise _explain(data, self._fields) from error
        if _ENCODER.encode(part) != data:
            raise Rejection(Code.NOT_CANONICAL)
        part.check()
        return part


def encode_part(part: msgspec.Struct) -> bytes:
    """Return the canonical bytes of a public or private part."""
    return _ENCODER.encode(part)


def require_text(part: PublicPart, name: str, text: str) -> None:
    """Refuse a text with a character outside of `text.first_illegal`."""
    _require_legal(part, name, text, first_illegal)


def require_organisation(part: PublicPart, name: str, organisation: str) -> None:
    """Refuse what cannot be the id of an organisation."""
    _require_legal(part, name, organisation, first_illegal_in_organisation)


def require_digest_or_empty(
    part: PublicPart, name: str, value: bytes, size: int = DIGEST_BYTES
) -> None:
    """Refuse a length between 0 and `size`."""
    if len(value) not in {0, size}:
        raise Rejection(Code.WRONG_LENGTH, (part.field(name), size, size, len(value)))


def require_ascending(part: PublicPart, name: str, values: tuple[OrderedT, ...]) -> None:
    """Refuse a list that is not strictly ascending: order is fixed, nothing stands twice."""
    for position in range(1, len(values)):
        if not values[position - 1] < values[position]:
            raise Rejection(Code.NOT_ASCENDING, (part.field(name), position))


def require_date(part: PublicPart, name: str, date: int) -> None:
    """Refuse what is no day of the calendar."""
    if not is_date(date):
        raise Rejection(Code.ILLEGAL_DATE, (part.field(name), date))


def require_period(begin: int, end: int) -> None:
    """Refuse an end before its begin; 0 is no end."""
    if end and end < begin:
        raise Rejection(Code.PERIOD_REVERSED, (begin, end))


def _require_legal(
    part: PublicPart, name: str, text: str, first_illegal_in: Callable[[str], int | None]
) -> None:
    position = first_illegal_in(text)
    if position is not None:
        # A normal form can end before the text does; then its last character is to blame.
        place = min(position, len(text) - 1)
        raise Rejection(Code.ILLEGAL_TEXT, (part.field(name), place, ord(text[place])))


def _field_types(part_type: type[PublicPart]) -> tuple[inspect.Type, ...]:
    info = inspect.type_info(part_type)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"expected a struct, got {info!r}")
    return tuple(field.type for field in info.fields)


def _explain(data: bytes, fields: tuple[inspect.Type, ...]) -> Rejection:
    """Find the first field that is not what the schema says."""
    head = read_head(data, 0)
    if head is None or head.wire_type is not WireType.ARRAY:
        return Rejection(Code.NOT_CANONICAL)
    if head.value != len(fields):
        return Rejection(Code.WRONG_FIELD_COUNT, (len(fields), head.value))
    offset = head.start
    for index, expected in enumerate(fields):
        outcome = _explain_value(data, offset, index, expected)
        if isinstance(outcome, Rejection):
            return outcome
        offset = outcome
    return Rejection(Code.NOT_CANONICAL)


def _explain_value(data: bytes, offset: int, index: int, expected: inspect.Type) -> Rejection | int:
    """Return what is wrong with the value at `offset`, or where the next one begins."""
    head = read_head(data, offset)
    if head is None:
        return Rejection(Code.NOT_CANONICAL)
    match expected:
        case inspect.IntType():
            return _type_refusal(head, index, WireType.INTEGER) or _explain_range(
                head, index, expected
            )
        case inspect.VarTupleType():
            return _type_refusal(head, index, WireType.ARRAY) or _explain_array(
                data, head, index, expected
            )
        case inspect.StrType():
            return _type_refusal(head, index, WireType.TEXT) or _explain_content(
                data, head, index, expected
            )
        case inspect.BytesType():
            return _type_refusal(head, index, WireType.BYTES) or _explain_content(
                data, head, index, expected
            )
        case _:
            raise TypeError(f"a public part has no fields of type {expected!r}")


def _explain_range(head: Head, index: int, expected: inspect.IntType) -> Rejection | int:
    low, high = expected.ge or 0, INTEGER_MAX if expected.le is None else expected.le
    if low <= head.value <= high:
        return head.start
    # Details are integers of the ledger themselves, so a larger one is shown as the largest.
    return Rejection(Code.OUT_OF_RANGE, (index, low, high, min(head.value, INTEGER_MAX)))


def _explain_array(
    data: bytes, head: Head, index: int, expected: inspect.VarTupleType
) -> Rejection | int:
    refusal = _length_refusal(index, head.value, expected.min_length, expected.max_length)
    if refusal is not None:
        return refusal
    offset = head.start
    for _ in range(head.value):
        outcome = _explain_value(data, offset, index, expected.item_type)
        if isinstance(outcome, Rejection):
            return outcome
        offset = outcome
    return offset


def _explain_content(
    data: bytes, head: Head, index: int, expected: inspect.StrType | inspect.BytesType
) -> Rejection | int:
    """Judge bytes or a text by its length; a text is counted in characters."""
    stop = head.start + head.value
    length = head.value
    if isinstance(expected, inspect.StrType):
        try:
            length = len(data[head.start : stop].decode())
        except UnicodeDecodeError:
            return Rejection(Code.NOT_CANONICAL)
    refusal = _length_refusal(index, length, expected.min_length, expected.max_length)
    if refusal is not None:
        return refusal
    return stop if stop <= len(data) else Rejection(Code.NOT_CANONICAL)


def _type_refusal(head: Head, index: int, wanted: WireType) -> Rejection | None:
    if head.wire_type is wanted:
        return None
    return Rejection(Code.WRONG_TYPE, (index, wanted, head.wire_type))


def _length_refusal(
    index: int, length: int, minimum: int | None, maximum: int | None
) -> Rejection | None:
    low, high = minimum or 0, INTEGER_MAX if maximum is None else maximum
    if low <= length <= high:
        return None
    return Rejection(Code.WRONG_LENGTH, (index, low, high, length))
