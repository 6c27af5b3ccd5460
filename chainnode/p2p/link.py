"""One TLS connection between two nodes, from certificate to loss; the same class at both ends.

A link runs the sans-I/O handshake and the frame decoder, sends heartbeats, and notices silence
and full write buffers. What open frames mean is decided by its `LinkEnd`: `peer.Peer` where the
link was dialled, `session.Session` where it was accepted. All calls on the event loop's thread.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from chainnode.errors import InvalidInput, InvariantBroken
from chainnode.p2p.clocks import PeerClocks
from chainnode.p2p.errors import HandshakeRefused, RefusalReason
from chainnode.p2p.framing import (
    HANDSHAKE_FRAMES,
    HEARTBEAT,
    Frame,
    FrameDecoder,
    FrameLimits,
    decode_heartbeat,
    encode_heartbeat,
)
from chainnode.p2p.handshake import Handshake, Hello
from chainnode.p2p.metrics import TransportMetrics
from chainnode.p2p.settings import TransportSettings
from chainnode.pki import InvalidPeerCertificate, TlsContexts, certified_replica_id

# Above this a connection asks us to stop writing; what waits longer, waits in our own queue,
# where it is bounded and can be dropped.
WRITE_BUFFER_BYTES: Final = 256 * 1024
# For the closing TLS alert of a link that we give up politely.
SHUTDOWN_TIMEOUT_S: Final = 1.0

# First match wins: `ssl.SSLError` and `TimeoutError` are kinds of `OSError`.
_REASONS: Final[tuple[tuple[type[Exception], RefusalReason], ...]] = (
    (InvalidPeerCertificate, RefusalReason.CERTIFICATE),
    (InvalidInput, RefusalReason.MALFORMED),
    (ssl.SSLError, RefusalReason.TLS),
    (TimeoutError, RefusalReason.TIMEOUT),
    (ConnectionRefusedError, RefusalReason.UNREACHABLE),
    (ConnectionError, RefusalReason.LOST),
)


@dataclass(slots=True, kw_only=True)
class LocalEnd:
    """What all links of this node share; `tls` is exchanged when the certificate is renewed."""

    hello: Hello
    settings: TransportSettings
    metrics: TransportMetrics
    tls: TlsContexts
    clocks: PeerClocks


class LinkEnd(Protocol):
    """Who uses a link. Called only between `on_open` and `on_lost`, apart from these two."""

    def on_open(self, link: "Link") -> None:
        """Take the link into use: the handshake is done, frames may be written."""

    def on_frame(self, link: "Link", frame: Frame) -> None:
        """One frame of the kinds this end receives; may raise `InvalidInput` to end the link."""

    def on_writable(self, link: "Link") -> None:
        """Go on writing: the buffer has drained after it had been full."""

    def on_lost(self, link: "Link") -> None:
        """Forget the link, which was open and is gone; nothing follows."""


class Link(asyncio.Protocol):
    """See the module. `opened` ends with an exception when there is no link to be had."""

    def __init__(
        self,
        *,
        end: LinkEnd,
        handshake: Handshake,
        frames: FrameLimits,
        settings: TransportSettings,
        clocks: PeerClocks,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        # Why this end gave the link up; None when the other did.
        self.failure: Exception | None = None
        self.is_write_paused = False
        self.is_open = False
        # Something came after the handshake: the peer really serves this link.
        self.is_proven = False
        self._loop = loop
        self._end = end
        self._handshake = handshake
        self._frames = frames
        self._settings = settings
        self._clocks = clocks
        self._decoder = FrameDecoder(HANDSHAKE_FRAMES)
        self._transport: asyncio.Transport | None = None
        self._is_closing = False
        self._is_read_paused = False
        self._heartbeat: asyncio.TimerHandle | None = None
        self._was_heard = False
        self._silent_heartbeats = 0

    @property
    def peer(self) -> Hello:
        """The other end's hello; only of a link that was opened."""
        if self._handshake.peer is None:
            raise InvariantBroken("peer of a link that was never opened")
        return self._handshake.peer

    @property
    def has_connection(self) -> bool:
        """Tell whether the link ever owned a connection, which it then also closes."""
        return self._transport is not None

    @property
    def is_writable(self) -> bool:
        """Tell whether to write application frames now."""
        return self.is_open and not self._is_closing and not self.is_write_paused

    def write(self, buffers: Sequence[bytes]) -> None:
        """Hand buffers to the connection, whatever its state; see `is_write_paused`."""
        if self._transport is not None and not self._is_closing:
            self._transport.writelines(buffers)

    def pause_reading(self) -> None:
        """Leave what the peer sends in the kernel; silence is not held against it meanwhile."""
        self._is_read_paused = True
        if self._transport is not None and not self._is_closing:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._is_read_paused = False
        if self._transport is not None and not self._is_closing:
            self._transport.resume_reading()

    def close(self) -> None:
        """Give the link up after what has been written."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Give the link up at once."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done: the certificate is verified, and must name a replica (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        if self._is_closing:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        certificate = cast("Mapping[str, object]", transport.get_extra_info("peercert") or {})
        try:
            first = self._handshake.begin(certified_replica_id(certificate))
        except InvalidInput as error:
            self._fail(error)
            return
        self._write_if_any(first)

    def data_received(self, data: bytes) -> None:
        """Cut into frames and pass them on, until the link is given up (asyncio)."""
        self._was_heard = True
        self._decoder.feed(data)
        try:
            while not self._is_closing and (frame := self._decoder.next_frame()) is not None:
                if self.is_open:
                    self.is_proven = True
                    self._note_clock(frame)
                    self._end.on_frame(self, frame)
                else:
                    self._shake_hands(frame)
        except InvalidInput as error:
            self._fail(error)

    def pause_writing(self) -> None:
        """Note that the write buffer is full (asyncio)."""
        self.is_write_paused = True

    def resume_writing(self) -> None:
        """Note that the write buffer has drained (asyncio)."""
        self.is_write_paused = False
        if self.is_open and not self._is_closing:
            self._end.on_writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the link: the connection is gone, by whomever (asyncio)."""
        self._is_closing = True
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._end_opening(exc or ConnectionResetError("closed before a hello"))
        if not self.lost.done():
            self.lost.set_result(None)
        if self.is_open:
            self.is_open = False
            self._end.on_lost(self)

    def _shake_hands(self, frame: Frame) -> None:
        self._write_if_any(self._handshake.on_frame(frame))
        self._decoder.limits = self._frames
        self.is_open = True
        if not self.opened.done():
            self.opened.set_result(None)
        self._heartbeat = self._loop.call_later(self._settings.heartbeat_s, self._beat)
        self._end.on_open(self)

    def _note_clock(self, frame: Frame) -> None:
        if frame.kind == HEARTBEAT:
            self._clocks.note(self.peer.replica_id, decode_heartbeat(frame.payload))

    def _fail(self, error: InvalidInput) -> None:
        """Give the link up for what came over it; a dialler is told when it was refused."""
        self.failure = error
        self._end_opening(error)
        if isinstance(error, HandshakeRefused) and not error.by_peer:
            self._write_if_any(self._handshake.refusal_to_send(error))
            self.close()
        else:
            self.abort()

    def _end_opening(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # whoever stopped waiting for it need not hear of it

    def _beat(self) -> None:
        """Send a heartbeat, count the peer's silence.

        Both ends do so unasked, so that a peer that is alive but slow at reading stays linked: its
        heartbeats do not stand behind our data. The one whose data do not arrive hangs up.
        """
        if self._was_heard or self._is_read_paused:
            self._silent_heartbeats = 0
        else:
            self._silent_heartbeats += 1
        self._was_heard = False
        if self._silent_heartbeats >= self._settings.silent_heartbeats_max:
            self.failure = TimeoutError(f"{self._silent_heartbeats} heartbeats without a byte")
            self.abort()
            return
        if not self.is_write_paused:
            self.write((encode_heartbeat(self._clocks.own_ms()),))
        self._heartbeat = self._loop.call_later(self._settings.heartbeat_s, self._beat)

    def _write_if_any(self, data: bytes) -> None:
        if data:
            self.write((data,))


def refusal_reason(error: Exception) -> RefusalReason:
    """Name why a connection did not become a link, for counters and logs."""
    if isinstance(error, HandshakeRefused):
        return error.reason
    return next(
        (reason for kind, reason in _REASONS if isinstance(error, kind)), RefusalReason.UNREACHABLE
    )


def is_power_of_two(count: int) -> bool:
    """Tell whether to log the `count`-th event of a kind that a stranger can cause at will."""
    return count & (count - 1) == 0
