"""The end of an epoch, and what is owed to those who are still in an earlier one. I1–I3.

Execution announces a change of members; it takes effect two windows later. Until then the
primary fills the rest of the epoch with blocks, empty ones if need be, and the request timer
watches that duty. When the last block is stable and durable here the replica is done: the next
epoch has a replica of its own (ADR-0014), which starts in view 0 and owes nothing to the views,
slots and promises of this one.
"""

from consensus.codec import checkpoints_of
from consensus.effects import BuildBatch, EpochEnded, Timer
from consensus.epochs import EpochEnd, NextEpoch, require_next_epoch
from consensus.errors import InvalidEpochChange, RefusedMessage
from consensus.events import Event, Received
from consensus.messages import Message, Status
from consensus.normal_case import in_flight, may_propose, next_sequence
from consensus.state import ReplicaState
from consensus.types import SequenceNumber


def note_next_epoch(
    state: ReplicaState, announced: NextEpoch | None, *, executed: SequenceNumber
) -> None:
    """Take over which change is pending after block `executed`; once known it stays (I1).

    Raises:
        InvalidEpochChange: execution contradicts itself, or announces what cannot be.

    """
    log = state.log
    if log.next_epoch is not None and announced != log.next_epoch:
        raise InvalidEpochChange(
            what="pending change of members", expected=str(log.next_epoch), actual=str(announced)
        )
    if announced is not None:
        require_next_epoch(
            announced,
            epoch=state.membership.epoch,
            size=state.membership.size,
            window=log.window,
            executed=executed,
        )
    log.next_epoch = announced


def fill_epoch(state: ReplicaState) -> None:
    """Ask for the next block of an epoch that ends, once for each position (I1).

    One at a time: a block that is on its way fills the epoch as well.
    """
    if state.log.next_epoch is None or not may_propose(state) or in_flight(state) > 0:
        return
    position = (state.view, next_sequence(state))
    if state.filling != position:
        state.filling = position
        state.outbox.emit(BuildBatch())


def end_epoch(state: ReplicaState) -> None:
    """Hand over to the next epoch, once nothing of this one is missing here (I1)."""
    next_epoch = state.log.next_epoch
    if next_epoch is None or not state.log.is_complete:
        return
    state.is_over = True
    for timer in Timer:
        state.outbox.stop_timer(timer)
    state.outbox.emit(EpochEnded(stable=state.log.stable, next_epoch=next_epoch))


def show_end(state: ReplicaState, event: Event) -> None:
    """Give the epoch's last certificate to a member that lacks it; nothing else is said any more.

    Who has no part in the next epoch may be one of the few who have it. The clock of the event
    takes the place of the ticks that ended: one answer per member and tick.
    """
    if not isinstance(event, Received) or not isinstance(event.message, Status):
        return
    status, stable = event.message, state.log.stable
    is_member = status.epoch == stable.epoch and state.membership.is_member(status.sender)
    if not is_member or status.sender == state.me or status.stable_height >= stable.height:
        return
    shown_ms = state.end_shown_ms.get(status.sender)
    if shown_ms is not None and abs(event.now_ms - shown_ms) < state.config.status_ms:
        return
    state.end_shown_ms[status.sender] = event.now_ms
    for checkpoint in checkpoints_of(stable):
        state.outbox.send(status.sender, checkpoint)


def on_other_epoch(state: ReplicaState, message: Message) -> None:
    """Tell a replica that is still in an earlier epoch how that one ended; refuse all else.

    Who lags asks for it by its own Status, with which it must not wait for anybody: what we
    say in this epoch it cannot judge yet. One answer per sender between two ticks.

    Raises:
        RefusedMessage: nothing of another epoch counts in this one (I2).

    """
    end = _end_of(state, message)
    if end is None or not isinstance(message, Status):
        raise RefusedMessage(
            sender=message.sender,
            what="epoch",
            expected=str(state.membership.epoch),
            actual=str(message.epoch),
        )
    asker = (message.epoch, message.sender)
    is_behind = message.stable_height < end.stable.height
    if not is_behind or asker in state.told or not state.config.may_vote:
        return
    state.told[asker] = True
    for checkpoint in checkpoints_of(end.stable):
        state.outbox.send(message.sender, checkpoint)


def _end_of(state: ReplicaState, message: Message) -> EpochEnd | None:
    """Return the end of the epoch in which a member of it speaks."""
    ends = (one for one in state.config.past if one.membership.epoch == message.epoch)
    end = next(ends, None)
    return end if end is not None and end.membership.is_member(message.sender) else None
