"""Mistakes with CHECKPOINTs, the window, state transfer, and what peers serve."""

from collections.abc import Iterator

from consensus import certificates, checkpoint_votes, checkpoints, status_exchange, view_change
from consensus.checkpoint_votes import CheckpointVotes
from consensus.codec import checkpoints_of
from consensus.effects import FetchState
from consensus.messages import Checkpoint, Message, StableCheckpoint, Status
from consensus.new_view import UNSIGNED
from consensus.state import ReplicaState
from consensus.types import Digest, Height
from tests.simulation import cluster, disk, door
from tests.simulation.byzantine import Vice
from tests.simulation.planted.plant import Planted, always, nothing, with_weak_quorum

_adopt_stable = checkpoints.adopt_stable
_certificate_at = CheckpointVotes.certificate_at


def _any_digest(self: CheckpointVotes, height: Height, _digest: Digest) -> StableCheckpoint | None:
    """Add up CHECKPOINTs that say different things."""
    votes = (one[height] for one in self._votes.values() if height in one)
    if height in self._certified:
        return None
    return certificates.stable_checkpoint(votes, membership=self._membership)


def _stabilize_any(state: ReplicaState, height: Height, digest: Digest) -> None:
    certificate = state.checkpoints.certificate_at(height, digest)
    if certificate is not None:
        checkpoints._stabilize(state, certificate)  # noqa: SLF001 (planted)


def _sign_installed(state: ReplicaState, stable: StableCheckpoint) -> None:
    """Sign a header for which others vouch."""
    if stable.height > state.low_height and state.config.may_vote:
        state.outbox.broadcast(
            state.sign(
                Checkpoint(
                    epoch=stable.epoch,
                    height=stable.height,
                    header_digest=stable.header_digest,
                    sender=state.me,
                    signature=UNSIGNED,
                )
            )
        )
    _adopt_stable(state, stable)


def _seek_at_once(state: ReplicaState, *, patient: bool) -> None:
    """Transfer state also while blocks are being executed."""
    del patient
    if state.log.low_watermark > state.log.executed and state.state_target is None:
        state.state_target = state.log.stable
        state.outbox.emit(FetchState(target=state.log.stable))


def _answer_every_status(state: ReplicaState, message: Status) -> None:
    for answer in status_exchange._missing(state, message):  # noqa: SLF001 (planted)
        state.outbox.send(message.sender, answer)


def _all_own_votes(state: ReplicaState, _peer: Status) -> Iterator[Message]:
    """Repeat the newest votes, also those of a view that was left."""
    for slot in state.log.slots():
        own = (slot.prepares.get(state.me), slot.commits.get(state.me))
        yield from (one for one in own if one is not None)


def _missing_with_old_votes(state: ReplicaState, peer: Status) -> Iterator[Message]:
    yield from checkpoints_of(state.log.stable)
    yield from _all_own_votes(state, peer)


CHECKPOINTS = (
    Planted(
        name="stable with f+1",
        patches=(
            (
                checkpoint_votes,
                "stable_checkpoint",
                with_weak_quorum(certificates.stable_checkpoint),
            ),
        ),
    ),
    Planted(
        name="CHECKPOINTs for different headers add up",
        vices=(Vice.CHECKPOINT_LIAR, Vice.MUTATOR),
        patches=((CheckpointVotes, "certificate_at", _any_digest),),
    ),
    Planted(
        name="watermarks go back",
        patches=((checkpoints, "_conclude", _stabilize_any),),
    ),
    Planted(
        name="CHECKPOINT for a header that was not computed",
        patches=((view_change, "adopt_stable", _sign_installed),),
    ),
    Planted(
        name="unbounded far CHECKPOINTs",
        vices=(Vice.FLOODER, Vice.MUTATOR),
        patches=((CheckpointVotes, "_keep_quota", nothing),),
    ),
    Planted(
        name="state transfer during execution",
        patches=(
            (checkpoints, "seek_state", _seek_at_once),
            (view_change, "seek_state", _seek_at_once),
        ),
    ),
    Planted(
        name="no state transfer",
        patches=((checkpoints, "seek_state", nothing), (view_change, "seek_state", nothing)),
    ),
    Planted(
        name="every Status is answered",
        vices=(Vice.FLOODER,),
        patches=((status_exchange, "on_status", _answer_every_status),),
    ),
    Planted(
        name="Status is answered with votes of views that were left",
        patches=((status_exchange, "_missing", _missing_with_old_votes),),
    ),
    Planted(
        name="a fetched body is not checked",
        sizes=(4, 5, 6, 7),
        vices=(Vice.HOSTILE_SERVER,),
        patches=((cluster, "is_body_of", always),),
    ),
    Planted(
        name="transferred blocks are not checked",
        sizes=(4, 5, 6, 7),
        vices=(Vice.HOSTILE_SERVER,),
        patches=((disk.Ledger, "is_extended_by", always),),
    ),
    Planted(
        name="the signatures of clients are not checked",
        vices=(Vice.INVALID_BATCHES,),
        patches=((door, "is_proposable", always),),
    ),
)
