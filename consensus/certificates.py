"""Evidence that a quorum left behind: construction and structural checks.

A certificate is a statement plus the signatures of distinct replicas over it. The driver has
verified the signatures themselves; what is checked here is that they are enough, of distinct
members, in the one order, and of the right role. OSDI '99 §4.2–§4.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from consensus.epochs import FROM_GENESIS, EpochEnd, EpochStart
from consensus.errors import RefusedMessage
from consensus.messages import (
    Checkpoint,
    Commit,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    StableCheckpoint,
)
from consensus.types import (
    FIRST_EPOCH,
    Digest,
    Membership,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
    Window,
    sequence_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCertificate:
    """A quorum of COMMITs for one view, sequence and digest: committed, whatever comes (§4.2)."""

    view: View
    sequence: SequenceNumber
    batch_digest: Digest
    commits: tuple[tuple[ReplicaId, Signature], ...] = field(repr=False)


def _signers(
    votes: Iterable[Prepare | Commit | Checkpoint],
) -> tuple[tuple[ReplicaId, Signature], ...]:
    """Order by replica id: of equal votes there is one certificate, however they arrived."""
    return tuple(sorted((vote.sender, vote.signature) for vote in votes))


def prepared_certificate(
    pre_prepare: PrePrepare, prepares: Iterable[Prepare], *, membership: Membership
) -> PreparedCertificate | None:
    """Return the proof that `pre_prepare` is prepared, or None while PREPAREs are missing.

    The PRE-PREPARE stands for the primary's vote, so `quorum − 1` backups complete it;
    `prepares` match it and come from distinct backups. Exactly that many are kept.
    """
    needed = membership.quorum - 1
    votes = tuple(prepares)
    if len(votes) < needed:
        return None
    return PreparedCertificate(
        epoch=pre_prepare.epoch,
        view=pre_prepare.view,
        sequence=pre_prepare.sequence,
        batch_digest=pre_prepare.batch_digest,
        primary_signature=pre_prepare.signature,
        prepares=_signers(votes)[:needed],
    )


def commit_certificate(
    commits: Iterable[Commit], *, membership: Membership
) -> CommitCertificate | None:
    """Return the proof that a batch is committed, or None while COMMITs are missing.

    `commits` agree on view, sequence and digest and come from distinct replicas.
    """
    votes = tuple(commits)
    if len(votes) < membership.quorum:
        return None
    return CommitCertificate(
        view=votes[0].view,
        sequence=votes[0].sequence,
        batch_digest=votes[0].batch_digest,
        commits=_signers(votes),
    )


def stable_checkpoint(
    checkpoints: Iterable[Checkpoint], *, membership: Membership
) -> StableCheckpoint | None:
    """Return the proof that a header is final, or None while CHECKPOINTs are missing.

    `checkpoints` agree on height and digest and come from distinct replicas (§4.3).
    """
    votes = tuple(checkpoints)
    if len(votes) < membership.quorum:
        return None
    return StableCheckpoint(
        epoch=votes[0].epoch,
        height=votes[0].height,
        header_digest=votes[0].header_digest,
        signatures=_signers(votes),
    )


def validate_stable_checkpoint(
    stable: StableCheckpoint,
    *,
    membership: Membership,
    sender: ReplicaId,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """Refuse a certificate that does not bind; height 0 is genesis and needs no signature.

    The base of the epoch is signed by the members of an earlier one; nothing else of an
    earlier epoch binds here, and nothing below the base (checklist I2).

    Raises:
        RefusedMessage: naming `sender`, who presented it.

    """
    base = start.base
    if stable.height <= start.below_first and base is not None:
        _validate_base(stable, base, sender=sender)
        return
    epoch = membership.epoch if stable.height else FIRST_EPOCH
    if stable.epoch != epoch:
        raise RefusedMessage(
            sender=sender,
            what="epoch of the stable checkpoint",
            expected=str(epoch),
            actual=str(stable.epoch),
        )
    _validate_signers(stable, membership=membership, sender=sender)


def _validate_base(stable: StableCheckpoint, base: EpochEnd, *, sender: ReplicaId) -> None:
    expected = (base.stable.epoch, base.stable.height, base.stable.header_digest)
    if (stable.epoch, stable.height, stable.header_digest) != expected:
        raise RefusedMessage(
            sender=sender,
            what="stable checkpoint at the start of the epoch",
            expected=_named(base.stable),
            actual=_named(stable),
        )
    _validate_signers(stable, membership=base.membership, sender=sender)


def _named(stable: StableCheckpoint) -> str:
    return f"epoch {stable.epoch}, height {stable.height}, header {stable.header_digest.hex()[:16]}"


def _validate_signers(
    stable: StableCheckpoint, *, membership: Membership, sender: ReplicaId
) -> None:
    signers = tuple(replica for replica, _ in stable.signatures)
    needed = membership.quorum if stable.height else 0
    enough = len(signers) >= needed if stable.height else not signers
    if not enough or not _is_ascending_members(signers, membership):
        raise RefusedMessage(
            sender=sender,
            what=f"signers of stable checkpoint {stable.height}",
            expected=f"{needed} distinct members, ascending",
            actual=str(signers),
        )


def validate_prepared_certificate(
    certificate: PreparedCertificate, *, membership: Membership, sender: ReplicaId
) -> None:
    """Refuse what does not prove that a quorum prepared: wrong epoch, number or role of signers.

    Raises:
        RefusedMessage: naming `sender`, who presented it.

    """
    if certificate.epoch != membership.epoch:
        raise RefusedMessage(
            sender=sender,
            what="epoch of a prepared certificate",
            expected=str(membership.epoch),
            actual=str(certificate.epoch),
        )
    signers = tuple(replica for replica, _ in certificate.prepares)
    needed = membership.quorum - 1
    primary = membership.primary(certificate.view)
    if (
        len(signers) != needed
        or primary in signers
        or not _is_ascending_members(signers, membership)
    ):
        raise RefusedMessage(
            sender=sender,
            what=f"PREPAREs of prepared certificate {certificate.sequence}",
            expected=f"{needed} distinct backups of primary {primary}, ascending",
            actual=str(signers),
        )


def _is_ascending_members(replicas: tuple[ReplicaId, ...], membership: Membership) -> bool:
    in_order = all(one < next_one for one, next_one in pairwise(replicas))
    return in_order and all(membership.is_member(one) for one in replicas)


def validate_prepared_set(
    prepared: tuple[PreparedCertificate, ...],
    *,
    stable: StableCheckpoint,
    new_view: View,
    membership: Membership,
    window: Window,
    sender: ReplicaId,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """Refuse a set P unless each entry is valid, older than `new_view` and in the window.

    One entry per sequence, ascending, in (h, h + 2L], and above what is settled without votes.

    Raises:
        RefusedMessage: naming `sender`; one bad entry refuses the whole set (checklist E4).

    """
    low = sequence_of(stable.height)
    previous = max(low, start.settled)
    for certificate in prepared:
        validate_prepared_certificate(certificate, membership=membership, sender=sender)
        in_window = window.may_accept(certificate.sequence, above=low)
        if certificate.sequence <= previous or not in_window or certificate.view >= new_view:
            raise RefusedMessage(
                sender=sender,
                what="prepared set",
                expected=f"one certificate per sequence in ({previous}, {window.top(low)}],"
                f" of views before {new_view}",
                actual=f"sequence {certificate.sequence} of view {certificate.view}",
            )
        previous = certificate.sequence
