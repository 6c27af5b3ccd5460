"""Pre-prepare, prepare, commit, and execution in order. OSDI '99 §4.2.

The primary gives a batch a sequence number; backups agree (PREPARE); a quorum knows that a
quorum agrees (COMMIT). Each vote is durable before it is sent: the outbox sees to that.
"""

from consensus.effects import BuildBatch, Execute, FetchBatch, Timer
from consensus.errors import ConflictingCertificates, RefusedMessage
from consensus.events import Fetched, Submitted
from consensus.messages import Batch, Commit, Prepare, PrePrepare
from consensus.new_view import UNSIGNED
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import NULL_BATCH_DIGEST, SequenceNumber

# Bodies asked for at once: more could not be executed before these anyway.
FETCHES_MAX = 4


def next_sequence(state: ReplicaState) -> SequenceNumber:
    """Return the position after everything proposed in this view or decided before it."""
    log = state.log
    proposed = (slot.sequence for slot in log.slots() if slot.accepted_in(state.view) is not None)
    return SequenceNumber(max(log.low_watermark, log.handed, log.start.settled, *proposed) + 1)


def in_flight(state: ReplicaState) -> int:
    """Count the proposals after the last executed block."""
    return next_sequence(state) - 1 - state.log.executed


def await_next_block(state: ReplicaState, *, in_ms: int | None) -> None:
    """Count anew to the moment from which the primary owes a block (checklist F2).

    `in_ms` is what execution says is due sooner than the idle block; None: nothing is.
    """
    idle_ms = state.config.idle_block_ms
    duration_ms = idle_ms if in_ms is None else max(1, min(in_ms, idle_ms))
    state.owes_idle_block = False
    state.outbox.start_timer(Timer.IDLE, duration_ms)


def build_if_owed(state: ReplicaState) -> None:
    """Ask for an idle block, if one is due and no block is on its way."""
    if state.owes_idle_block and may_propose(state) and in_flight(state) == 0:
        state.outbox.emit(BuildBatch())


def may_propose(state: ReplicaState) -> bool:
    """Tell whether we are the primary of a running view with room in the window."""
    if not (state.may_vote and state.is_normal and state.is_primary):
        return False
    log, sequence = state.log, next_sequence(state)
    is_assignable = log.window.may_assign(sequence, above=log.low_watermark)
    return is_assignable and log.is_votable(sequence)


def on_submitted(state: ReplicaState, event: Submitted) -> None:
    """Propose a batch (§4.2), or ignore it: the driver offers again when it may succeed."""
    batch = event.batch
    if not may_propose(state) or not _is_fresh(state, batch, event.now_ms):
        return
    pre_prepare = state.sign(
        PrePrepare(
            epoch=state.membership.epoch,
            view=state.view,
            sequence=next_sequence(state),
            batch_digest=batch.digest,
            sender=state.me,
            signature=UNSIGNED,
            batch=batch,
        )
    )
    state.persist(pre_prepare)
    state.outbox.broadcast(pre_prepare)
    _accept(state, pre_prepare)


def on_pre_prepare(state: ReplicaState, message: PrePrepare, now_ms: int) -> None:
    """Accept the primary's proposal (§4.2), under the conditions of checklist B2.

    Not in normal operation in exactly this view, or outside the watermarks: dropped, never
    cached. A second digest for the same view and sequence proves the primary faulty.

    Raises:
        RefusedMessage: a fresh proposal without a body, or with a time too far from ours.

    """
    is_now = state.is_normal and message.view == state.view
    if not is_now or not state.log.is_votable(message.sequence):
        return
    known = state.log.find(message.sequence)
    accepted = known.accepted_in(message.view) if known is not None else None
    if accepted is None:
        _require_fresh(state, message, now_ms)
        state.persist(message)
        _accept(state, message)
    elif accepted.batch_digest != message.batch_digest:
        state.report(accepted, message)
        state.distrusts_primary = True
    elif message.batch is not None:
        _take_body(state, state.log.slot(message.sequence), message.batch)


def on_prepare(state: ReplicaState, message: Prepare) -> None:
    """Count a backup's agreement (§4.2); one of a later view waits for that view."""
    if message.view < state.view or not state.log.is_votable(message.sequence):
        return
    slot = state.log.slot(message.sequence)
    contradicted = slot.add_prepare(message)
    if contradicted is not None:
        state.report(contradicted, message)
    advance(state, slot)


def on_commit(state: ReplicaState, message: Commit) -> None:
    """Count a COMMIT of any view: a quorum of them decides, wherever we stand (checklist B5)."""
    if not state.log.is_open(message.sequence):
        return
    slot = state.log.slot(message.sequence)
    contradicted = slot.add_commit(message)
    if contradicted is not None:
        state.report(contradicted, message)
    advance(state, slot)


def on_fetched(state: ReplicaState, event: Fetched) -> None:
    """Give a body to every slot that waits for it."""
    for slot in state.log.slots():
        if slot.missing_body(state.view) == event.batch.digest:
            _take_body(state, slot, event.batch)


