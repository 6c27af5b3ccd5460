"""Where a request says its subject: what two readers could take for two people is unreadable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.errors import ConfigurationError
from chainnode.gateway.selectors import (
    VALUE_CHARACTERS_MAX,
    RequestParts,
    Selector,
    UnreadableSelector,
    subjects_of,
)

JSON = ("content-type", "application/json")
NOTHING = object()


def parts(
    *,
    path: str = "/",
    query: str = "",
    body: object = NOTHING,
    headers: tuple[tuple[str, str], ...] = (),
) -> RequestParts:
    if body is NOTHING:
        return RequestParts(path=path, query=query, headers=headers, body=b"")
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RequestParts(path=path, query=query, headers=headers or (JSON,), body=content)


def found(selector: str, request: RequestParts) -> tuple[str, ...] | None:
    """Return what a selector finds; None when its place is unreadable."""
    try:
        return Selector.parse(selector).values(request)
    except UnreadableSelector:
        return None


@pytest.mark.parametrize(
    ("selector", "request_parts", "expected"),
    [
        ("json:id", parts(body={"id": " a "}), ("a",)),
        ("json:id", parts(body={"id": 7}), ("7",)),
        ("json:a.id", parts(body={"a": [{"id": "1"}, {"id": "2"}, {}, {"id": "1"}]}), ("1", "2")),
        ("json:id", parts(body=[{"id": "1"}, {"id": ["2", None]}]), ("1", "2")),
        ("json:id", parts(body={"id": None, "x": [[1]]}), ()),
        ("json:id", parts(), ()),
        ("query:id", parts(query="id=%31&x=2&id=3"), ("1", "3")),
        ("query:id", parts(query="id=+%E5%BC%A0&x=%D5%C5&&id="), ("张",)),
        ("query:id", parts(query="x=a;b&id=1"), ("1",)),
        ("path:/p/{id}/x", parts(path="/p/a%20b/x"), ("a b",)),
        ("path:/p/{id}/x", parts(path="/p/1/y"), ()),
        ("path:/p/{id}", parts(path="/p/1/2"), ()),
        ("path:/p/{id}/x", parts(path="/%70/a/%78"), ("a",)),
        ("path:/p/{id}", parts(path="/P/1/"), ("1",)),
        ("path:/p/{id}/", parts(path="/p/1"), ("1",)),
        ("query:id", parts(query="id=1&ID=2"), ("1", "2")),
        ("json:id", parts(body={"ID": "1", "id": "2"}), ("1", "2")),
        ("header:X-Id", parts(headers=(("x-id", "1"), ("x", "2"), ("x-id", "3"))), ("1", "3")),
    ],
    ids=[
        *("text", "number", "in-array", "array-at-the-top", "null", "no-body", "query"),
        *("encoded-query", "semicolon-elsewhere", "path", "other-path", "longer-path"),
        *("encoded-path", "path-in-other-case", "slash-at-the-end", "query-in-other-case"),
        *("member-in-other-case", "header-twice"),
    ],
)
def test_selector_finds_what_stands_at_its_place(
    selector: str, request_parts: RequestParts, expected: tuple[str, ...]
) -> None:
    assert found(selector, request_parts) == expected


TYPED = {
    "wide-charset": "application/json; charset=utf-16",
    "second-charset": "application/json; charset=utf-8; charset=gbk",
    "other-charset": "application/json; charset*=utf-7''x",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain",
}


@pytest.mark.parametrize("content_type", TYPED.values(), ids=TYPED)
def test_body_that_its_type_lets_a_service_read_otherwise_is_unreadable(content_type: str) -> None:
    request = parts(body={"id": "1", "x": "&id=2&"}, headers=(("content-type", content_type),))
    assert found("json:id", request) is None


@pytest.mark.parametrize(
    "headers",
    [(), (JSON, JSON), (JSON, ("content-encoding", "deflate"))],
    ids=["no-type", "two-types", "coded"],
)
def test_body_of_no_one_type_is_unreadable(headers: tuple[tuple[str, str], ...]) -> None:
    request = RequestParts(path="/", query="", headers=headers, body=b'{"id": "1"}')
    assert found("json:id", request) is None


@pytest.mark.parametrize("charset", ["", "; charset=UTF-8", '; profile="x"; charset="utf8"'])
def test_body_in_utf_8_is_read_however_its_type_says_so(charset: str) -> None:
    request = parts(
        body={"id": "1"},
        headers=(("content-type", "application/json" + charset), ("content-encoding", "identity")),
    )
    assert found("json:id", request) == ("1",)


UNREADABLE_BODIES = {
    "name-twice": b'{"id": "1", "id": "2"}',
    "name-twice-inside": b'{"id": "1", "x": [{"a": 1, "a": 2}]}',
    "mark": b'\xef\xbb\xbf{"id": "1"}',
    "wide": '{"id": "1"}'.encode("utf-16"),
    "latin": '{"id": "1", "x": "é"}'.encode("latin-1"),
    "two-texts": b'{"id": "1"}\n{"id": "2"}',
    "comment": b'{"id": "1" /* , "id": "2" */}',
    "not-a-number": b'{"id": "1", "x": NaN}',
    "deep": b'{"id": "1", "x": ' + b"[" * 90 + b"]" * 90 + b"}",
    "scalar": b'"1"',
    "flag": b'{"id": true}',
    "fraction": b'{"id": 1.1e17}',
    "object": b'{"id": {"value": "2"}}',
    "array-in-array": b'{"id": ["1", ["2"]]}',
    "half-a-pair": b'{"id": "\\ud800"}',
    "long": b'{"id": "' + b"1" * (VALUE_CHARACTERS_MAX + 1) + b'"}',
    "other-spelling": b'{"id": "1", "Id[]": "2"}',
    "cut-name": b'{"id": "1", "id\\u0000x": "2"}',
    "wide-name": '{"id": "1", "ｉｄ": "2"}'.encode(),
    "underscore": b'{"id": "1", "i_d": "2"}',
}


@pytest.mark.parametrize("body", UNREADABLE_BODIES.values(), ids=UNREADABLE_BODIES)
def test_body_that_a_service_may_read_otherwise_is_unreadable(body: bytes) -> None:
    assert found("json:id", parts(body=body)) is None


@pytest.mark.parametrize("body", [{"a": "x"}, {"a": [["x"]]}, {"a": [{"id": 1}, 2]}])
def test_member_on_the_way_that_is_no_object_is_unreadable(body: object) -> None:
    assert found("json:a.id", parts(body=body)) is None


@pytest.mark.parametrize(
    "query",
    [
        *("id=1&id[]=2", "id=1&id[0]=2", "id=1&%20id=2", "id=1&i.d=2", "id=1&id%00=2"),
        *("x=1;id=2&id=1", "id=1;id=2", "id=%FF", "%D5%C5=2&id=1", "i%2564=2&id=1"),
        *("id=1&" + "a=1&" * 300, "id=ÿ"),
    ],
)
def test_query_that_a_service_may_read_otherwise_is_unreadable(query: str) -> None:
    assert found("query:id", parts(query=query)) is None


@pytest.mark.parametrize(
    "path",
    [
        *("/p%2F1", "/p/1;id=2", "/p/x/../1", "/p//1", "//p/1", "/./p/1", "/p\\1", "/p/%5C1"),
        *("/p/%2531", "/p/1%00", "/p/%FF", "http://a/p/1", "*", "/p/%2e%2e/1", "/p/ÿ"),
    ],
)
def test_path_that_a_service_may_route_otherwise_is_unreadable(path: str) -> None:
    assert found("path:/p/{id}", parts(path=path)) is None


def test_header_that_gateways_of_scripts_take_for_another_is_unreadable() -> None:
    """CGI and its heirs write both as HTTP_X_ID."""
    assert found("header:X-Id", parts(headers=(("x-id", "1"), ("x_id", "2")))) is None


def test_nobody_hides_behind_many_copies_of_another() -> None:
    people = [{"id": "1"}] * 1000 + [{"id": "2"}]
    assert found("json:a.id", parts(body={"a": people})) == ("1", "2")


def test_subjects_of_all_places_are_found_also_behind_one_that_is_unreadable() -> None:
    selectors = tuple(map(Selector.parse, ("json:id", "query:id", "header:x-id")))
    request = parts(query="id=2", body=b'{"id": "1", "id": "3"}', headers=(JSON, ("x-id", "4")))
    subjects = subjects_of(selectors, request)
    assert (subjects.values, subjects.is_readable) == (("2", "4"), False)
    assert subjects_of(selectors[1:], request).is_readable


@pytest.mark.parametrize(
    "text", ["", "json", "json:", "body:x", "path:/a", "path:/{a}/{b}", "json:" + "x" * 300]
)
def test_selector_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Selector.parse(text)


@given(
    body=st.binary(max_size=64),
    place=st.sampled_from(["json:a.b", "query:a", "path:/{a}", "header:a"]),
)
def test_selector_finds_something_or_nothing_or_says_so_in_any_bytes(
    body: bytes, place: str
) -> None:
    text = body.decode("latin-1")
    request = RequestParts(path="/" + text, query=text, headers=(JSON, ("a", text)), body=body)
    values = found(place, request)
    assert values is None or all(values)


def test_selector_and_request_do_not_show_what_they_find() -> None:
    request = parts(query="id=4501", body={"id": "4501"}, headers=(("x", "4501"),))
    assert "4501" not in repr(request)
    assert "4501" not in repr(subjects_of((Selector.parse("query:id"),), request))
    with pytest.raises(UnreadableSelector) as caught:
        Selector.parse("json:id").values(request)
    assert "4501" not in str(caught.value)
