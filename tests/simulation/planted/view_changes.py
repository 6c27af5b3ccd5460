"""Mistakes in leaving a view and entering the next."""

from collections.abc import Iterable, Sequence

from consensus import certificates, new_view, normal_case, validation, view_change
from consensus.effects import Effect
from consensus.errors import InvalidMessage
from consensus.events import Event, Received
from consensus.messages import (
    NewView,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
)
from consensus.replica import Replica
from consensus.state import ReplicaState
from consensus.types import NULL_BATCH_DIGEST, Digest, Membership, SequenceNumber, View
from tests.simulation.byzantine import Vice
from tests.simulation.planted.plant import Planted, nothing

_readopt = normal_case.readopt
_prepared_set = view_change._prepared_set  # noqa: SLF001 (planted)
_new_view_proposals = new_view.new_view_proposals
_validate_prepared = certificates.validate_prepared_certificate
_start = view_change.start


def _wishes_above(state: ReplicaState) -> list[View]:
    wishes = (one.new_view for one in state.view_changes.values() if one.new_view > state.view)
    return sorted(wishes, reverse=True)


def _join_one(state: ReplicaState) -> None:
    wishes = _wishes_above(state)
    if wishes:
        _start(state, wishes[0])


def _join_highest(state: ReplicaState) -> None:
    wishes = _wishes_above(state)
    if len(wishes) >= state.membership.weak_quorum:
        _start(state, wishes[0])


def _lead_early(state: ReplicaState) -> None:
    wishes = tuple(one for one in state.view_changes.values() if one.new_view == state.view)
    if state.is_primary and not state.is_normal and len(wishes) >= state.membership.weak_quorum:
        view_change._lead(state, tuple(sorted(wishes, key=lambda one: one.sender)))  # noqa: SLF001 (planted)


def _oldest_prepared(
    all_of: Iterable[PreparedCertificate],
) -> dict[SequenceNumber, PreparedCertificate]:
    oldest: dict[SequenceNumber, PreparedCertificate] = {}
    for one in all_of:
        held = oldest.get(one.sequence)
        if held is None or held.view > one.view:
            oldest[one.sequence] = one
    return oldest


def _latest_without_conflict(
    all_of: Iterable[PreparedCertificate],
) -> dict[SequenceNumber, PreparedCertificate]:
    """Let the last certificate win, whatever its view."""
    return {one.sequence: one for one in all_of}


def _up_to_first_gap(
    view: View,
    view_changes: Sequence[ViewChange],
    *,
    membership: Membership,
    settled: SequenceNumber,
) -> tuple[PrePrepare, ...]:
    proposals = []
    for one in _new_view_proposals(view, view_changes, membership=membership, settled=settled):
        if one.batch_digest == NULL_BATCH_DIGEST:
            break
        proposals.append(one)
    return tuple(proposals)


def _neighbour_in_gap(
    prepared: dict[SequenceNumber, PreparedCertificate], sequence: SequenceNumber
) -> Digest:
    """Fill a gap with the next batch that is prepared."""
    return next(prepared[one].batch_digest for one in sorted(prepared) if one >= sequence)


def _prepared_in_last_view(state: ReplicaState) -> tuple[PreparedCertificate, ...]:
    return tuple(one for one in _prepared_set(state) if one.view == state.active_view)


def _prepared_and_not_executed(state: ReplicaState) -> tuple[PreparedCertificate, ...]:
    return tuple(one for one in _prepared_set(state) if one.sequence > state.log.executed)


def _any_proposals(message: NewView, **rules: object) -> None:
    """Believe the O of the primary."""
    validation._require_primary(message, rules["membership"])  # type: ignore[arg-type]  # noqa: SLF001 (planted)
    validation._validate_quorum(message, **rules)  # type: ignore[arg-type]  # noqa: SLF001 (planted)


def _execute_again(state: ReplicaState, pre_prepare: PrePrepare) -> None:
    if pre_prepare.sequence <= state.log.handed:
        state.log.handed = SequenceNumber(pre_prepare.sequence - 1)
    _readopt(state, pre_prepare)


def _enter_at_once(state: ReplicaState) -> None:
    """Begin the view without the blocks below its start."""
    message = state.new_view
    if message is None or state.is_normal or message.view != state.view:
        return
    view_change._enter(state)  # noqa: SLF001 (planted)
    for pre_prepare in message.pre_prepares:
        _readopt(state, pre_prepare)


