"""One accepted link: what a peer tells us and asks of us, and our answers to it.

Answers are the only thing that leaves here, so the requests being answered bound what a peer
that does not read can make us hold.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chainnode.errors import InvariantBroken
from chainnode.p2p.errors import FailureCode
from chainnode.p2p.framing import (
    HEARTBEAT,
    PAYLOAD_BYTES_MAX,
    REQUEST,
    Frame,
    Request,
    decode_request,
    encode_failure,
    response_header,
)
from chainnode.p2p.link import Link, LocalEnd
from chainnode.p2p.metrics import PeerCounters
from chainnode.p2p.queue import joined_buffers

_log = logging.getLogger("chainnode.p2p")

# (peer, kind, payload), on the event loop; must return soon.
MessageHandler = Callable[[int, int, bytes], None]
# (peer, kind, payload) -> response.
RequestHandler = Callable[[int, int, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What the node does with what peers say. An exception is counted and logged, no more."""

    on_message: MessageHandler
    on_request: RequestHandler


class SessionOwner(Protocol):
    """Who keeps the sessions, one per peer."""

    def on_session_opened(self, session: "Session") -> None:
        """Keep the session of a peer that has linked in; an older one gives way."""

    def on_session_lost(self, session: "Session") -> None:
        """Forget the session."""


class Session:
    """The listening half of one peer."""

    def __init__(self, *, local: LocalEnd, handlers: Handlers, owner: SessionOwner) -> None:
        self.link: Link | None = None
        self._local = local
        self._handlers = handlers
        self._owner = owner
        self._answers: set[asyncio.Task[None]] = set()
        self._request_bytes = 0
        self._drained = asyncio.Event()

    @property
    def peer_id(self) -> int:
        """The replica at the other end; only of a session that was opened."""
        if self.link is None:
            raise InvariantBroken("peer of a session that was never opened")
        return self.link.peer.replica_id

    def on_open(self, link: Link) -> None:
        """Register with the owner (LinkEnd)."""
        self.link = link
        self._counters.sessions_accepted += 1
        self._owner.on_session_opened(self)

    def on_frame(self, link: Link, frame: Frame) -> None:
        """Pass a message on, start to answer a request (LinkEnd)."""
        self._counters.frames_in += 1
        self._counters.bytes_in += len(frame.payload)
        if frame.kind == REQUEST:
            self._accept(link, decode_request(frame.payload))
        elif frame.kind != HEARTBEAT:
            self._pass_on(frame)

    def on_writable(self, _link: Link) -> None:
        """Let finished answers out (LinkEnd)."""
        self._drained.set()

    def on_lost(self, link: Link) -> None:
        """Stop answering (LinkEnd)."""
        for task in self._answers:
            task.cancel()
        if isinstance(link.failure, TimeoutError):
            self._counters.links_silent += 1
        elif link.failure is not None:
            self._counters.links_invalid += 1
        _log.info("session_lost", extra={"peer": self.peer_id, "reason": f"{link.failure}"})
        self._owner.on_session_lost(self)

    @property
    def _counters(self) -> PeerCounters:
        return self._local.metrics.of(self.peer_id)

    def _pass_on(self, frame: Frame) -> None:
        try:
            self._handlers.on_message(self.peer_id, frame.kind, frame.payload)
        except Exception as error:  # noqa: BLE001 - nothing remote may leave the handler
            self._note_failed_handler(frame.kind, error)

    def _accept(self, link: Link, request: Request) -> None:
        settings = self._local.settings
        if (
            len(self._answers) >= settings.requests_max
            or self._request_bytes + len(request.payload) > settings.request_bytes_max
        ):
            self._counters.requests_refused += 1
            # A peer that asks on without reading the answers gets none.
            if not link.is_write_paused:
                link.write((encode_failure(request.correlation, FailureCode.BUSY),))
            return
        self._request_bytes += len(request.payload)
        task = asyncio.get_running_loop().create_task(self._answer(link, request))
        self._answers.add(task)
        task.add_done_callback(lambda done: self._forget(done, len(request.payload)))

    def _forget(self, task: asyncio.Task[None], request_bytes: int) -> None:
        self._answers.discard(task)
        self._request_bytes -= request_bytes

    async def _answer(self, link: Link, request: Request) -> None:
        answer = await self._answer_buffers(request)
        await self._until_drained(link)
        link.write(answer)
        self._counters.frames_out += 1
        self._counters.bytes_out += sum(map(len, answer))

    async def _until_drained(self, link: Link) -> None:
        while link.is_write_paused:
            self._drained.clear()
            await self._drained.wait()

    async def _answer_buffers(self, request: Request) -> Sequence[bytes]:
        try:
            async with asyncio.timeout(self._local.settings.answer_timeout_s):
                response = await self._handlers.on_request(
                    self.peer_id, request.kind, request.payload
                )
        except TimeoutError as error:
            self._note_failed_handler(request.kind, error)
            return (encode_failure(request.correlation, FailureCode.HANDLER_TIMEOUT),)
        except Exception as error:  # noqa: BLE001 - answered as a failure, the link stays
            self._note_failed_handler(request.kind, error)
            return (encode_failure(request.correlation, FailureCode.HANDLER_FAILED),)
        if len(response) > PAYLOAD_BYTES_MAX:
            _log.error(
                "response_too_large",
                extra={"peer": self.peer_id, "kind": request.kind, "bytes": len(response)},
            )
            return (encode_failure(request.correlation, FailureCode.RESPONSE_TOO_LARGE),)
        self._counters.requests_answered += 1
        return joined_buffers(response_header(request.correlation, len(response)), response)

    def _note_failed_handler(self, kind: int, error: Exception) -> None:
        """Log where and what kind, never the message: it may quote what the peer sent."""
        self._counters.handlers_failed += 1
        last = traceback.extract_tb(error.__traceback__)[-1]
        _log.error(
            "handler_failed",
            extra={
                "peer": self.peer_id,
                "kind": kind,
                "error": type(error).__name__,
                "where": f"{Path(last.filename).name}:{last.lineno}",
            },
        )
