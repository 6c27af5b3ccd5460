"""Where a process stops: a fuse burns down to one point of its work.

Each point has a counter, so that a large number of runs shows that every one was tried.
"""

from dataclasses import dataclass
from enum import Enum

from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
    Equivocated,
    Execute,
    FetchBatch,
    FetchState,
    Persist,
    Send,
    Stabilized,
    StartTimer,
    StopTimer,
    VotingEnded,
)


class CrashPoint(Enum):
    """What a process was doing when it stopped; an error of the disk stops it too (G6)."""

    AFTER_EFFECT = "crash_after_effect"
    IN_PERSIST = "crash_in_persist"
    IN_SYNC = "crash_in_sync"
    IN_ROTATION = "crash_in_rotation"
    IN_BLOCK_WRITE = "crash_in_block_write"
    BEFORE_CHECKPOINT = "crash_before_checkpoint"
    IN_RECOVERY = "crash_in_recovery"
    IN_TRANSFER = "crash_in_transfer"
    ERROR_OF_VOTE_LOG = "eio_of_vote_log"
    ERROR_OF_LEDGER = "eio_of_ledger"


# Snake case of every effect: `crash_after_start_timer`.
AFTER: dict[type[Effect], str] = {
    Persist: "crash_after_persist",
    Send: "crash_after_send",
    Broadcast: "crash_after_broadcast",
    Execute: "crash_after_execute",
    Stabilized: "crash_after_stabilized",
    BuildBatch: "crash_after_build_batch",
    FetchBatch: "crash_after_fetch_batch",
    FetchState: "crash_after_fetch_state",
    EnteredView: "crash_after_entered_view",
    Equivocated: "crash_after_equivocated",
    VotingEnded: "crash_after_voting_ended",
    StartTimer: "crash_after_start_timer",
    StopTimer: "crash_after_stop_timer",
}
# What few processes come to: a fuse for it is shared by all.
RARE_EFFECTS: tuple[type[Effect], ...] = (
    BuildBatch,
    FetchBatch,
    FetchState,
    Equivocated,
    EnteredView,
    VotingEnded,
)
DISK_ERRORS = (CrashPoint.ERROR_OF_VOTE_LOG, CrashPoint.ERROR_OF_LEDGER)
# What must have happened in a large number of runs.
COUNTERS = (
    *(one.value for one in CrashPoint if one is not CrashPoint.AFTER_EFFECT),
    *AFTER.values(),
    "crash_by_kill",
    "crash_by_power_cut",
    "crash_in_recovery_twice",
)


@dataclass(slots=True, kw_only=True)
class Fuse:
    """Stops a process at the `left`-th time that it comes to `point`.

    `effect` narrows AFTER_EFFECT to one kind. Several nodes may share a fuse: it stops the
    first of them that gets so far, and no other. What fails is drawn unless it is said here.
    """

    point: CrashPoint
    left: int = 1
    effect: type[Effect] | None = None
    by_power_cut: bool | None = None

    def burns_at(self, point: CrashPoint) -> bool:
        """Tell whether it ends here; count the passing otherwise."""
        if point is not self.point:
            return False
        self.left -= 1
        return self.left == 0

    def burns_after(self, effect: Effect, *, is_recovering: bool) -> bool:
        """Tell whether it ends after this effect."""
        if self.effect is not None and type(effect) is not self.effect:
            return False
        if is_recovering and self.burns_at(CrashPoint.IN_RECOVERY):
            return True
        return self.burns_at(CrashPoint.AFTER_EFFECT)
