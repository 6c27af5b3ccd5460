"""The transport between the replicas: bytes to and from peers, nothing about their meaning.

Every node dials every peer and speaks only on the link it dialled
(docs/adr/0007-peer-transport.md). `send` and `broadcast` are best effort, in order per peer
while a link lasts, and never wait. All methods are called on the event loop's thread.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Final

from chainnode.errors import ConfigurationError, InvariantBroken
from chainnode.p2p.clocks import PeerClocks
from chainnode.p2p.errors import PeerUnavailable
from chainnode.p2p.framing import (
    ACCEPTOR_FRAMES,
    APPLICATION_KIND_MAX,
    PAYLOAD_BYTES_MAX,
    frame_header,
)
from chainnode.p2p.handshake import Handshake, Hello
from chainnode.p2p.link import Link, LocalEnd
from chainnode.p2p.listener import Listener
from chainnode.p2p.metrics import TransportMetrics
from chainnode.p2p.peer import Peer
from chainnode.p2p.queue import QueuedFrame
from chainnode.p2p.session import Handlers, MessageHandler, RequestHandler, Session
from chainnode.p2p.settings import PeerAddress, TransportSettings
from chainnode.pki import TlsPaths, load_tls_contexts

_log = logging.getLogger("chainnode.p2p")
_DEFAULT_SETTINGS: Final = TransportSettings()
_DEFAULT_JITTER: Final = SystemRandom().random


class Transport:
    """All links of one node. `peers` leaves the node itself out.

    `clock_ms` reads our wall clock, which peers are told; `jitter` returns numbers in [0, 1)
    and scatters reconnects.
    """

    def __init__(
        self,
        *,
        own_id: int,
        chain_id: bytes,
        peers: Mapping[int, PeerAddress],
        tls: TlsPaths,
        listen: tuple[str, int],
        on_message: MessageHandler,
        on_request: RequestHandler,
        clock_ms: Callable[[], int],
        software_version: str = "0",
        settings: TransportSettings = _DEFAULT_SETTINGS,
        jitter: Callable[[], float] = _DEFAULT_JITTER,
    ) -> None:
        self._own_id = own_id
        # One object for life: handshakes in flight look up members in it.
        self._addresses = self._without_own(peers)
        self._tls = tls
        self._handlers = Handlers(on_message=on_message, on_request=on_request)
        self._jitter = jitter
        self._local = LocalEnd(
            hello=Hello(chain_id=chain_id, replica_id=own_id, software_version=software_version),
            settings=settings,
            metrics=TransportMetrics(),
            tls=load_tls_contexts(tls, replica_id=own_id),
            clocks=PeerClocks(clock_ms),
        )
        self._listener = Listener(local=self._local, listen=listen, new_link=self._new_session)
        self._peers: dict[int, Peer] = {}
        self._sessions: dict[int, Session] = {}
        self._held_back: set[int] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, and begin to dial all peers.

        Raises:
            ConfigurationError: the listen address cannot be used.

        """
        self._listener.start()
        self._follow_addresses()

    async def close(self) -> None:
        """Close all links after what is already written, or after `close_timeout_s`."""
        await self._listener.close()
        self._addresses.clear()
        links = [peer.link for peer in self._peers.values()]
        links += [session.link for session in self._sessions.values()]
        self._follow_addresses()
        open_links = [link for link in links if link is not None]
        if open_links:
            await asyncio.wait(
                [link.lost for link in open_links],
                timeout=self._local.settings.close_timeout_s,
            )
        for link in open_links:
            link.abort()
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def send(self, peer: int, kind: int, payload: bytes) -> None:
        """Queue a message for one peer. It may be dropped: consensus retransmits.

        A peer that has just left the configuration hears no more; that is no error.

        Raises:
            InvariantBroken: our own fault: a kind or size that no peer would accept.

        """
        frame = self._message(kind, payload)
        if peer in self._peers:
            self._peers[peer].send(frame)

    def broadcast(self, kind: int, payload: bytes) -> None:
        """Queue a message for every peer; the payload is shared, not copied.

        Raises:
            InvariantBroken: as `send`.

        """
        frame = self._message(kind, payload)
        for peer in self._peers.values():
            peer.send(frame)

    async def request(self, peer: int, kind: int, payload: bytes, timeout_s: float) -> bytes:
        """Ask one peer and return its response.

        Raises:
            PeerUnavailable: not connected, too much in flight, or the link was lost.
            RequestTimeout: no response in time.
            RequestFailed: the peer says that it has none.
            InvariantBroken: as `send`.

        """
        _check_outgoing(kind, payload)
        if peer not in self._peers:
            raise PeerUnavailable(peer, "not a configured peer")
        return await self._peers[peer].request(kind, payload, timeout_s=timeout_s)

    def set_peers(self, peers: Mapping[int, PeerAddress]) -> None:
        """Follow a new epoch or new addresses; links to unchanged peers stay.

        Raises:
            ConfigurationError: the node itself is among them.

        """
        addresses = self._without_own(peers)
        self._addresses.clear()
        self._addresses.update(addresses)
        self._follow_addresses()

    def reload_tls(self) -> None:
        """Read the TLS files again; the next connections use them, those that exist stay.

        Raises:
            CertificateError: they do not fit; what is loaded stays in use.

        """
        self._local.tls = load_tls_contexts(self._tls, replica_id=self._own_id)
        _log.info("tls_reloaded")

    def hold_back(self, peer: int, *, is_held: bool) -> None:
        """Stop or go on reading from one peer, whose data then wait in the kernel and at home.

        For a reader that cannot keep up with what this peer sends.
        """
        (self._held_back.add if is_held else self._held_back.discard)(peer)
        session = self._sessions.get(peer)
        if session is not None and session.link is not None:
            (session.link.pause_reading if is_held else session.link.resume_reading)()

    @property
    def connected(self) -> tuple[int, ...]:
        """Peers to which our link is open, ascending."""
        return tuple(sorted(id_ for id_, peer in self._peers.items() if peer.link is not None))

    @property
    def receiving(self) -> tuple[int, ...]:
        """Peers whose link to us is open, ascending."""
        return tuple(sorted(self._sessions))

    @property
    def software_versions(self) -> Mapping[int, str]:
        """What each peer that ever answered said it runs."""
        return {
            id_: peer.software_version for id_, peer in self._peers.items() if peer.software_version
        }

    def clock_offset_ms(self, peer: int) -> int | None:
        """Return by how much a peer says its clock is ahead of ours; None: it said nothing."""
        return self._local.clocks.offset_ms(peer)

    @property
    def metrics(self) -> TransportMetrics:
        """Counters since the start."""
        return self._local.metrics

    @property
    def listen_address(self) -> tuple[str, int]:
        """Host and port actually listened on, after `start`."""
        return self._listener.address

    def on_session_opened(self, session: Session) -> None:
        """Keep the newest session of a peer, and dial back at once (SessionOwner)."""
        peer = session.peer_id
        older = self._sessions.get(peer)
        self._sessions[peer] = session
        _log.info("session_opened", extra={"peer": peer})
        if older is not None and older.link is not None:
            self.metrics.of(peer).sessions_replaced += 1
            older.link.abort()
        if peer in self._held_back and session.link is not None:
            session.link.pause_reading()
        if peer in self._peers:
            self._peers[peer].wake()

    def on_session_lost(self, session: Session) -> None:
        """Forget the session, unless a newer one has its place (SessionOwner)."""
        if self._sessions.get(session.peer_id) is session:
            del self._sessions[session.peer_id]

    def _new_session(self) -> Link:
        session = Session(local=self._local, handlers=self._handlers, owner=self)
        return Link(
            end=session,
            handshake=Handshake(own=self._local.hello, dialled=None, members=self._addresses),
            frames=ACCEPTOR_FRAMES,
            settings=self._local.settings,
            clocks=self._local.clocks,
        )

    def _follow_addresses(self) -> None:
        """Make peers and sessions what `_addresses` says."""
        for id_, peer in list(self._peers.items()):
            if self._addresses.get(id_) != peer.address:
                task = self._peers.pop(id_).stop()
                self._stopping.add(task)
                task.add_done_callback(self._stopping.discard)
        for id_, session in list(self._sessions.items()):
            if id_ not in self._addresses and session.link is not None:
                session.link.close()
        for id_, address in self._addresses.items():
            if id_ not in self._peers:
                self._peers[id_] = Peer(
                    peer_id=id_, address=address, local=self._local, jitter=self._jitter
                )

    def _without_own(self, peers: Mapping[int, PeerAddress]) -> dict[int, PeerAddress]:
        if self._own_id in peers:
            raise ConfigurationError(
                f"peers: expected replicas other than {self._own_id}, got this node itself"
            )
        return dict(peers)

    def _message(self, kind: int, payload: bytes) -> QueuedFrame:
        _check_outgoing(kind, payload)
        return QueuedFrame(header=frame_header(kind, len(payload)), payload=payload)


def _check_outgoing(kind: int, payload: bytes) -> None:
    if not 0 <= kind <= APPLICATION_KIND_MAX:
        raise InvariantBroken(f"frame kind: expected 0 … {APPLICATION_KIND_MAX}, got {kind}")
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise InvariantBroken(
            f"payload of frame kind {kind}: expected ≤ {PAYLOAD_BYTES_MAX} bytes, "
            f"got {len(payload)}"
        )
