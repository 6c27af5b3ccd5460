"""Addresses, limits and times of the peer transport; every default with its reason."""

from dataclasses import dataclass
from typing import Final

from chainnode.errors import ConfigurationError
from chainnode.p2p.framing import FRAME_BYTES_MAX

# Payloads of a broadcast are shared by all queues, so n queues cost far less than n times this.
# Four of the largest frames, or the whole window of ordinary batches.
QUEUE_BYTES_MAX: Final = 16 * 1024 * 1024
# Votes are small: without a second limit 16 MiB of them would be 100,000 objects per peer.
QUEUE_FRAMES_MAX: Final = 16_384
# Beyond every cap anyone would set, and no large numbers after a year without a peer.
_DOUBLINGS_MAX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAddress:
    """Where a replica listens, or the proxy in front of it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """Limits and times. Times in seconds, as asyncio has them.

    One silent end is found after `heartbeat_s × silent_heartbeats_max`, counted in heartbeats of
    this process: after a pause of our own nobody is declared dead before having had a chance.
    """

    queue_bytes_max: int = QUEUE_BYTES_MAX
    queue_frames_max: int = QUEUE_FRAMES_MAX
    # Two seconds of silence: as long as a replica waits at most where faults shall heal in
    # seconds; a beat costs some 20 µs a link.
    heartbeat_s: float = 0.5
    silent_heartbeats_max: int = 4
    # TCP, TLS and hello together; a healthy one takes 10 ms plus three round trips.
    handshake_timeout_s: float = 3.0
    # A dial that hangs so long is tried anew beside itself: far above what a healthy one takes.
    redial_after_s: float = 1.0
    # Of strangers, over all addresses: the crowd of a whole restart with n = 31, twice.
    handshakes_max: int = 64
    # The cap bounds how late a healed network is noticed, so it is short; 30 attempts a second
    # at n = 31 cost nothing.
    reconnect_first_s: float = 0.05
    reconnect_max_s: float = 1.0
    # Both for what we ask of one peer and for what one peer may have us answer at a time:
    # 8 responses of 4 MiB are the most a peer that does not read can make us hold.
    requests_max: int = 8
    # Together, the payloads of the requests of one peer that are being answered.
    request_bytes_max: int = 2 * FRAME_BYTES_MAX
    # A handler that hangs gives its place back.
    answer_timeout_s: float = 30.0
    # At `close`, for what is already written to reach the peers.
    close_timeout_s: float = 1.0

    def __post_init__(self) -> None:
        faults = [
            f"{name}: expected a positive number, got {getattr(self, name)}"
            for name in self.__dataclass_fields__
            if not getattr(self, name) > 0
        ]
        faults += [
            f"{name}: expected ≥ {FRAME_BYTES_MAX}, got {getattr(self, name)}"
            for name in ("queue_bytes_max", "request_bytes_max")
            if getattr(self, name) < FRAME_BYTES_MAX
        ]
        if faults:
            raise ConfigurationError("peer transport: " + "; ".join(faults))


def reconnect_delay_s(failures: int, *, settings: TransportSettings, jitter: float) -> float:
    """Return the pause before the next attempt: doubled per failure, capped, then scattered.

    `jitter` is in [0, 1); the result lies in the upper half of the capped delay, so that peers
    cut off together do not come back together, and none comes back at once.
    """
    doubled_s = settings.reconnect_first_s * (1 << min(failures, _DOUBLINGS_MAX))
    delay = min(settings.reconnect_max_s, doubled_s)
    return delay * (1 + jitter) / 2
