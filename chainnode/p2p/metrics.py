"""Counters of the peer transport: plain numbers that anyone may read at any time."""

from collections import Counter
from dataclasses import dataclass, field

from chainnode.p2p.errors import RefusalReason


@dataclass(slots=True, kw_only=True)
class PeerCounters:
    """What passed between this node and one peer since the start. Bytes are before TLS."""

    frames_out: int = 0
    bytes_out: int = 0
    frames_in: int = 0
    bytes_in: int = 0
    # Messages pushed out of a full queue: the peer was away or slow.
    frames_dropped: int = 0
    # Links that we opened to the peer; each but the first is a reconnect.
    links_opened: int = 0
    dials_failed: int = 0
    # Links in either direction given up because the other end fell silent.
    links_silent: int = 0
    # Links in either direction given up because of what arrived on them.
    links_invalid: int = 0
    sessions_accepted: int = 0
    # An older session of the same peer gave way to a newer one.
    sessions_replaced: int = 0
    requests_sent: int = 0
    requests_unanswered: int = 0
    # Responses nobody waits for any more.
    responses_late: int = 0
    requests_answered: int = 0
    requests_refused: int = 0
    # Our own handlers raised on what the peer sent.
    handlers_failed: int = 0

    @property
    def reconnects(self) -> int:
        """Links opened again after the first one."""
        return max(0, self.links_opened - 1)


@dataclass(slots=True, kw_only=True)
class TransportMetrics:
    """All counters of one transport."""

    peers: dict[int, PeerCounters] = field(default_factory=dict)
    # Inbound connections and dialled links that did not become links, by reason.
    refused: Counter[RefusalReason] = field(default_factory=Counter)
    # `accept` itself failed, for instance without free file descriptors.
    accepts_failed: int = 0

    def of(self, peer: int) -> PeerCounters:
        """Return the counters of a configured peer; they outlive its removal."""
        return self.peers.setdefault(peer, PeerCounters())
