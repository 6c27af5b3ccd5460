"""Reading requests: bounded bodies, digests, heights, waiting. Each refusal is a `Problem`."""

import asyncio
import re
from collections.abc import Coroutine
from datetime import date, datetime
from typing import TypeVar, cast

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from chainnode.api.gate import hold_body_bytes
from chainnode.api.problems import Problem
from chainnode.service import NodeService
from chainnode.verify.dates import day_end_ms

_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
# Longer waits belong to a stream; a proxy would cut them anyway.
WAIT_S_MAX = 60
_DIGEST_HEX = 64
# More digits than any length needs; Python refuses to convert very long ones.
_LENGTH_DIGITS_MAX = 20
_DAY_CHARACTERS = len("2026-03-01")
# A body of 4 MiB over a poor line; whoever is slower holds a place that others need.
BODY_S_MAX = 30.0

Result = TypeVar("Result")


def service_of(request: Request) -> NodeService:
    """Return the node behind this application."""
    return cast("NodeService", request.app.state.service)


def wait_seconds(request: Request, *, default: float) -> float:
    """Return the seconds of `Prefer: wait=` (RFC 7240 §4.3), at most a minute."""
    match = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(match.group(1)), WAIT_S_MAX) if match else default


def digest_of(text: str, service: NodeService) -> bytes:
    """Read `<hash>:<64 lower hex>` in the chain's hash.

    Raises:
        Problem: `INVALID_PARAMETER`, naming the form that was expected.

    """
    name, _, value = text.partition(":")
    expected = service.suite.hash_name
    if name != expected or len(value) != _DIGEST_HEX or not _is_lower_hex(value):
        raise Problem("INVALID_PARAMETER", expected=f"{expected}:<64 lower hex>", actual=text[:80])
    return bytes.fromhex(value)


def instant_of(text: str) -> int:
    """Read an instant (RFC 3339 with an offset) or a day, whose end in +08:00 is meant.

    Raises:
        Problem: `INVALID_PARAMETER`.

    """
    try:
        if len(text) == _DAY_CHARACTERS:
            return day_end_ms(int(date.fromisoformat(text).strftime("%Y%m%d")))
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Problem(
            "INVALID_PARAMETER", expected="YYYY-MM-DD or RFC 3339 with an offset", actual=text
        )
    return round(instant.timestamp() * 1000)


async def bounded_body(request: Request, *, bytes_max: int) -> bytes:
    """Read the body, refusing it as soon as it is larger than allowed.

    Raises:
        Problem: `OVERSIZE`, `SLOW_BODY`, or `BUSY` when too many bodies are in work.

    """
    announced = request.headers.get("content-length", "0")
    is_long = len(announced) > _LENGTH_DIGITS_MAX
    if is_long or (announced.isdecimal() and int(announced) > bytes_max):
        raise _oversize(bytes_max, f"{announced[:_LENGTH_DIGITS_MAX]} bytes announced")
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _read_body(request, bytes_max)
    except TimeoutError as error:
        raise Problem("SLOW_BODY") from error


async def _read_body(request: Request, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise _oversize(bytes_max, f"more than {bytes_max} bytes")
        hold_body_bytes(request, len(part))
        parts.append(part)
    return b"".join(parts)


async def unless_disconnected(request: Request, work: Coroutine[object, object, Result]) -> Result:
    """Return what `work` makes, or end it when the client goes away meanwhile.

    The body must have been read.

    Raises:
        ClientDisconnect: nobody waits for the answer any more.

    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(until_disconnected(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()


async def until_disconnected(receive: Receive) -> None:
    """Wait until whoever asked is gone; what else comes is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass


def require_media_type(request: Request, expected: str) -> None:
    """Refuse another content type.

    Raises:
        Problem: `UNSUPPORTED_MEDIA_TYPE`.

    """
    actual = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if actual != expected:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", expected=expected, actual=actual or "none")


def _oversize(bytes_max: int, actual: str) -> Problem:
    return Problem("OVERSIZE", expected=f"at most {bytes_max} bytes", actual=actual)


def _is_lower_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
