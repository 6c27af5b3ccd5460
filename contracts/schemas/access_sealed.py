"""Schemas of calls under seal: that one was made is public, by whom and why is not.

docs/wire-format.md §14. A seal needs an authority outside of the department that is sealed.
"""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.call_words import NAME, SUBJECTS_MAX
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.shape import (
    Digest,
    Natural,
    OrganisationId,
    PublicPart,
    Text,
    require_ascending,
    require_organisation,
    require_text,
)
from contracts.schemas.state import Row, Table

SEALED_TAG = "kun.sealed"
FORMAT_VERSION = 1
SEAL_ID_BYTES = 16

SealId = Annotated[bytes, Meta(min_length=SEAL_ID_BYTES, max_length=SEAL_ID_BYTES)]
_ENCODER = msgspec.msgpack.Encoder()


class SealOutcome(IntEnum):
    """Outcomes of accepted calls."""

    SEAL_SET = 4
    CALL_SEALED = 5
    CALL_UNSEALED = 6


class Seal(PublicPart, frozen=True):
    """Calls that the department answers in this period may stay secret until it has passed."""

    seal_id: SealId
    department: OrganisationId
    from_ms: Natural
    until_ms: Natural
    basis: Digest

    def check(self) -> None:
        """Refuse an illegal name, and a period that ends before it begins or never."""
        require_organisation(self, "department", self.department)
        if self.until_ms < self.from_ms:
            raise Rejection(Code.PERIOD_REVERSED, (self.from_ms, self.until_ms))


class Sealed(PublicPart, frozen=True):
    """A call under seal: whom it was about, how much and when; the rest is a commitment."""

    seal_id: SealId
    subjects: Annotated[tuple[Digest, ...], Meta(max_length=SUBJECTS_MAX)]
    count: Natural
    requested_ms: Natural
    commitment: Digest

    def check(self) -> None:
        """Refuse subjects out of order."""
        require_ascending(self, "subjects", self.subjects)


class Unseal(PublicPart, frozen=True):
    """What was sealed: who asked for what, and why."""

    commitment: Digest
    secret: Digest
    requester: OrganisationId
    item: Text
    purpose: Text

    def check(self) -> None:
        """Refuse illegal names and texts."""
        require_organisation(self, "requester", self.requester)
        require_text(self, "item", self.item)
        require_text(self, "purpose", self.purpose)

    def committed(self) -> bytes:
        """Return the bytes whose digest the commitment must be."""
        return commitment_content(
            secret=self.secret, requester=self.requester, item=self.item, purpose=self.purpose
        )


def commitment_content(*, secret: bytes, requester: str, item: str, purpose: str) -> bytes:
    """Return what the commitment of a sealed call is the digest of; `secret` is 32 random bytes."""
    return _ENCODER.encode((SEALED_TAG, FORMAT_VERSION, secret, requester, item, purpose))


class SealRow(Row, frozen=True):
    """Who may seal what, and when."""

    authority: str
    department: str
    from_ms: int
    until_ms: int


class SealedRow(Row, frozen=True):
    """A sealed call, and whether it was opened."""

    organisation: str
    seal_id: bytes
    subjects: tuple[bytes, ...]
    is_opened: int


# Key: seal id.
SEALS = Table(NAME, "seal", SealRow)
# Key: commitment.
SEALED = Table(NAME, "sealed", SealedRow)
