"""Known mistakes, planted one at a time: each must be found by the general oracles.

A planted bug replaces one function or method of the core for the duration of a test. None of
them tells an oracle what to look for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from consensus import (
    certificates,
    checkpoint_votes,
    checkpoints,
    guard,
    log,
    new_view,
    normal_case,
    recovery,
    slot,
    timers,
    types,
    validation,
    view_change,
)
from consensus.effects import Effect, Persist, Record
from consensus.events import Event
from consensus.messages import Batch, Commit, Prepare, PreparedCertificate, PrePrepare, ViewChange
from consensus.replica import Replica
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import SequenceNumber, View
from tests.simulation.byzantine import Vice

# owner, attribute, replacement
Patch = tuple[object, str, object]


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A mistake, and which groups show it best (the seeds still choose all else)."""

    name: str
    patches: tuple[Patch, ...] = ()
    replica_class: type[Replica] = Replica
    sizes: tuple[int, ...] = (4, 5, 6, 7)
    vice: Vice | None = None
    power_cut: bool = False


@contextmanager
def planted(bug: Planted) -> Iterator[None]:
    """Put the mistake in, and take it out again."""
    saved = [(owner, name, vars(owner)[name]) for owner, name, _ in bug.patches]
    for owner, name, replacement in bug.patches:
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in saved:
            setattr(owner, name, original)


class SendsBeforePersist(Replica):
    """Writes down what it said after having said it."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        effects = super().step(event)
        late = tuple(one for one in effects if isinstance(one, Persist))
        return (*(one for one in effects if not isinstance(one, Persist)), *late)


class PersistsNothing(Replica):
    """Forgets everything it said when it restarts."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        return tuple(one for one in super().step(event) if not isinstance(one, Persist))


def _nothing(*_arguments: object, **_keywords: object) -> None:
    return None


def _vote_as_primary_too(state: ReplicaState, open_slot: Slot) -> None:
    primary, ReplicaState.is_primary = ReplicaState.is_primary, False  # type: ignore[assignment,method-assign]  # planted
    try:
        _vote(state, open_slot)
    finally:
        ReplicaState.is_primary = primary  # type: ignore[method-assign]  # planted


_vote = normal_case.vote
_readopt = normal_case.readopt
_prepared_set = view_change._prepared_set  # noqa: SLF001 (planted)
_new_view_proposals = new_view.new_view_proposals
_start = view_change.start
_persist = ReplicaState.persist


def _execute_again(state: ReplicaState, pre_prepare: PrePrepare) -> None:
    if pre_prepare.sequence <= state.log.handed:
        state.log.handed = SequenceNumber(pre_prepare.sequence - 1)
    _readopt(state, pre_prepare)


def _up_to_first_gap(
    view: View, view_changes: Sequence[ViewChange], *, membership: types.Membership
) -> tuple[PrePrepare, ...]:
    proposals = []
    for one in _new_view_proposals(view, view_changes, membership=membership):
        if one.batch_digest == types.NULL_BATCH_DIGEST:
            break
        proposals.append(one)
    return tuple(proposals)


def _oldest_prepared(
    all_of: Iterable[PreparedCertificate],
) -> dict[SequenceNumber, PreparedCertificate]:
    oldest: dict[SequenceNumber, PreparedCertificate] = {}
    for one in all_of:
        held = oldest.get(one.sequence)
        if held is None or held.view > one.view:
            oldest[one.sequence] = one
    return oldest


def _prepared_in_last_view_only(state: ReplicaState) -> tuple[PreparedCertificate, ...]:
    return tuple(one for one in _prepared_set(state) if one.view == state.active_view)


def _join_one(state: ReplicaState) -> None:
    _start(state, max(one.new_view for one in state.view_changes.values()))


def _persist_without_bodies(state: ReplicaState, *records: Record) -> None:
    stripped = (replace(one, batch=None) if isinstance(one, PrePrepare) else one for one in records)
    _persist(state, *stripped)


def _persist_without_certificates(state: ReplicaState, *records: Record) -> None:
    _persist(state, *(one for one in records if not isinstance(one, PreparedCertificate)))


def _any_committed(self: log.Log) -> Batch | None:
    later = (one for one in self.slots() if one.sequence > self.handed)
    return next((one.committed_batch for one in later if one.committed_batch), None)


def _votes_for_anything(self: Slot, view: View, _digest: bytes) -> Iterator[Prepare]:
    return (one for one in self.prepares.values() if one.view == view)


def _commits_for_anything(self: Slot, view: View, _digest: bytes) -> Iterator[Commit]:
    return (one for one in self.commits.values() if one.view == view)


