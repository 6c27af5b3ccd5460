"""Leaving a view whose primary fails, and entering the next. OSDI '99 §4.4, §4.5.2.

A replica promises (VIEW-CHANGE) to vote in no earlier view and says what it has prepared;
the next primary shows a quorum of such promises (NEW-VIEW) and re-proposes what they prove.
What must be re-proposed is computed in `new_view`, by primary and backups alike.
"""

from dataclasses import replace
from typing import TypeVar

from consensus.checkpoints import adopt_stable, seek_state
from consensus.effects import EnteredView, Timer
from consensus.errors import InvalidMessage
from consensus.messages import NewView, PreparedCertificate, ViewChange
from consensus.new_view import UNSIGNED, latest_stable, new_view_proposals
from consensus.normal_case import build_if_owed, readopt, vote
from consensus.recall import examine_parts
from consensus.state import ReplicaState
from consensus.types import View, sequence_of
from consensus.validation import validate_message

ViewPromise = TypeVar("ViewPromise", ViewChange, NewView)
# Beyond this many doublings any pause has long reached the cap.
DOUBLINGS_MAX = 16


def start(state: ReplicaState, new_view: View) -> None:
    """Stop voting in views before `new_view` and ask for it (§4.4; checklist E2, E3).

    The promise is durable before it is sent.
    """
    if new_view <= state.view or not state.may_vote:
        return
    message = state.sign(
        ViewChange(
            epoch=state.membership.epoch,
            new_view=new_view,
            stable=state.log.stable,
            prepared=_prepared_set(state),
            sender=state.me,
            signature=UNSIGNED,
        )
    )
    state.view = new_view
    state.own_view_change = message
    state.view_changes[state.me] = message
    state.persist(message)
    state.outbox.broadcast(message)
    state.outbox.stop_timer(Timer.REQUEST)
    state.outbox.stop_timer(Timer.NEW_VIEW)
    state.retransmissions = 0
    schedule_retransmission(state)
    _consider_quorum(state)


def _prepared_set(state: ReplicaState) -> tuple[PreparedCertificate, ...]:
    """P of §4.4: per sequence above the stable checkpoint the latest certificate ever made."""
    low = state.log.low_watermark
    return tuple(
        slot.prepared
        for slot in state.log.slots()
        if slot.prepared is not None and slot.sequence > low
    )


def on_view_change(state: ReplicaState, message: ViewChange) -> None:
    """Keep a replica's latest wish; join, wait, or lead accordingly (§4.4; E1, E5, F3).

    A wish for a view that was entered already is answered with its NEW-VIEW.
    """
    _answer_late(state, message)
    held = state.view_changes.get(message.sender)
    if held is not None and held.new_view == message.new_view:
        _compare(state, held, message)
    elif held is None or message.new_view > held.new_view:
        state.view_changes[message.sender] = message
        if message.new_view > state.active_view:
            adopt_stable(state, message.stable)
            reconsider(state)


def reconsider(state: ReplicaState) -> None:
    """Draw the conclusions from the wishes that are known."""
    _join(state)
    _consider_quorum(state)


def _compare(state: ReplicaState, held: ViewPromise, message: ViewPromise) -> None:
    """Two different promises for one view are evidence; a repetition is none (B8)."""
    if replace(held, signature=UNSIGNED) != replace(message, signature=UNSIGNED):
        state.report(held, message)


def _answer_late(state: ReplicaState, message: ViewChange) -> None:
    new_view = state.new_view
    is_late = new_view is not None and message.new_view <= new_view.view
    if new_view is None or not is_late or message.sender in state.shown_new_view:
        return
    state.shown_new_view[message.sender] = True
    state.outbox.send(message.sender, new_view)


def _join(state: ReplicaState) -> None:
    """Follow f+1 replicas into the highest view that an honest one of them wants (E1).

    Of f+1 at most f lie, so the (f+1)-th highest wish is no further than some honest one's.
    """
    wishes = sorted(
        (one.new_view for one in state.view_changes.values() if one.new_view > state.view),
        reverse=True,
    )
    weak_quorum = state.membership.weak_quorum
    if len(wishes) >= weak_quorum:
        start(state, wishes[weak_quorum - 1])


def _consider_quorum(state: ReplicaState) -> None:
    """With a quorum for our view: lead it, or start to wait for its leader (§4.4, F3).

    A replica that asks for a later view left ours too, so it counts for the time-out; else
    one lost message could keep the others below a quorum for ever (ADR-0003).
    """
    if state.is_normal or _has_new_view(state):
        return
    wishes = state.view_changes.values()
    exact = tuple(one for one in wishes if one.new_view == state.view)
    quorum = state.membership.quorum
    if state.is_primary and state.may_vote and len(exact) >= quorum:
        _lead(state, tuple(sorted(exact, key=lambda one: one.sender)))
    elif sum(one.new_view >= state.view for one in wishes) >= quorum:
        _await_new_view(state)


