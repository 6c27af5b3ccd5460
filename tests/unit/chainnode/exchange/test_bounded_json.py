"""JSON of the other side of a call, read alike everywhere: nothing depends on a reader's stack."""

import hashlib
import sys
from collections.abc import Callable

import httpx
import pytest

from chainnode.custodian.asks import problem_of
from chainnode.exchange.bounded_json import JSON_DEPTH_MAX, IllegalJson, json_text, read_json
from chainnode.exchange.commitments import Field
from chainnode.exchange.fields import body_fields, members, whole_body
from chainnode.gateway.calling.steps import is_pending
from chainnode.gateway.releasing import release
from chainnode.gateway.selectors import RequestParts, Selector, Subjects, subjects_of


def arrays(depth: int) -> str:
    return "[" * depth + "]" * depth


def objects(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def mixed(depth: int) -> str:
    opened = [('{"a":', "}") if one % 2 else ("[", "]") for one in range(depth)]
    return "".join(one for one, _ in opened) + "1" + "".join(one for _, one in opened[::-1])


NESTS = pytest.mark.parametrize("nest", [arrays, objects, mixed], ids=lambda one: one.__name__)
Nest = Callable[[int], str]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def is_cut(content: bytes) -> bool:
    """Tell whether a body becomes the fields of its members, or one with its digest."""
    body = whole_body(sha256, content, content_type="application/json")
    return body_fields(body) != (Field("body", sha256(content).hex()),)


@NESTS
@pytest.mark.parametrize("depth", [JSON_DEPTH_MAX - 1, JSON_DEPTH_MAX])
def test_what_nests_up_to_the_bound_is_read(nest: Nest, depth: int) -> None:
    assert read_json(nest(depth).encode()) is not None


@NESTS
@pytest.mark.parametrize("depth", [JSON_DEPTH_MAX + 1, 10_000, 500_000])
def test_what_nests_deeper_is_refused_by_name(nest: Nest, depth: int) -> None:
    with pytest.raises(IllegalJson) as refused:
        read_json(nest(depth).encode())

    assert refused.value.expected == f"at most {JSON_DEPTH_MAX} levels"
    assert f"level {JSON_DEPTH_MAX + 1}" in refused.value.actual


@NESTS
def test_a_body_is_cut_up_to_the_bound_and_one_field_above_it(nest: Nest) -> None:
    # The object of the body is level 1 itself.
    def body(depth: int) -> bytes:
        return f'{{"first":1,"deep":{nest(depth - 1)}}}'.encode()

    assert is_cut(body(63))
    assert is_cut(body(64))
    assert not is_cut(body(65))
    assert members(body(64)) == {"first": "1", "deep": nest(63)}
    assert members(body(65)) is None


@NESTS
def test_in_an_array_of_objects_the_array_is_a_level_too(nest: Nest) -> None:
    assert is_cut(f'[{{"a":{nest(62)}}}]'.encode())
    assert not is_cut(f'[{{"a":{nest(63)}}}]'.encode())


def test_a_wide_body_is_cut_however_many_arrays_stand_beside_each_other() -> None:
    content = ('{"a":[' + ",".join([arrays(62)] * 5_000) + "]}").encode()

    assert is_cut(content)


def test_one_deep_value_behind_many_flat_ones_is_seen() -> None:
    flat = ",".join(f'"m{number}":[]' for number in range(4_000))

    assert is_cut(f'{{{flat},"deep":{arrays(63)}}}'.encode())
    assert not is_cut(f'{{{flat},"deep":{arrays(64)}}}'.encode())


def test_brackets_in_texts_and_names_are_no_levels() -> None:
    assert is_cut(('{"' + "[" * 200 + '":"' + "{" * 200 + '\\"["}').encode())


def test_a_smaller_stack_of_the_reader_changes_nothing() -> None:
    deep = f'{{"deep":{mixed(64)}}}'.encode()
    legal = f'{{"deep":{mixed(63)}}}'.encode()
    before = sys.getrecursionlimit()
    try:
        found = []
        for limit in (400, before, 20_000):
            sys.setrecursionlimit(limit)
            found.append((is_cut(legal), is_cut(deep), is_cut(b'{"a":' + b"[" * 50_000)))
    finally:
        sys.setrecursionlimit(before)

    assert found == [(True, False, False)] * 3


@NESTS
def test_no_subject_is_read_in_what_is_too_deep(nest: Nest) -> None:
    def found(depth: int) -> Subjects:
        body = f'{{"id":"1","deep":{nest(depth - 1)}}}'.encode()
        headers = (("content-type", "application/json"),)
        parts = RequestParts(path="/", query="", headers=headers, body=body)
        return subjects_of([Selector.parse("json:id")], parts)

    assert found(64) == Subjects(values=("1",), is_readable=True)
    assert found(65) == found(400_000) == Subjects(values=(), is_readable=False)


@NESTS
def test_an_answer_that_is_too_deep_cannot_be_cut(nest: Nest) -> None:
    def released(depth: int) -> bool:
        body = f'{{"name":1,"deep":{nest(depth - 1)}}}'.encode()
        return release(body, given=1, item_fields=("name",), field_of={}) is not None

    assert released(64)
    assert not released(65)
    assert not released(400_000)


@NESTS
def test_a_problem_that_is_too_deep_is_none_of_ours(nest: Nest) -> None:
    def content(depth: int) -> bytes:
        return f'{{"code":"RECEIPT_PENDING","retry_after_s":7,"deep":{nest(depth - 1)}}}'.encode()

    response = httpx.Response(503, headers={"content-type": "application/problem+json"})

    for depth, is_read in ((64, True), (65, False), (200_000, False)):
        assert is_pending(response, content(depth)) is is_read
        assert problem_of(content(depth)) == (("RECEIPT_PENDING", 7) if is_read else ("", 0))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"NaN", b"[Infinity]", b"{}x"],
    ids=repr,
)
def test_what_is_no_json_in_utf_8_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(IllegalJson):
        read_json(content)


def test_the_error_says_nothing_of_the_content() -> None:
    with pytest.raises(IllegalJson) as refused:
        read_json(b'{"id":"110101199003070011"')

    assert "1101" not in str(refused.value)


def test_a_text_within_the_bounds_is_returned_as_it_is() -> None:
    assert json_text('{"名":'.encode()) == '{"名":'
