"""Schemas of the contract `pseudonyms`: key epochs of a department's tokens, and their use."""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.shape import (
    INTEGER_MAX,
    Digest,
    Natural,
    OrganisationId,
    PublicPart,
    require_organisation,
)
from contracts.schemas.state import Row, Table

NAME = "pseudonyms"
VERSION = 1

Epoch = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]


class PseudonymsOutcome(IntEnum):
    """Outcomes of accepted calls."""

    EPOCH_OPENED = 1
    USAGE_TOLD = 2


class OpenEpoch(PublicPart, frozen=True):
    """From now on tokens of this department are made with the key that `key_check` binds."""

    department: OrganisationId
    epoch: Epoch
    key_check: Digest

    def check(self) -> None:
        """Refuse what is no id of an organisation."""
        require_organisation(self, "department", self.department)


class Usage(PublicPart, frozen=True):
    """How many tokens the custodian made and refused from `from_ms` until before `to_ms`."""

    department: OrganisationId
    epoch: Epoch
    from_ms: Natural
    to_ms: Natural
    made: Natural
    refused: Natural

    def check(self) -> None:
        """Refuse what is no id of an organisation, and a period that ends before it begins."""
        require_organisation(self, "department", self.department)
        if self.to_ms < self.from_ms:
            raise Rejection(Code.PERIOD_REVERSED, (self.from_ms, self.to_ms))


class EpochRow(Row, frozen=True):
    """Whose key makes a department's tokens, since when, and what binds it."""

    custodian: str
    epoch: int
    since_ms: int
    key_check: bytes


class UsedRow(Row, frozen=True):
    """Totals over all periods up to `to_ms`."""

    to_ms: int
    made: int
    refused: int


# Key: department.
EPOCHS = Table(NAME, "epoch", EpochRow)
# Key: department.
USED = Table(NAME, "used", UsedRow)