def _go_back(state: ReplicaState, message: NewView) -> None:
    """Take any NEW-VIEW that is later than the view entered last, whatever was promised."""
    validation.validate_message(
        message, membership=state.membership, window=state.log.window, start=state.start
    )
    if message.view > state.active_view:
        view_change._take_over(state, message)  # noqa: SLF001 (planted)


def _usable_part(
    prepared: tuple[PreparedCertificate, ...], *, membership: Membership, **_rules: object
) -> None:
    """Refuse a set P only where nothing in it is valid."""
    for one in prepared:
        try:
            _validate_prepared(one, membership=membership, sender=one.prepares[0][0])
        except (InvalidMessage, IndexError):
            continue
        return
    if prepared:
        raise InvalidMessage("nothing in P is valid")


class RefusesStaleProposals(Replica):
    """Holds batches that a NEW-VIEW proposes again to the clock, as if they were fresh."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        match event:
            case Received(message=NewView() as message) if self._is_stale(message, event.now_ms):
                return ()
            case _:
                return super().step(event)

    def _is_stale(self, message: NewView, now_ms: int) -> bool:
        bodies = (self.batch_of(one.sequence, one.batch_digest) for one in message.pre_prepares)
        return any(
            body is not None
            and body.digest != NULL_BATCH_DIGEST
            and abs(body.time_ms - now_ms) > self._state.config.drift_ms
            for body in bodies
        )


VIEW_CHANGES = (
    Planted(name="view change ignores P", patches=((view_change, "_prepared_set", lambda _: ()),)),
    Planted(
        name="P forgets what an intermediate view did not prepare",
        directed=True,
        patches=((view_change, "_prepared_set", _prepared_in_last_view),),
    ),
    Planted(
        name="P is pruned by execution, not by stability",
        patches=((view_change, "_prepared_set", _prepared_and_not_executed),),
    ),
    Planted(
        name="the lowest view wins in NEW-VIEW",
        directed=True,
        patches=((new_view, "_latest_prepared", _oldest_prepared),),
    ),
    Planted(
        name="the last certificate wins in NEW-VIEW",
        directed=True,
        patches=((new_view, "_latest_prepared", _latest_without_conflict),),
    ),
    Planted(
        name="NEW-VIEW stops at the first gap",
        patches=(
            (view_change, "new_view_proposals", _up_to_first_gap),
            (validation, "new_view_proposals", _up_to_first_gap),
        ),
    ),
    Planted(
        name="a gap is filled with the next batch",
        patches=((new_view, "_digest_at", _neighbour_in_gap),),
    ),
    Planted(
        name="backups do not recompute O",
        vices=(Vice.INVALID_NEW_VIEW, Vice.MUTATOR),
        patches=((validation, "validate_new_view", _any_proposals),),
    ),
    Planted(
        name="NEW-VIEW without a quorum is accepted",
        vices=(Vice.INVALID_NEW_VIEW, Vice.MUTATOR),
        patches=((validation, "_validate_quorum", nothing),),
    ),
    Planted(
        name="join one wish",
        vices=(Vice.RESTLESS, Vice.FORGER),
        patches=((view_change, "_join", _join_one),),
    ),
    Planted(
        name="join the highest of f+1 wishes",
        vices=(Vice.RESTLESS, Vice.FORGER),
        patches=((view_change, "_join", _join_highest),),
    ),
    Planted(
        name="lead a view with f+1 wishes",
        patches=((view_change, "_consider_quorum", _lead_early),),
    ),
    Planted(
        name="a VIEW-CHANGE with an invalid certificate counts",
        vices=(Vice.FORGER,),
        patches=((certificates, "validate_prepared_certificate", nothing),),
    ),
    Planted(
        name="the valid part of an invalid VIEW-CHANGE counts",
        vices=(Vice.FORGER, Vice.MUTATOR),
        patches=((validation, "validate_prepared_set", _usable_part),),
    ),
    Planted(
        name="a stable certificate of too few or repeated signers counts",
        vices=(Vice.FORGER,),
        patches=((certificates, "_validate_signers", nothing),),
    ),
    Planted(
        name="execute again in a new view", patches=((view_change, "readopt", _execute_again),)
    ),
    Planted(
        name="enter a view before its start",
        patches=((view_change, "enter_when_caught_up", _enter_at_once),),
    ),
    Planted(
        name="NEW-VIEW leads back before the promise",
        patches=((view_change, "on_new_view", _go_back),),
    ),
    Planted(
        name="votes before NEW-VIEW",
        patches=((ReplicaState, "is_normal", property(lambda _: True)),),
    ),
    Planted(
        name="freshness is asked of what is proposed again",
        replica_class=RefusesStaleProposals,
    ),
)
