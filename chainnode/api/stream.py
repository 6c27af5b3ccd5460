"""`/v1/stream`: what the chain tells, as server-sent events (WHATWG HTML §9.2), resumable.

An event with an id is final, the same at every node, and told once: who resumes by the id of the
last one misses nothing and sees nothing twice. Events named `node` have no id: they say how this
node is now. Reads nothing itself: pages come from `chainnode.service.Feed`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeAlias

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from chainnode.api.addresses import client_name
from chainnode.api.gate import Budget
from chainnode.api.problems import MEDIA_TYPE, Problem
from chainnode.api.requests import service_of, until_disconnected
from chainnode.event_ids import EVENT_ID_PATTERN, Place
from chainnode.ledger.errors import Pruned
from chainnode.service import Feed
from chainnode.service.feed import NEWS_S

router = APIRouter(tags=["chain"])
Put: TypeAlias = Callable[[bytes], Awaitable[None]]

EVENTS_MEDIA_TYPE = "text/event-stream"
# Programs of one department behind one address; all departments and some onlookers.
STREAMS_PER_ADDRESS_MAX = 16
STREAMS_MAX = 128
# A proxy or firewall that sees nothing for longer may forget the connection.
HEARTBEAT_S = 15.0
# A reader that takes not even one piece in this time is let go; it resumes by its last id.
READING_S_MAX = 20.0
_RETRY_MS = 1_000
# A farewell that nobody takes must not hold up the end of the node.
_FAREWELL_S = 1.0
_PIECE_BYTES = 64 * 1024
# Pages of more than a piece that are on their way at the same time; each may be 3 MB.
_LARGE_PAGES_MAX = 16
_EXAMPLE = """retry: 1000
id: 4711

id: 4712
event: block
data: {"height":4712,"time_ms":1767225600000,"header_digest":"6f…","log_size":90214,\
"entries":{"access":2},"own_records":1}

