"""JSON from strangers: bounded, unambiguous, or refused by name."""

from typing import TYPE_CHECKING

import pytest

from chainnode.verify import UnreadableEvidence
from chainnode.verify.strict_json import (
    CONTAINERS_MAX,
    DEPTH_MAX,
    JsonValue,
    as_array,
    as_base64,
    as_constant,
    as_fields,
    as_hex,
    as_integer,
    as_object,
    as_text,
    read_json,
    read_object,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("data", "check"),
    [
        (b'{"a": 1, "a": 2}', "json names"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "json names"),
        (b"NaN", "json number"),
        (b"[Infinity]", "json number"),
        (b"[-Infinity]", "json number"),
        (b"1.0", "json number"),
        (b"1e3", "json number"),
        (b"-1", "json number"),
        (b"9007199254740992", "json number"),
        (b"1" * 5000, "json number"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "json nesting"),
        (b'{"a":' * 100_000, "json nesting"),
        (b"[" + b"[]," * CONTAINERS_MAX + b"[]]", "json nesting"),
        (b'"\xff"', "json"),
        (b"", "json"),
        (b"{} {}", "json"),
        (b"{'a': 1}", "json"),
        (b'"' + b"x" * 100 + b'"', "json size"),
    ],
)
def test_ambiguous_or_unbounded_json_is_refused_by_name(data: bytes, check: str) -> None:
    limit = 64 if check == "json size" else 2**22
    with pytest.raises(UnreadableEvidence) as refusal:
        read_json(data, bytes_max=limit)
    assert refusal.value.check == check


def test_brackets_inside_strings_are_no_nesting() -> None:
    assert read_json(b'"' + b'[{\\"' * 100 + b'"') == '[{"' * 100


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 2_000_000, b'"' + b"[" * 4_000_000, b'["\\'])
def test_a_string_without_an_end_is_refused_in_one_pass(data: bytes) -> None:
    with pytest.raises(UnreadableEvidence):
        read_json(data)


def test_the_largest_legal_integer_and_depth_are_read() -> None:
    assert read_json(b"9007199254740991") == 2**53 - 1
    read_json(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)


def test_an_object_is_wanted_where_an_object_is_read() -> None:
    assert read_object(b'{"a": null}') == {"a": None}
    with pytest.raises(UnreadableEvidence):
        read_object(b"[]")


@pytest.mark.parametrize("value", [None, True, 1, "x", [], {"a": 1}])
def test_each_helper_refuses_every_other_type(value: JsonValue) -> None:
    accepted = {
        "object": isinstance(value, dict),
        "fields": value == {"a": 1},
        "array": isinstance(value, list),
        "integer": type(value) is int,
        "text": isinstance(value, str),
        "constant": value == 1 and type(value) is int,
    }
    tries: dict[str, Callable[[], object]] = {
        "object": lambda: as_object(value, "x"),
        "fields": lambda: as_fields(value, "x", ("a",)),
        "array": lambda: as_array(value, "x", size_max=3),
        "integer": lambda: as_integer(value, "x"),
        "text": lambda: as_text(value, "x", characters_max=3),
        "constant": lambda: as_constant(value, "x", 1),
    }
    for name, attempt in tries.items():
        if accepted[name]:
            attempt()
            continue
        with pytest.raises(UnreadableEvidence):
            attempt()


@pytest.mark.parametrize("value", ["", "0", "AB", "0g", "abcd", " ab", "ab\n", 1, None, "ａｂ"])
def test_hex_is_lower_case_and_of_the_exact_size(value: JsonValue) -> None:
    with pytest.raises(UnreadableEvidence):
        as_hex(value, "x", size=1)
    assert as_hex("ab", "x", size=1) == b"\xab"


@pytest.mark.parametrize(
    "value", ["YQ", "YQ=", "YR==", "YQ==\n", "Y Q=", "Y-8=", "é===", "YWJjZA==", 1, None]
)
def test_base64_is_padded_canonical_and_bounded(value: JsonValue) -> None:
    with pytest.raises(UnreadableEvidence):
        as_base64(value, "x", bytes_max=3)
    assert as_base64("YQ==", "x", bytes_max=3) == b"a"


def test_base64_of_another_size_than_the_exact_one_is_refused() -> None:
    with pytest.raises(UnreadableEvidence):
        as_base64("YQ==", "x", bytes_max=3, size=2)


def test_texts_are_bounded_and_hold_no_lone_surrogate() -> None:
    with pytest.raises(UnreadableEvidence):
        as_text("abcd", "x", characters_max=3)
    with pytest.raises(UnreadableEvidence):
        as_text(read_json(b'"\\ud800"'), "x", characters_max=3)


def test_arrays_have_the_exact_size_where_one_is_named() -> None:
    with pytest.raises(UnreadableEvidence):
        as_array([1, 2, 3], "x", size_max=9, size=2)
    with pytest.raises(UnreadableEvidence):
        as_array([1, 2, 3], "x", size_max=2)


@pytest.mark.parametrize("value", ["c2VjcmV0IHJlYXNvbg=", "c2VjcmV0IHJlYXNvbg==" * 9, "c2VjcmV0!"])
def test_a_refusal_of_base64_does_not_repeat_it(value: str) -> None:
    with pytest.raises(UnreadableEvidence) as refusal:
        as_base64(value, "private", bytes_max=20)
    assert "c2Vj" not in str(refusal.value)
