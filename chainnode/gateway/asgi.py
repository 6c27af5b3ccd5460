"""A gateway around an ASGI application: from the server's messages to calls and back.

The application sees a call only after it was admitted, with its whole body. Nothing of its
answer leaves that was not looked at here. A conversation over a websocket has no answer that a
half could describe, so it is refused.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, TypeAlias

from chainnode.errors import NodeError
from chainnode.gateway.answers import ServiceAnswer
from chainnode.gateway.connections import (
    Application,
    ClientGone,
    Connection,
    Message,
    Receive,
    Send,
)
from chainnode.gateway.core import SERVICE_FAILED, Gateway
from chainnode.gateway.messages import HttpAnswer, HttpRequest, Refused, Unrecorded, problem_of
from chainnode.gateway.recording import OpenCall

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[Gateway]]

REPLY_PATH: Final = "/.well-known/kun/reply"
METRICS_PATH: Final = "/.well-known/kun/metrics"
HEALTH_PATH: Final = "/.well-known/kun/health"
# RFC 6455 §7.4.1: a policy is violated.
_WEBSOCKET_POLICY: Final = 1008
# What asks for an answer in another form. A range of a JSON text can be an object nested in it,
# whose members would pass for those of the item.
_OF_PARTS: Final = frozenset({b"accept-encoding", b"range", b"if-range"})
# What lets frameworks answer another request than the one that was read, judged and recorded.
_OF_ANOTHER: Final = frozenset(
    {
        *("x-http-method", "x-http-method-override", "x-method-override"),
        *("x-original-uri", "x-original-url", "x-rewrite-url", "x-forwarded-uri"),
        *("x-forwarded-method", "x-forwarded-path", "x-forwarded-prefix", "x-envoy-original-path"),
    }
)
# Written with `_` for `-` they are the same to CGI and its heirs, but not to who checked them.
_OURS_PREFIX: Final = "kun-"
# What asks whether an answer changed: it is about the answer before fields are cut from it.
_OF_VERSIONS: Final = frozenset({b"if-none-match", b"if-modified-since"})
_LOG: Final = logging.getLogger(__name__)


class GatewayMiddleware:
    """Serves one application through a gateway, which is opened with the application's lifespan.

    Where the server speaks no lifespan, the first request opens it.
    """

    def __init__(self, app: Application, *, opener: Opener) -> None:
        self._app = app
        self._opener = opener
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._gateway: Gateway | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of the server (the ASGI interface)."""
        connection = Connection(scope=scope, receive=receive, send=send)
        match scope["type"]:
            case "http":
                await self._serve(connection)
            case "lifespan":
                await self._live(connection)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": _WEBSOCKET_POLICY})

    async def close(self) -> None:
        """Close the gateway; with a server that speaks lifespan this happens by itself."""
        async with self._opening:
            self._gateway = None
            await self._stack.aclose()

    async def _opened(self) -> Gateway:
        if self._gateway is not None:
            return self._gateway
        async with self._opening:
            if self._gateway is None:
                self._gateway = await self._stack.enter_async_context(self._opener())
            return self._gateway

    async def _live(self, connection: Connection) -> None:
        async def receive() -> Message:
            message = await connection.receive()
            if message["type"] == "lifespan.startup":
                await self._opened()
            return message

        async def send(message: Message) -> None:
            if message["type"] != "lifespan.startup.complete":
                await self.close()
            await connection.send(message)

        try:
            await self._app(connection.scope, receive, send)
        except NodeError as error:
            if self._gateway is not None:
                raise
            await connection.send({"type": "lifespan.startup.failed", "message": str(error)})

    async def _serve(self, connection: Connection) -> None:
        try:
            gateway = await self._opened()
        except NodeError as error:
            _LOG.warning("the gateway cannot be opened: %s", type(error).__name__)
            await connection.answer(problem_of(Unrecorded.INTERNAL))
            return
        if connection.path == METRICS_PATH and gateway.service.serves_metrics:
            await connection.answer(gateway.figures())
        elif connection.path == HEALTH_PATH:
            await connection.answer(gateway.health())
        elif connection.path in gateway.service.open_paths:
            await self._app(_scope_of_one(connection.scope), connection.receive, connection.send)
        else:
            await self._serve_call(gateway, connection)

    async def _serve_call(self, gateway: Gateway, connection: Connection) -> None:
        try:
            request = await connection.request(bytes_max=gateway.service.request_bytes_max)
        except ClientGone:
            return
        except Refused as refused:
            await connection.answer(gateway.refuse(refused.reason))
            return
        if connection.path == REPLY_PATH:
            await connection.answer(await gateway.reply_of(request))
            return
        admitted = await gateway.admit(request)
        if isinstance(admitted, HttpAnswer):
            await connection.answer(admitted)
        else:
            await self._pass_on(gateway, admitted, connection, request)

    async def _pass_on(
        self, gateway: Gateway, call: OpenCall, connection: Connection, request: HttpRequest
    ) -> None:
        """Let the application answer an admitted call."""
        waiting = asyncio.ensure_future(connection.receive())
        answer = ServiceAnswer(
            gateway, call, connection=connection, is_client_gone=lambda: _is_gone(waiting)
        )
        try:
            await self._app(
                _scope_of_call(connection.scope), _receive_of_call(request, waiting), answer.send
            )
        except (Exception, asyncio.CancelledError):
            # A server that stops cancels what is in work; a half is owed all the same.
            await answer.fail(SERVICE_FAILED)
            raise
        finally:
            waiting.cancel()
        await answer.fail(SERVICE_FAILED)


def _scope_of_call(scope: Message) -> Message:
    """Return the scope for the application: whole answers as they are, no ways around `send`."""
    dropped = _OF_PARTS | (_OF_VERSIONS if scope["method"] in {"GET", "HEAD"} else frozenset())
    whole = _scope_of_one(scope)
    headers = [one for one in whole["headers"] if one[0].lower() not in dropped]
    return {**whole, "headers": headers, "extensions": {}}


def _scope_of_one(scope: Message) -> Message:
    """Return a scope that names one request, and by no second spelling a header of ours."""
    return {**scope, "headers": [one for one in scope["headers"] if not _is_of_another(one[0])]}


def _is_of_another(name: bytes) -> bool:
    written = name.decode("latin-1").lower()
    meant = written.replace("_", "-")
    return meant in _OF_ANOTHER or (meant != written and meant.startswith(_OURS_PREFIX))


def _receive_of_call(request: HttpRequest, waiting: "asyncio.Future[Message]") -> Receive:
    """Give the application the body at once, and after it what the server says."""
    parts = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Message:
        return parts.pop() if parts else await asyncio.shield(waiting)

    return receive


def _is_gone(waiting: "asyncio.Future[Message]") -> bool:
    """Tell whether the caller went away while the application worked."""
    return waiting.done() and not waiting.cancelled() and waiting.exception() is None
