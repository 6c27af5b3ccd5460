"""Schemas of the contract `disputes`: objections to calls and data, and what became of them.

docs/wire-format.md §18. What people wrote stands in the private part; public is a commitment.
"""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.call_words import CALL_ID_BYTES, SUBJECTS_MAX
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.dispute_states import DisputeState
from contracts.schemas.grants import ReasonCode
from contracts.schemas.identifiers import IDENTIFIER_CHARACTERS_MAX
from contracts.schemas.index_kinds import DISPUTE_ID_BYTES
from contracts.schemas.shape import (
    SALT_BYTES,
    TEXT_CHARACTERS_MAX,
    Digest,
    Natural,
    OptionalDigest,
    OptionalText,
    OrganisationId,
    PublicPart,
    Salt,
    require_ascending,
    require_digest_or_empty,
    require_organisation,
    require_text,
)
from contracts.schemas.state import Row, Table
from contracts.schemas.text import ORGANISATION_CHARACTERS_MAX, ORGANISATION_CHARACTERS_MIN

NAME = "disputes"
VERSION = 1
FORWARDS_MAX = 3
# An answer to an overdue dispute has an outcome that is 8 more.
LATE = 8
NO_SALT = bytes(SALT_BYTES)

DisputeId = Annotated[bytes, Meta(min_length=DISPUTE_ID_BYTES, max_length=DISPUTE_ID_BYTES)]
_OptionalOrganisation = Annotated[str, Meta(max_length=ORGANISATION_CHARACTERS_MAX)]
_OptionalId = Annotated[bytes, Meta(max_length=CALL_ID_BYTES)]
# As long as the longest name there is, which is an identifier of a certificate.
_OptionalName = Annotated[str, Meta(max_length=IDENTIFIER_CHARACTERS_MAX)]
_ENCODER = msgspec.msgpack.Encoder()


class Target(IntEnum):
    """What a dispute is about."""

    CALL = 1
    CERTIFICATE = 2
    ITEM = 3


class Ground(IntEnum):
    """Why somebody objects."""

    DATA_WRONG = 1
    UNAUTHORISED = 2
    ANOTHER_PERSON = 3
    RECORD_WRONG = 4
    OTHER = 5


class DisputeOutcome(IntEnum):
    """Outcomes of accepted calls, and of the ledger's own record."""

    OBJECTED = 1
    FORWARDED = 2
    EXTENDED = 3
    CORRECTED = 4
    REFUSED = 5
    WITHDRAWN = 6
    CORRECTED_LATE = CORRECTED + LATE
    REFUSED_LATE = REFUSED + LATE
    OVERDUE = 64


TARGET_WORDS = {Target.CALL: "调用", Target.CERTIFICATE: "证照", Target.ITEM: "数据项"}
GROUND_WORDS = {
    Ground.DATA_WRONG: "内容有误",
    Ground.UNAUTHORISED: "未经授权",
    Ground.ANOTHER_PERSON: "张冠李戴",
    Ground.RECORD_WRONG: "记录有误",
    Ground.OTHER: "其他",
}
OUTCOME_WORDS = {
    DisputeOutcome.OBJECTED: "提出异议",
    DisputeOutcome.FORWARDED: "转办",
    DisputeOutcome.EXTENDED: "延期",
    DisputeOutcome.CORRECTED: "已更正",
    DisputeOutcome.REFUSED: "不予更正",
    DisputeOutcome.WITHDRAWN: "已撤回",
    DisputeOutcome.CORRECTED_LATE: "逾期更正",
    DisputeOutcome.REFUSED_LATE: "逾期不予更正",
    DisputeOutcome.OVERDUE: "逾期未答复",
}
# For each target: smallest and largest length of the fields that name it.
_ORGANISATION = (ORGANISATION_CHARACTERS_MIN, ORGANISATION_CHARACTERS_MAX)
_NAME = (1, TEXT_CHARACTERS_MAX)
_NONE = (0, 0)
_LENGTHS = {
    Target.CALL: {
        "requester": _ORGANISATION,
        "provider": _ORGANISATION,
        "call_id": (CALL_ID_BYTES, CALL_ID_BYTES),
        "certificate": _NONE,
        "item": _NAME,
    },
    Target.CERTIFICATE: {
        "requester": _NONE,
        "provider": _NONE,
        "call_id": _NONE,
        "certificate": (1, IDENTIFIER_CHARACTERS_MAX),
        "person": _NONE,
        "item": _NONE,
        "grant": _NONE,
    },
    Target.ITEM: {
        "requester": _NONE,
        "provider": _NONE,
        "call_id": _NONE,
        "certificate": _NONE,
        "person": _NONE,
        "item": _NAME,
        "grant": _NONE,
    },
}


class DisputePart(PublicPart, frozen=True):
    """Which dispute an action is about."""

    dispute_id: DisputeId


