"""Polling with a deadline; acceptance tests never sleep for luck."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
_PAUSE_S = 0.1


def until(look: Callable[[], Seen | None], *, timeout_s: float, what: str) -> Seen:
    """Return the first truthy value of `look`; fail the test when it does not come in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}; last: {seen!r}"
        time.sleep(_PAUSE_S)
