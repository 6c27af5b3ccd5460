"""From the vote log to a state, and from a state to a fresh vote log. Checklist G1, G3, G5.

A restarted replica stands where it stopped: same voted view, also in the middle of a view
change; same set P, window, bodies and own votes. Votes of others are asked for again.
"""

from consensus import recall, view_change
from consensus.checkpoints import adopt_stable, note_computed
from consensus.effects import EnteredView, Record, Timer
from consensus.epoch_switch import note_next_epoch
from consensus.errors import InvalidEpochChange
from consensus.events import Restored
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Recollection,
    RecoveryPromise,
    StableCheckpoint,
    ViewChange,
)
from consensus.new_view import latest_stable
from consensus.normal_case import await_next_block, build_if_owed, execute_ready, vote
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.status_exchange import broadcast_status
from consensus.types import height_of, sequence_of


def restore(state: ReplicaState, event: Restored) -> None:
    """Rebuild the state, then ask the others what we signed before (checklist G5).

    A learner goes on at once. Whoever may vote does so when enough have answered.

    Raises:
        Diverged: the ledger's tip is not the header that a quorum signed.
        InvalidEpochChange: the ledger has not reached this epoch yet.

    """
    _require_base(state, event)
    _restore_ledger(state, event)
    _settle(state, event)
    for record in event.records:
        if record.epoch == state.membership.epoch:
            _replay(state, record)
    state.log.collect()
    for checkpoint in event.checkpoints:
        if checkpoint.epoch == state.membership.epoch:
            _replay_own_checkpoint(state, checkpoint)
            state.vouch(checkpoint)
    await_next_block(state, in_ms=event.next_block_in_ms)
    state.outbox.start_timer(Timer.STATUS, state.config.status_ms)
    if state.may_sign:
        recall.ask(state, event.nonce)
    else:
        _resume(state)
    broadcast_status(state)


def on_recollection(state: ReplicaState, message: Recollection) -> None:
    """Look at what a peer holds of us; take up our part once enough have shown theirs.

    What is stable there was forgotten there, so that we must not vote on it either.
    """
    recall.examine_parts(state, message)
    adopt_stable(state, message.stable)
    if recall.is_answered(state, message):
        _repeat_checkpoints(state)
        _resume(state)
        broadcast_status(state)


def _require_base(state: ReplicaState, event: Restored) -> None:
    """Refuse to speak before the state is here: nobody counts below the base (I3)."""
    base = state.start.below_first
    reached = min(sequence_of(event.stable.height), event.executed)
    if reached < base:
        raise InvalidEpochChange(
            what="ledger at the start of an epoch",
            expected=f"height {base} or more, executed and certified",
            actual=f"height {reached}",
        )


def _settle(state: ReplicaState, event: Restored) -> None:
    """Take over the batches that a recovery record decided and that are not executed yet (B9)."""
    missing = max(0, state.start.settled - event.executed)
    if len(event.decided) != missing:
        raise InvalidEpochChange(
            what="batches of the recovery record",
            expected=f"{missing} above height {event.executed}",
            actual=str(len(event.decided)),
        )
    state.log.settle(event.decided)


def _restore_ledger(state: ReplicaState, event: Restored) -> None:
    state.log.stand_on(event.stable)
    state.log.executed = state.log.handed = event.executed
    note_next_epoch(state, event.next_epoch, executed=event.executed)
    state.checkpoints.note_certified(event.stable)
    note_computed(state, height_of(event.executed), event.header_digest)


def _repeat_checkpoints(state: ReplicaState) -> None:
    """Say again which headers above the stable one we signed; the newest in any case."""
    for checkpoint in _own_checkpoints(state):
        state.outbox.broadcast(checkpoint)


def _own_checkpoints(state: ReplicaState) -> tuple[Checkpoint, ...]:
    """List our CHECKPOINTs above the stable one, ascending, and the newest in any case."""
    above = state.checkpoints.votes_above(state.me, state.low_height)
    newest = state.newest_own
    return above if newest is None or newest in above else (*above, newest)


def _resume(state: ReplicaState) -> None:
    """Say what is due.

    Whatever is signed again here has the content that was signed before, so the guard gives
    the same bytes. A vote whose record was torn away in a crash never left; it is cast now.
    """
    view_change.enter_when_caught_up(state)
    view_change.repeat_wish(state)
    view_change.reconsider(state)
    if state.is_normal:
        state.outbox.emit(EnteredView(view=state.view))
        for slot in state.log.slots():
            vote(state, slot)
        build_if_owed(state)
    execute_ready(state)


