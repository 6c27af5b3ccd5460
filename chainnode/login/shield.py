"""What stands before every page of ours for people: headers on all answers, bounds on all bodies.

Plain ASGI. Scripts, styles and connections come from this service alone; nothing is inline, so
no text of anybody's can become a script.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES_MAX: Final = 64 * 1024
# 64 KiB over a poor line.
BODY_S_MAX: Final = 10.0
_TOO_LARGE: Final = 413
_TOO_SLOW: Final = 408
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{forms}"
)
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    # Not "no-referrer": with that a browser says of a form that its origin is null.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_STORED: Final = b"cache-control"


class PageShield:
    """Wraps an application; `logout_origin` is where a logout's form may lead on to."""

    def __init__(self, app: Application, *, logout_origin: str, is_tls: bool) -> None:
        self._app = app
        policy = _POLICY.format(forms=f" {logout_origin}")
        self._headers = [*_HEADERS, (b"content-security-policy", policy.encode())]
        if is_tls:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                headers += self._headers
                if _STORED not in {name.lower() for name, _ in headers}:
                    headers.append((_STORED, b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        body = await _body(receive)
        if isinstance(body, int):
            await sent({"type": "http.response.start", "status": body, "headers": []})
            await sent({"type": "http.response.body", "body": b""})
            return
        if body is not None:
            await self._app(scope, _replayed(body, receive), sent)


async def _body(receive: Receive) -> bytes | int | None:
    """Return the whole body, the status that refuses it, or None when nobody waits any more."""
    body = b""
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                part: bytes = message.get("body", b"")
                body += part
                if len(body) > BODY_BYTES_MAX:
                    return _TOO_LARGE
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return _TOO_SLOW


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read, and then whatever comes: a disconnection."""
    waiting = [body]

    async def received() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return received
