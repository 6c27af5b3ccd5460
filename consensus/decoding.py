"""Plain tuples to messages; the other half of `consensus.codec`. docs/wire-format.md §8.

Every number is range-checked and every length is exact before a message exists. Nothing here
recurses deeper than a NEW-VIEW does: message, view change, certificate, signer.
"""

from collections.abc import Callable
from typing import TypeAlias

from consensus import kinds
from consensus.effects import Record
from consensus.errors import InvalidShape
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Promise,
    Recall,
    Recollection,
    RecoveryPromise,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.ports import Plain
from consensus.types import (
    DIGEST_BYTES,
    INTEGER_MAX,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    Digest,
    Epoch,
    Height,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
)

# Recomputes the digest of an encoded batch; raises InvalidMessage.
OpenBatch: TypeAlias = Callable[[bytes], Batch]
Signers: TypeAlias = tuple[tuple[ReplicaId, Signature], ...]


def message_from_plain(plain: Plain, *, open_batch: OpenBatch) -> Message:
    """Rebuild a message from what the decoder returned.

    Raises:
        InvalidMessage: not a message, or `open_batch` refused its batch.

    """
    kind = _kind_of(plain)
    if kind == kinds.PRE_PREPARE:
        return _pre_prepare(plain, open_batch)
    decode = _DECODERS.get(kind)
    if decode is None:
        raise InvalidShape(what="message kind", expected="1 … 7, 10, 11", actual=str(kind))
    return decode(plain)


def record_from_plain(plain: Plain, *, open_batch: OpenBatch) -> Record:
    """Rebuild a record of the vote log.

    Raises:
        InvalidMessage: not a record, or `open_batch` refused its batch.

    """
    kind = _kind_of(plain)
    if kind == kinds.PREPARED_CERTIFICATE:
        return _prepared_certificate(_Fields(plain, what="record", size=2).after_kind())
    if kind == kinds.STABLE_CHECKPOINT:
        return certificate_from_plain(_Fields(plain, what="record", size=2).after_kind())
    if kind == kinds.RECOVERY_PROMISE:
        return _recovery_promise(_Fields(plain, what="record", size=2).after_kind())
    message = message_from_plain(plain, open_batch=open_batch)
    if isinstance(message, Status | Recall | Recollection):
        raise InvalidShape(what="record kind", expected="1 … 6, 8, 9, 12", actual=str(kind))
    return message


def certificate_from_plain(plain: Plain) -> StableCheckpoint:
    """Rebuild a certificate (docs/wire-format.md §7).

    Raises:
        InvalidMessage: not the shape of one.

    """
    fields = _Fields(plain, what="certificate", size=4)
    return StableCheckpoint(
        epoch=Epoch(fields.integer("epoch")),
        height=Height(fields.integer("height")),
        header_digest=fields.digest("header digest"),
        signatures=_signers(fields.array("signatures")),
    )


class _Fields:
    """Reads the elements of one array in order, each with its check."""

    def __init__(self, plain: Plain, *, what: str, size: int) -> None:
        if not isinstance(plain, tuple) or len(plain) != size:
            raise InvalidShape(what=what, expected=f"an array of {size}", actual=_shape(plain))
        self._what = what
        self._rest = iter(plain)

    def after_kind(self) -> Plain:
        next(self._rest)
        return next(self._rest)

    def skip_kind(self) -> "_Fields":
        next(self._rest)
        return self

    def integer(self, name: str) -> int:
        value = next(self._rest)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= INTEGER_MAX:
            raise self._wrong(name, "an integer 0 … 2^53 − 1", value)
        return value

    def digest(self, name: str) -> Digest:
        return Digest(self._bytes(name, DIGEST_BYTES))

    def signature(self) -> Signature:
        return Signature(self._bytes("signature", SIGNATURE_BYTES))

    def nonce(self) -> Nonce:
        return Nonce(self._bytes("nonce", NONCE_BYTES))

    def content(self, name: str) -> bytes:
        value = next(self._rest)
        if not isinstance(value, bytes):
            raise self._wrong(name, "bytes", value)
        return value

    def array(self, name: str) -> tuple[Plain, ...]:
        value = next(self._rest)
        if not isinstance(value, tuple):
            raise self._wrong(name, "an array", value)
        return value

    def _bytes(self, name: str, size: int) -> bytes:
        value = next(self._rest)
        if not isinstance(value, bytes) or len(value) != size:
            raise self._wrong(name, f"{size} bytes", value)
        return value

    def _wrong(self, name: str, expected: str, value: Plain) -> InvalidShape:
        return InvalidShape(what=f"{name} of {self._what}", expected=expected, actual=_shape(value))


def _shape(value: Plain) -> str:
    """Describe a value without repeating it: it may be long, and it is a stranger's."""
    match value:
        case int():
            return "an integer"
        case str():
            return f"a string of {len(value)}"
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return f"an array of {len(value)}"


def _kind_of(plain: Plain) -> int:
    if not isinstance(plain, tuple) or not plain:
        raise InvalidShape(what="message", expected="a non-empty array", actual=_shape(plain))
    kind = plain[0]
    if not isinstance(kind, int):
        raise InvalidShape(what="message kind", expected="an integer", actual=_shape(kind))
    return kind


def _signers(plain: tuple[Plain, ...]) -> Signers:
    signers: list[tuple[ReplicaId, Signature]] = []
    for one in plain:
        fields = _Fields(one, what="signer", size=2)
        signers.append((ReplicaId(fields.integer("replica id")), fields.signature()))
    return tuple(signers)


