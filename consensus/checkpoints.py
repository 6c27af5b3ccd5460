"""Executed blocks, checkpoint votes, stability, state transfer. OSDI '99 §4.3, §5.3.

K = 1: every block is a checkpoint, and a replica's CHECKPOINT is its signature over the
block's header. A replica that is a little slow often sees a quorum before its own execution
ends; it counts as behind only when the next batch does not come either (ADR-0003).
"""

from consensus.codec import checkpoints_of
from consensus.effects import FetchState, HeadersDiverged, Stabilized, Timer
from consensus.epoch_switch import note_next_epoch
from consensus.errors import Diverged, ExecutionOutOfOrder
from consensus.events import Executed, Synced
from consensus.messages import Checkpoint, StableCheckpoint
from consensus.normal_case import await_next_block, execute_ready
from consensus.state import ReplicaState
from consensus.types import Digest, Height, SequenceNumber, height_of


def on_executed(state: ReplicaState, event: Executed) -> None:
    """Tell the others which header the durable block has (§4.3); D1, B9.

    Raises:
        ExecutionOutOfOrder: not the block that was asked for.
        Diverged: a quorum signed another header for this height.
        InvalidEpochChange: execution announces a change of members that cannot be.

    """
    log = state.log
    if event.sequence <= log.executed:
        return
    if event.sequence != log.executed + 1 or event.sequence > log.handed:
        raise ExecutionOutOfOrder(expected=log.executed + 1, actual=event.sequence)
    note_computed(state, height_of(event.sequence), event.header_digest)
    note_next_epoch(state, event.next_epoch, executed=event.sequence)
    _note_progress(state, event.sequence)
    log.executed = event.sequence
    if event.checkpoint is not None:
        state.vouch(event.checkpoint)
        if state.may_vote:
            state.outbox.broadcast(event.checkpoint)
            _count(state, event.checkpoint)
    if state.waiting is None:
        # Every block is what was owed, be it the idle one or one more of an ending epoch.
        state.outbox.stop_timer(Timer.REQUEST)
    await_next_block(state, in_ms=event.next_block_in_ms)
    _collect(state)


def on_checkpoint(state: ReplicaState, message: Checkpoint) -> None:
    """Count a CHECKPOINT of any view; q matching make the header stable (§4.3)."""
    contradicted = state.checkpoints.add(message, low=state.log.low_watermark)
    if contradicted is not None:
        state.report(contradicted, message)
    _conclude(state, message.height, message.header_digest)


def adopt_stable(state: ReplicaState, stable: StableCheckpoint) -> None:
    """Take over a certificate that came as a whole, in VIEW-CHANGE or from state transfer."""
    if stable.height > state.low_height:
        for vote in checkpoints_of(stable):
            state.checkpoints.add(vote, low=state.log.low_watermark)
        _stabilize(state, stable)


def on_synced(state: ReplicaState, event: Synced) -> None:
    """Go on from where state transfer ended (checklist H4).

    The core says nothing about transferred blocks; what execution signed of them for whoever
    asks is written down (D1, G2).

    Raises:
        Diverged: the ledger installed another header than the certified one.

    """
    state.state_target = None
    state.stalled_at = None
    adopt_stable(state, event.stable)
    if event.executed > state.log.executed:
        note_computed(state, height_of(event.executed), event.header_digest)
        note_next_epoch(state, event.next_epoch, executed=event.executed)
        state.log.executed = event.executed
    if event.checkpoint is not None and event.checkpoint.epoch == state.membership.epoch:
        state.vouch(event.checkpoint)
    state.log.handed = state.log.executed
    await_next_block(state, in_ms=event.next_block_in_ms)
    _collect(state)
    execute_ready(state)
    # Blocks came while these were fetched. What of them was missed is not on its way any more.
    seek_state(state, patient=False)


def note_computed(state: ReplicaState, height: Height, digest: Digest) -> None:
    """Remember our header and compare it with the certified one.

    Raises:
        Diverged: they differ (checklist B9).

    """
    certified = state.checkpoints.certified_digest(height)
    _require_equal(height, own=digest, certified=certified)
    state.checkpoints.note_computed(height, digest)


def seek_state(state: ReplicaState, *, patient: bool) -> None:
    """Ask for state transfer if a quorum is ahead and nothing here will close the gap (H1).

    With `patient` a gap within the window may still close by itself: commits and bodies are
    often on their way. The target is the stable certificate, never a claim (H2); what is
    being executed ends first, since the ledger has one writer (H4).
    """
    log = state.log
    is_busy = state.state_target is not None or log.handed > log.executed
    is_near = log.low_watermark - log.executed <= log.window.size
    if log.is_behind and not is_busy and not (patient and is_near):
        state.state_target = log.stable
        state.outbox.emit(FetchState(target=log.stable))


def note_stall(state: ReplicaState) -> None:
    """Give up waiting for a gap that stayed the same between two STATUS ticks."""
    executed = state.log.executed
    if state.log.is_behind and state.stalled_at == executed:
        seek_state(state, patient=False)
    state.stalled_at = executed if state.log.is_behind else None


def is_far_behind(state: ReplicaState) -> bool:
    """f+1 replicas signed headers above our window: at least one honest one is there (H1)."""
    top = height_of(state.log.high_watermark)
    return state.checkpoints.voters_above(top) >= state.membership.weak_quorum


def _count(state: ReplicaState, checkpoint: Checkpoint) -> None:
    state.checkpoints.add(checkpoint, low=state.log.low_watermark)
    _conclude(state, checkpoint.height, checkpoint.header_digest)


def _conclude(state: ReplicaState, height: Height, digest: Digest) -> None:
    """Stabilize, or certify a height below: readers carry the certificate of any block."""
    certificate = state.checkpoints.certificate_at(height, digest)
    if certificate is None:
        _note_split(state, height)
        return
    if height > state.low_height:
        _stabilize(state, certificate)
    else:
        _note_certified(state, certificate)


def _note_split(state: ReplicaState, height: Height) -> None:
    """Halt once it is certain that no quorum will ever sign a header of `height` (B9).

    Where the votes for a later height came first, the lower one counts as soon as it is known.
    """
    is_first = state.split_at is None or height < state.split_at
    if is_first and height > state.low_height and state.checkpoints.is_split(height):
        state.split_at = height
        votes = state.checkpoints.votes_at(height)
        state.outbox.emit(HeadersDiverged(height=height, checkpoints=votes))


def _stabilize(state: ReplicaState, stable: StableCheckpoint) -> None:
    """Write the certificate down, then move the window (checklist D2)."""
    _note_certified(state, stable)
    state.persist(stable)
    state.log.stand_on(stable)
    _collect(state)


def _note_certified(state: ReplicaState, stable: StableCheckpoint) -> None:
    own = state.checkpoints.computed_digest(stable.height)
    if own is not None:
        _require_equal(stable.height, own=own, certified=stable.header_digest)
    state.checkpoints.note_certified(stable)
    state.outbox.emit(Stabilized(stable=stable))


def _require_equal(height: Height, *, own: Digest, certified: Digest | None) -> None:
    if certified is not None and certified != own:
        raise Diverged(height=height, own=own, certified=certified)


def _note_progress(state: ReplicaState, sequence: SequenceNumber) -> None:
    """Be patient again once a batch that this very view decided is executed (F4)."""
    slot = state.log.find(sequence)
    if slot is None or slot.committed is None or not state.is_normal:
        return
    if slot.committed.view == state.view:
        state.timeout_ms = state.config.request_timeout_ms


def _collect(state: ReplicaState) -> None:
    state.log.collect()
    state.checkpoints.collect(low=state.log.low_watermark)
