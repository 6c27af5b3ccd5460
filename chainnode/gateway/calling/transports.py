"""httpx transports that make every request a call: `CallTransport`, `AsyncCallTransport`.

`httpx.AsyncClient(transport=AsyncCallTransport(caller, intent))`; a request may say more by
`extensions={"kun": replace(intent, …)}`, and its response carries a `CallOutcome` under the same
name (a `StreamedOutcome` where the answer streams). A redirect is an answer like any other,
because a token is signed for one target.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx

from chainnode.gateway.calling.caller import Caller
from chainnode.gateway.calling.loop_thread import LoopThread
from chainnode.gateway.calling.reading import (
    ANSWER_BYTES_MAX,
    REPLY_BYTES_MAX,
    STREAMED_BYTES_MAX,
    AnswerCoded,
    AnswerTooLarge,
    is_plain,
    read,
    read_async,
)
from chainnode.gateway.calling.requesting import CallIntent
from chainnode.gateway.calling.steps import (
    ATTEMPTS_MAX,
    EXTENSION,
    Hashing,
    body_of,
    intent_of,
    is_pending,
    reply_request,
    sent_request,
    signed_request,
    with_outcome,
)

Result = TypeVar("Result")
_THREAD: Final = "kun-caller"
# What can be wrong with the answer that should bring a reply token; the other one is there.
_NO_REPLY: Final = (httpx.HTTPError, AnswerTooLarge, AnswerCoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """How much a provider may answer: in one piece, and as a stream."""

    bytes_max: int = ANSWER_BYTES_MAX
    streamed_bytes_max: int = STREAMED_BYTES_MAX


_LIMITS: Final = AnswerLimits()


class AsyncCallTransport(httpx.AsyncBaseTransport):
    """Calls in the running event loop, which the caller belongs to."""

    def __init__(
        self,
        caller: Caller,
        intent: CallIntent,
        *,
        inner: httpx.AsyncBaseTransport | None = None,
        limits: AnswerLimits = _LIMITS,
    ) -> None:
        self._caller = caller
        self._intent = intent
        self._limits = limits
        self._inner = inner or httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sign, send, check, record (the transport's interface)."""
        caller = self._caller
        intent = intent_of(request, self._intent)
        sent = sent_request(request, await request.aread())
        started = await caller.start(intent, sent)
        signed = signed_request(request, sent.body, started)
        try:
            response, content = await self._answered(signed)
            if content is None:
                bytes_max = self._limits.streamed_bytes_max
                hashing = Hashing(caller, started, signed, response, bytes_max=bytes_max)
                stream = _AsyncStream(response, hashing, self._inner)
                return with_outcome(response, stream, hashing.streamed)
        except BaseException:
            await caller.fail(started)
            raise
        if is_pending(response, content):
            await caller.fail(started)
            return with_outcome(response, content, None)
        outcome = await caller.conclude(
            started,
            status=response.status_code,
            headers=response.headers,
            body=body_of(caller, response, content),
        )
        return with_outcome(response, content, outcome)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _answered(self, request: httpx.Request) -> tuple[httpx.Response, bytes | None]:
        """Send a call, and again with the same token while its half has no receipt.

        Returns the answer with its body, None where it streams.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            response = await self._inner.handle_async_request(request)
            # One in a coding is refused by who reads it, also where it would stream.
            if self._caller.is_streamed(response.headers) and is_plain(response):
                return response, None
            content = await read_async(response, bytes_max=self._limits.bytes_max)
            if attempt == ATTEMPTS_MAX or not is_pending(response, content):
                break
        return response, content


class CallTransport(httpx.BaseTransport):
    """Calls from any thread; the caller lives on an event loop of the transport's own."""

    def __init__(
        self,
        opener: Callable[[], AbstractAsyncContextManager[Caller]],
        intent: CallIntent,
        *,
        inner: httpx.BaseTransport | None = None,
        limits: AnswerLimits = _LIMITS,
    ) -> None:
        self._intent = intent
        self._limits = limits
        self._inner = inner or httpx.HTTPTransport(trust_env=False)
        self._loop = LoopThread(_THREAD)
        self._stack = AsyncExitStack()
        try:
            self._caller = self._run(self._stack.enter_async_context(opener()))
        except BaseException:
            self._loop.close()
            raise

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sign, send, check, record (the transport's interface)."""
        caller = self._caller
        intent = intent_of(request, self._intent)
        sent = sent_request(request, request.read())
        started = self._run(caller.start(intent, sent))
        signed = signed_request(request, sent.body, started)
        try:
            response, content = self._answered(signed)
            if content is None:
                bytes_max = self._limits.streamed_bytes_max
                hashing = Hashing(caller, started, signed, response, bytes_max=bytes_max)
                stream = _Stream(response, hashing, self._inner, self._run)
                return with_outcome(response, stream, hashing.streamed)
        except BaseException:
            self._run(caller.fail(started))
            raise
        if is_pending(response, content):
            self._run(caller.fail(started))
            return with_outcome(response, content, None)
        outcome = self._run(
            caller.conclude(
                started,
                status=response.status_code,
                headers=response.headers,
                body=body_of(caller, response, content),
            )
        )
        return with_outcome(response, content, outcome)

    def close(self) -> None:
        """Close the connections, the caller and its loop."""
        self._inner.close()
        self._run(self._stack.aclose())
        self._loop.close()

    def _run(self, work: Coroutine[object, object, Result]) -> Result:
        return self._loop.run(work)

    def _answered(self, request: httpx.Request) -> tuple[httpx.Response, bytes | None]:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            response = self._inner.handle_request(request)
            # One in a coding is refused by who reads it, also where it would stream.
            if self._caller.is_streamed(response.headers) and is_plain(response):
                return response, None
            content = read(response, bytes_max=self._limits.bytes_max)
            if attempt == ATTEMPTS_MAX or not is_pending(response, content):
                break
        return response, content


class _AsyncStream(httpx.AsyncByteStream):
    """The parts of an answer that streams; its half is kept at its end."""

    def __init__(
        self, response: httpx.Response, hashing: Hashing, inner: httpx.AsyncBaseTransport
    ) -> None:
        self._response = response
        self._hashing = hashing
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_raw():
            self._hashing.update(part)
            yield part
        await self._hashing.conclude(await self._reply_headers())

    async def aclose(self) -> None:
        await self._hashing.abandon()
        await self._response.aclose()

    async def _reply_headers(self) -> httpx.Headers:
        """Return the headers that bring the reply token; none where it is not to be had."""
        try:
            reply = await self._inner.handle_async_request(reply_request(self._hashing))
            await read_async(reply, bytes_max=REPLY_BYTES_MAX)
        except _NO_REPLY:
            return httpx.Headers()
        return reply.headers


class _Stream(httpx.SyncByteStream):
    """The same for threads."""

    def __init__(
        self,
        response: httpx.Response,
        hashing: Hashing,
        inner: httpx.BaseTransport,
        run: Callable[[Coroutine[object, object, None]], None],
    ) -> None:
        self._response = response
        self._hashing = hashing
        self._inner = inner
        self._run = run

    def __iter__(self) -> Iterator[bytes]:
        for part in self._response.iter_raw():
            self._hashing.update(part)
            yield part
        self._run(self._hashing.conclude(self._reply_headers()))

    def close(self) -> None:
        self._run(self._hashing.abandon())
        self._response.close()

    def _reply_headers(self) -> httpx.Headers:
        try:
            reply = self._inner.handle_request(reply_request(self._hashing))
            read(reply, bytes_max=REPLY_BYTES_MAX)
        except _NO_REPLY:
            return httpx.Headers()
        return reply.headers


__all__ = ["EXTENSION", "AnswerLimits", "AsyncCallTransport", "CallTransport"]
