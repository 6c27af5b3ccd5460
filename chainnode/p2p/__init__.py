"""Peer-to-peer transport: framing and handshake (sans-I/O), links, sessions, requests."""

from chainnode.p2p.errors import (
    FailureCode,
    HandshakeRefused,
    InvalidFrame,
    PeerUnavailable,
    RefusalReason,
    RequestError,
    RequestFailed,
    RequestTimeout,
)
from chainnode.p2p.framing import APPLICATION_KIND_MAX, FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX
from chainnode.p2p.metrics import PeerCounters, TransportMetrics
from chainnode.p2p.settings import PeerAddress, TransportSettings
from chainnode.p2p.transport import Transport
from chainnode.pki import TlsPaths

__all__ = [
    "APPLICATION_KIND_MAX",
    "FRAME_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "FailureCode",
    "HandshakeRefused",
    "InvalidFrame",
    "PeerAddress",
    "PeerCounters",
    "PeerUnavailable",
    "RefusalReason",
    "RequestError",
    "RequestFailed",
    "RequestTimeout",
    "TlsPaths",
    "Transport",
    "TransportMetrics",
    "TransportSettings",
]