def _replay(state: ReplicaState, record: Record) -> None:
    match record:
        case StableCheckpoint():
            _replay_stable(state, record)
        case RecoveryPromise():
            state.farewell = record
        case ViewChange():
            _replay_view_change(state, record)
        case Checkpoint():
            _replay_own_checkpoint(state, record)
            state.note_vouched(record)
        case NewView():
            _replay_new_view(state, record)
        case _:
            if state.log.is_open(record.sequence):
                _replay_vote(state, state.log.slot(record.sequence), record)


def _replay_stable(state: ReplicaState, record: StableCheckpoint) -> None:
    if record.height <= state.low_height:
        return
    own = state.checkpoints.computed_digest(record.height)
    state.checkpoints.note_certified(record)
    if own is not None:
        note_computed(state, record.height, own)
    state.log.stand_on(record)


def _replay_own_checkpoint(state: ReplicaState, checkpoint: Checkpoint) -> None:
    """Count what we signed, also where our block was lost: others may need it (D1)."""
    state.checkpoints.add(checkpoint, low=state.log.low_watermark)


def _replay_view_change(state: ReplicaState, record: ViewChange) -> None:
    if record.new_view > state.view:
        state.view = record.new_view
        state.own_view_change = record
        state.view_changes = {state.me: record}


def _replay_new_view(state: ReplicaState, record: NewView) -> None:
    """Stand in the view again, unless we had not caught up with its start (E9)."""
    if record.view < state.view or record.view <= state.active_view:
        return
    state.view = record.view
    state.new_view = record
    # As when it came: its checkpoint first, which decides what of it lies in the window.
    start = latest_stable(record.view_changes)
    _replay_stable(state, start)
    if state.log.executed < sequence_of(start.height):
        return
    state.active_view = record.view
    state.view_changes = {}
    for pre_prepare in record.pre_prepares:
        if state.log.is_votable(pre_prepare.sequence):
            state.log.slot(pre_prepare.sequence).accept(pre_prepare)


def _replay_vote(
    state: ReplicaState, slot: Slot, record: PrePrepare | Prepare | Commit | PreparedCertificate
) -> None:
    """Take up what was said; a proposal of this view binds even if its start is missing now.

    The ledger may stand below the start of a view that was entered before, when damaged blocks
    were given up: the view is entered again after state transfer, with the same votes.
    """
    match record:
        case PrePrepare() if record.view == state.view:
            slot.accept(record)
        case PrePrepare():
            slot.keep_proposal(record)
        case Prepare():
            slot.add_prepare(record)
        case Commit():
            slot.add_commit(record)
        case _:
            if slot.prepared is None or slot.prepared.view < record.view:
                slot.prepared = record


def restatement(state: ReplicaState) -> tuple[Record, ...]:
    """List the records that rebuild this state: the head of a new segment of the vote log (G5).

    Earlier bodies and certificates first, then the view, then what was said in it, last the
    promise to leave it.
    """
    past: list[Record] = [state.log.stable, *_own_checkpoints(state)]
    present: list[Record] = []
    for slot in state.log.slots():
        accepted = slot.accepted_in(state.view) if _is_announced(state) else None
        for proposal in slot.proposals.values():
            is_current = accepted is not None and proposal.batch_digest == accepted.batch_digest
            (present if is_current else past).append(proposal)
        if slot.prepared is not None:
            past.append(slot.prepared)
        present.extend(_own_votes(state, slot))
    farewell = () if state.farewell is None else (state.farewell,)
    return (*past, *_view_records(state, present), *farewell)


def _is_announced(state: ReplicaState) -> bool:
    """Tell whether votes of this view may have been given, entered again yet or not."""
    entered = state.new_view.view if state.new_view is not None else state.active_view
    return entered == state.view


def _own_votes(state: ReplicaState, slot: Slot) -> tuple[Record, ...]:
    if not _is_announced(state):
        return ()
    own = (slot.prepares.get(state.me), slot.commits.get(state.me))
    return tuple(one for one in own if one is not None and one.view == state.view)


def _view_records(state: ReplicaState, present: list[Record]) -> tuple[Record, ...]:
    entered = () if state.new_view is None else (state.new_view,)
    promised = state.own_view_change
    if promised is None or promised.new_view <= (state.new_view.view if state.new_view else 0):
        return (*entered, *present)
    return (*entered, *present, promised)
