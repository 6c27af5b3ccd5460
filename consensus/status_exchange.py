"""Tell peers where we stand; give a peer exactly what it lacks (checklist F5).

Messages get lost. Instead of repeating everything, each replica says now and then how far it
has come, and whoever has more sends that: at most one answer per peer between two ticks of
our own STATUS timer, and a bounded one.
"""

from collections.abc import Iterator

from consensus.checkpoints import is_far_behind, note_stall
from consensus.codec import checkpoints_of
from consensus.effects import Timer
from consensus.messages import Commit, Message, Prepare, Status
from consensus.new_view import UNSIGNED
from consensus.normal_case import missing_bodies
from consensus.slot import Slot
from consensus.state import ReplicaState

# Batches repeated in one answer, up to 2 MiB each: the next tick brings more.
BODIES_PER_ANSWER_MAX = 4


def on_tick(state: ReplicaState) -> None:
    """Repeat what is still missing and say where we stand."""
    state.answered.clear()
    state.told.clear()
    state.asked_for_stable = False
    note_stall(state)
    for fetch in missing_bodies(state):
        state.outbox.emit(fetch)
    broadcast_status(state)
    state.outbox.start_timer(Timer.STATUS, state.config.status_ms)


def seek_certificate(state: ReplicaState) -> None:
    """Far behind: ask for the stable certificate, once a tick (checklist H1, H2)."""
    if not state.asked_for_stable and is_far_behind(state):
        state.asked_for_stable = True
        broadcast_status(state)


def broadcast_status(state: ReplicaState) -> None:
    """Say how far we have come; a learner stays silent and lives on what is broadcast."""
    if not state.config.may_vote:
        return
    view = state.active_view
    status = Status(
        epoch=state.membership.epoch,
        view=view,
        stable_height=state.low_height,
        prepared=state.log.prepared_in(view),
        committed=state.log.committed,
        executed=state.log.executed,
        sender=state.me,
        signature=UNSIGNED,
    )
    state.outbox.broadcast(state.sign(status))


def on_status(state: ReplicaState, message: Status) -> None:
    """Answer with what the sender lacks and we have."""
    if message.sender in state.answered or not state.config.may_vote:
        return
    for answer in _missing(state, message):
        state.answered[message.sender] = True
        state.outbox.send(message.sender, answer)


def _missing(state: ReplicaState, peer: Status) -> Iterator[Message]:
    if peer.stable_height < state.low_height and state.log.stable.epoch == peer.epoch:
        yield from checkpoints_of(state.log.stable)
    yield from state.checkpoints.votes_above(state.me, max(peer.stable_height, state.low_height))
    if state.new_view is not None and peer.view < state.new_view.view:
        yield state.new_view
    if state.is_normal and peer.view == state.view:
        yield from _missing_votes(state, peer)


def _missing_votes(state: ReplicaState, peer: Status) -> Iterator[Message]:
    """Repeat our own votes of this view above what the peer has decided (E2: of no other)."""
    bodies = BODIES_PER_ANSWER_MAX
    for slot in state.log.slots():
        if slot.sequence > peer.prepared and state.is_primary and bodies > 0:
            proposal = _own_proposal(state, slot)
            if proposal is not None:
                bodies -= 1
                yield proposal
        if slot.sequence > peer.prepared:
            yield from _own(state, slot.prepares.get(state.me))
        if slot.sequence > peer.committed:
            yield from _own(state, slot.commits.get(state.me))


def _own_proposal(state: ReplicaState, slot: Slot) -> Message | None:
    """Return what we proposed ourselves; entries of NEW-VIEW travel with it."""
    accepted = slot.accepted_in(state.view)
    return None if accepted is None else slot.proposals.get(accepted.batch_digest)


def _own(state: ReplicaState, vote: Prepare | Commit | None) -> Iterator[Message]:
    if vote is not None and vote.view == state.view:
        yield vote
