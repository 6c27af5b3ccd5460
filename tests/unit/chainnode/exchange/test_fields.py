"""Named fields of HTTP messages."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.exchange.commitments import Field
from chainnode.exchange.fields import (
    ITEMS_MAX,
    JSON_BYTES_MAX,
    Body,
    body_fields,
    is_json,
    members,
    request_fields,
    response_fields,
    whole_body,
)

JSON = "application/json"


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def fields_of(content: bytes, content_type: str = JSON) -> dict[str, str]:
    made = body_fields(whole_body(sha256, content, content_type=content_type))
    assert len({one.name for one in made}) == len(made)
    return {one.name: one.value for one in made}


def one_field(content: bytes) -> dict[str, str]:
    return {"body": hashlib.sha256(content).hexdigest()}


def test_a_request_has_method_target_reasons_and_body() -> None:
    made = request_fields(
        method="POST",
        target="/people?x=1",
        reasons={"case": "A-1", "purpose": "housing"},
        body=whole_body(sha256, b'{"id":"1"}', content_type=JSON),
    )
    assert made == (
        Field("method", "POST"),
        Field("target", "/people?x=1"),
        Field("purpose", "housing"),
        Field("case", "A-1"),
        Field("body.id", '"1"'),
    )


def test_a_response_has_status_and_body() -> None:
    made = response_fields(status=204, body=whole_body(sha256, b""))
    assert made == (Field("status", "204"),)


def test_values_stand_as_they_were_sent_without_white_space_outside_of_strings() -> None:
    content = '{ "a" : 1.50 , "b":[ 1, { "c" :"x  y\\" ,\\u00e9" } ],\n"名":"é", "d":1E5}'.encode()
    assert fields_of(content) == {
        "body.a": "1.50",
        "body.b": '[1,{"c":"x  y\\" ,\\u00e9"}]',
        "body.名": '"é"',
        "body.d": "1E5",
    }


def test_an_array_of_objects_is_cut_by_item_and_member() -> None:
    assert fields_of(b'[ {"a":1}, {"a":2,"b":null} ]') == {
        "body[0].a": "1",
        "body[1].a": "2",
        "body[1].b": "null",
    }


@pytest.mark.parametrize(
    "content",
    [
        b'"text"',
        b"17",
        b"{}",
        b"[]",
        b"[1]",
        b'[{"a":1},{}]',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":1}x',
        b'{"a":',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"\\ud800":1}',
        b"[" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b"[" + b",".join([b'{"a":1}'] * (ITEMS_MAX + 1)) + b"]",
        json.dumps({str(number): 1 for number in range(4_089)}).encode(),
        b'{"a":"' + b"x" * JSON_BYTES_MAX + b'"}',
    ],
    ids=lambda content: content[:24].decode("latin-1"),
)
def test_every_other_body_is_one_field_with_its_digest(content: bytes) -> None:
    assert fields_of(content) == one_field(content)


def test_as_many_members_as_fit_are_cut() -> None:
    assert len(fields_of(json.dumps({str(number): 1 for number in range(4_088)}).encode())) == 4_088


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonp", "text/json"])
def test_a_body_of_another_type_is_one_field(content_type: str) -> None:
    assert fields_of(b'{"a":1}', content_type) == one_field(b'{"a":1}')


def test_a_body_that_was_not_kept_is_one_field() -> None:
    digest = sha256(b'{"a":1}')
    body = Body(content_type=JSON, digest=digest, size=7)
    assert body_fields(body) == (Field("body", digest.hex()),)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"],
)
def test_json_has_several_names(content_type: str) -> None:
    assert is_json(content_type)


def test_members_of_a_name_twice_are_none() -> None:
    assert members(b'{"a":1,"a":2}') is None


def test_members_are_as_sent() -> None:
    assert members(b' {"a": [1, 2]} ') == {"a": "[1,2]"}


@given(st.binary(max_size=64))
def test_no_body_raises(content: bytes) -> None:
    fields_of(content)


# Long texts and lists are cut like short ones; drawing them is what costs.
_TEXTS = st.text(max_size=12)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=6), st.sampled_from([None, 2]))
def test_cut_members_are_the_parsed_ones(document: dict[str, object], indent: int | None) -> None:
    content = json.dumps(document, indent=indent).encode()
    cut = fields_of(content)
    if cut == one_field(content):
        # Half of a surrogate pair in a name.
        assert any("\ud800" <= one <= "\udfff" for name in document for one in name)
        return
    assert {name: json.loads(value) for name, value in cut.items()} == {
        f"body.{name}": value for name, value in document.items()
    }
