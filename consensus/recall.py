"""Before it votes, a replica asks others what it signed in earlier lives. Checklist G4, G5.

Its vote log and its ledger can both be older copies that agree with each other; only peers can
tell. An answer proves itself: each part bears the asker's own signature. Until enough others
answered, nothing is promised; other replicas' messages are followed meanwhile.

The same rule holds for ever after: a message that bears our signature and that our memory
should know and does not, wherever it comes from, ends our voting with this key.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from consensus.codec import (
    Vote,
    signed_content,
    signed_messages,
    slot_of,
    votes_of,
)
from consensus.effects import EnteredView, Timer, VotingEnded
from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    Promise,
    Recall,
    Recollection,
    ViewChange,
)
from consensus.new_view import UNSIGNED
from consensus.normal_case import execute_ready
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import Height, Nonce, ReplicaId

AnyPromise = TypeVar("AnyPromise", bound=Promise)

# Questions of one member answered between two ticks: a replayed old one does not silence a new.
RECALLS_PER_TICK_MAX = 4


def ask(state: ReplicaState, nonce: Nonce) -> None:
    """Begin to ask; `nonce` ties the answers to this life, so that no earlier one counts."""
    unsigned = Recall(
        epoch=state.membership.epoch, nonce=nonce, sender=state.me, signature=UNSIGNED
    )
    state.recall = state.sign(unsigned)
    repeat(state)


def repeat(state: ReplicaState) -> None:
    """Ask again, with the same words, while not enough have answered."""
    if state.recall is not None:
        state.outbox.broadcast(state.recall)


def on_recall(state: ReplicaState, message: Recall) -> None:
    """Answer with what we hold of the asker, also while we ask ourselves.

    A learner does not answer: it signs nothing. Whoever asks back shows that its links are up.
    """
    answered = state.recalls_answered.get(message.sender, ())
    is_new = message.nonce not in answered and len(answered) < RECALLS_PER_TICK_MAX
    if not (state.may_sign and is_new):
        return
    state.recalls_answered[message.sender] = (*answered, message.nonce)
    state.outbox.send(message.sender, state.sign(_recollection(state, message)))
    if state.recall is not None and message.sender not in state.recollected:
        state.outbox.send(message.sender, state.recall)


def is_answered(state: ReplicaState, message: Recollection) -> bool:
    """Count an answer; tell whether it was the last one needed.

    With us, those who answered are a quorum. So many honest others exist whenever a quorum
    does, and what n − quorum + 1 of them hold cannot be missed (docs/protocol.md).
    """
    question = state.recall
    is_ours = question is not None and message.asker == state.me
    if question is None or not is_ours or message.nonce != question.nonce:
        return False
    state.recollected[message.sender] = True
    if len(state.recollected) < state.membership.witnesses:
        return False
    state.recall = None
    return True


def examine(state: ReplicaState, messages: Iterable[Message]) -> None:
    """End our voting if one of `messages` is ours and missing in our memory (checklist G4)."""
    for one in messages:
        if isinstance(one, Promise) and one.sender == state.me and _is_missing(state, one):
            _end_voting(state, one)


def examine_parts(state: ReplicaState, message: Message) -> None:
    """Look at every signature that a well-formed message carries."""
    examine(state, signed_messages(message, size=state.membership.size))


def _is_missing(state: ReplicaState, message: Promise) -> bool:
    content = signed_content(message, chain_id=state.config.chain_id, encoder=state.encoder)
    return state.may_sign and state.signer.is_missing(slot=slot_of(message), content=content)


def _end_voting(state: ReplicaState, promise: Promise) -> None:
    """Be a learner from here on; what waited for the answers is done as one."""
    was_asking = state.recall is not None
    state.has_forgotten = True
    state.recall = None
    state.outbox.emit(VotingEnded(promise=promise))
    for timer in (Timer.REQUEST, Timer.NEW_VIEW, Timer.RETRANSMIT):
        state.outbox.stop_timer(timer)
    if was_asking and state.is_normal:
        state.outbox.emit(EnteredView(view=state.view))
    execute_ready(state)


def _recollection(state: ReplicaState, message: Recall) -> Recollection:
    return Recollection(
        epoch=state.membership.epoch,
        asker=message.sender,
        nonce=message.nonce,
        stable=state.log.stable,
        messages=tuple(_held_of(state, message.sender)),
        sender=state.me,
        signature=UNSIGNED,
    )


def _held_of(state: ReplicaState, asker: ReplicaId) -> Iterator[Promise]:
    """List what binds the asker: its votes on open sequences, and the newest of the rest.

    Bounded by `Window.promises_max`.
    """
    for slot in state.log.slots():
        if state.log.window.may_accept(slot.sequence, above=state.log.low_watermark):
            yield from _votes_in(state, slot, asker)
    yield from state.checkpoints.votes_above(asker, Height(0))[-1:]
    announced = () if state.new_view is None else (state.new_view,)
    shown = (one for new_view in announced for one in new_view.view_changes)
    wishes = (*state.view_changes.values(), *shown)
    yield from _newest((one for one in wishes if one.sender == asker), _new_view)
    yield from (one for one in announced if one.sender == asker)


def _votes_in(state: ReplicaState, slot: Slot, asker: ReplicaId) -> Iterator[Vote]:
    """List the newest vote of each kind; certificates outlive the votes that they are made of."""
    certificate = slot.prepared
    certified: tuple[Vote, ...] = ()
    if certificate is not None:
        primary = state.membership.primary(certificate.view)
        certified = votes_of(certificate, primary=primary)
    proposed = () if slot.pre_prepare is None else (replace(slot.pre_prepare, batch=None),)
    said: tuple[Vote, ...] = (*slot.prepares.values(), *slot.commits.values())
    held = [one for one in (*proposed, *said, *certified) if one.sender == asker]
    for kind in (PrePrepare, Prepare, Commit):
        yield from _newest((one for one in held if isinstance(one, kind)), _view)


def _newest(
    messages: Iterable[AnyPromise], age: Callable[[AnyPromise], int]
) -> tuple[AnyPromise, ...]:
    newest = max(messages, key=age, default=None)
    return () if newest is None else (newest,)


def _view(vote: Vote) -> int:
    return vote.view


def _new_view(wish: ViewChange) -> int:
    return wish.new_view