def _weak_certificate(function: Callable[..., object]) -> Callable[..., object]:
    """Let f+1 votes be enough."""

    class Weak(types.Membership):
        @property
        def quorum(self) -> int:
            return self.weak_quorum

    def weak(votes: object, *, membership: types.Membership) -> object:
        return function(votes, membership=Weak(epoch=membership.epoch, size=membership.size))

    return weak


def _accept_over(self: Slot, view: View) -> None:
    """Never remember that something was accepted."""
    del self, view


def _stay_at_promise(state: ReplicaState, record: ViewChange) -> None:
    """Remember the message and forget the promise."""
    state.own_view_change = record


def _lead_early(state: ReplicaState) -> None:
    wishes = tuple(one for one in state.view_changes.values() if one.new_view == state.view)
    if state.is_primary and not state.is_normal and len(wishes) >= state.membership.weak_quorum:
        view_change._lead(state, tuple(sorted(wishes, key=lambda one: one.sender)))  # noqa: SLF001 (planted)


_two_f_plus_one = property(lambda self: 2 * self.max_faulty + 1)

ALL = (
    Planted(name="send before persist", replica_class=SendsBeforePersist),
    Planted(name="persist nothing", replica_class=PersistsNothing),
    Planted(
        name="quorum 2f+1 where n is not 3f+1",
        patches=((types.Membership, "quorum", _two_f_plus_one),),
        sizes=(5, 6),
    ),
    Planted(
        name="the primary's PREPARE counts",
        patches=(
            (normal_case, "vote", _vote_as_primary_too),
            (validation, "validate_prepare", _nothing),
        ),
    ),
    Planted(name="view change ignores P", patches=((view_change, "_prepared_set", lambda _: ()),)),
    Planted(
        name="P forgets what an intermediate view did not prepare",
        patches=((view_change, "_prepared_set", _prepared_in_last_view_only),),
    ),
    Planted(
        name="the lowest view wins in NEW-VIEW",
        patches=((new_view, "_latest_prepared", _oldest_prepared),),
    ),
    Planted(
        name="NEW-VIEW stops at the first gap",
        patches=(
            (view_change, "new_view_proposals", _up_to_first_gap),
            (validation, "new_view_proposals", _up_to_first_gap),
        ),
    ),
    Planted(
        name="execute again in a new view", patches=((view_change, "readopt", _execute_again),)
    ),
    Planted(name="execute with gaps", patches=((log.Log, "next_batch", property(_any_committed)),)),
    Planted(
        name="join a view change by one message",
        patches=((view_change, "_join", _join_one),),
        vice=Vice.RESTLESS,
    ),
    Planted(
        name="lead a view with f+1 wishes",
        patches=((view_change, "_consider_quorum", _lead_early),),
    ),
    Planted(
        name="commit with f+1",
        patches=((slot, "commit_certificate", _weak_certificate(certificates.commit_certificate)),),
        vice=Vice.TWINS,
    ),
    Planted(
        name="stable with f+1",
        patches=(
            (
                checkpoint_votes,
                "stable_checkpoint",
                _weak_certificate(certificates.stable_checkpoint),
            ),
        ),
    ),
    Planted(
        name="restart forgets the promise of VIEW-CHANGE",
        patches=((recovery, "_replay_view_change", _stay_at_promise),),
    ),
    Planted(
        name="no vote guard and no memory of own votes",
        patches=(
            (guard.VoteGuard, "recall", _nothing),
            (recovery, "_replay_vote", _nothing),
        ),
    ),
    Planted(
        name="a second proposal replaces the first",
        patches=((Slot, "accepted_in", _accept_over),),
        vice=Vice.TWINS,
    ),
    Planted(
        name="PREPAREs for another digest count",
        patches=((Slot, "matching_prepares", _votes_for_anything),),
        vice=Vice.LIAR,
    ),
    Planted(
        name="COMMITs for another digest count",
        patches=((Slot, "matching_commits", _commits_for_anything),),
        vice=Vice.LIAR,
    ),
    Planted(
        name="vote log without bodies",
        patches=((ReplicaState, "persist", _persist_without_bodies),),
        power_cut=True,
    ),
    Planted(
        name="vote log without prepared certificates",
        patches=((ReplicaState, "persist", _persist_without_certificates),),
        power_cut=True,
    ),
    Planted(name="no retransmission", patches=((view_change, "repeat_wish", _nothing),)),
    Planted(name="no request timer", patches=((timers, "keep_request_timer", _nothing),)),
    Planted(name="no NEW-VIEW timer", patches=((view_change, "_await_new_view", _nothing),)),
    Planted(
        name="no state transfer",
        patches=(
            (checkpoints, "seek_state", _nothing),
            (view_change, "seek_state", _nothing),
        ),
    ),
)
