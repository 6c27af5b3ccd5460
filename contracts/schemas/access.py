"""Schemas of the contract `access`: what one side says of a data call between departments.

docs/wire-format.md §14 and §18. Records that the ledger makes about calls are in `access_gaps`,
calls under seal in `access_sealed`.
"""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.call_words import (
    CALL_ID_BYTES,
    NAME,
    STATUS_MAX,
    SUBJECTS_MAX,
    AccessOutcome,
    CallId,
    Decision,
    Side,
    kind_of_half,
)
from contracts.schemas.catalog import FIELD_BITS_MAX
from contracts.schemas.match_states import Match
from contracts.schemas.shape import (
    DIGEST_BYTES,
    Digest,
    Flag,
    Natural,
    OptionalDigest,
    OptionalText,
    OrganisationId,
    PublicPart,
    Salt,
    Text,
    require_ascending,
    require_digest_or_empty,
    require_organisation,
    require_text,
)
from contracts.schemas.state import Row, Table
from contracts.schemas.tokens import EMBEDDED_BYTES_MAX

__all__ = [
    "CALL_ID_BYTES",
    "NAME",
    "STATUS_MAX",
    "SUBJECTS_MAX",
    "AccessOutcome",
    "Decision",
    "Side",
]

VERSION = 3
# Versions of the contract whose halves have this shape: 2 under rules 2, 3 under rules 3.
VERSIONS = (2, 3)
ABOUT_TAG = "kun.about"
_ABOUT_VERSION = 1
# Subjects beyond those of a half, in one record of people: ten index keys.
PEOPLE_MAX = 10


class Finding(IntEnum):
    """What the ledger found about an accepted half; bit `number − 1` of its findings."""

    NO_GRANT = 1
    GRANT_NOT_ACTIVE = 2
    OUTSIDE_GRANT = 3
    QUOTA_EXCEEDED = 4
    LATE = 5
    HALVES_DIFFER = 6


class Differs(IntEnum):
    """In what two halves differ, as bits."""

    ITEM = 1
    FIELDS = 2
    GRANT = 4
    PEOPLE = 8
    DECISION = 16
    ANSWER = 32
    REQUEST = 64
    RESPONSE = 128


FINDING_WORDS = {
    Finding.NO_GRANT: "无授权",
    Finding.GRANT_NOT_ACTIVE: "授权无效",
    Finding.OUTSIDE_GRANT: "超出授权范围",
    Finding.QUOTA_EXCEEDED: "超出每日限额",
    Finding.LATE: "逾期记录",
    Finding.HALVES_DIFFER: "双方记录不一致",
}
DIFFERS_WORDS = {
    Differs.ITEM: "数据项",
    Differs.FIELDS: "字段",
    Differs.GRANT: "授权",
    Differs.PEOPLE: "涉及人员",
    Differs.DECISION: "决定",
    Differs.ANSWER: "状态与数量",
    Differs.REQUEST: "请求内容",
    Differs.RESPONSE: "应答内容",
}
_ENCODER = msgspec.msgpack.Encoder()
# An outcome is kind + 8 · findings.
_KINDS = 8


def outcome_of(kind: AccessOutcome, findings: tuple[Finding, ...]) -> int:
    """Return the outcome of a half of this kind with these findings."""
    return kind + _KINDS * sum(1 << finding - 1 for finding in findings)


def kind_in(outcome: int) -> AccessOutcome:
    """Return the kind in the outcome of a record of action `record`."""
    return AccessOutcome(outcome % _KINDS)


def findings_in(outcome: int) -> tuple[Finding, ...]:
    """Return the findings, ascending, in the outcome of a record of action `record`."""
    bits = outcome // _KINDS
    return tuple(one for one in Finding if bits >> one - 1 & 1)


class CallPart(PublicPart, frozen=True):
    """What names a call, and who speaks of it."""

    call_id: CallId
    side: Flag
    requester: OrganisationId
    provider: OrganisationId

    def check(self) -> None:
        """Refuse illegal names."""
        require_organisation(self, "requester", self.requester)
        require_organisation(self, "provider", self.provider)

    @property
    def call(self) -> tuple[str, str, bytes]:
        """Requester, provider, call id: what a call is known by."""
        return self.requester, self.provider, self.call_id

    @property
    def speaker(self) -> str:
        """The organisation for which this side speaks."""
        return self.requester if self.side == Side.REQUESTER else self.provider

    @property
    def listener(self) -> str:
        """The organisation on the other side."""
        return self.provider if self.side == Side.REQUESTER else self.requester


