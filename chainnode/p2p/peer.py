"""One peer as we speak to it: the link we dial and keep, its send queue, our requests.

Messages and requests leave on this link alone; only heartbeats and answers come back on it.
What the peer has to say, it says on the link that it dials (`session`).
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chainnode.p2p.errors import PeerUnavailable, RefusalReason, RequestFailed, RequestTimeout
from chainnode.p2p.framing import (
    CORRELATION_MAX,
    DIALLER_FRAMES,
    FAILURE,
    RESPONSE,
    Frame,
    decode_failure,
    decode_response,
    request_header,
)
from chainnode.p2p.handshake import Handshake
from chainnode.p2p.link import SHUTDOWN_TIMEOUT_S, Link, LocalEnd, is_power_of_two, refusal_reason
from chainnode.p2p.queue import QueuedFrame, SendQueue
from chainnode.p2p.settings import PeerAddress, reconnect_delay_s

_log = logging.getLogger("chainnode.p2p")

# Written to the connection in one go; small frames within it share TLS records.
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A request without an answer yet."""

    answer: asyncio.Future[bytes]
    kind: int


class Peer:
    """Keeps one outgoing link to one replica. Only on the event loop's thread."""

    def __init__(
        self,
        *,
        peer_id: int,
        address: PeerAddress,
        local: LocalEnd,
        jitter: Callable[[], float],
    ) -> None:
        self.peer_id = peer_id
        self.address = address
        self.link: Link | None = None
        # The newest link since the last pause, also when it is lost already.
        self._opened: Link | None = None
        self.software_version = ""
        self._local = local
        self._jitter = jitter
        self._counters = local.metrics.of(peer_id)
        self._queue = SendQueue(
            bytes_max=local.settings.queue_bytes_max, frames_max=local.settings.queue_frames_max
        )
        self._waiting: dict[int, _Waiting] = {}
        self._correlations = itertools.count()
        self._loop = asyncio.get_running_loop()
        self._is_flush_due = False
        self._wake = asyncio.Event()
        self._task = self._loop.create_task(self._keep_linked(), name=f"p2p-dial-{peer_id}")

    def send(self, frame: QueuedFrame) -> None:
        """Queue a message; the oldest waiting ones give way when the queue is full."""
        self._queue.push(frame)
        self._note_dropped()
        self._flush_soon()

    async def request(self, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Send a request and wait for its response.

        Raises:
            PeerUnavailable, RequestTimeout, RequestFailed: see there.

        """
        if self.link is None:
            raise PeerUnavailable(self.peer_id, "not connected")
        if len(self._waiting) >= self._local.settings.requests_max:
            raise PeerUnavailable(self.peer_id, f"{len(self._waiting)} requests in flight already")
        correlation = next(self._correlations) & CORRELATION_MAX
        frame = QueuedFrame(
            header=request_header(correlation, kind, len(payload)),
            payload=payload,
            droppable=False,
        )
        answer: asyncio.Future[bytes] = self._loop.create_future()
        if not self._queue.push(frame):
            raise PeerUnavailable(self.peer_id, "send queue is full")
        self._note_dropped()
        self._waiting[correlation] = _Waiting(answer=answer, kind=kind)
        self._counters.requests_sent += 1
        self._flush_soon()
        try:
            return await self._answer_in_time(answer, kind=kind, timeout_s=timeout_s)
        finally:
            del self._waiting[correlation]
            self._queue.withdraw(frame)

    def wake(self) -> None:
        """Dial now rather than at the end of the pause: the peer is known to be up."""
        self._wake.set()

    def stop(self) -> asyncio.Task[None]:
        """Close the link and dial no more; return the task to wait for."""
        self._task.cancel()
        if self.link is not None:
            self.link.close()
        return self._task

    def on_open(self, link: Link) -> None:
        """Take the link into use (LinkEnd).

        Two dials may open: the newest link is kept, which is the one that the peer keeps too.
        """
        older, self.link = self.link, link
        self._opened = link
        if older is not None:
            older.abort()
        self.software_version = link.peer.software_version
        self._counters.links_opened += 1
        _log.info(
            "link_opened",
            extra={"peer": self.peer_id, "software_version": self.software_version},
        )
        self._flush_soon()

    def on_frame(self, _link: Link, frame: Frame) -> None:
        """Hand an answer to whoever waits for it (LinkEnd)."""
        self._counters.frames_in += 1
        self._counters.bytes_in += len(frame.payload)
        if frame.kind == RESPONSE:
            response = decode_response(frame.payload)
            if (answer := self._unanswered(response.correlation)) is not None:
                answer.answer.set_result(response.payload)
        elif frame.kind == FAILURE:
            failure = decode_failure(frame.payload)
            if (answer := self._unanswered(failure.correlation)) is not None:
                answer.answer.set_exception(
                    RequestFailed(self.peer_id, kind=answer.kind, code=failure.code)
                )

    def on_writable(self, _link: Link) -> None:
        """Go on writing (LinkEnd)."""
        self._flush_soon()

    def on_lost(self, link: Link) -> None:
        """Fail what was asked on the link; queued messages stay for the next one (LinkEnd)."""
        if self.link is not link:
            return
        self.link = None
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(PeerUnavailable(self.peer_id, "link lost"))
        if isinstance(link.failure, TimeoutError):
            self._counters.links_silent += 1
        elif link.failure is not None:
            self._counters.links_invalid += 1
        _log.info("link_lost", extra={"peer": self.peer_id, "reason": f"{link.failure}"})

    async def _keep_linked(self) -> None:
        failures = 0
        while True:
            self._opened = None
            await self._link_up()
            while self.link is not None:
                await asyncio.wait((self.link.lost,))
            has_worked = self._opened is not None and self._opened.is_proven
            failures = 0 if has_worked else failures + 1
            await self._pause(failures)

    async def _link_up(self) -> None:
        """Dial until the link is open or the attempt has failed.

        While a dial hangs, another one is tried beside it every `redial_after_s`: the first may
        hang in a hole of the network that is mended meanwhile.
        """
        settings = self._local.settings
        patient = self._loop.create_task(self._dial(settings.handshake_timeout_s))
        attempts = {patient}
        try:
            while not patient.done() and self._opened is None:
                done, attempts = await asyncio.wait(
                    attempts,
                    timeout=settings.redial_after_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done and attempts == {patient}:
                    attempts.add(self._loop.create_task(self._dial(settings.redial_after_s)))
        finally:
            for one in attempts:
                one.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _dial(self, timeout_s: float) -> None:
        link = Link(
            end=self,
            handshake=Handshake(
                own=self._local.hello, dialled=self.peer_id, members=(self.peer_id,)
            ),
            frames=DIALLER_FRAMES,
            settings=self._local.settings,
            clocks=self._local.clocks,
        )
        try:
            async with asyncio.timeout(timeout_s):
                await self._loop.create_connection(
                    lambda: link,
                    self.address.host,
                    self.address.port,
                    ssl=self._local.tls.client,
                    server_hostname="",
                    ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
                )
                await link.opened
        except Exception as error:  # noqa: BLE001 - whatever a network does, dial again
            self._note_failed_dial(error)
        finally:
            if not link.is_open:
                link.abort()

    async def _pause(self, failures: int) -> None:
        delay_s = reconnect_delay_s(failures, settings=self._local.settings, jitter=self._jitter())
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._wake.wait()

    async def _answer_in_time(
        self, answer: asyncio.Future[bytes], *, kind: int, timeout_s: float
    ) -> bytes:
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            self._counters.requests_unanswered += 1
            raise RequestTimeout(self.peer_id, kind=kind, timeout_s=timeout_s) from None

    def _unanswered(self, correlation: int) -> _Waiting | None:
        waiting = self._waiting.get(correlation)
        if waiting is None or waiting.answer.done():
            self._counters.responses_late += 1
            return None
        return waiting

    def _flush_soon(self) -> None:
        """Write at the end of this turn of the loop, so that a burst becomes few records."""
        if self.link is not None and not self._is_flush_due and self.link.is_writable:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        link = self.link
        while link is not None and self._queue and link.is_writable:
            frames, buffers = self._queue.pop_buffers(_CHUNK_BYTES)
            self._counters.frames_out += frames
            self._counters.bytes_out += sum(map(len, buffers))
            link.write(buffers)

    def _note_dropped(self) -> None:
        if self._queue.dropped > self._counters.frames_dropped:
            self._counters.frames_dropped = self._queue.dropped
            if is_power_of_two(self._queue.dropped):
                _log.warning(
                    "frames_dropped",
                    extra={"peer": self.peer_id, "count": self._queue.dropped},
                )

    def _note_failed_dial(self, error: Exception) -> None:
        self._counters.dials_failed += 1
        reason = refusal_reason(error)
        if reason is not RefusalReason.UNREACHABLE:
            self._local.metrics.refused[reason] += 1
        level = logging.WARNING if is_power_of_two(self._counters.dials_failed) else logging.DEBUG
        _log.log(
            level,
            "dial_failed",
            extra={"peer": self.peer_id, "reason": reason.value, "detail": f"{error}"},
        )