def _pre_prepare(plain: Plain, open_batch: OpenBatch) -> PrePrepare:
    fields = _Fields(plain, what="PrePrepare", size=8).skip_kind()
    return PrePrepare(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        sequence=SequenceNumber(fields.integer("sequence")),
        batch_digest=fields.digest("batch digest"),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
        batch=_optional_batch(fields.array("batch"), open_batch),
    )


def _optional_batch(plain: tuple[Plain, ...], open_batch: OpenBatch) -> Batch | None:
    match plain:
        case ():
            return None
        case (bytes() as body,):
            return open_batch(body)
        case _:
            raise InvalidShape(
                what="batch of PrePrepare", expected="[] or [bytes]", actual=_shape(plain)
            )


def _no_batch(_body: bytes) -> Batch:
    raise InvalidShape(what="PrePrepare inside a message", expected="no batch", actual="one")


def _prepare(plain: Plain) -> Prepare:
    fields = _Fields(plain, what="Prepare", size=7).skip_kind()
    return Prepare(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        sequence=SequenceNumber(fields.integer("sequence")),
        batch_digest=fields.digest("batch digest"),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _commit(plain: Plain) -> Commit:
    fields = _Fields(plain, what="Commit", size=7).skip_kind()
    return Commit(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        sequence=SequenceNumber(fields.integer("sequence")),
        batch_digest=fields.digest("batch digest"),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _checkpoint(plain: Plain) -> Checkpoint:
    fields = _Fields(plain, what="Checkpoint", size=6).skip_kind()
    return Checkpoint(
        epoch=Epoch(fields.integer("epoch")),
        height=Height(fields.integer("height")),
        header_digest=fields.digest("header digest"),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _prepared_certificate(plain: Plain) -> PreparedCertificate:
    fields = _Fields(plain, what="prepared certificate", size=6)
    return PreparedCertificate(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        sequence=SequenceNumber(fields.integer("sequence")),
        batch_digest=fields.digest("batch digest"),
        primary_signature=fields.signature(),
        prepares=_signers(fields.array("prepares")),
    )


def _recovery_promise(plain: Plain) -> RecoveryPromise:
    fields = _Fields(plain, what="recovery promise", size=4)
    return RecoveryPromise(
        epoch=Epoch(fields.integer("epoch")),
        sender=ReplicaId(fields.integer("sender")),
        content=fields.content("content"),
        signature=fields.signature(),
    )


def _view_change(plain: Plain) -> ViewChange:
    fields = _Fields(plain, what="ViewChange", size=7).skip_kind()
    return ViewChange(
        epoch=Epoch(fields.integer("epoch")),
        new_view=View(fields.integer("new view")),
        stable=certificate_from_plain(fields.array("stable")),
        prepared=tuple(_prepared_certificate(one) for one in fields.array("prepared")),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _new_view(plain: Plain) -> NewView:
    fields = _Fields(plain, what="NewView", size=7).skip_kind()
    return NewView(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        view_changes=tuple(_view_change_part(one) for one in fields.array("view changes")),
        pre_prepares=tuple(_pre_prepare_part(one) for one in fields.array("pre-prepares")),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _view_change_part(plain: Plain) -> ViewChange:
    if _kind_of(plain) != kinds.VIEW_CHANGE:
        raise InvalidShape(what="view changes", expected="ViewChange", actual="another kind")
    return _view_change(plain)


def _pre_prepare_part(plain: Plain) -> PrePrepare:
    if _kind_of(plain) != kinds.PRE_PREPARE:
        raise InvalidShape(what="pre-prepares", expected="PrePrepare", actual="another kind")
    return _pre_prepare(plain, _no_batch)


def _status(plain: Plain) -> Status:
    fields = _Fields(plain, what="Status", size=9).skip_kind()
    return Status(
        epoch=Epoch(fields.integer("epoch")),
        view=View(fields.integer("view")),
        stable_height=Height(fields.integer("stable height")),
        prepared=SequenceNumber(fields.integer("prepared")),
        committed=SequenceNumber(fields.integer("committed")),
        executed=SequenceNumber(fields.integer("executed")),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _recall(plain: Plain) -> Recall:
    fields = _Fields(plain, what="Recall", size=5).skip_kind()
    return Recall(
        epoch=Epoch(fields.integer("epoch")),
        nonce=fields.nonce(),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _recollection(plain: Plain) -> Recollection:
    fields = _Fields(plain, what="Recollection", size=8).skip_kind()
    return Recollection(
        epoch=Epoch(fields.integer("epoch")),
        asker=ReplicaId(fields.integer("asker")),
        nonce=fields.nonce(),
        stable=certificate_from_plain(fields.array("stable")),
        messages=tuple(_promise_part(one) for one in fields.array("messages")),
        sender=ReplicaId(fields.integer("sender")),
        signature=fields.signature(),
    )


def _promise_part(plain: Plain) -> Promise:
    kind = _kind_of(plain)
    if kind == kinds.PRE_PREPARE:
        return _pre_prepare(plain, _no_batch)
    decode = _PROMISES.get(kind)
    if decode is None:
        raise InvalidShape(what="messages of Recollection", expected="1 … 6", actual=str(kind))
    return decode(plain)


_PROMISES: dict[int, Callable[[Plain], Promise]] = {
    kinds.PREPARE: _prepare,
    kinds.COMMIT: _commit,
    kinds.CHECKPOINT: _checkpoint,
    kinds.VIEW_CHANGE: _view_change,
    kinds.NEW_VIEW: _new_view,
}
_DECODERS: dict[int, Callable[[Plain], Message]] = {
    **_PROMISES,
    kinds.STATUS: _status,
    kinds.RECALL: _recall,
    kinds.RECOLLECTION: _recollection,
}
