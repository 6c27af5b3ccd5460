"""What every request passes first and last: its id, its address, and what requests may hold.

A pure ASGI layer, because its end is the end of the answer: what a request holds (a place, the
bytes of its body, a large answer that a slow reader takes its time for) is given back there.
"""

import asyncio
import secrets
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chainnode.api.addresses import Addresses
from chainnode.api.problems import Problem, problem_response

_REQUEST_ID_BYTES = 8
# Requests in work, waiting ones included; more are told to come back. Below the server's own
# limit, which answers without a problem document.
REQUESTS_MAX = 1024
# Bodies that are being read or wait for their submissions to be admitted.
BODY_BYTES_MAX = 64 * 1024 * 1024
# Whole blocks on their way to readers; each may be 3 MiB.
LARGE_ANSWERS_MAX = 16
# What the socket may be ahead of a reader, and how long a reader may take in all.
_CHUNK_BYTES = 64 * 1024
_READING_S_MAX = 60.0


class Budget:
    """An amount that the requests in work share."""

    def __init__(self, maximum: int, *, code: str = "BUSY") -> None:
        self._maximum = maximum
        self._code = code
        self.held = 0

    def take(self, request: Request, amount: int) -> None:
        """Hold an amount until the answer to `request` has been sent.

        Raises:
            Problem: `BUSY`, or the code of this budget.

        """
        if self.held + amount > self._maximum:
            raise Problem(self._code)
        self.held += amount
        holdings: list[tuple[Budget, int]] = request.state.holdings
        holdings.append((self, amount))


def add_gate(app: FastAPI, addresses: Addresses) -> None:
    """Put the gate and its budgets in front of an application."""
    app.state.body_bytes = Budget(BODY_BYTES_MAX)
    app.state.large_answers = Budget(LARGE_ANSWERS_MAX)
    app.add_middleware(Gate, addresses=addresses)


def hold_body_bytes(request: Request, amount: int) -> None:
    """Note bytes of a body. Raises Problem `BUSY` when the bodies in work are too large."""
    cast("Budget", request.app.state.body_bytes).take(request, amount)


def hold_large_answer(request: Request) -> None:
    """Note a large answer. Raises Problem `BUSY` when too many are on their way."""
    cast("Budget", request.app.state.large_answers).take(request, 1)


class Gate:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, addresses: Addresses) -> None:
        self._app = app
        self._addresses = addresses
        self._places = Budget(REQUESTS_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under an id, and free what it held when its answer has left."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = secrets.token_hex(_REQUEST_ID_BYTES)
        request.state.holdings = []
        added = (
            (b"x-request-id", request.state.request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
        )

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                missing = [header for header in added if header[0] not in names]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        try:
            self._addresses.admit(request)
            self._places.take(request, 1)
            await self._app(scope, receive, send_with_id)
        except Problem as problem:
            await problem_response(request, problem)(scope, receive, send_with_id)
        finally:
            for budget, amount in request.state.holdings:
                budget.held -= amount


class _InPieces(Response):
    """An answer that leaves in pieces, each after the reader has made room for it.

    A reader that takes too long loses the rest.
    """

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            async with asyncio.timeout(_READING_S_MAX):
                await self._send_pieces(send)
        except TimeoutError:
            return

    async def _send_pieces(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = memoryview(cast("bytes", self.body))
        for start in range(0, len(body), _CHUNK_BYTES):
            end = start + _CHUNK_BYTES
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(body[start:end]),
                    "more_body": end < len(body),
                }
            )


class LargeAnswer(_InPieces, JSONResponse):
    """JSON in pieces."""


class LargePage(_InPieces, HTMLResponse):
    """A web page in pieces."""
