"""A question to the audit log, as its own record proves it: who asked what, and why."""

from dataclasses import dataclass, field

import msgspec

from chainnode.codec import encode
from chainnode.suites.port import Suite
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts
from contracts.schemas import audit
from contracts.schemas.codes import Rejection
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.versions import decode_question

CHECK = "question"
ACTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A recorded question; `purpose` is None where it is withheld or encrypted."""

    record: RecordFacts
    kind: IndexKind
    values: tuple[bytes, ...] = field(repr=False)
    from_ms: int
    to_ms: int
    # None: a question of version 1, which does not say on what it rests.
    basis: audit.Basis | None
    purpose: str | None = field(repr=False)

    def keys(self, suite: Suite) -> frozenset[bytes]:
        """Return the index keys whose trails are the answer."""
        return frozenset(index_key(suite.digest, self.kind, one) for one in self.values)


def read_question(record: RecordFacts) -> AskedQuestion:
    """Return what a proven record asked.

    Raises:
        InvalidEvidence: it is no question of a known version, or its body is withheld.

    """
    entry, call = record.entry, record.call
    if call is None or (entry.contract, call.action) != (audit.NAME, ACTION):
        raise InvalidEvidence(
            check=CHECK, expected="the record of a question, with its body", actual="another"
        )
    try:
        asked = decode_question(entry.contract_version, call.public)
    except Rejection as error:
        raise InvalidEvidence(
            check=CHECK, expected="a question of a known version", actual=f"refusal {error.code}"
        ) from error
    return AskedQuestion(
        record=record,
        kind=IndexKind(asked.kind),
        values=asked.values,
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        basis=audit.Basis(asked.basis) if isinstance(asked, audit.Question) else None,
        purpose=question_purpose(call.private),
    )


def question_purpose(private: bytes) -> str | None:
    """Return why a question was asked; None where that is withheld or encrypted."""
    try:
        return msgspec.msgpack.decode(private, type=audit.QuestionPrivate).purpose
    except (msgspec.MsgspecError, ValueError):
        return None


def export_content(*, chain_id: bytes, signer: int, manifest_digest: bytes) -> bytes:
    """Return the bytes that auditor (0) and node (1) sign (docs/wire-format.md §12)."""
    return encode(("kun.export", 1, chain_id, signer, manifest_digest))