id: 4712.1
event: unmatched
data: {"height":4712,"time_ms":1767225600000,"position":90211,"record":"/v1/records/90211",\
"call_id":"0199…","requester":"11440300000000022H","provider":"11440300000000011X",\
"item":"population.basic","side":"provider","outcome":"one_sided_proven",\
"held_against":"11440300000000022H","due_ms":1767225599000}
"""
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
_ID_SCHEMA: dict[str, str] = {
    "type": "string",
    "pattern": EVENT_ID_PATTERN,
    "example": "4712.1",
}
_HEADERS = {
    "Content-Type": EVENTS_MEDIA_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", json_schema_extra=_ID_SCHEMA)]
After = Annotated[str | None, Query(json_schema_extra=_ID_SCHEMA)]


class Places:
    """How many streams are open, in all and for each address that has one."""

    def __init__(self) -> None:
        self._all = Budget(STREAMS_MAX, code="TOO_MANY_STREAMS")
        self._by_address: dict[str, Budget] = {}

    @property
    def taken(self) -> tuple[int, int]:
        """How many streams are open, and from how many addresses."""
        return self._all.held, len(self._in_use())

    def take(self, request: Request) -> None:
        """Hold a place until the stream ends.

        Raises:
            Problem: `TOO_MANY_STREAMS`.

        """
        address = client_name(request)
        if address not in self._by_address:
            fresh = Budget(STREAMS_PER_ADDRESS_MAX, code="TOO_MANY_STREAMS")
            self._by_address = self._in_use() | {address: fresh}
        self._by_address[address].take(request, 1)
        self._all.take(request, 1)

    def _in_use(self) -> dict[str, Budget]:
        return {address: one for address, one in self._by_address.items() if one.held}


def add_streams(app: FastAPI) -> None:
    """Give an application its places for streams."""
    app.state.streams = Places()
    app.state.large_pages = asyncio.Semaphore(_LARGE_PAGES_MAX)


@router.get(
    "/v1/stream",
    operation_id="stream",
    response_class=Response,
    responses={
        200: {
            "description": "Events, without end.",
            "content": {EVENTS_MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        400: {"description": "No id of an event, or one that this node has not told yet."}
        | _PROBLEM,
        410: {"description": "What came after is not kept here; `oldest_event_id` is."} | _PROBLEM,
        429: {"description": "Too many streams; see `Retry-After`."} | _PROBLEM,
        503: {"description": "Nothing to tell yet; see `Retry-After`."} | _PROBLEM,
    },
)
async def stream(
    request: Request, after: After = None, last_event_id: LastEventId = None
) -> Response:
    """Tell blocks, gaps, findings and disputes after the event `Last-Event-ID`, else `after`.

    Without either: from now on. The header counts more: a client that reconnects by itself
    repeats its URL.
    """
    service = service_of(request)
    request.app.state.streams.take(request)
    try:
        start = await service.feed.start(last_event_id or after or None)
    except Pruned as error:
        raise Problem(
            "PRUNED",
            expected=f"an event of height {error.oldest} or above",
            actual=f"height {error.asked}",
            more=service.elsewhere() | {"oldest_event_id": str(error.oldest)},
        ) from error
    return EventStream(service.feed, start, large=request.app.state.large_pages)


class EventStream(Response):
    """Sends what the feed tells, until the reader leaves, dawdles, or the node ends."""

    def __init__(self, feed: Feed, start: Place, *, large: asyncio.Semaphore) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._feed = feed
        self._place = start
        self._large = large
        self._news = b""
        self._sent_s = 0.0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": self.status_code}
        await send(start | {"headers": self.raw_headers})
        telling = asyncio.ensure_future(self._tell(send))
        leaving = asyncio.ensure_future(until_disconnected(receive))
        closing = asyncio.ensure_future(self._feed.closed.wait())
        try:
            ends = {telling, leaving, closing}
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (telling, leaving, closing):
                one.cancel()
            await asyncio.gather(telling, leaving, closing, return_exceptions=True)
        if closing in done:
            await _say_goodbye(send, b": this node ends\n\n")
        elif telling in done and telling.result():
            await _say_goodbye(send, telling.result())

    async def _tell(self, send: Send) -> bytes:
        """Send until the end; return a last word for a reader who still listens."""
        put = partial(self._put, send)
        try:
            await put(f"retry: {_RETRY_MS}\nid: {self._place}\n\n".encode())
            if self._place.height >= self._feed.oldest:
                await self._tell_page(put, self._place.height)
            while True:
                await self._tell_news(put)
                if self._place.height < self._feed.newest:
                    await self._tell_page(put, self._place.height + 1)
                else:
                    await self._wait(put)
        except Pruned:
            return b'event: pruned\ndata: {"oldest_event_id":"%d"}\n\n' % self._feed.oldest
        except TimeoutError:
            return b""

    async def _tell_page(self, put: Put, height: int) -> None:
        page = await self._feed.page(height)
        lacking = page.after(self._place)
        if len(lacking) > _PIECE_BYTES:
            async with self._large:
                await put(lacking)
        elif lacking:
            await put(lacking)
        self._place = page.last

    async def _tell_news(self, put: Put) -> None:
        news = self._feed.news()
        if news != self._news:
            await put(news)
            self._news = news

    async def _wait(self, put: Put) -> None:
        """Wait for a block, at most until the node is to be looked at again."""
        await self._feed.grown(self._place.height, timeout_s=NEWS_S)
        if asyncio.get_running_loop().time() - self._sent_s >= HEARTBEAT_S:
            await put(b": alive\n\n")

    async def _put(self, send: Send, data: bytes) -> None:
        """Send in pieces, each after the reader has made room for it.

        Raises:
            TimeoutError: the reader took nothing for too long.

        """
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            piece = bytes(view[start : start + _PIECE_BYTES])
            async with asyncio.timeout(READING_S_MAX):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        self._sent_s = asyncio.get_running_loop().time()


async def _say_goodbye(send: Send, word: bytes) -> None:
    """End the answer properly, unless its reader takes nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            await send({"type": "http.response.body", "body": word, "more_body": False})
