"""Schemas of the contract `content`: keys that open the encrypted parts of records."""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.shape import (
    SALT_BYTES,
    Digest,
    Natural,
    OrganisationId,
    PublicPart,
    Salt,
    require_organisation,
)
from contracts.schemas.state import Row, Table
from contracts.schemas.text import is_date

NAME = "content"
VERSION = 1
# X25519 of suite intl, and an SM2 point, compressed or not.
WRAPPING_KEY_BYTES_MIN = 32
WRAPPING_KEY_BYTES_MAX = 65
# Array head, salt with its head, list head, one pair: its head, an id of two characters and a
# wrapped key, each with its head. A wrapped key of suite intl is the shortest.
_WRAPPED_BYTES_MIN = 32 + 12 + 48
PRIVATE_BYTES_MIN = 1 + 2 + SALT_BYTES + 1 + 1 + 1 + 2 + 2 + _WRAPPED_BYTES_MIN


class ContentOutcome(IntEnum):
    """Outcomes of accepted calls."""

    KEY_PUBLISHED = 1
    KEY_SHARED = 2


class PublishKey(PublicPart, frozen=True):
    """The key under which the sender's organisation is given keys of this period YYYYMM."""

    period: Natural
    public_key: Annotated[
        bytes, Meta(min_length=WRAPPING_KEY_BYTES_MIN, max_length=WRAPPING_KEY_BYTES_MAX)
    ]

    def check(self) -> None:
        """Refuse what is no month."""
        require_month(self, self.period)


class ShareKey(PublicPart, frozen=True):
    """The key of a pair and period, wrapped in the private part to all who may read."""

    requester: OrganisationId
    provider: OrganisationId
    period: Natural
    key_check: Digest

    def check(self) -> None:
        """Refuse what is no id of an organisation, and what is no month."""
        require_organisation(self, "requester", self.requester)
        require_organisation(self, "provider", self.provider)
        require_month(self, self.period)


class SharePrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part of `share`: (organisation, wrapped key), ascending by organisation."""

    salt: Salt
    wrapped: tuple[tuple[str, bytes], ...]


class WrappingRow(Row, frozen=True):
    """The wrapping key of an organisation for one period."""

    public_key: bytes


class SharedRow(Row, frozen=True):
    """What binds the key of a pair and period, and where it was shared."""

    key_check: bytes
    place: tuple[bytes, int]


# Key: organisation, period.
WRAPPINGS = Table(NAME, "wrapping", WrappingRow)
# Key: requester, provider, period.
SHARED = Table(NAME, "shared", SharedRow)


def require_month(part: PublicPart, period: int) -> None:
    """Refuse what is no month of the calendar, YYYYMM."""
    if not is_date(period * 100 + 1):
        raise Rejection(Code.ILLEGAL_DATE, (part.field("period"), period))
