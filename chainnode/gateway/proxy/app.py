"""A reverse proxy as an ASGI application: what a service in another language stands behind.

It stands within the gateway, so it sees admitted calls alone. Requests are framed anew and go to
pinned addresses of configured services; no redirect is followed, nothing comes from the
environment, and headers that are between two hops stay between them.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

import httpx

from chainnode.gateway.connections import Message, Receive, Send
from chainnode.gateway.proxy.upstreams import PinnedUpstream

# RFC 9110 §7.6.1, and what a caller must not say in our place.
_BETWEEN_HOPS: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_OURS: Final = frozenset({"host", "content-length", "kun-call", "forwarded", "expect"})
_OURS_PREFIX: Final = "x-forwarded-"
# Seconds; a service that is silent for longer has failed.
_TIMEOUTS: Final = {"connect": 3.0, "read": 30.0, "write": 30.0, "pool": 3.0}
# RFC 9110 §15: what ends a request.
_FINAL: Final = range(200, 600)
_BAD_GATEWAY, _GATEWAY_TIMEOUT, _BAD_REQUEST, _TOO_LARGE = 502, 504, 400, 413
_LOG: Final = logging.getLogger(__name__)

Headers = tuple[tuple[str, str], ...]


class ReverseProxy:
    """Passes requests on to the first service of a list that takes the connection."""

    def __init__(
        self,
        upstreams: Sequence[PinnedUpstream],
        *,
        transport: httpx.AsyncBaseTransport,
        request_bytes_max: int,
    ) -> None:
        self._upstreams = tuple(upstreams)
        self._transport = transport
        self._bytes_max = request_bytes_max

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (the ASGI interface); a lifespan has nothing to open here."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        target = _target(scope)
        if not target.startswith("/"):
            await _answer(send, _BAD_REQUEST)
            return
        body = await _body(receive, self._bytes_max)
        if body is None:
            await _answer(send, _TOO_LARGE)
            return
        try:
            response = await self._passed_on(scope, target, body)
        except httpx.TimeoutException:
            await _answer(send, _GATEWAY_TIMEOUT)
            return
        except httpx.HTTPError as error:
            _LOG.warning("no service answers: %s", type(error).__name__)
            await _answer(send, _BAD_GATEWAY)
            return
        try:
            if response.status_code in _FINAL:
                await _relay(response, send)
            else:
                # It changes protocols, which nobody asked for, or says a number that is no status.
                await _answer(send, _BAD_GATEWAY)
        finally:
            await response.aclose()

    async def _passed_on(self, scope: Message, target: str, body: bytes) -> httpx.Response:
        """Send a request to the first address that can be connected to.

        Raises:
            httpx.HTTPError: none could, or the one that took it did not answer.

        """
        headers = request_headers(scope["headers"])
        failure: httpx.ConnectError | None = None
        for pinned in self._upstreams:
            for address in pinned.addresses:
                request = httpx.Request(
                    scope["method"],
                    pinned.url(address),
                    headers=[("Host", pinned.upstream.authority), *headers],
                    content=body,
                    extensions={
                        # As it was signed: a path that is made prettier is another one.
                        "target": target.encode("latin-1"),
                        "sni_hostname": pinned.upstream.host,
                        "timeout": _TIMEOUTS,
                    },
                )
                try:
                    return await self._transport.handle_async_request(request)
                except httpx.ConnectError as error:
                    failure = error
        raise failure or httpx.ConnectError("no service is configured")


def request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of a request that go on to the service."""
    return tuple(
        (name, value)
        for name, value in _end_to_end(headers)
        if not _is_ours(name.replace("_", "-"))
    )


def _is_ours(meant: str) -> bool:
    """Tell whether a header is for us to say, however it is written."""
    return meant in _OURS or meant in _BETWEEN_HOPS or meant.startswith(_OURS_PREFIX)


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return headers without those between two hops, and without those that `Connection` names."""
    named = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers
    )
    listed = {
        one.strip().lower()
        for name, value in named
        if name == "connection"
        for one in value.split(",")
    }
    return tuple(one for one in named if one[0] not in _BETWEEN_HOPS | listed)


async def _relay(response: httpx.Response, send: Send) -> None:
    """Pass an answer on, part by part, as it was sent."""
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in _end_to_end(response.headers.raw)
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for part in response.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive, bytes_max: int) -> bytes | None:
    """Return the whole body; None: it is too large, or its sender went away before its end.

    The gateway bounds calls before they come here, but not what goes to open paths.
    """
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > bytes_max:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _target(scope: Message) -> str:
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return f"{path}?{query}" if query else path
