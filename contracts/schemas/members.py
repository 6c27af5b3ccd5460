"""Schemas of the contract `members`: organisations, their keys and roles."""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from contracts.schemas.shape import (
    Natural,
    PublicPart,
    require_ascending,
    require_period,
)
from contracts.schemas.state import Row, Table

NAME = "members"
VERSION = 1
KEY_ID_BYTES = 20
# The longest public key of a suite is a compressed SM2 point; the suite says which fit.
PUBLIC_KEY_BYTES_MAX = 33


class Role(IntEnum):
    """What a key may do for its organisation; numbers of wire format §9."""

    MEMBER = 1
    ISSUER = 2
    SERVICE = 3
    AUDITOR = 4
    CUSTODIAN = 5


class MembersOutcome(IntEnum):
    """Outcomes of accepted calls."""

    KEY_ADDED = 1
    KEY_ENDED = 2


Roles = Annotated[
    tuple[Annotated[int, Meta(ge=int(min(Role)), le=int(max(Role)))], ...],
    Meta(min_length=1, max_length=len(Role)),
]
KeyId = Annotated[bytes, Meta(min_length=KEY_ID_BYTES, max_length=KEY_ID_BYTES)]


class AddKey(PublicPart, frozen=True):
    """A further key of the sender's organisation; `valid_to_ms` 0 = no end."""

    public_key: Annotated[bytes, Meta(min_length=1, max_length=PUBLIC_KEY_BYTES_MAX)]
    roles: Roles
    valid_from_ms: Natural
    valid_to_ms: Natural

    def check(self) -> None:
        """Refuse roles out of order and a period that ends before it begins."""
        require_ascending(self, "roles", self.roles)
        require_period(self.valid_from_ms, self.valid_to_ms)


class EndKey(PublicPart, frozen=True):
    """From `valid_to_ms` on, the key signs nothing more."""

    key_id: KeyId
    valid_to_ms: Natural


class OrganisationRow(Row, frozen=True):
    """A department of the consortium."""

    name: str
    roles: tuple[int, ...]


class KeyRow(Row, frozen=True):
    """A submission key, what it may do, and when."""

    public_key: bytes
    organisation: str
    roles: tuple[int, ...]
    valid_from_ms: int
    valid_to_ms: int

    def is_valid_at(self, now_ms: int) -> bool:
        """Tell whether the key may sign at this time: from `valid_from_ms`, before the end."""
        return self.valid_from_ms <= now_ms and (self.valid_to_ms == 0 or now_ms < self.valid_to_ms)


# Key: organisation id.
ORGANISATIONS = Table(NAME, "org", OrganisationRow)
# Key: key id.
KEYS = Table(NAME, "key", KeyRow)