def readopt(state: ReplicaState, pre_prepare: PrePrepare) -> None:
    """Treat an entry of NEW-VIEW as a PRE-PREPARE of the new view (§4.4).

    No check of freshness: a quorum may have prepared it long ago (checklist B3). Its body may
    be missing; those who prepared it before keep it. A sequence that is stable already needs
    no vote of ours; one that is executed is agreed on again but not executed again.

    Raises:
        ConflictingCertificates: another batch is committed here for this sequence.

    """
    if not state.log.is_votable(pre_prepare.sequence):
        return
    slot = state.log.slot(pre_prepare.sequence)
    if slot.committed is not None and slot.committed.batch_digest != pre_prepare.batch_digest:
        raise ConflictingCertificates(view=pre_prepare.view, sequence=pre_prepare.sequence)
    _accept(state, pre_prepare)


def _accept(state: ReplicaState, pre_prepare: PrePrepare) -> None:
    slot = state.log.slot(pre_prepare.sequence)
    slot.accept(pre_prepare)
    vote(state, slot)


def vote(state: ReplicaState, slot: Slot) -> None:
    """Say what we have not said yet about the proposal accepted in this view.

    The primary sends no PREPARE: its PRE-PREPARE is its vote (§4.2). What is stable needs no
    vote, also when a restart finds it accepted but not voted on.
    """
    accepted = slot.accepted_in(state.view)
    own = slot.prepares.get(state.me)
    is_said = own is not None and own.view == state.view
    is_backup = state.may_vote and not state.is_primary
    if accepted is not None and is_backup and not is_said and state.log.is_votable(slot.sequence):
        prepare = state.sign(
            Prepare(
                epoch=accepted.epoch,
                view=accepted.view,
                sequence=accepted.sequence,
                batch_digest=accepted.batch_digest,
                sender=state.me,
                signature=UNSIGNED,
            )
        )
        state.persist(prepare)
        state.outbox.broadcast(prepare)
        slot.add_prepare(prepare)
    advance(state, slot)


def advance(state: ReplicaState, slot: Slot) -> None:
    """Draw the conclusions from the votes in `slot`: COMMIT once prepared, execute once decided."""
    if state.is_normal and state.may_vote and state.log.is_votable(slot.sequence):
        _commit_if_prepared(state, slot)
    _ask_for_body(state, slot)
    execute_ready(state)


def _commit_if_prepared(state: ReplicaState, slot: Slot) -> None:
    """Write down the prepared certificate, then send COMMIT (§4.2, checklist B5)."""
    own = slot.commits.get(state.me)
    if own is not None and own.view == state.view:
        return
    certificate = slot.certificate_in(state.view)
    if certificate is None:
        return
    slot.prepared = certificate
    commit = state.sign(
        Commit(
            epoch=certificate.epoch,
            view=certificate.view,
            sequence=certificate.sequence,
            batch_digest=certificate.batch_digest,
            sender=state.me,
            signature=UNSIGNED,
        )
    )
    state.persist(certificate, commit)
    state.outbox.broadcast(commit)
    slot.add_commit(commit)


def execute_ready(state: ReplicaState) -> None:
    """Hand over what is decided, in order, without gap, each once (§4.2, checklist B6).

    During state transfer nothing is handed over: the ledger has one writer (checklist H4). Nor
    while we ask what we signed before: each block of ours shall carry our CHECKPOINT.
    """
    log = state.log
    is_held = state.state_target is not None or state.recall is not None
    while not is_held and (ready := log.next_batch) is not None:
        log.handed = SequenceNumber(log.handed + 1)
        state.outbox.emit(Execute(sequence=log.handed, batch=ready))


def missing_bodies(state: ReplicaState) -> tuple[FetchBatch, ...]:
    """List the bodies that are needed first, for a repeated request."""
    wanted = (
        FetchBatch(sequence=slot.sequence, digest=digest)
        for slot in state.log.slots()
        if slot.sequence > state.log.handed
        and (digest := slot.missing_body(state.view)) is not None
    )
    return tuple(wanted)[:FETCHES_MAX]


def _ask_for_body(state: ReplicaState, slot: Slot) -> None:
    """Ask once, when the need appears; the STATUS timer repeats it."""
    digest = slot.missing_body(state.view)
    if digest is not None and digest != slot.asked and slot.sequence > state.log.handed:
        slot.asked = digest
        state.outbox.emit(FetchBatch(sequence=slot.sequence, digest=digest))


def _take_body(state: ReplicaState, slot: Slot, batch: Batch) -> None:
    """Keep a body; what we have voted for is written down with its body (checklist G1)."""
    if slot.batch_of(batch.digest) is not None:
        return
    completed = slot.keep_body(batch)
    if completed is not None:
        state.persist(completed)
    execute_ready(state)


def _is_fresh(state: ReplicaState, batch: Batch, now_ms: int) -> bool:
    return (
        batch.digest != NULL_BATCH_DIGEST and abs(batch.time_ms - now_ms) <= state.config.drift_ms
    )


def _require_fresh(state: ReplicaState, message: PrePrepare, now_ms: int) -> None:
    if message.batch is None:
        raise RefusedMessage(
            sender=message.sender, what="fresh PRE-PREPARE", expected="a batch", actual="none"
        )
    if not _is_fresh(state, message.batch, now_ms):
        raise RefusedMessage(
            sender=message.sender,
            what="batch time",
            expected=f"{now_ms} ± {state.config.drift_ms} ms",
            actual=str(message.batch.time_ms),
        )
