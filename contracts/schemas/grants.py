"""Schemas of the contract `grants`: who may call which item, for what, how often, until when."""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from contracts.schemas.catalog import FIELD_BITS_MAX
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.days import is_within_days, local_day
from contracts.schemas.grant_states import GrantState
from contracts.schemas.shape import (
    Flag,
    Natural,
    PublicPart,
    Text,
    require_date,
    require_period,
    require_text,
)
from contracts.schemas.state import Row, Table

NAME = "grants"
VERSION = 1

FieldBits = Annotated[int, Meta(ge=0, le=FIELD_BITS_MAX)]
ReasonCode = Annotated[str, Meta(min_length=1, max_length=32)]


class GrantKind(IntEnum):
    """On what a grant rests."""

    STATUTE = 1
    AGREEMENT = 2
    CONSENT = 3


KIND_WORDS = {
    GrantKind.STATUTE: "法定",
    GrantKind.AGREEMENT: "协议",
    GrantKind.CONSENT: "本人授权",
}


class Apply(PublicPart, frozen=True):
    """An application by the sender; `quota` permitted calls a day, 0 no limit; days +08:00."""

    grant: Text
    item: Text
    item_version: Natural
    fields: Annotated[int, Meta(ge=1, le=FIELD_BITS_MAX)]
    kind: Annotated[int, Meta(ge=int(min(GrantKind)), le=int(max(GrantKind)))]
    purpose: Text
    valid_from: Natural
    valid_to: Natural
    quota: Natural

    def check(self) -> None:
        """Refuse illegal texts and days, and a period that ends before it begins."""
        require_text(self, "grant", self.grant)
        require_text(self, "item", self.item)
        require_text(self, "purpose", self.purpose)
        require_date(self, "valid_from", self.valid_from)
        if self.valid_to:
            require_date(self, "valid_to", self.valid_to)
        require_period(self.valid_from, self.valid_to)


class Review(PublicPart, frozen=True):
    """The provider's answer; a yes says what is granted, a no says 0 three times."""

    grant: Text
    decision: Flag
    fields: FieldBits
    quota: Natural
    valid_to: Natural

    def check(self) -> None:
        """Refuse illegal texts and days, a yes to nothing, and a no that grants something."""
        require_text(self, "grant", self.grant)
        if not self.decision:
            for name in ("fields", "quota", "valid_to"):
                self._require_range(name, 0, 0)
            return
        self._require_range("fields", 1, FIELD_BITS_MAX)
        if self.valid_to:
            require_date(self, "valid_to", self.valid_to)

    def _require_range(self, name: str, low: int, high: int) -> None:
        actual: int = getattr(self, name)
        if not low <= actual <= high:
            raise Rejection(Code.OUT_OF_RANGE, (self.field(name), low, high, actual))


class Confirm(PublicPart, frozen=True):
    """The supervisor's answer to what the provider reviewed."""

    grant: Text
    decision: Flag

    def check(self) -> None:
        """Refuse an illegal text."""
        require_text(self, "grant", self.grant)


class GrantEnd(PublicPart, frozen=True):
    """Fields of the actions that end a grant, for a while or for ever, or take it up again."""

    grant: Text
    reason_code: ReasonCode

    def check(self) -> None:
        """Refuse illegal texts."""
        require_text(self, "grant", self.grant)
        require_text(self, "reason_code", self.reason_code)


class Suspend(GrantEnd, frozen=True):
    """From this block on the grant grants nothing, until it is resumed."""


class Resume(GrantEnd, frozen=True):
    """The grant is what it was before it was suspended."""


class RevokeGrant(GrantEnd, frozen=True):
    """The application or the grant is ended for ever."""


class GrantRow(Row, frozen=True):
    """An application and what became of it; `suspended_by` is empty but while suspended."""

    requester: str
    provider: str
    supervisor: str
    item: str
    item_version: int
    fields: int
    kind: int
    purpose: str
    valid_from: int
    valid_to: int
    quota: int
    state: int
    since_ms: int
    suspended_by: str

    def is_in_force_at(self, now_ms: int) -> bool:
        """Tell whether the grant grants: it is active, and the day is one of its days."""
        return self.state == GrantState.ACTIVE and is_within_days(
            local_day(now_ms), first=self.valid_from, last=self.valid_to
        )

    def is_expired_at(self, now_ms: int) -> bool:
        """Tell whether the last day has passed; that is not a state but follows from time."""
        return bool(self.valid_to) and local_day(now_ms) > self.valid_to


# Key: grant.
GRANTS = Table(NAME, "grant", GrantRow)
