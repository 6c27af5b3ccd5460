"""Epochs as values: where one begins, how one ended, which comes next. Checklist I1, I2.

One `Replica` lives in one epoch (ADR-0014). Its sequences begin above a *base*, the last block
before them, which the members of an earlier epoch signed; genesis needs no signature. They end
where a change of members takes effect. What happens there is `epoch_switch`'s business.
"""

from dataclasses import dataclass

from consensus.errors import InvalidEpochChange
from consensus.messages import StableCheckpoint
from consensus.types import (
    GENESIS_SEQUENCE,
    Epoch,
    Membership,
    SequenceNumber,
    Window,
    sequence_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextEpoch:
    """A change that execution announced: `membership` orders from `first` on (I1)."""

    membership: Membership
    first: SequenceNumber

    @property
    def last_before(self) -> SequenceNumber:
        """The last sequence of the epoch that announces the change: a − 1."""
        return SequenceNumber(self.first - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """The certificate of an epoch's last block, and the members who signed it."""

    membership: Membership
    stable: StableCheckpoint

    def __post_init__(self) -> None:
        if self.stable.epoch != self.membership.epoch:
            raise InvalidEpochChange(
                what="epoch of a base's certificate",
                expected=str(self.membership.epoch),
                actual=str(self.stable.epoch),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStart:
    """Where the sequences of an epoch begin.

    `base` is None where they begin at genesis. Up to `settled` a recovery record decides the
    batches, so nobody votes there; without one it is the height of the base.
    """

    base: EpochEnd | None = None
    settled: SequenceNumber = GENESIS_SEQUENCE

    @property
    def below_first(self) -> SequenceNumber:
        """The sequence of the base: no vote of this epoch is about it or anything before."""
        return GENESIS_SEQUENCE if self.base is None else sequence_of(self.base.stable.height)


FROM_GENESIS = EpochStart()


def require_next_epoch(
    announced: NextEpoch, *, epoch: Epoch, size: int, window: Window, executed: SequenceNumber
) -> None:
    """Refuse an announcement that execution cannot rightly make (I1, I3).

    `executed` is the block that tells of it: executed at s, the change takes effect at
    s + 2L, so that nobody can have accepted a sequence of the next epoch before.

    Raises:
        InvalidEpochChange: another epoch than the next, more than one member added or
            removed, or an end that execution has passed or could not have set.

    """
    membership, first = announced.membership, announced.first
    if membership.epoch != epoch + 1:
        raise InvalidEpochChange(
            what="next epoch", expected=str(epoch + 1), actual=str(membership.epoch)
        )
    if abs(membership.size - size) > 1:
        raise InvalidEpochChange(
            what="members of the next epoch",
            expected=f"{size}, one more or one less",
            actual=str(membership.size),
        )
    if not executed < first <= window.top(executed):
        raise InvalidEpochChange(
            what="first sequence of the next epoch",
            expected=f"{executed + 1} … {window.top(executed)}",
            actual=str(first),
        )
