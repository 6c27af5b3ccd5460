"""Tell peers where we stand; give a peer exactly what it lacks (checklist F5).

Messages get lost. Instead of repeating everything, each replica says now and then how far it
has come, and whoever has more sends that: few answers per peer between two ticks of our own STATUS
timer, each a bounded one. An old Status that somebody repeats takes no answer from a new one.
"""

from collections.abc import Iterator

from consensus.checkpoints import is_far_behind, note_stall
from consensus.codec import checkpoints_of
from consensus.effects import Timer
from consensus.messages import Commit, Message, Prepare, Status
from consensus.new_view import UNSIGNED
from consensus.normal_case import missing_bodies
from consensus.recall import repeat
from consensus.slot import Slot
from consensus.state import Answered, ReplicaState, Sighting
from consensus.types import ReplicaId

# Batches repeated in one answer, up to 2 MiB each: the next tick brings more.
BODIES_PER_ANSWER_MAX = 4
# Different Statuses of one peer answered between two ticks: it may come further meanwhile.
ANSWERS_PER_TICK_MAX = 4
# Of these, such as lie behind what it said before: it restarted, or somebody repeats old ones.
OUTDATED_ANSWERS_PER_TICK_MAX = 1


def on_tick(state: ReplicaState) -> None:
    """Repeat what is still missing and say where we stand."""
    state.answered.clear()
    state.told.clear()
    state.shown_new_view.clear()
    state.recalls_answered.clear()
    state.asked_for_stable = False
    note_stall(state)
    for fetch in missing_bodies(state):
        state.outbox.emit(fetch)
    repeat(state)
    broadcast_status(state)
    state.outbox.start_timer(Timer.STATUS, state.config.status_ms)


def seek_certificate(state: ReplicaState) -> None:
    """Far behind: ask for the stable certificate, once a tick (checklist H1, H2)."""
    if not state.asked_for_stable and is_far_behind(state):
        state.asked_for_stable = True
        broadcast_status(state)


def broadcast_status(state: ReplicaState) -> None:
    """Say how far we have come; a learner stays silent and lives on what is broadcast."""
    if not state.may_sign:
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
    """Note where the sender stands; answer with what it lacks and we have."""
    known = state.sightings.get(message.sender)
    standing = _standing(message)
    is_outdated = known is not None and standing < known.standing
    if not is_outdated:
        state.sightings[message.sender] = Sighting(
            view=message.view, executed=message.executed, standing=standing
        )
    answer = Answered(standing=standing, was_outdated=is_outdated)
    is_talking = state.may_vote or state.split_at is not None
    if is_talking and _may_give(state, message.sender, answer):
        for missing in _missing(state, message):
            _note_given(state, message.sender, answer)
            state.outbox.send(message.sender, missing)


def _standing(status: Status) -> tuple[int, ...]:
    return (
        status.stable_height,
        status.executed,
        status.view,
        status.prepared,
        status.committed,
    )


def _may_give(state: ReplicaState, peer: ReplicaId, answer: Answered) -> bool:
    """Tell whether a peer has this answer left until the next tick.

    What somebody repeats of it lies behind what it says itself, so it takes none of the
    answers that are for news. A peer that starts again may lie behind for a while too.
    """
    given = state.answered.get(peer, ())
    is_repeated = any(one.standing == answer.standing for one in given)
    alike = sum(one.was_outdated == answer.was_outdated for one in given)
    most = OUTDATED_ANSWERS_PER_TICK_MAX if answer.was_outdated else ANSWERS_PER_TICK_MAX
    return not is_repeated and alike < most


def _note_given(state: ReplicaState, peer: ReplicaId, answer: Answered) -> None:
    given = state.answered.get(peer, ())
    if answer not in given:
        state.answered[peer] = (*given, answer)


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
