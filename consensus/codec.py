"""Messages to and from plain tuples, and what a signature covers. docs/wire-format.md §8.

Shapes only: integers in range, digests of 32 bytes, signatures of 64, arrays of the right
size. Who may say what is `validation`'s business, and bytes are the encoder's.
"""

from typing import TypeAlias, assert_never

from consensus import kinds
from consensus.decoding import (
    OpenBatch,
    certificate_from_plain,
    message_from_plain,
    record_from_plain,
)
from consensus.effects import Record
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Recall,
    Recollection,
    RecoveryPromise,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.ports import Encoder, Plain
from consensus.types import ReplicaId, Signature

__all__ = [
    "OpenBatch",
    "Slot",
    "certificate_from_plain",
    "certificate_to_plain",
    "checkpoints_of",
    "message_from_plain",
    "message_to_plain",
    "record_from_plain",
    "record_to_plain",
    "signed_content",
    "signed_messages",
    "signed_parts",
    "slot_of",
    "votes_of",
]

FORMAT_VERSION = 1
# What names a signature: kind, epoch, then view and sequence, or height, or view alone.
Slot: TypeAlias = tuple[str | int, ...]
# A signature, the content it must cover, and who is said to have made it.
SignedPart: TypeAlias = tuple[ReplicaId, Signature, bytes]
Vote: TypeAlias = PrePrepare | Prepare | Commit


_NAMES: dict[type[Message], str] = {
    PrePrepare: "preprepare",
    Prepare: "prepare",
    Commit: "commit",
    Checkpoint: "checkpoint",
    ViewChange: "viewchange",
    NewView: "newview",
    Status: "status",
    Recall: "recall",
    Recollection: "recollection",
}
_KINDS: dict[type[Message], int] = {
    PrePrepare: kinds.PRE_PREPARE,
    Prepare: kinds.PREPARE,
    Commit: kinds.COMMIT,
    Checkpoint: kinds.CHECKPOINT,
    ViewChange: kinds.VIEW_CHANGE,
    NewView: kinds.NEW_VIEW,
    Status: kinds.STATUS,
    Recall: kinds.RECALL,
    Recollection: kinds.RECOLLECTION,
}


def signed_content(message: Message, *, chain_id: bytes, encoder: Encoder) -> bytes:
    """Return the bytes that the sender of `message` signs; no batch body is ever part of them."""
    tag = f"kun.{_NAMES[type(message)]}"
    return encoder.encode((tag, FORMAT_VERSION, chain_id, *_signed_fields(message)))


def _signed_fields(message: Message) -> tuple[Plain, ...]:
    match message:
        case PrePrepare() | Prepare() | Commit():
            return (
                message.epoch,
                message.view,
                message.sequence,
                message.batch_digest,
                message.sender,
            )
        case Checkpoint():
            return (message.epoch, message.height, message.header_digest)
        case ViewChange():
            return _view_change_fields(message)
        case NewView():
            return _new_view_fields(message)
        case Status() | Recall() | Recollection():
            return _talk_fields(message)
        case _:
            assert_never(message)


def _view_change_fields(message: ViewChange) -> tuple[Plain, ...]:
    return (
        message.epoch,
        message.new_view,
        certificate_to_plain(message.stable),
        tuple(_prepared_to_plain(one) for one in message.prepared),
        message.sender,
    )


def _new_view_fields(message: NewView) -> tuple[Plain, ...]:
    return (
        message.epoch,
        message.view,
        tuple(message_to_plain(one) for one in message.view_changes),
        tuple(message_to_plain(one) for one in message.pre_prepares),
        message.sender,
    )


def _talk_fields(message: Status | Recall | Recollection) -> tuple[Plain, ...]:
    match message:
        case Status():
            return (
                message.epoch,
                message.view,
                message.stable_height,
                message.prepared,
                message.committed,
                message.executed,
                message.sender,
            )
        case Recall():
            return (message.epoch, message.nonce, message.sender)
        case Recollection():
            return (
                message.epoch,
                message.asker,
                message.nonce,
                certificate_to_plain(message.stable),
                tuple(message_to_plain(one) for one in message.messages),
                message.sender,
            )
        case _:
            assert_never(message)


