"""What a replica can say about itself and its peers, so that people see why it stands still.

Plain values only; nothing here is read by the protocol.
"""

from dataclasses import dataclass

from consensus.messages import Commit, Prepare
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import ReplicaId, View, height_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDescription:
    """An open sequence: who has not voted for the current proposal.

    `missing_prepares` never names the primary, whose PRE-PREPARE is its vote. A list that is
    longer than the group can spare means that its quorum is missing.
    """

    sequence: int
    batch_digest: bytes | None
    has_body: bool
    is_prepared: bool
    is_committed: bool
    missing_prepares: tuple[int, ...]
    missing_commits: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDescription:
    """What a peer last said about itself; None: it has said nothing since our start.

    `view` is the one it entered last, `wanted_view` the later one it has asked for, if any.
    `heard_ms` is our wall clock when its last message came, of whatever kind.
    """

    replica_id: int
    view: int | None
    wanted_view: int | None
    executed: int | None
    heard_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One replica's view of the protocol. Ids ascend.

    `epoch_last` is the last sequence of the epoch, once a change of members is pending.
    `missing_checkpoints` and `checkpoint_digests` (replica and the header digest it signed)
    refer to our newest executed block, while it is not stable, and the digests to `split_at`,
    the first height at which the headers diverged for good.
    `missing_view_changes` names who has not asked for `view` or a later one, during a view
    change. `awaits_new_view_of` is the primary that has a quorum of them and is silent.
    """

    replica_id: int
    may_vote: bool
    epoch: int
    epoch_last: int | None
    split_at: int | None
    view: int
    active_view: int
    status: str
    primary: int
    quorum: int
    low_watermark: int
    high_watermark: int
    executed: int
    committed: int
    state_target: int | None
    slots: tuple[SlotDescription, ...]
    missing_checkpoints: tuple[int, ...]
    checkpoint_digests: tuple[tuple[int, bytes], ...]
    missing_view_changes: tuple[int, ...]
    awaits_new_view_of: int | None
    peers: tuple[PeerDescription, ...]
    # Who has not answered yet what we signed before, while too few have (checklist G5).
    missing_recollections: tuple[int, ...] = ()


def describe(state: ReplicaState) -> Description:
    """Take the picture."""
    missing_view_changes = _missing_view_changes(state)
    held = state.membership.size - len(missing_view_changes)
    awaits = not state.is_normal and held >= state.membership.quorum
    primary = state.membership.primary(state.view)
    target = state.state_target
    next_epoch = state.log.next_epoch
    return Description(
        replica_id=state.me,
        may_vote=state.may_vote,
        epoch=state.membership.epoch,
        epoch_last=None if next_epoch is None else next_epoch.last_before,
        split_at=state.split_at,
        view=state.view,
        active_view=state.active_view,
        status=status_name(state),
        primary=primary,
        quorum=state.membership.quorum,
        low_watermark=state.log.low_watermark,
        high_watermark=state.log.high_watermark,
        executed=state.log.executed,
        committed=state.log.committed,
        state_target=None if target is None else target.height,
        slots=tuple(_describe_slot(state, slot) for slot in _open_slots(state)),
        missing_checkpoints=_missing_checkpoints(state),
        checkpoint_digests=_checkpoint_digests(state),
        missing_view_changes=missing_view_changes,
        awaits_new_view_of=primary if awaits else None,
        peers=tuple(_describe_peer(state, one) for one in _members(state) if one != state.me),
        missing_recollections=_missing_recollections(state),
    )


def status_name(state: ReplicaState) -> str:
    """Return `normal` or `view_change`."""
    return "normal" if state.is_normal else "view_change"


def _members(state: ReplicaState) -> tuple[ReplicaId, ...]:
    return tuple(ReplicaId(one) for one in range(state.membership.size))


def _open_slots(state: ReplicaState) -> tuple[Slot, ...]:
    return tuple(slot for slot in state.log.slots() if slot.sequence > state.log.executed)


def _describe_slot(state: ReplicaState, slot: Slot) -> SlotDescription:
    subject = slot.committed or slot.accepted_in(state.view)
    digest = None if subject is None else subject.batch_digest
    view = state.view if subject is None else subject.view
    prepared = tuple(one for one in slot.prepares.values() if _is_for(one, view, digest))
    committed = tuple(one for one in slot.commits.values() if _is_for(one, view, digest))
    backups = tuple(one for one in _members(state) if one != state.membership.primary(view))
    return SlotDescription(
        sequence=slot.sequence,
        batch_digest=digest,
        has_body=digest is not None and slot.batch_of(digest) is not None,
        is_prepared=slot.is_prepared(view),
        is_committed=slot.is_committed_local,
        missing_prepares=_others(backups, tuple(one.sender for one in prepared)),
        missing_commits=_others(_members(state), tuple(one.sender for one in committed)),
    )


def _is_for(vote: Prepare | Commit, view: View, digest: bytes | None) -> bool:
    return vote.view == view and vote.batch_digest == digest


def _others(all_of: tuple[ReplicaId, ...], seen: tuple[ReplicaId, ...]) -> tuple[int, ...]:
    return tuple(int(one) for one in all_of if one not in seen)


def _missing_checkpoints(state: ReplicaState) -> tuple[int, ...]:
    height = height_of(state.log.executed)
    if height <= state.low_height:
        return ()
    own = state.checkpoints.computed_digest(height)
    votes = ((one, state.checkpoints.vote_of(one, height)) for one in _members(state))
    return tuple(int(one) for one, vote in votes if vote is None or vote.header_digest != own)


def _checkpoint_digests(state: ReplicaState) -> tuple[tuple[int, bytes], ...]:
    height = state.split_at or height_of(state.log.executed)
    if height <= state.low_height:
        return ()
    votes = (state.checkpoints.vote_of(one, height) for one in _members(state))
    return tuple((int(one.sender), one.header_digest) for one in votes if one is not None)


def _missing_view_changes(state: ReplicaState) -> tuple[int, ...]:
    if state.is_normal:
        return ()
    wishes = state.view_changes.values()
    return _others(
        _members(state), tuple(one.sender for one in wishes if one.new_view >= state.view)
    )


def _missing_recollections(state: ReplicaState) -> tuple[int, ...]:
    if state.recall is None:
        return ()
    return _others(_members(state), (state.me, *state.recollected))


def _describe_peer(state: ReplicaState, replica: ReplicaId) -> PeerDescription:
    sighting = state.sightings.get(replica)
    wish = state.view_changes.get(replica)
    return PeerDescription(
        replica_id=replica,
        view=None if sighting is None else sighting.view,
        wanted_view=wish.new_view
        if wish is not None and wish.new_view > state.active_view
        else None,
        executed=None if sighting is None else sighting.executed,
        heard_ms=state.heard_ms.get(replica),
    )
