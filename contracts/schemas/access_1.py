"""Schemas of the contract `access`, version 1, of chains with rules 1.

One side's record of a data call between departments, and nothing that compares the two.
"""

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
    Side,
    kind_of_half,
)
from contracts.schemas.shape import (
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

VERSION = 1
OTHER_TOKEN_BYTES_MAX = 512


class AccessRecord(PublicPart, frozen=True):
    """Testimony of one side; instants are its own clock's, 0 where it knows none."""

    call_id: CallId
    side: Flag
    requester: OrganisationId
    provider: OrganisationId
    item: Text
    item_version: Natural
    subjects: Annotated[tuple[Digest, ...], Meta(max_length=SUBJECTS_MAX)]
    decision: Flag
    status: Annotated[int, Meta(ge=0, le=STATUS_MAX)]
    count: Natural
    requested_ms: Natural
    answered_ms: Natural
    trace_id: CallId
    parent_call_id: Annotated[bytes, Meta(max_length=CALL_ID_BYTES)]
    grant: OptionalText
    other_token: Annotated[bytes, Meta(max_length=OTHER_TOKEN_BYTES_MAX)]
    request_commitment: OptionalDigest
    response_commitment: OptionalDigest

    def check(self) -> None:
        """Refuse illegal names, subjects out of order, and half a digest."""
        require_organisation(self, "requester", self.requester)
        require_organisation(self, "provider", self.provider)
        require_text(self, "item", self.item)
        require_ascending(self, "subjects", self.subjects)
        require_digest_or_empty(self, "parent_call_id", self.parent_call_id, CALL_ID_BYTES)
        require_text(self, "grant", self.grant)
        require_digest_or_empty(self, "request_commitment", self.request_commitment)
        require_digest_or_empty(self, "response_commitment", self.response_commitment)

    @property
    def speaker(self) -> str:
        """The organisation for which this side speaks."""
        return self.requester if self.side == Side.REQUESTER else self.provider

    @property
    def kind(self) -> AccessOutcome:
        """Denied if the gateway said so; else failed without an answer or from status 400."""
        return kind_of_half(self.decision, self.status)


class AccessPrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part in clear: why the call was made, and by whom. No contract reads it."""

    salt: Salt
    purpose_code: str
    reason_text: str
    case_number: str
    operator: str
    system: str
    represented_party: str


class HalfRow(Row, frozen=True):
    """Where a side's record of a call stands."""

    submission_digest: bytes
    call_index: int


# Key: requester, provider, call id, side.
HALVES = Table(NAME, "half", HalfRow)
