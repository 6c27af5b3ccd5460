"""Mistakes in what is written down, when, and what a restart makes of it."""

from dataclasses import replace

from consensus import guard, recall, recovery
from consensus.effects import Effect, Persist, Record
from consensus.events import Event
from consensus.messages import Commit, NewView, Prepare, PreparedCertificate, PrePrepare, ViewChange
from consensus.replica import Replica
from consensus.state import ReplicaState
from tests.simulation import disk
from tests.simulation.planted.plant import Planted, always, nothing

_persist = ReplicaState.persist


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


def _without(*kinds: type[Record]) -> object:
    """Write down all but records of these kinds."""

    def persist(state: ReplicaState, *records: Record) -> None:
        _persist(state, *(one for one in records if not isinstance(one, kinds)))

    return persist


def _persist_without_bodies(state: ReplicaState, *records: Record) -> None:
    stripped = (replace(one, batch=None) if isinstance(one, PrePrepare) else one for one in records)
    _persist(state, *stripped)


def _stay_at_promise(state: ReplicaState, record: ViewChange) -> None:
    """Remember the message and forget the promise."""
    state.own_view_change = record


def _restate_without_promise(state: ReplicaState, present: list[Record]) -> tuple[Record, ...]:
    entered = () if state.new_view is None else (state.new_view,)
    return (*entered, *present)


DURABILITY = (
    Planted(name="send before persist", replica_class=SendsBeforePersist),
    Planted(name="persist nothing", replica_class=PersistsNothing),
    Planted(
        name="votes are not written down",
        patches=((ReplicaState, "persist", _without(Prepare, Commit)),),
    ),
    Planted(
        name="VIEW-CHANGE is not written down",
        patches=((ReplicaState, "persist", _without(ViewChange)),),
    ),
    Planted(
        name="NEW-VIEW is not written down",
        patches=((ReplicaState, "persist", _without(NewView)),),
    ),
    Planted(
        name="vote log without prepared certificates",
        patches=((ReplicaState, "persist", _without(PreparedCertificate)),),
    ),
    Planted(
        name="vote log without bodies",
        patches=((ReplicaState, "persist", _persist_without_bodies),),
    ),
    Planted(
        name="restart forgets the promise of VIEW-CHANGE",
        patches=((recovery, "_replay_view_change", _stay_at_promise),),
    ),
    Planted(
        name="neither guard nor memory of own votes after a restart",
        patches=(
            (guard.VoteGuard, "recall", nothing),
            (recovery, "_replay_vote", nothing),
        ),
    ),
    Planted(
        name="a new segment forgets own votes",
        patches=((recovery, "_own_votes", lambda _state, _slot: ()),),
    ),
    Planted(
        name="a new segment forgets the promise",
        patches=((recovery, "_view_records", _restate_without_promise),),
    ),
    Planted(
        name="votes again with a vote log that was cut short, and asks nobody",
        patches=((disk.Disk, "_reaches", always), (recall, "examine", nothing)),
    ),
    Planted(
        name="votes before peers were asked",
        patches=((ReplicaState, "may_vote", property(lambda self: self.may_sign)),),
    ),
)
