"""Consensus messages and submissions over the peer transport. Each is encoded once."""

from collections.abc import Sequence

from chainnode.codec import Limits, as_array, as_bytes, decode, encode
from chainnode.driver.kinds import FrameKind
from chainnode.p2p.transport import Transport
from consensus.codec import message_to_plain
from consensus.messages import Message
from consensus.types import ReplicaId

# One frame of forwarded submissions; the largest submission fits with its framing.
_SUBMISSIONS_BYTES_MAX = 2 * 1024 * 1024
_SUBMISSIONS_PER_FRAME_MAX = 4096
_SUBMISSIONS_LIMITS = Limits(
    bytes_max=4 * 1024 * 1024, depth_max=1, elements_max=_SUBMISSIONS_PER_FRAME_MAX + 1
)


class PeerNetwork:
    """The driver's and admission's way to other replicas; never blocks, may lose frames."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, to: ReplicaId, message: Message) -> None:
        """Send a message to one replica."""
        self._transport.send(to, FrameKind.CONSENSUS, encode(message_to_plain(message)))

    def broadcast(self, message: Message) -> None:
        """Send a message to all others."""
        self._transport.broadcast(FrameKind.CONSENSUS, encode(message_to_plain(message)))

    def forward(self, submissions: Sequence[bytes], *, to: ReplicaId | None) -> None:
        """Pass submissions on to one replica, or to all others when `to` is None."""
        for group in _groups(submissions):
            payload = encode(group)
            if to is None:
                self._transport.broadcast(FrameKind.SUBMISSIONS, payload)
            else:
                self._transport.send(to, FrameKind.SUBMISSIONS, payload)


def decode_forwarded(payload: bytes) -> tuple[bytes, ...]:
    """Return the submissions of a frame, each still to be checked.

    Raises:
        InvalidEncoding: malformed.

    """
    rows = as_array(decode(payload, _SUBMISSIONS_LIMITS), None, "forwarded submissions")
    return tuple(as_bytes(row, "submission") for row in rows)


def _groups(submissions: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Cut a list into frames that stay under the limits."""
    groups: list[tuple[bytes, ...]] = []
    group: list[bytes] = []
    size = 0
    for one in submissions:
        is_full = size + len(one) > _SUBMISSIONS_BYTES_MAX
        if group and (is_full or len(group) == _SUBMISSIONS_PER_FRAME_MAX):
            groups.append(tuple(group))
            group, size = [], 0
        group.append(one)
        size += len(one)
    if group:
        groups.append(tuple(group))
    return groups
