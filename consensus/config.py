"""The settings of one replica; all but `replica_id` and `may_vote` are those of its group."""

from dataclasses import dataclass, field
from itertools import pairwise

from consensus.epochs import EpochEnd, EpochStart
from consensus.errors import InvalidEpochChange, InvalidReplicaConfig
from consensus.types import (
    GENESIS_SEQUENCE,
    Membership,
    ReplicaId,
    SequenceNumber,
    Window,
    sequence_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaConfig:
    """What a replica must know before its first event. Durations are monotonic milliseconds.

    `drift_ms` bounds the distance of a fresh batch's time from the wall clock of a backup.
    A replica with `may_vote` False is a learner: it follows certificates and signs nothing;
    it need not be a member.

    `past` says how earlier epochs ended, oldest first; the last of them is where this one
    begins (checklist I2), none means at genesis. Older ones only serve replicas that are still
    in them and may be left out. `settled` is the last sequence whose batch a recovery record
    decided, 0 without one (checklist B9).
    """

    replica_id: ReplicaId
    membership: Membership
    chain_id: bytes = field(repr=False)
    window: int
    idle_block_ms: int
    drift_ms: int
    request_timeout_ms: int = 2_000
    timeout_cap_ms: int = 60_000
    retransmit_ms: int = 500
    status_ms: int = 1_000
    may_vote: bool = True
    past: tuple[EpochEnd, ...] = field(default=(), repr=False)
    settled: SequenceNumber = GENESIS_SEQUENCE

    def __post_init__(self) -> None:
        Window(size=self.window)
        if self.may_vote and not self.membership.is_member(self.replica_id):
            raise InvalidReplicaConfig(
                name="replica_id",
                expected=f"a member 0 … {self.membership.size - 1}",
                actual=self.replica_id,
            )
        for name in (
            "idle_block_ms",
            "drift_ms",
            "request_timeout_ms",
            "retransmit_ms",
            "status_ms",
        ):
            if getattr(self, name) <= 0:
                raise InvalidReplicaConfig(
                    name=name, expected="a positive duration", actual=getattr(self, name)
                )
        if self.timeout_cap_ms < self.request_timeout_ms:
            raise InvalidReplicaConfig(
                name="timeout_cap_ms",
                expected=f"at least request_timeout_ms = {self.request_timeout_ms}",
                actual=self.timeout_cap_ms,
            )
        self._require_ascending_epochs()

    @property
    def start(self) -> EpochStart:
        """Where the sequences of this epoch begin."""
        if not self.past:
            return EpochStart()
        base = self.past[-1]
        below_first = sequence_of(base.stable.height)
        return EpochStart(base=base, settled=max(below_first, self.settled))

    def _require_ascending_epochs(self) -> None:
        epochs = (*(one.membership.epoch for one in self.past), self.membership.epoch)
        if any(one >= next_one for one, next_one in pairwise(epochs)):
            raise InvalidEpochChange(
                what="epochs before this one", expected="ascending", actual=str(epochs)
            )
