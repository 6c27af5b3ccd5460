"""The slots between the watermarks, and how far this replica has come. OSDI '99 §4.2, §4.3.

Three positions grow, each at its own pace: `stable` (a quorum signed the header), `executed`
(our block is durable), `handed` (given to execution). A slot leaves when it is both stable
and executed here; the certificate is durable before that (checklist D2).
"""

from collections.abc import Callable

from consensus.epochs import FROM_GENESIS, EpochStart, NextEpoch
from consensus.messages import Batch, StableCheckpoint
from consensus.slot import Slot
from consensus.types import Membership, SequenceNumber, View, Window, sequence_of


class Log:
    """Holds at most four windows of slots, whatever peers send."""

    def __init__(
        self,
        *,
        membership: Membership,
        window: Window,
        stable: StableCheckpoint,
        start: EpochStart = FROM_GENESIS,
    ) -> None:
        self.start = start
        # The change of members that ends this epoch, once execution announced it (I1).
        self.next_epoch: NextEpoch | None = None
        self.stable = stable
        # The sequence of the last stable checkpoint.
        self.low_watermark = sequence_of(stable.height)
        self.window = window
        self.executed = self.low_watermark
        self.handed = self.executed
        self._membership = membership
        self._slots: dict[SequenceNumber, Slot] = {}
        # What a recovery record decided: executed without votes (checklist B9).
        self._settled: dict[SequenceNumber, Batch] = {}

    def settle(self, batches: tuple[Batch, ...]) -> None:
        """Take over batches that are decided, in order, above what is executed."""
        for sequence, batch in enumerate(batches, start=self.executed + 1):
            self._settled[SequenceNumber(sequence)] = batch

    def stand_on(self, stable: StableCheckpoint) -> None:
        """Move the watermarks up to a certificate that is durable."""
        self.stable = stable
        self.low_watermark = sequence_of(stable.height)

    @property
    def high_watermark(self) -> SequenceNumber:
        """The last sequence a backup votes on; none beyond the epoch (checklist I1)."""
        top = self.window.top(self.low_watermark)
        return top if self.next_epoch is None else min(top, self.next_epoch.last_before)

    @property
    def is_complete(self) -> bool:
        """The last block of the epoch is stable and executed here."""
        last = None if self.next_epoch is None else self.next_epoch.last_before
        return last is not None and min(self.low_watermark, self.executed) >= last

    @property
    def collected(self) -> SequenceNumber:
        """Up to here nothing is held: stable and executed, or left to state transfer."""
        left_behind = self.low_watermark - 2 * self.window.size
        return SequenceNumber(max(min(self.low_watermark, self.executed), left_behind))

    def is_votable(self, sequence: SequenceNumber) -> bool:
        """Tell whether we may vote on `sequence`: between the watermarks.

        And no further than two windows above our own execution: a change of members that ends
        the epoch before `sequence` would be known by then (checklist I1).
        """
        reach = min(self.high_watermark, self.window.top(self.executed))
        return max(self.low_watermark, self.start.settled) < sequence <= reach

    def is_open(self, sequence: SequenceNumber) -> bool:
        """Tell whether a COMMIT for `sequence` can still teach us something."""
        return max(self.collected, self.start.settled) < sequence <= self.high_watermark

    def slot(self, sequence: SequenceNumber) -> Slot:
        """Return the slot of `sequence`, which is open, and make it if it is new."""
        slot = self._slots.get(sequence)
        if slot is None:
            slot = Slot(sequence, membership=self._membership)
            self._slots[sequence] = slot
        return slot

    def find(self, sequence: SequenceNumber) -> Slot | None:
        """Return the slot of `sequence` if anything is known about it."""
        return self._slots.get(sequence)

    def slots(self) -> tuple[Slot, ...]:
        """List the slots held, ascending."""
        return tuple(self._slots[sequence] for sequence in sorted(self._slots))

    def collect(self) -> None:
        """Forget what no longer matters (§4.3)."""
        for sequence in [one for one in self._settled if one <= self.executed]:
            del self._settled[sequence]
        bound = self.collected
        for sequence in [one for one in self._slots if one <= bound]:
            del self._slots[sequence]

    @property
    def is_behind(self) -> bool:
        """A quorum is further than what we executed or are executing."""
        return self.low_watermark > self.handed

    @property
    def committed(self) -> SequenceNumber:
        """The last sequence up to which, without a gap, all is executed or committed here."""
        start = max(self.executed, self.start.settled)
        return self._reach(start, lambda slot: slot.is_committed_local)

    def prepared_in(self, view: View) -> SequenceNumber:
        """Return the last sequence up to which, without a gap, all is stable or prepared.

        In exactly this view: what was executed before it is agreed on again, and others may
        need our COMMIT for that (checklist E10).
        """
        start = max(self.low_watermark, self.start.settled)
        return self._reach(start, lambda slot: slot.is_prepared(view))

    def _reach(self, start: SequenceNumber, holds: Callable[[Slot], bool]) -> SequenceNumber:
        sequence = start
        while (slot := self._slots.get(SequenceNumber(sequence + 1))) is not None and holds(slot):
            sequence = slot.sequence
        return sequence

    @property
    def next_batch(self) -> Batch | None:
        """The batch to execute next, once it is decided and its body is here."""
        sequence = SequenceNumber(self.handed + 1)
        slot = self._slots.get(sequence)
        return self._settled.get(sequence) if slot is None else slot.committed_batch
