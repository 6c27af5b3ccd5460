"""The seam between what a client decides and how bytes travel: plans that do no I/O.

A plan is a generator: it yields an `Exchange` (one HTTP request to one node) or a `Pause`, is
sent the `Reply`, and returns its result. `Client` and `AsyncClient` differ only in how they
carry out these steps, so every decision is tested without a socket.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One HTTP request. `path` starts with a slash and carries its query string."""

    node: str
    method: str
    path: str
    timeout_s: float
    bytes_max: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Let other work happen for a while; the reply to it is an `Elapsed`."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a node answered, at most `bytes_max` bytes; a redirect is an answer like any other.

    `retry_after_s` is the header of that name where it is a number of seconds; else 0.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No whole answer came: refused, timed out, cut short, too long."""

    reason: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A pause is over."""


Step: TypeAlias = Exchange | Pause
Reply: TypeAlias = Answer | Unreachable | Elapsed
Plan: TypeAlias = Generator[Step, Reply, Result]