def _await_new_view(state: ReplicaState) -> None:
    """Wait twice as long each time, up to the cap, until a batch executes (§4.5.2, F4)."""
    if not state.outbox.is_running(Timer.NEW_VIEW):
        state.outbox.start_timer(Timer.NEW_VIEW, state.timeout_ms)
        state.timeout_ms = min(2 * state.timeout_ms, state.config.timeout_cap_ms)


def _lead(state: ReplicaState, view_changes: tuple[ViewChange, ...]) -> None:
    """Announce the view with everything that may have committed before it (E6, E7)."""
    proposals = new_view_proposals(
        state.view, view_changes, membership=state.membership, settled=state.start.settled
    )
    message = state.sign(
        NewView(
            epoch=state.membership.epoch,
            view=state.view,
            view_changes=view_changes,
            pre_prepares=tuple(state.sign(one) for one in proposals),
            sender=state.me,
            signature=UNSIGNED,
        )
    )
    state.outbox.broadcast(message)
    _take_over(state, message)


def on_new_view(state: ReplicaState, message: NewView) -> None:
    """Check a NEW-VIEW as a whole and enter its view (§4.4; E8, E9).

    An invalid one for the very view that we wait for proves its primary faulty: ask for the
    next (E1). Any other invalid one moves nobody, however high its view.

    Raises:
        InvalidMessage: the refused NEW-VIEW changed nothing here.

    """
    try:
        validate_message(
            message, membership=state.membership, window=state.log.window, start=state.start
        )
    except InvalidMessage:
        if not _is_awaited(state, message):
            raise
        give_up_view(state)
        return
    examine_parts(state, message)
    known = state.new_view
    if known is not None and known.view == message.view:
        _compare(state, known, message)
    elif message.view >= state.view and message.view > state.active_view:
        _take_over(state, message)


def _is_awaited(state: ReplicaState, message: NewView) -> bool:
    return (
        message.view == state.view
        and not state.is_normal
        and not _has_new_view(state)
        and message.sender == state.membership.primary(state.view)
    )


def _has_new_view(state: ReplicaState) -> bool:
    return state.new_view is not None and state.new_view.view == state.view


def _take_over(state: ReplicaState, message: NewView) -> None:
    """Adopt the view and its stable checkpoint; enter as soon as we stand there too (E9)."""
    state.view = message.view
    state.new_view = message
    state.persist(message)
    state.outbox.stop_timer(Timer.REQUEST)
    state.outbox.stop_timer(Timer.NEW_VIEW)
    state.outbox.stop_timer(Timer.RETRANSMIT)
    adopt_stable(state, latest_stable(message.view_changes))
    enter_when_caught_up(state)


def enter_when_caught_up(state: ReplicaState) -> None:
    """Enter the announced view; behind its checkpoint, close the gap first (E9).

    Called again after every executed block and after state transfer.
    """
    message = state.new_view
    if message is None or state.is_normal or message.view != state.view:
        return
    start_of_view = sequence_of(latest_stable(message.view_changes).height)
    if state.log.executed < start_of_view:
        seek_state(state, patient=False)
        return
    _enter(state)
    for pre_prepare in message.pre_prepares:
        readopt(state, pre_prepare)
    # What an earlier life accepted after O: see `recovery`.
    for slot in state.log.slots():
        vote(state, slot)
    build_if_owed(state)


def _enter(state: ReplicaState) -> None:
    """Begin normal operation; wishes that have served stay known, for who asks for its own."""
    state.active_view = state.view
    state.outbox.emit(EnteredView(view=state.view))


def give_up_view(state: ReplicaState) -> None:
    """Ask for the next view: its primary contradicted itself or was silent too long (§4.4, E1)."""
    start(state, View(state.view + 1))


def schedule_retransmission(state: ReplicaState) -> None:
    """Repeat our VIEW-CHANGE ever more seldom until the view is announced (F3).

    The share of the replica id keeps the group from sending in step.
    """
    pause = state.config.retransmit_ms << min(state.retransmissions, DOUBLINGS_MAX)
    jitter = state.config.retransmit_ms * state.me // (4 * state.membership.size)
    state.outbox.start_timer(Timer.RETRANSMIT, min(pause, state.config.timeout_cap_ms) + jitter)
    state.retransmissions += 1


def repeat_wish(state: ReplicaState) -> None:
    """Send our VIEW-CHANGE again, the same bytes, while its view is not announced (F3, G3).

    One lost burst must not stop the group for ever; a restart takes up where it stopped.
    """
    wish = state.own_view_change
    if wish is not None and not state.is_normal and not _has_new_view(state):
        state.outbox.broadcast(wish)
        schedule_retransmission(state)
        _consider_quorum(state)