def slot_of(message: Message) -> Slot:
    """Name what `message` may be signed for once; () when it is not a promise (Status)."""
    name = _NAMES[type(message)]
    match message:
        case PrePrepare() | Prepare() | Commit():
            return (name, message.epoch, message.view, message.sequence)
        case Checkpoint():
            return (name, message.epoch, message.height)
        case ViewChange():
            return (name, message.epoch, message.new_view)
        case NewView():
            return (name, message.epoch, message.view)
        case Status() | Recall() | Recollection():
            return ()
        case _:
            assert_never(message)


def checkpoints_of(stable: StableCheckpoint) -> tuple[Checkpoint, ...]:
    """Take a certificate apart into the CHECKPOINT messages that it is made of."""
    return tuple(
        Checkpoint(
            epoch=stable.epoch,
            height=stable.height,
            header_digest=stable.header_digest,
            sender=sender,
            signature=signature,
        )
        for sender, signature in stable.signatures
    )


def votes_of(certificate: PreparedCertificate, *, primary: ReplicaId) -> tuple[Vote, ...]:
    """Take a prepared certificate apart into the PRE-PREPARE and PREPAREs it is made of."""
    pre_prepare = PrePrepare(
        epoch=certificate.epoch,
        view=certificate.view,
        sequence=certificate.sequence,
        batch_digest=certificate.batch_digest,
        sender=primary,
        signature=certificate.primary_signature,
    )
    prepares = (
        Prepare(
            epoch=certificate.epoch,
            view=certificate.view,
            sequence=certificate.sequence,
            batch_digest=certificate.batch_digest,
            sender=sender,
            signature=signature,
        )
        for sender, signature in certificate.prepares
    )
    return (pre_prepare, *prepares)


def signed_parts(
    message: Message, *, chain_id: bytes, encoder: Encoder, size: int
) -> tuple[SignedPart, ...]:
    """List every signature in `message`, those of nested certificates included.

    `size` is the number of replicas: a prepared certificate names its primary by the view.
    The outermost signature comes first, so that a stranger's message costs one check.
    """
    return tuple(
        (one.sender, one.signature, signed_content(one, chain_id=chain_id, encoder=encoder))
        for one in signed_messages(message, size=size)
    )


def signed_messages(message: Message, *, size: int) -> tuple[Message, ...]:
    """Take `message` apart into all that is signed in it, itself first.

    A part can be of an earlier epoch than the whole, whose members' keys it must be held
    against: the certificate of the block on which an epoch begins (checklist I2).
    """
    match message:
        case ViewChange():
            parts: list[Message] = [message, *checkpoints_of(message.stable)]
            for one in message.prepared:
                parts.extend(votes_of(one, primary=ReplicaId(one.view % size)))
            return tuple(parts)
        case NewView():
            parts = [message, *message.pre_prepares]
            for view_change in message.view_changes:
                parts.extend(signed_messages(view_change, size=size))
            return tuple(parts)
        case Recollection():
            return (message, *checkpoints_of(message.stable), *message.messages)
        case _:
            return (message,)


def message_to_plain(message: Message) -> tuple[Plain, ...]:
    """Lay `message` out as it stands on the wire."""
    head = (_KINDS[type(message)], *_signed_fields(message))
    match message:
        case PrePrepare():
            batch = () if message.batch is None else (message.batch.body,)
            return (*head, message.signature, batch)
        case Checkpoint():
            return (*head, message.sender, message.signature)
        case _:
            return (*head, message.signature)


def certificate_to_plain(stable: StableCheckpoint) -> tuple[Plain, ...]:
    """Lay a certificate out as in docs/wire-format.md §7."""
    return (stable.epoch, stable.height, stable.header_digest, stable.signatures)


def _prepared_to_plain(certificate: PreparedCertificate) -> tuple[Plain, ...]:
    return (
        certificate.epoch,
        certificate.view,
        certificate.sequence,
        certificate.batch_digest,
        certificate.primary_signature,
        certificate.prepares,
    )


def record_to_plain(record: Record) -> tuple[Plain, ...]:
    """Lay a record of the vote log out; a message keeps its wire form."""
    match record:
        case PreparedCertificate():
            return (kinds.PREPARED_CERTIFICATE, _prepared_to_plain(record))
        case StableCheckpoint():
            return (kinds.STABLE_CHECKPOINT, certificate_to_plain(record))
        case RecoveryPromise():
            promise = (record.epoch, record.sender, record.content, record.signature)
            return (kinds.RECOVERY_PROMISE, promise)
        case _:
            return message_to_plain(record)
