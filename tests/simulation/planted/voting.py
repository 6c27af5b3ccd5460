"""Mistakes in the normal case: what counts as a vote, and what follows from votes."""

from collections.abc import Iterable, Iterator

from consensus import certificates, codec, epoch_switch, log, normal_case, slot, types, validation
from consensus.messages import (
    NULL_BATCH,
    Batch,
    Commit,
    Message,
    Prepare,
    PreparedCertificate,
    PrePrepare,
)
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import Digest, Membership, ReplicaId, SequenceNumber, View
from tests.simulation.byzantine import Vice
from tests.simulation.planted.plant import Planted, nothing, with_weak_quorum

_vote = normal_case.vote
_on_pre_prepare = normal_case.on_pre_prepare
_prepared_certificate = certificates.prepared_certificate
_STRANGERS = 1_000


def _vote_as_primary_too(state: ReplicaState, open_slot: Slot) -> None:
    primary, ReplicaState.is_primary = ReplicaState.is_primary, False  # type: ignore[assignment,method-assign]  # planted
    try:
        _vote(state, open_slot)
    finally:
        ReplicaState.is_primary = primary  # type: ignore[method-assign]  # planted


def _any_prepares(self: Slot, view: View, _digest: bytes) -> Iterator[Prepare]:
    return (one for one in self.prepares.values() if one.view == view)


def _any_commits(self: Slot, view: View, _digest: bytes) -> Iterator[Commit]:
    return (one for one in self.commits.values() if one.view == view)


def _unanimous_prepares(self: Slot, view: View, digest: Digest) -> Iterator[Prepare]:
    """Count nothing as soon as one vote of the view differs."""
    votes = [one for one in self.prepares.values() if one.view == view]
    return iter(votes if all(one.batch_digest == digest for one in votes) else ())


def _unanimous_commits(self: Slot, view: View, digest: Digest) -> Iterator[Commit]:
    votes = [one for one in self.commits.values() if one.view == view]
    return iter(votes if all(one.batch_digest == digest for one in votes) else ())


def _count_each_copy(self: Slot, prepare: Prepare) -> None:
    """Count a vote as often as it comes."""
    key = prepare.sender
    while key in self.prepares:
        key = ReplicaId(key + _STRANGERS)
    self.prepares[key] = prepare


def _one_vote_too_few(
    pre_prepare: PrePrepare, prepares: Iterable[Prepare], *, membership: Membership
) -> PreparedCertificate | None:
    class OneLess(Membership):
        @property
        def quorum(self) -> int:
            return membership.quorum - 1

    group = OneLess(epoch=membership.epoch, size=membership.size)
    return _prepared_certificate(pre_prepare, prepares, membership=group)


def _accept_over(self: Slot, view: View) -> None:
    """Never remember that something was accepted."""
    del self, view


def _null_for_missing(self: Slot) -> Batch | None:
    """Execute the NULL batch where the body did not come."""
    if self.committed is None:
        return None
    return self.batch_of(self.committed.batch_digest) or NULL_BATCH


def _any_committed(self: log.Log) -> Batch | None:
    later = (one for one in self.slots() if one.sequence > self.handed)
    return next((one.committed_batch for one in later if one.committed_batch), None)


def _vote_in_any_view(state: ReplicaState, message: PrePrepare, now_ms: int) -> None:
    """Prepare a proposal of a view that was not entered yet."""
    if message.view <= state.view or not state.config.may_vote:
        _on_pre_prepare(state, message, now_ms)
        return
    prepare = state.sign(
        Prepare(
            epoch=message.epoch,
            view=message.view,
            sequence=message.sequence,
            batch_digest=message.batch_digest,
            sender=state.me,
            signature=message.signature,
        )
    )
    state.persist(message, prepare)
    state.outbox.broadcast(prepare)


def _anywhere(self: log.Log, sequence: SequenceNumber) -> bool:
    return sequence > max(self.low_watermark, self.start.settled)


def _forget_own_proposals(state: ReplicaState) -> SequenceNumber:
    return SequenceNumber(max(state.log.low_watermark, state.log.handed) + 1)


def _count_other_epoch(state: ReplicaState, message: Message) -> None:
    match message:
        case Prepare():
            normal_case.on_prepare(state, message)
        case Commit():
            normal_case.on_commit(state, message)
        case _:
            pass


_NO_KINDS = {**codec._NAMES, Commit: codec._NAMES[Prepare]}  # noqa: SLF001 (planted)
_two_f_plus_one = property(lambda self: 2 * self.max_faulty + 1)

VOTING = (
    Planted(
        name="quorum 2f+1 where n is not 3f+1",
        patches=((types.Membership, "quorum", _two_f_plus_one),),
        sizes=(5, 6),
    ),
    Planted(
        name="the primary's PREPARE counts",
        patches=(
            (normal_case, "vote", _vote_as_primary_too),
            (validation, "validate_prepare", nothing),
        ),
    ),
    Planted(
        name="prepared with one vote too few",
        patches=((slot, "prepared_certificate", _one_vote_too_few),),
    ),
    Planted(
        name="commit with f+1",
        patches=((slot, "commit_certificate", with_weak_quorum(certificates.commit_certificate)),),
    ),
    Planted(
        name="PREPAREs for another digest count",
        vices=(Vice.LIAR, Vice.EQUIVOCATOR, Vice.TWINS),
        patches=((Slot, "matching_prepares", _any_prepares),),
    ),
    Planted(
        name="COMMITs for another digest count",
        vices=(Vice.LIAR, Vice.EQUIVOCATOR, Vice.TWINS),
        patches=((Slot, "matching_commits", _any_commits),),
    ),
    Planted(
        name="one lying vote hides the true ones",
        vices=(Vice.LIAR,),
        patches=(
            (Slot, "matching_prepares", _unanimous_prepares),
            (Slot, "matching_commits", _unanimous_commits),
        ),
    ),
    Planted(
        name="a repeated PREPARE counts twice",
        patches=((Slot, "add_prepare", _count_each_copy),),
    ),
    Planted(
        name="a second proposal replaces the first",
        patches=((Slot, "accepted_in", _accept_over),),
    ),
    Planted(
        name="a vote in a view that was not entered",
        patches=((normal_case, "on_pre_prepare", _vote_in_any_view),),
    ),
    Planted(
        name="votes outside the window",
        vices=(Vice.FLOODER, Vice.MUTATOR),
        patches=((log.Log, "is_votable", _anywhere),),
    ),
    Planted(
        name="the primary forgets what it proposed",
        patches=((normal_case, "next_sequence", _forget_own_proposals),),
    ),
    Planted(
        name="a vote of another epoch counts",
        vices=(Vice.MUTATOR,),
        patches=((epoch_switch, "on_other_epoch", _count_other_epoch),),
    ),
    Planted(
        name="the kind is not signed",
        vices=(Vice.REPLAYER,),
        patches=((codec, "_NAMES", _NO_KINDS),),
    ),
    Planted(
        name="execute with gaps",
        patches=((log.Log, "next_batch", property(_any_committed)),),
    ),
    Planted(
        name="commit without the body",
        patches=((Slot, "committed_batch", property(_null_for_missing)),),
    ),
)
