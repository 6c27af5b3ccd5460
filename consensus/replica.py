"""`Replica.step(event) -> effects`: dispatch only. The rules are in the modules named below.

Three doors for a message: `validate_*` (no state), `on_*` (state), effects (no I/O). After
each event the same four conclusions are drawn, so that no handler must think of them.
"""

from typing import assert_never

from consensus import (
    checkpoints,
    epoch_switch,
    normal_case,
    recall,
    recovery,
    status_exchange,
    timers,
    view_change,
)
from consensus.config import ReplicaConfig
from consensus.description import Description, describe, status_name
from consensus.effects import Effect, Record, Timer
from consensus.errors import NotRestored
from consensus.events import (
    Event,
    Executed,
    Fetched,
    Received,
    Restored,
    Submitted,
    Synced,
    TimerExpired,
    Waiting,
)
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Recall,
    Recollection,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.ports import Encoder, Signer
from consensus.state import initial_state
from consensus.types import NULL_BATCH_DIGEST, Digest, Height, SequenceNumber
from consensus.validation import validate_message

__all__ = ["Replica", "ReplicaConfig"]


class Replica:
    """One member of the group in one epoch: a deterministic state machine.

    Equal state and equal event give equal effects, on every machine. A refused event leaves
    the state as it was. Not thread-safe: one caller steps it.
    """

    def __init__(self, config: ReplicaConfig, *, encoder: Encoder, signer: Signer) -> None:
        nothing = StableCheckpoint(
            epoch=config.membership.epoch,
            height=Height(0),
            header_digest=NULL_BATCH_DIGEST,
            signatures=(),
        )
        self._state = initial_state(config, encoder=encoder, signer=signer, stable=nothing)
        self._is_restored = False

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Apply one event; return what must happen, in this order.

        Raises:
            InvalidMessage: a peer's fault; nothing changed. Drop the message and count it.
            InvariantViolation: stop at once; more than `max_faulty` liars or our own fault.
            ConflictingVote: stop at once; the guard knows of a vote that the state does not.

        After `EpochEnded` every event is ignored but the Status of those who did not get there.
        """
        if isinstance(event, Restored) == self._is_restored:
            raise NotRestored(event=type(event).__name__)
        if self._state.is_over:
            epoch_switch.show_end(self._state, event)
            return self._state.outbox.drain()
        self._dispatch(event)
        self._conclude()
        return self._state.outbox.drain()

    def _dispatch(self, event: Event) -> None:
        state = self._state
        match event:
            case Received():
                self._on_received(event)
            case Submitted():
                normal_case.on_submitted(state, event)
            case Executed():
                checkpoints.on_executed(state, event)
            case TimerExpired():
                self._on_timer(event)
            case Waiting():
                timers.on_waiting(state, event)
            case Fetched():
                normal_case.on_fetched(state, event)
            case Synced():
                checkpoints.on_synced(state, event)
            case Restored():
                self._is_restored = True
                recovery.restore(state, event)
            case _:
                assert_never(event)

    def _on_received(self, event: Received) -> None:
        """Our own messages can come back through relays; they tell whether our memory is whole.

        A CHECKPOINT counts as well: a certificate may need it when our block was lost meanwhile.
        """
        state, message = self._state, event.message
        if message.epoch != state.membership.epoch:
            epoch_switch.on_other_epoch(state, message)
            return
        if message.sender == state.me:
            recall.examine(state, (message,))
            if not isinstance(message, Checkpoint):
                return
        if not isinstance(message, NewView):  # on_new_view validates, and draws a conclusion
            validate_message(
                message, membership=state.membership, window=state.log.window, start=state.start
            )
        self._on_message(message, event.now_ms)
        state.heard_ms[message.sender] = event.now_ms

    def _on_message(self, message: Message, now_ms: int) -> None:
        state = self._state
        match message:
            case PrePrepare():
                normal_case.on_pre_prepare(state, message, now_ms)
            case Prepare():
                normal_case.on_prepare(state, message)
            case Commit():
                normal_case.on_commit(state, message)
            case Checkpoint():
                checkpoints.on_checkpoint(state, message)
                status_exchange.seek_certificate(state)
            case ViewChange():
                recall.examine_parts(state, message)
                view_change.on_view_change(state, message)
            case NewView():
                view_change.on_new_view(state, message)
            case Status():
                status_exchange.on_status(state, message)
            case Recall():
                recall.on_recall(state, message)
            case Recollection():
                recovery.on_recollection(state, message)
            case _:
                assert_never(message)

    def _on_timer(self, event: TimerExpired) -> None:
        """Act on an expiry, unless its timer was stopped or started again meanwhile (E12).

        A timer is stopped as soon as its reason ends, so that no handler asks for it again.
        """
        state = self._state
        if not state.outbox.consume_expiry(event.timer, event.generation):
            return
        match event.timer:
            case Timer.REQUEST:
                timers.on_request_timeout(state)
            case Timer.NEW_VIEW:
                view_change.give_up_view(state)
            case Timer.RETRANSMIT:
                view_change.repeat_wish(state)
            case Timer.IDLE:
                timers.on_idle(state)
            case Timer.STATUS:
                status_exchange.on_tick(state)
            case _:
                assert_never(event.timer)

    def _conclude(self) -> None:
        """Leave a faulty primary, enter a view we caught up with, catch up, watch the primary.

        And fill or end the epoch, if its end is known.
        """
        state = self._state
        if state.distrusts_primary:
            state.distrusts_primary = False
            view_change.give_up_view(state)
        view_change.enter_when_caught_up(state)
        checkpoints.seek_state(state, patient=True)
        epoch_switch.fill_epoch(state)
        timers.keep_request_timer(state)
        epoch_switch.end_epoch(state)

    # Questions without effect, for the driver and for people.

    @property
    def view(self) -> int:
        """The view we are in or have voted for."""
        return self._state.view

    @property
    def is_over(self) -> bool:
        """The epoch ended: the next one has a replica of its own."""
        return self._state.is_over

    @property
    def status(self) -> str:
        """`normal` or `view_change`."""
        return status_name(self._state)

    @property
    def is_primary(self) -> bool:
        """We are the primary of `view`, whether it runs or not."""
        return self._state.is_primary

    @property
    def may_propose(self) -> bool:
        """A `Submitted` now would be proposed, if its time is near the clock."""
        return normal_case.may_propose(self._state)

    @property
    def may_vote(self) -> bool:
        """We are no learner, and have been told what we signed in earlier lives."""
        return self._state.may_vote

    @property
    def in_flight(self) -> int:
        """Number of sequences proposed in this view and not executed here."""
        return normal_case.in_flight(self._state)

    @property
    def low_watermark(self) -> int:
        """The last stable sequence."""
        return self._state.log.low_watermark

    @property
    def last_executed(self) -> int:
        """The last sequence whose block is durable here."""
        return self._state.log.executed

    @property
    def last_committed(self) -> int:
        """The last sequence up to which, without a gap, all is decided here."""
        return self._state.log.committed

    @property
    def stable(self) -> StableCheckpoint:
        """The newest certificate."""
        return self._state.log.stable

    def batch_of(self, sequence: SequenceNumber, digest: Digest) -> Batch | None:
        """Return the body of a batch in an open slot, for a peer that fetches it."""
        slot = self._state.log.find(sequence)
        return None if slot is None else slot.batch_of(digest)

    def restatement(self) -> tuple[Record, ...]:
        """List the records that rebuild this state, for a new segment of the vote log (G5)."""
        return recovery.restatement(self._state)

    def describe(self) -> Description:
        """Say where we stand and what is missing, by name."""
        return describe(self._state)
