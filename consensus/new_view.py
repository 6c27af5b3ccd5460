"""What a new view must re-propose: a pure function of its view changes. OSDI '99 §4.4.

Primary and backups call the same function on the same quorum and must get the same result:
that equality is how a backup checks a NEW-VIEW.
"""

from collections.abc import Iterable, Sequence

from consensus.errors import ConflictingCertificates
from consensus.messages import PreparedCertificate, PrePrepare, StableCheckpoint, ViewChange
from consensus.types import (
    GENESIS_SEQUENCE,
    NULL_BATCH_DIGEST,
    Digest,
    Membership,
    SequenceNumber,
    Signature,
    View,
    sequence_of,
)

UNSIGNED = Signature(b"")


def latest_stable(view_changes: Sequence[ViewChange]) -> StableCheckpoint:
    """Return the highest stable checkpoint in the quorum: its height is *min-s*."""
    return max((one.stable for one in view_changes), key=lambda stable: stable.height)


def new_view_proposals(
    view: View,
    view_changes: Sequence[ViewChange],
    *,
    membership: Membership,
    settled: SequenceNumber = GENESIS_SEQUENCE,
) -> tuple[PrePrepare, ...]:
    """Re-propose every batch that may have committed before `view`; signatures are left empty.

    Runs from the latest stable checkpoint in the quorum to the highest prepared sequence.
    Each position keeps the digest prepared in the greatest view; a hole becomes the NULL
    batch, because execution must never wait for a sequence that nobody holds. What a recovery
    record settled is not agreed on again (checklist B9).

    The result does not depend on the order of `view_changes`.

    Raises:
        ConflictingCertificates: one view, one sequence, two digests; excluded while at most
            `max_faulty` replicas lie.

    """
    low = max(sequence_of(latest_stable(view_changes).height), settled)
    prepared = _latest_prepared(one for change in view_changes for one in change.prepared)
    high = max(prepared, default=low)
    return tuple(
        PrePrepare(
            epoch=membership.epoch,
            view=view,
            sequence=sequence,
            batch_digest=_digest_at(prepared, sequence),
            sender=membership.primary(view),
            signature=UNSIGNED,
        )
        for sequence in map(SequenceNumber, range(low + 1, high + 1))
    )


def _latest_prepared(
    certificates: Iterable[PreparedCertificate],
) -> dict[SequenceNumber, PreparedCertificate]:
    """Keep for each sequence the certificate of the greatest view."""
    latest: dict[SequenceNumber, PreparedCertificate] = {}
    for one in certificates:
        held = latest.get(one.sequence)
        if held is None or held.view < one.view:
            latest[one.sequence] = one
        elif held.view == one.view and held.batch_digest != one.batch_digest:
            raise ConflictingCertificates(view=one.view, sequence=one.sequence)
    return latest


def _digest_at(
    prepared: dict[SequenceNumber, PreparedCertificate], sequence: SequenceNumber
) -> Digest:
    certificate = prepared.get(sequence)
    return NULL_BATCH_DIGEST if certificate is None else certificate.batch_digest
