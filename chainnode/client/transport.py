"""How steps of a plan travel: HTTP through httpx, once blocking and once with asyncio.

No redirect is followed, no proxy or credential is taken from the environment, no compressed
answer is accepted, and reading stops at the step's size and at its whole time (ADR-0008). All
failures of the way become `Unreachable`; nothing here looks into an answer.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence

import httpx

from chainnode.client.exchange import (
    Answer,
    Elapsed,
    Exchange,
    Pause,
    Plan,
    Reply,
    Result,
    Step,
    Unreachable,
)

# Opening a connection to a node of the same city.
CONNECT_TIMEOUT_S = 3.0
# Threads of one client that talk to nodes at the same time.
CONNECTIONS_MAX = 32
# A node that asks for more patience than this is asked again after it.
RETRY_AFTER_S_MAX = 60
_RETRY_AFTER_DIGITS_MAX = 6
_HEADERS = {"Accept-Encoding": "identity", "Accept": "application/json", "User-Agent": "kunlian"}
_ENDED = Unreachable(reason="the stream ended")
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)

TlsContext = ssl.SSLContext | None


def trusting(nodes: Sequence[str], tls: TlsContext) -> ssl.SSLContext:
    """Return the context to use: the given one, else the system's authorities.

    Where no node is reached by TLS, one that trusts nobody will do: loading the system's
    authorities takes longer than a whole verification.
    """
    if tls is not None:
        return tls
    if any(node.startswith("https:") for node in nodes):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class BlockingTransport:
    """Carries out plans on the calling thread; may be shared by threads."""

    def __init__(self, *, tls: ssl.SSLContext, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._http = httpx.Client(
            verify=tls,
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        )

    def run(self, plan: Plan[Result]) -> Result:
        """Carry out a plan to its end."""
        try:
            step = next(plan)
            while True:
                step = plan.send(self._carried_out(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    def stream(self, step: Exchange) -> Generator[bytes | Answer | Unreachable, None, None]:
        """Yield the parts of an answer as they come, then how it ended; any other status whole.

        `timeout_s` is how long nothing may come.
        """
        try:
            response = self._http.send(_request(self._http, step), stream=True)
            try:
                if fault := _encoding_fault(response):
                    yield fault
                    return
                collected = _Collected(step)
                for part in response.iter_raw():
                    if response.is_success:
                        yield part
                    elif fault := collected.take(part):
                        yield fault
                        return
                yield _ENDED if response.is_success else collected.answer(response)
            finally:
                response.close()
        except _FAILURES as error:
            yield _unreachable(error)

    def pause(self, seconds: float) -> None:
        """Let other work happen for a while."""
        self._sleep(seconds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _carried_out(self, step: Step) -> Reply:
        if isinstance(step, Pause):
            self.pause(step.seconds)
            return Elapsed()
        try:
            return self._exchange(step)
        except _FAILURES as error:
            return _unreachable(error)

    def _exchange(self, step: Exchange) -> Answer | Unreachable:
        deadline_s = time.monotonic() + step.timeout_s
        collected = _Collected(step)
        response = self._http.send(_request(self._http, step), stream=True)
        try:
            if fault := _encoding_fault(response):
                return fault
            for part in response.iter_raw():
                if fault := collected.take(part):
                    return fault
                if time.monotonic() > deadline_s:
                    return _too_slow(step)
            return collected.answer(response)
        finally:
            response.close()


class AsyncTransport:
    """Carries out plans in the running event loop."""

    def __init__(self, *, tls: ssl.SSLContext) -> None:
        self._http = httpx.AsyncClient(
            verify=tls,
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        )

    async def run(self, plan: Plan[Result]) -> Result:
        """Carry out a plan to its end."""
        try:
            step = next(plan)
            while True:
                step = plan.send(await self._carried_out(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def stream(self, step: Exchange) -> AsyncGenerator[bytes | Answer | Unreachable, None]:
        """See `BlockingTransport.stream`."""
        try:
            response = await self._http.send(_request(self._http, step), stream=True)
            try:
                if fault := _encoding_fault(response):
                    yield fault
                    return
                collected = _Collected(step)
                async for part in response.aiter_raw():
                    if response.is_success:
                        yield part
                    elif fault := collected.take(part):
                        yield fault
                        return
                yield _ENDED if response.is_success else collected.answer(response)
            finally:
                await response.aclose()
        except _FAILURES as error:
            yield _unreachable(error)

    async def pause(self, seconds: float) -> None:
        """Let other work happen for a while."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _carried_out(self, step: Step) -> Reply:
        if isinstance(step, Pause):
            await self.pause(step.seconds)
            return Elapsed()
        try:
            async with asyncio.timeout(step.timeout_s):
                return await self._exchange(step)
        except TimeoutError:
            return _too_slow(step)
        except _FAILURES as error:
            return _unreachable(error)

    async def _exchange(self, step: Exchange) -> Answer | Unreachable:
        collected = _Collected(step)
        response = await self._http.send(_request(self._http, step), stream=True)
        try:
            if fault := _encoding_fault(response):
                return fault
            async for part in response.aiter_raw():
                if fault := collected.take(part):
                    return fault
            return collected.answer(response)
        finally:
            await response.aclose()


class _Collected:
    """The bytes of an answer so far, never more than the step allows."""

    def __init__(self, step: Exchange) -> None:
        self._bytes_max = step.bytes_max
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, part: bytes) -> Unreachable | None:
        self._size += len(part)
        if self._size > self._bytes_max:
            return Unreachable(reason=f"an answer of more than {self._bytes_max} bytes")
        self._parts.append(part)
        return None

    def answer(self, response: httpx.Response) -> Answer:
        return Answer(
            status=response.status_code,
            body=b"".join(self._parts),
            retry_after_s=_retry_after_s(response.headers.get("retry-after", "")),
        )


def _retry_after_s(value: str) -> int:
    """Read the seconds of `Retry-After`; a date, or what a node makes up, is nothing said."""
    is_number = value.isascii() and value.isdecimal() and len(value) <= _RETRY_AFTER_DIGITS_MAX
    return min(int(value), RETRY_AFTER_S_MAX) if is_number else 0


def _request(http: httpx.Client | httpx.AsyncClient, step: Exchange) -> httpx.Request:
    connect_s = min(step.timeout_s, CONNECT_TIMEOUT_S)
    return http.build_request(
        step.method,
        step.node + step.path,
        headers=list(step.headers),
        content=step.body,
        timeout=httpx.Timeout(step.timeout_s, connect=connect_s),
    )


def _too_slow(step: Exchange) -> Unreachable:
    return Unreachable(reason=f"no whole answer within {step.timeout_s:g} s")


def _encoding_fault(response: httpx.Response) -> Unreachable | None:
    """Refuse what would have to be unpacked: its size is not what arrives."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return None
    return Unreachable(reason=f"an answer in content encoding {encoding[:32]!a}")


def _unreachable(error: Exception) -> Unreachable:
    """Name the failure without its text, which may carry what the other side sent."""
    return Unreachable(reason=type(error).__name__)
