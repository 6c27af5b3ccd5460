"""Public parts: one canonical form, and refusals that name the field."""

from typing import cast

import msgpack
import pytest

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import EndKey
from contracts.schemas.shape import PublicPart, Schema, encode_part
from contracts.schemas.wire import WireType
from tests.unit.contracts.builders import (
    ACTIONS,
    DISPUTE_PARTS,
    END_KEY,
    EXCHANGE_PARTS,
    PARTS,
    SALT,
    Caller,
)

END = encode_part(END_KEY)
HEAD = b"\x93\xc4\x10" + SALT


def refusal(public: bytes) -> tuple[int, ...]:
    with pytest.raises(Rejection) as error:
        Schema(EndKey).decode(public)
    return (error.value.code, *error.value.details)


@pytest.mark.parametrize(
    "part", [*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS], ids=lambda part: type(part).__name__
)
def test_part_is_decoded_from_its_one_encoding(part: PublicPart) -> None:
    assert Schema(type(part)).decode(encode_part(part)) == part


@pytest.mark.parametrize(
    "part", [*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS], ids=lambda part: type(part).__name__
)
def test_every_truncation_and_every_extension_is_refused(part: PublicPart) -> None:
    schema, data = Schema(type(part)), encode_part(part)
    for size in range(len(data)):
        with pytest.raises(Rejection):
            schema.decode(data[:size])
    with pytest.raises(Rejection):
        schema.decode(data + b"\x00")


@pytest.mark.parametrize(
    "part", [*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS], ids=lambda part: type(part).__name__
)
def test_each_field_of_another_type_is_refused_by_its_number(part: PublicPart) -> None:
    fields = msgpack.unpackb(encode_part(part), use_list=True)
    rules = 3 if part in DISPUTE_PARTS else 1
    samples = {WireType.INTEGER: 1, WireType.BYTES: b"b", WireType.TEXT: "t", WireType.ARRAY: []}
    for index, value in enumerate(fields):
        for wire_type, sample in samples.items():
            if isinstance(value, type(sample)):
                continue
            public = msgpack.packb([*fields[:index], sample, *fields[index + 1 :]])
            name, action = ACTIONS[type(part)]
            with pytest.raises(Rejection) as error:
                Caller(rules=rules).raw(name, action, public)
            assert error.value.code == Code.WRONG_TYPE
            assert error.value.details[0] == index
            assert error.value.details[2] == wire_type


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        (b"", (Code.NOT_CANONICAL,)),
        (b"\x01", (Code.NOT_CANONICAL,)),
        (b"\xc1", (Code.NOT_CANONICAL,)),
        (b"\x80", (Code.NOT_CANONICAL,)),
        (b"\xdc\x00", (Code.NOT_CANONICAL,)),
        (b"\x90", (Code.WRONG_FIELD_COUNT, 3, 0)),
        (b"\x94" + END[1:] + b"\x00", (Code.WRONG_FIELD_COUNT, 3, 4)),
        (b"\xdd\xff\xff\xff\xff", (Code.WRONG_FIELD_COUNT, 3, 2**32 - 1)),
        (b"\x93", (Code.NOT_CANONICAL,)),
        (b"\x93\xc0", (Code.WRONG_TYPE, 0, WireType.BYTES, WireType.OTHER)),
        (b"\x93\xc4", (Code.NOT_CANONICAL,)),
        (b"\x93\xc6\xff\xff\xff\xff", (Code.WRONG_LENGTH, 0, 16, 16, 2**32 - 1)),
        (HEAD[:-1], (Code.NOT_CANONICAL,)),
        (HEAD + b"\xb4" + b"k" * 20 + b"\x01", (Code.WRONG_TYPE, 1, 1, WireType.TEXT)),
        (HEAD + b"\xc4\x14" + b"k" * 20 + b"\xff", (Code.WRONG_TYPE, 2, 0, WireType.OTHER)),
        (HEAD + b"\xc4\x14" + b"k" * 20 + b"\xcb" + bytes(8), (Code.WRONG_TYPE, 2, 0, 4)),
        (HEAD + b"\xc5\x00\x14" + b"k" * 20 + b"\x01", (Code.NOT_CANONICAL,)),
        (HEAD + b"\xc4\x14" + b"k" * 20 + b"\xcc\x01", (Code.NOT_CANONICAL,)),
        (
            HEAD + b"\xc4\x14" + b"k" * 20 + b"\xcf" + b"\xff" * 8,
            (Code.OUT_OF_RANGE, 2, 0, 2**53 - 1, 2**53 - 1),
        ),
        (b"\xdc\x00\x03" + END[1:], (Code.NOT_CANONICAL,)),
        (b"\x91" * 4096, (Code.WRONG_FIELD_COUNT, 3, 1)),
        (b"\x93" * 4096, (Code.WRONG_TYPE, 0, WireType.BYTES, WireType.ARRAY)),
    ],
)
def test_what_is_no_canonical_part_is_refused_saying_why(
    public: bytes, expected: tuple[int, ...]
) -> None:
    assert refusal(public) == expected


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80"], ids=["no utf-8", "surrogate", "overlong"]
)
def test_text_that_is_no_utf_8_is_not_canonical(text: bytes) -> None:
    fields = msgpack.unpackb(encode_part(PARTS[0]), use_list=True)
    marker = "MARKER"
    fields[5] = marker
    whole = msgpack.packb(fields)
    bad = whole.replace(b"\xa6MARKER", bytes((0xA0 + len(text),)) + text)
    with pytest.raises(Rejection) as error:
        Schema(type(PARTS[0])).decode(bad)
    assert error.value.code == Code.NOT_CANONICAL


def test_field_of_an_unforeseen_type_is_our_own_fault() -> None:
    class Odd(PublicPart, frozen=True):
        ratio: float

    with pytest.raises(TypeError, match="no fields of type"):
        Schema(Odd).decode(b"\x92\xc4\x10" + SALT + b"\x01\x01")


def test_schema_is_made_of_a_struct() -> None:
    with pytest.raises(TypeError):
        Schema(cast("type[PublicPart]", int))
