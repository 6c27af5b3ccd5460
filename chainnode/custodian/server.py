"""The custodian's door, plain ASGI: `POST /v1/tokens`, `GET /healthz`, `GET /metrics`.

Bounded in every direction: head, body, time, asks in work. No request or answer is logged; of a
refusal the code alone.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor
from typing import Any, Final

from chainnode.custodian.asks import BODY_BYTES_MAX, HEADER, TOKENS_PATH, answer_bytes
from chainnode.custodian.counters import Counters
from chainnode.custodian.desk import Desk, SignedAsk
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.errors import StorageError
from chainnode.metrics import NodeMetrics, Reading, counter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Asks that are read, decided or wait for a thread, each of 256 KiB at most; more are told to come
# back. Of one address at most half, so that no slow or busy gateway keeps the others out.
ASKS_MAX: Final = 512
ASKS_OF_ONE_MAX: Final = ASKS_MAX // 2
# A body of 256 KiB over a poor line.
_BODY_S_MAX: Final = 10.0
_OK: Final = 200
_LOG: Final = logging.getLogger(__name__)


class CustodianApp:
    """The ASGI application of one desk. Belongs to one event loop."""

    def __init__(self, desk: Desk, *, counters: Counters, threads: Executor) -> None:
        self._desk = desk
        self._counters = counters
        self._threads = threads
        self._in_work: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._metrics = NodeMetrics(self._readings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever happens inside, an answer leaves."""
        if scope["type"] != "http":
            return
        match scope["method"], scope["path"]:
            case "POST", path if path == TOKENS_PATH:
                await self._tokens(scope, receive, send)
            case "GET", "/healthz":
                await _send(send, _OK, b'{"status":"up"}')
            case "GET", "/metrics":
                body, kind = self._metrics.render()
                await _send(send, _OK, body, kind=kind)
            case _:
                await _refuse(send, AskRefused(AskCode.NOT_FOUND))

    async def _tokens(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            content = await self._answer(scope, receive)
        except AskRefused as refusal:
            self._answered[refusal.code] += 1
            _LOG.info("ask_refused", extra={"code": refusal.code.value})
            await _refuse(send, refusal)
        else:
            self._answered["OK"] += 1
            await _send(send, _OK, content)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        address = str((scope.get("client") or ("",))[0])
        if self._in_work.total() >= ASKS_MAX or self._in_work[address] >= ASKS_OF_ONE_MAX:
            raise AskRefused(AskCode.BUSY, retry_after_s=1)
        self._in_work[address] += 1
        try:
            ask = SignedAsk(
                method=scope["method"],
                path=_target(scope),
                header=_header(scope, HEADER),
                body=await _body(receive),
            )
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._answered_bytes, ask)
        finally:
            self._in_work[address] -= 1
            if not self._in_work[address]:
                del self._in_work[address]

    def _answered_bytes(self, ask: SignedAsk) -> bytes:
        return answer_bytes(self._desk.answer(ask))

    def _readings(self) -> Iterator[Reading]:
        for code, count in sorted(self._answered.items()):
            yield counter("custodian_asks", "Asks by how they ended", count, code=code)
        try:
            made, refused = self._counters.totals()
        except StorageError:
            return
        yield counter("custodian_tokens_made", "Tokens counted, of the days kept", made)
        yield counter("custodian_tokens_refused", "Tokens refused to registered keys", refused)


def _target(scope: Scope) -> str:
    """Return path and query as signed; the query must be empty, but is bound like the path."""
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _header(scope: Scope, name: str) -> str:
    wanted = name.lower().encode()
    found = [value for key, value in scope["headers"] if key.lower() == wanted]
    if len(found) != 1:
        raise AskRefused(AskCode.MALFORMED)
    return str(found[0].decode("latin-1"))


async def _body(receive: Receive) -> bytes:
    """Read a body within its bounds of size and time."""
    body = b""
    try:
        async with asyncio.timeout(_BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise AskRefused(AskCode.MALFORMED)
                part: bytes = message.get("body", b"")
                body += part
                if len(body) > BODY_BYTES_MAX:
                    raise AskRefused(AskCode.OVERSIZE)
                if not message.get("more_body", False):
                    return body
    except TimeoutError as error:
        raise AskRefused(AskCode.MALFORMED) from error


async def _refuse(send: Send, refusal: AskRefused) -> None:
    headers = []
    if refusal.retry_after_s:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    content = json.dumps(refusal.document(), ensure_ascii=False).encode()
    await _send(send, refusal.status, content, kind="application/problem+json", more=tuple(headers))


async def _send(
    send: Send,
    status: int,
    body: bytes,
    *,
    kind: str = "application/json",
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
