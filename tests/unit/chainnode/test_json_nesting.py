"""How deep a JSON text nests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.json_nesting import NestedTooDeep, check_nesting

_VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab\\"[]{}'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    match value:
        case list():
            return 1 + max(map(depth_of, value), default=0)
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
        case _:
            return 0


def containers_of(value: object) -> int:
    match value:
        case list():
            return 1 + sum(map(containers_of, value))
        case dict():
            return 1 + sum(map(containers_of, value.values()))
        case _:
            return 0


@given(_VALUES)
def test_levels_and_containers_are_those_of_the_parsed_value(value: object) -> None:
    text = json.dumps(value).encode()
    depth, containers = depth_of(value), containers_of(value)

    check_nesting(text, depth_max=depth, containers_max=containers)

    if depth:
        with pytest.raises(NestedTooDeep):
            check_nesting(text, depth_max=depth - 1)
        with pytest.raises(NestedTooDeep):
            check_nesting(text, depth_max=depth, containers_max=containers - 1)


def test_brackets_in_strings_do_not_count() -> None:
    check_nesting(b'"[[[{{{\\"[[["', depth_max=0)


def test_a_string_without_an_end_hides_what_follows() -> None:
    check_nesting(b'"[[[', depth_max=0)


def test_the_refusal_names_bounds_and_what_was_found() -> None:
    with pytest.raises(NestedTooDeep) as levels:
        check_nesting(b"[[[]]]", depth_max=2)
    with pytest.raises(NestedTooDeep) as containers:
        check_nesting(b"[[],[]]", depth_max=2, containers_max=2)

    assert levels.value.expected == "at most 2 levels"
    assert levels.value.actual == "level 3, container 3"
    assert containers.value.expected == "at most 2 levels and 2 arrays and objects"
    assert containers.value.actual == "level 2, container 3"


def test_a_long_text_of_quotes_takes_linear_time() -> None:
    check_nesting(b'"' * 4_000_001 + b"[", depth_max=1)
