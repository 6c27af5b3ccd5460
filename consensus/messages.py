"""The message kinds of PBFT (OSDI '99 §4), as frozen values.

A message carries its signature; `signed_content` in `consensus.codec` says what it covers.
A batch body is opaque here: the core sees its digest and its proposed time only.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from consensus.types import (
    NULL_BATCH_DIGEST,
    Digest,
    Epoch,
    Height,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Ordered submissions and a proposed time.

    Whoever makes one computes `digest` from `body`; a body that came from outside becomes a
    `Batch` only after its digest was recomputed. `body` is empty for the NULL batch alone.
    """

    digest: Digest
    time_ms: int
    body: bytes = field(repr=False)


NULL_BATCH = Batch(digest=NULL_BATCH_DIGEST, time_ms=0, body=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrePrepare:
    """The primary assigns a sequence number to a batch (§4.2).

    `batch` is None inside certificates and NEW-VIEW; it is not covered by the signature.
    """

    epoch: Epoch
    view: View
    sequence: SequenceNumber
    batch_digest: Digest
    sender: ReplicaId
    signature: Signature = field(repr=False)
    batch: Batch | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """A backup accepted the PRE-PREPARE (§4.2)."""

    epoch: Epoch
    view: View
    sequence: SequenceNumber
    batch_digest: Digest
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A replica is prepared (§4.2)."""

    epoch: Epoch
    view: View
    sequence: SequenceNumber
    batch_digest: Digest
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One replica's signature over an executed block's header; carries no view (§4.3)."""

    epoch: Epoch
    height: Height
    header_digest: Digest
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCertificate:
    """The primary's PRE-PREPARE signature and `quorum − 1` PREPAREs for it (§4.4, the set P)."""

    epoch: Epoch
    view: View
    sequence: SequenceNumber
    batch_digest: Digest
    primary_signature: Signature = field(repr=False)
    prepares: tuple[tuple[ReplicaId, Signature], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StableCheckpoint:
    """A header digest and the signatures of a quorum over it; none for height 0 (§4.3)."""

    epoch: Epoch
    height: Height
    header_digest: Digest
    signatures: tuple[tuple[ReplicaId, Signature], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPromise:
    """Our signature over a recovery record: it is the last one that we give in its epoch (B9)."""

    epoch: Epoch
    sender: ReplicaId
    content: bytes = field(repr=False)
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChange:
    """A replica leaves its view and says what it has prepared (§4.4)."""

    epoch: Epoch
    new_view: View
    stable: StableCheckpoint
    prepared: tuple[PreparedCertificate, ...]
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewView:
    """The new primary proves its right and what must be re-proposed (§4.4)."""

    epoch: Epoch
    view: View
    view_changes: tuple[ViewChange, ...]
    pre_prepares: tuple[PrePrepare, ...]
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a replica stands, so that peers resend exactly what it lacks.

    `committed` is the last sequence up to which, without a gap, all is executed or committed;
    `prepared` the last up to which all is stable or prepared in `view`, the view entered last.
    """

    epoch: Epoch
    view: View
    stable_height: Height
    prepared: SequenceNumber
    committed: SequenceNumber
    executed: SequenceNumber
    sender: ReplicaId
    signature: Signature = field(repr=False)


# What a replica promises by its signature: one content per slot, over all its lives.
Promise: TypeAlias = PrePrepare | Prepare | Commit | Checkpoint | ViewChange | NewView


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """A replica that starts asks what it signed before (checklist G5); `nonce` names its life."""

    epoch: Epoch
    nonce: Nonce
    sender: ReplicaId
    signature: Signature = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What the sender holds of `asker`: it proves itself, since the asker signed every part.

    Of votes up to `stable` nothing is held any more, nor need it be: nobody votes there again.
    """

    epoch: Epoch
    asker: ReplicaId
    nonce: Nonce
    stable: StableCheckpoint
    messages: tuple[Promise, ...]
    sender: ReplicaId
    signature: Signature = field(repr=False)


Message: TypeAlias = Promise | Status | Recall | Recollection