class Object(DisputePart, frozen=True):
    """An objection: what to, why, and whom it concerns; `follows` an earlier one of the same."""

    ground: Annotated[int, Meta(ge=int(min(Ground)), le=int(max(Ground)))]
    target: Annotated[int, Meta(ge=int(min(Target)), le=int(max(Target)))]
    requester: _OptionalOrganisation
    provider: _OptionalOrganisation
    call_id: _OptionalId
    certificate: _OptionalName
    subjects: Annotated[tuple[Digest, ...], Meta(max_length=SUBJECTS_MAX)]
    person: OptionalDigest
    item: OptionalText
    grant: OptionalText
    follows: _OptionalId
    statement_commitment: OptionalDigest

    def check(self) -> None:
        """Refuse illegal texts, half a digest, and names that the target does not have."""
        for name, (low, high) in _LENGTHS[Target(self.target)].items():
            self._require_length(name, low, high)
        require_organisation(self, "requester", self.requester)
        require_organisation(self, "provider", self.provider)
        for name in ("certificate", "item", "grant"):
            require_text(self, name, getattr(self, name))
        require_ascending(self, "subjects", self.subjects)
        require_digest_or_empty(self, "person", self.person)
        require_digest_or_empty(self, "follows", self.follows, DISPUTE_ID_BYTES)
        require_digest_or_empty(self, "statement_commitment", self.statement_commitment)

    def _require_length(self, name: str, low: int, high: int) -> None:
        length = len(getattr(self, name))
        if not low <= length <= high:
            raise Rejection(Code.WRONG_LENGTH, (self.field(name), low, high, length))


class Forward(DisputePart, frozen=True):
    """Another organisation has to answer; it has a whole deadline."""

    organisation: OrganisationId
    reason_code: ReasonCode

    def check(self) -> None:
        """Refuse illegal texts."""
        require_organisation(self, "organisation", self.organisation)
        require_text(self, "reason_code", self.reason_code)


class Extend(DisputePart, frozen=True):
    """The responsible needs longer: one deadline more, once."""

    reason_code: ReasonCode

    def check(self) -> None:
        """Refuse an illegal text."""
        require_text(self, "reason_code", self.reason_code)


class Correct(DisputePart, frozen=True):
    """The objection was right; `successor` names what takes the place, if something does."""

    reason_code: ReasonCode
    correction_commitment: OptionalDigest
    successor: _OptionalName

    def check(self) -> None:
        """Refuse illegal texts and half a digest."""
        require_text(self, "reason_code", self.reason_code)
        require_digest_or_empty(self, "correction_commitment", self.correction_commitment)
        require_text(self, "successor", self.successor)


class Refuse(DisputePart, frozen=True):
    """The objection is not followed; what was answered is committed to."""

    reason_code: ReasonCode
    answer_commitment: OptionalDigest

    def check(self) -> None:
        """Refuse an illegal text and half a digest."""
        require_text(self, "reason_code", self.reason_code)
        require_digest_or_empty(self, "answer_commitment", self.answer_commitment)


class WithdrawDispute(DisputePart, frozen=True):
    """The filer takes the objection back."""


class DisputePrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part in clear: what was written. No contract reads it."""

    salt: Salt
    text: str


class Overdue(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """The ledger's own record: the deadline passed without an answer."""

    salt: Salt = NO_SALT
    dispute_id: DisputeId
    responsible: OrganisationId
    due_ms: Natural


class DisputeRow(Row, frozen=True, kw_only=True):
    """A dispute and what became of it.

    `provider` is that of the call, the issuer of the certificate, or the owner of the item;
    `since_ms` the time of the block that last set state or responsible.
    """

    target: int
    requester: str
    provider: str
    call_id: bytes
    certificate: str
    filer: str
    responsible: str
    ground: int
    state: int
    forwards: int
    is_extended: int
    filed_ms: int
    due_ms: int
    since_ms: int
    subjects: tuple[bytes, ...]
    person: bytes
    item: str
    grant: str
    follows: bytes
    is_overdue: int

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits for an answer."""
        return self.state == DisputeState.OPEN

    @property
    def names(self) -> tuple[int, str, str, bytes, str, str]:
        """What the dispute is about, so that two of the same target are known as such."""
        is_item = self.target == Target.ITEM
        return (
            self.target,
            self.requester,
            self.provider,
            self.call_id,
            self.certificate,
            self.item if is_item else "",
        )


class OpenRow(Row, frozen=True):
    """Disputes at an organisation: that came to it, that left it, that it let become overdue."""

    opened: int = 0
    closed: int = 0
    overdue: int = 0


# Key: dispute id.
DISPUTES = Table(NAME, "dispute", DisputeRow)
# Key: organisation.
OPEN = Table(NAME, "open", OpenRow)

# Grounds that speak of the call itself and not of what was given.
_OF_THE_CALL = (Ground.RECORD_WRONG, Ground.OTHER)
_PRIVATE_DECODER = msgspec.msgpack.Decoder(DisputePrivate)
_OVERDUE_DECODER = msgspec.msgpack.Decoder(Overdue)


def responsible_for(*, target: int, ground: int, requester: str, provider: str, owner: str) -> str:
    """Return who has to answer first; `owner`: of the item or certificate, else the provider.

    Nobody chooses it: it follows from the catalogue and from what is disputed (wire format §18).
    """
    if target == Target.CALL:
        if ground == Ground.UNAUTHORISED:
            return requester
        if ground in _OF_THE_CALL:
            return provider
    return owner


def decode_overdue(contract: str, action: str, public: bytes) -> Overdue | None:
    """Read the public part of the ledger's own record about a dispute; None: it is another."""
    if (contract, action) != (NAME, "overdue"):
        return None
    try:
        part = _OVERDUE_DECODER.decode(public)
    except ValueError:
        return None
    return part if _ENCODER.encode(part) == public else None


def decode_private(clear: bytes) -> DisputePrivate | None:
    """Read a private part in clear; None: it is none, or in another encoding."""
    try:
        part = _PRIVATE_DECODER.decode(clear)
    except ValueError:
        return None
    return part if _ENCODER.encode(part) == clear else None