class AccessRecord(CallPart, frozen=True):
    """One half: testimony of one side; instants are its own clock's, 0 where it knows none."""

    item: Text
    item_version: Natural
    fields: Annotated[int, Meta(ge=0, le=FIELD_BITS_MAX)]
    subjects: Annotated[tuple[Digest, ...], Meta(max_length=SUBJECTS_MAX)]
    people: Natural
    decision: Flag
    status: Annotated[int, Meta(ge=0, le=STATUS_MAX)]
    count: Natural
    requested_ms: Natural
    answered_ms: Natural
    trace_id: CallId
    parent_call_id: Annotated[bytes, Meta(max_length=CALL_ID_BYTES)]
    grant: OptionalText
    checked_height: Natural
    other: Annotated[bytes, Meta(max_length=EMBEDDED_BYTES_MAX)]
    request_commitment: OptionalDigest
    response_commitment: OptionalDigest

    def check(self) -> None:
        """Refuse illegal names, subjects out of order, and half a digest."""
        CallPart.check(self)
        require_text(self, "item", self.item)
        require_ascending(self, "subjects", self.subjects)
        require_digest_or_empty(self, "parent_call_id", self.parent_call_id, CALL_ID_BYTES)
        require_text(self, "grant", self.grant)
        require_digest_or_empty(self, "request_commitment", self.request_commitment)
        require_digest_or_empty(self, "response_commitment", self.response_commitment)

    @property
    def kind(self) -> AccessOutcome:
        """Permitted, denied or failed."""
        return kind_of_half(self.decision, self.status)


class People(CallPart, frozen=True):
    """Subjects beyond the four of a half, `first` of which is how many stood before."""

    first: Natural
    tokens: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=PEOPLE_MAX)]

    def check(self) -> None:
        """Refuse illegal names, and tokens out of order."""
        CallPart.check(self)
        require_ascending(self, "tokens", self.tokens)


PEOPLE_RECORDED = 3


class AccessPrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part in clear: why the call was made, and by whom. No contract reads it."""

    salt: Salt
    purpose_code: str
    reason_text: str
    case_number: str
    operator: str
    operator_role: str
    system: str
    represented_party: str
    legal_basis: str
    derived_from: tuple[CallId, ...]


class Place(Row, frozen=True):
    """Where a record stands: its submission, and which call of it."""

    submission_digest: bytes
    call_index: int


# On the wire a place, or an empty array for none.
OptionalPlace = tuple[object, ...]


def place_in(stored: OptionalPlace) -> Place | None:
    """Read a place that may be none."""
    return msgspec.convert(stored, type=Place) if stored else None


class CallRow(Row, frozen=True):
    """A call: how its halves stand, and where; `waiting` is the first until the second is here."""

    match: Match
    requesters: OptionalPlace
    providers: OptionalPlace
    waiting: bytes

    def place_of(self, side: int) -> Place | None:
        """Return where the half of a side stands."""
        return place_in(self.requesters if side == Side.REQUESTER else self.providers)


class DisputableCallRow(CallRow, frozen=True):
    """A call of version 3: `about` binds what a dispute must say of it (wire format §18)."""

    about: bytes


def about_content(subjects: tuple[bytes, ...], item: str, grant: str) -> bytes:
    """Return the bytes whose digest is `about` of a call with these in its first half."""
    return _ENCODER.encode((ABOUT_TAG, _ABOUT_VERSION, subjects, item, grant))


class PeopleRow(Row, frozen=True):
    """The people of one side of a call, so far."""

    count: int = 0
    last: bytes = b""
    digest: bytes = bytes(DIGEST_BYTES)


class UsedRow(Row, frozen=True):
    """Calls under a grant on one day."""

    calls: int = 0


class OpenRow(Row, frozen=True):
    """How many gaps were found at an organisation, and how many of them were closed."""

    opened: int = 0
    closed: int = 0


# Key: requester, provider, call id; version 2.
CALLS = Table(NAME, "call", CallRow)
# The same, version 3.
DISPUTABLE_CALLS = Table(NAME, "call", DisputableCallRow)
# Key: requester, provider, call id, side.
PEOPLE = Table(NAME, "people", PeopleRow)
# Key: grant, day (YYYYMMDD, +08:00).
USED = Table(NAME, "used", UsedRow)
# Key: organisation.
OPEN = Table(NAME, "open", OpenRow)
