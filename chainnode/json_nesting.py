"""How deep a JSON text nests, told before anything parses it. Pure leaf.

A parser that recurses refuses what its own stack cannot hold, so what it takes depends on the
machine and on who called it. A fixed bound that is checked first makes every reader take the same.
"""

import re

from chainnode.errors import InvalidInput

# A string without an end is one token too: were it none, each quote in it would begin a new
# search to the end of the text, and 4 MiB of them would take hours.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = frozenset(b"[{")


class NestedTooDeep(InvalidInput):
    """A JSON text with more levels, or more arrays and objects, than its reader takes."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"json nesting: expected {expected}, got {actual}")


def check_nesting(text: bytes, *, depth_max: int, containers_max: int | None = None) -> None:
    """Check how deep arrays and objects nest (the outermost is level 1) and how many there are.

    `text` is UTF-8; whether it is JSON is not asked. Linear in its size, without recursion.

    Raises:
        NestedTooDeep: over a bound.

    """
    lesser = depth_max if containers_max is None else min(depth_max, containers_max)
    if text.count(b"[") + text.count(b"{") <= lesser:
        # With those inside of strings: nearly every text is far from its bounds.
        return
    depth = containers = 0
    for one in _STRING.sub(b"", text).translate(None, _NO_BRACKETS):
        if one not in _OPENING:
            depth -= 1
            continue
        depth += 1
        containers += 1
        if depth > depth_max or (containers_max is not None and containers > containers_max):
            raise NestedTooDeep(
                expected=_bounds(depth_max, containers_max),
                actual=f"level {depth}, container {containers}",
            )


def _bounds(depth_max: int, containers_max: int | None) -> str:
    levels = f"at most {depth_max} levels"
    if containers_max is None:
        return levels
    return f"{levels} and {containers_max} arrays and objects"
