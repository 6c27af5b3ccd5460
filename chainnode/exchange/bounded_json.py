"""JSON that the other side of a call wrote, read alike by every department. Pure leaf.

docs/wire-format.md §15: UTF-8, RFC 8259, arrays and objects nested at most 64 deep. The bound
is checked before the text is parsed, so no reader's stack decides what a body is.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from chainnode.errors import InvalidInput
from chainnode.json_nesting import NestedTooDeep, check_nesting

# The outermost array or object is level 1.
JSON_DEPTH_MAX = 64

JsonHook: TypeAlias = Callable[[list[tuple[str, object]]], object]


class IllegalJson(InvalidInput):
    """Bytes that are no JSON within the bounds; what they say stands in no error."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"json: expected {expected}, got {actual}")


def json_text(content: bytes) -> str:
    """Return the text of `content`, which is UTF-8 and nests no deeper than the bound.

    Whether it is JSON is not asked.

    Raises:
        IllegalJson: it is not.

    """
    try:
        text = content.decode("utf-8")
        check_nesting(content, depth_max=JSON_DEPTH_MAX)
    except UnicodeDecodeError as error:
        raise IllegalJson(expected="UTF-8", actual="other bytes") from error
    except NestedTooDeep as error:
        raise IllegalJson(expected=error.expected, actual=error.actual) from error
    return text


def parse_json(text: str, *, pairs_hook: JsonHook | None = None) -> object:
    """Return the value of what `json_text` returned; `pairs_hook` makes the objects.

    Raises:
        IllegalJson: it is no JSON, or the hook raised a `ValueError`.

    """
    try:
        value: object = _decoder(pairs_hook).decode(text)
    except ValueError as error:
        raise IllegalJson(expected="one JSON value", actual="another text") from error
    return value


def read_json(content: bytes, *, pairs_hook: JsonHook | None = None) -> object:
    """Return the value of a JSON text within the bounds.

    Raises:
        IllegalJson: it is none.

    """
    return parse_json(json_text(content), pairs_hook=pairs_hook)


# Hooks are functions of modules, a handful of them; to make a decoder costs more than to use it.
@lru_cache(maxsize=16)
def _decoder(pairs_hook: JsonHook | None) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs_hook, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
