"""One connection of an ASGI server: a whole request out of it, a whole answer into it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from chainnode.gateway.messages import HttpAnswer, HttpRequest, Refused, Unrecorded

# What ASGI says a scope and a message are; the values have many types.
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
# As loose as frameworks have it, so that `add_middleware` type-checks in a service.
Application: TypeAlias = Callable[
    [Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


# A whole request over a poor line; whoever sends one byte now and then holds a place for so long.
BODY_S_MAX: Final = 30.0


class ClientGone(Exception):
    """The caller went away before its request was whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a server gives an application for one request."""

    scope: Message = field(repr=False)
    receive: Receive = field(repr=False)
    send: Send = field(repr=False)

    @property
    def path(self) -> str:
        """Decoded path, by which applications choose what answers."""
        return str(self.scope["path"])

    async def request(self, *, bytes_max: int) -> HttpRequest:
        """Read the whole request.

        Raises:
            ClientGone: it ended before it was whole.
            Refused: its length is said in two ways or is more than `bytes_max`, or it is slow.

        """
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self.scope["headers"]
        )
        if _declared_length(headers) > bytes_max:
            raise Refused(Unrecorded.BODY_TOO_LARGE)
        return HttpRequest(
            method=str(self.scope["method"]).upper(),
            target=_target(self.scope),
            headers=headers,
            body=await self._body_in_time(bytes_max),
        )

    async def answer(self, answer: HttpAnswer) -> None:
        """Send a whole answer."""
        headers = list(answer.headers)
        if not any(name.lower() == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await self.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _body_in_time(self, bytes_max: int) -> bytes:
        try:
            async with asyncio.timeout(BODY_S_MAX):
                return await self._body(bytes_max)
        except TimeoutError as error:
            raise Refused(Unrecorded.BODY_TOO_SLOW) from error

    async def _body(self, bytes_max: int) -> bytes:
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body += message.get("body", b"")
            if len(body) > bytes_max:
                raise Refused(Unrecorded.BODY_TOO_LARGE)
            if not message.get("more_body", False):
                return bytes(body)


def _declared_length(headers: tuple[tuple[str, str], ...]) -> int:
    """Return the length that headers declare, 0 where they declare none.

    Said twice, both ways, or not as RFC 9112 §6 has it, two readers could see two requests.

    Raises:
        Refused: then.

    """
    lengths = [value for name, value in headers if name == "content-length"]
    codings = [value.lower() for name, value in headers if name == "transfer-encoding"]
    is_clear = len(lengths) + len(codings) <= 1 and codings in ([], ["chunked"])
    declared = lengths[0] if lengths else "0"
    if not is_clear or not (declared.isascii() and declared.isdigit()):
        raise Refused(Unrecorded.AMBIGUOUS_LENGTH)
    return int(declared[:20])


def _target(scope: Message) -> str:
    """Return path and query as they stand in the request line."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(str(scope["path"]))
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path
