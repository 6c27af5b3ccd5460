"""What an application answers to a call, held back until its half is durable, then sent on.

Small answers are taken whole and cut to the fields that are given. Larger ones, and ones that
are no JSON and of unknown length, stream: each part leaves when the next one is there, and the
last one when the half is durable, so that no answer is ever whole without its half.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final

from chainnode.errors import NodeError
from chainnode.exchange.fields import JSON_BYTES_MAX, is_json
from chainnode.gateway.connections import Connection, Message
from chainnode.gateway.core import CLIENT_GONE, SERVICE_FAILED, Gateway, Streaming
from chainnode.gateway.messages import HttpAnswer
from chainnode.gateway.recording import OpenCall, headers_of

# RFC 9110 §15: what ends a request.
_FINAL: Final = range(200, 600)


class AnswerCut(NodeError):
    """The half of a call whose answer streamed was not kept: the answer is left unfinished."""


class _Phase(Enum):
    """How far an answer is."""

    COLLECTING = auto()
    STREAMING = auto()
    ENDED = auto()


class ServiceAnswer:
    """Takes the messages of an application for one admitted call."""

    def __init__(
        self,
        gateway: Gateway,
        call: OpenCall,
        *,
        connection: Connection,
        is_client_gone: Callable[[], bool],
    ) -> None:
        self._gateway = gateway
        self._call = call
        self._connection = connection
        self._is_client_gone = is_client_gone
        self._phase = _Phase.COLLECTING
        self._status = 0
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._body = bytearray()
        self._stream: Streaming | None = None
        self._held = b""

    async def send(self, message: Message) -> None:
        """Take a message of the application (the ASGI interface)."""
        if self._phase is _Phase.ENDED:
            return
        if message["type"] == "http.response.start":
            status = int(message["status"])
            self._status = status if status in _FINAL else SERVICE_FAILED
            self._headers = _own_headers(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            part = bytes(message.get("body", b""))
            await self._take(part, is_last=not message.get("more_body", False))

    async def fail(self, status: int) -> None:
        """End a call that the application did not answer, or not to the end."""
        if self._phase is _Phase.ENDED:
            return
        self._phase = _Phase.ENDED
        if self._stream is not None:
            await self._gateway.end(self._call, self._stream)
            raise AnswerCut("the service did not finish its answer")
        answer = await self._gateway.broken(
            self._call, status=CLIENT_GONE if self._is_client_gone() else status
        )
        await self._connection.answer(answer)

    async def _take(self, part: bytes, *, is_last: bool) -> None:
        if self._is_client_gone():
            self._phase = _Phase.ENDED
            await self._gone(part)
        elif self._phase is _Phase.STREAMING:
            await self._pass_on(part, is_last=is_last)
        else:
            await self._collect(part, is_last=is_last)

    async def _gone(self, part: bytes) -> None:
        """End a call whose caller went away: with nothing, or with what has left already.

        Who takes most of an answer and hangs up has had it: such a call counts as answered.
        """
        if self._stream is None:
            await self._gateway.broken(self._call, status=CLIENT_GONE)
            return
        self._stream.update(part)
        await self._gateway.end(self._call, self._stream)

    async def _collect(self, part: bytes, *, is_last: bool) -> None:
        self._body += part
        if not is_last and self._must_stream():
            await self._begin()
        elif is_last:
            self._phase = _Phase.ENDED
            response = HttpAnswer(
                status=self._status, headers=self._headers, body=bytes(self._body)
            )
            await self._connection.answer(await self._gateway.answer(self._call, response))

    def _must_stream(self) -> bool:
        """Tell whether this answer is too large to be held, or may never end."""
        if len(self._body) > JSON_BYTES_MAX:
            return True
        length = _header(self._headers, b"content-length")
        is_short = length.isdigit() and int(length[:20]) <= JSON_BYTES_MAX
        return not is_short and not is_json(_header(self._headers, b"content-type"))

    async def _begin(self) -> None:
        begun = await self._gateway.begin(
            self._call,
            status=self._status,
            content_type=_header(self._headers, b"content-type"),
        )
        if isinstance(begun, HttpAnswer):
            self._phase = _Phase.ENDED
            await self._connection.answer(begun)
            return
        self._phase, self._stream = _Phase.STREAMING, begun
        call_id = self._call.authentic.header.call_id
        await self._connection.send(
            {
                "type": "http.response.start",
                "status": self._status,
                "headers": [*self._headers, *headers_of(call_id, "", None)],
            }
        )
        collected, self._body = bytes(self._body), bytearray()
        await self._pass_on(collected, is_last=False)

    async def _pass_on(self, part: bytes, *, is_last: bool) -> None:
        """Send the part that is held and hold this one; the last one waits for the half."""
        stream = self._stream
        if stream is None:
            return
        stream.update(part)
        ready, self._held = (self._held, part) if part else (b"", self._held)
        if ready:
            await self._send_part(ready, more_body=True)
        if not is_last:
            return
        self._phase = _Phase.ENDED
        if not await self._gateway.end(self._call, stream):
            raise AnswerCut("the half of a streamed answer was not kept")
        await self._send_part(self._held, more_body=False)

    async def _send_part(self, part: bytes, *, more_body: bool) -> None:
        await self._connection.send(
            {"type": "http.response.body", "body": part, "more_body": more_body}
        )


def _own_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the application's headers without any that only a gateway may set."""
    return tuple(
        (bytes(name), bytes(value))
        for name, value in headers
        if not bytes(name).lower().startswith(b"kun-")
    )


def _header(headers: tuple[tuple[bytes, bytes], ...], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")
