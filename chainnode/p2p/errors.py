"""Errors of the peer transport, by whose fault they are."""

from enum import Enum

from chainnode.errors import InvalidInput, NodeError


class RefusalReason(Enum):
    """Why a connection did not become a link. The value is the name in logs and metrics."""

    TLS = "tls"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    CROWDED = "crowded"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    MALFORMED = "malformed"
    PROTOCOL_VERSION = "protocol_version"
    CHAIN_ID = "chain_id"
    CERTIFIED_ID = "certified_id"
    DIALLED_ID = "dialled_id"
    OWN_ID = "own_id"
    UNKNOWN_REPLICA = "unknown_replica"


class FailureCode(Enum):
    """Why a peer did not answer a request with a response. The value is on the wire."""

    HANDLER_FAILED = 1
    BUSY = 2
    RESPONSE_TOO_LARGE = 3
    HANDLER_TIMEOUT = 4


class InvalidFrame(InvalidInput):
    """Bytes that are no frame of this protocol: drop the link and count."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class HandshakeRefused(InvalidInput):
    """One side does not talk to the other; `expected` is the refusing side's value."""

    def __init__(
        self, *, reason: RefusalReason, expected: str, actual: str, by_peer: bool = False
    ) -> None:
        self.reason = reason
        self.expected = expected
        self.actual = actual
        self.by_peer = by_peer
        who = "the peer" if by_peer else "this node"
        super().__init__(f"{who} refused: {reason.value}: expected {expected}, got {actual}")


class RequestError(NodeError):
    """A request got no response; `peer` is whom it was meant for."""

    def __init__(self, peer: int, sentence: str) -> None:
        self.peer = peer
        super().__init__(f"replica {peer}: {sentence}")


class PeerUnavailable(RequestError):
    """The request was not sent, or its link was lost before the response."""


class RequestTimeout(RequestError):
    """No response in time; the peer may have carried the request out."""

    def __init__(self, peer: int, *, kind: int, timeout_s: float) -> None:
        self.kind = kind
        self.timeout_s = timeout_s
        super().__init__(peer, f"no response to request kind {kind} within {timeout_s:g} s")


class RequestFailed(RequestError):
    """The peer answered that it has no response."""

    def __init__(self, peer: int, *, kind: int, code: FailureCode) -> None:
        self.kind = kind
        self.code = code
        super().__init__(peer, f"request kind {kind} failed there: {code.name}")
