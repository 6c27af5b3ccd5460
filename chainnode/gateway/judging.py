"""May this call have what it asks for? Pure: an asked call and proven rows in, a decision out.

The ledger never refuses a call: it takes testimony. What a grant allows is enforced here, before
anything is released, by the same rows that the contract looks at later for its findings.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from contracts.schemas.catalog import ItemRow
from contracts.schemas.catalog_states import ItemState, Share
from contracts.schemas.days import local_day
from contracts.schemas.grant_states import GrantState
from contracts.schemas.grants import GrantRow


class DenialReason(Enum):
    """Why a call is denied, with HTTP status and sentence; each is recorded as a denied half.

    A sentence names no person and no value of the call.
    """

    ITEM_NOT_OFFERED = 403, "this service does not offer this catalogue item"
    ITEM_VERSION_UNKNOWN = 403, "the catalogue has no such version of this item"
    FIELDS_UNKNOWN = 403, "the call asks for fields that the catalogue item does not have"
    NO_GRANT = 403, "there is no such grant, and this item needs one"
    GRANT_DIFFERS = 403, "the grant is for another department, item or version"
    GRANT_NOT_ACTIVE = 403, "the grant is not active"
    GRANT_NOT_IN_PERIOD = 403, "the grant is not in force on this day"
    FIELDS_NOT_GRANTED = 403, "the call asks for fields that the grant does not give"
    QUOTA_EXCEEDED = 429, "the calls that the grant gives for this day are used up"
    PURPOSE_MISSING = 400, "the call says no purpose"
    SUBJECT_MISSING = 400, "the request names no subject where this service expects one"
    SUBJECT_UNREADABLE = 400, "a place of a subject could be read in more than one way"
    TOO_MANY_SUBJECTS = 400, "the request names more subjects than one call may"
    PERSONAL_DATA_IN_TEXT = 400, "a reason of the call holds what looks like a personal number"
    SUBJECT_NOT_TOKENISED = 503, "no pseudonym could be made for a subject of the call"
    SUBJECT_INVALID = 400, "a subject of the call is no number of the kind that is expected"
    RULES_UNAVAILABLE = 503, "the ledger does not answer, so the grant cannot be checked"
    WHOLE_ITEM_NOT_GRANTED = 403, "the answer cannot be cut by fields, and not all are given"

    @property
    def status(self) -> int:
        """HTTP status of the refusal."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """What the caller is told."""
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """What an authenticated requester asks for."""

    requester: str
    item: str
    item_version: int
    fields: int
    grant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What this gateway may answer: items of its own organisation, by name."""

    organisation: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """The call may go on. `fields` are the bits that may be released; the others are cut."""

    fields: int
    item_fields: tuple[str, ...]
    quota: int

    @property
    def is_whole_item(self) -> bool:
        """Whether every field is given, so that an answer need not be cut."""
        return self.fields == (1 << len(self.item_fields)) - 1


@dataclass(frozen=True, slots=True)
class Denial:
    """The call is refused and recorded as denied."""

    reason: DenialReason


Decision: TypeAlias = Permit | Denial


def judge(
    asked: AskedCall,
    offer: Offer,
    *,
    item: ItemRow | None,
    grant: GrantRow | None,
    now_ms: int,
) -> Decision:
    """Hold a call against the catalogue and its grant; quota is counted by `quotas`.

    `grant` is the row of the grant that the call names, None where it names none. An item that
    is shared without condition needs no grant; a grant that is named must hold all the same.
    """
    reason = _item_denial(asked, offer, item)
    if reason is not None or item is None:
        return Denial(reason or DenialReason.ITEM_NOT_OFFERED)
    if not asked.grant and item.share == Share.UNCONDITIONAL:
        return Permit(fields=asked.fields, item_fields=item.fields, quota=0)
    if grant is None:
        return Denial(DenialReason.NO_GRANT)
    reason = _grant_denial(asked, offer, grant, now_ms)
    if reason is not None:
        return Denial(reason)
    return Permit(fields=asked.fields, item_fields=item.fields, quota=grant.quota)


def _item_denial(asked: AskedCall, offer: Offer, item: ItemRow | None) -> DenialReason | None:
    if item is None or asked.item != offer.item or item.owner != offer.organisation:
        return DenialReason.ITEM_NOT_OFFERED
    if item.state is not ItemState.PUBLISHED:
        return DenialReason.ITEM_NOT_OFFERED
    if not 1 <= asked.item_version <= item.version:
        return DenialReason.ITEM_VERSION_UNKNOWN
    if asked.fields & ~item.field_bits:
        return DenialReason.FIELDS_UNKNOWN
    return None


def _grant_denial(
    asked: AskedCall, offer: Offer, grant: GrantRow, now_ms: int
) -> DenialReason | None:
    if (grant.requester, grant.provider, grant.item) != (
        asked.requester,
        offer.organisation,
        asked.item,
    ) or asked.item_version > grant.item_version:
        return DenialReason.GRANT_DIFFERS
    if grant.state != GrantState.ACTIVE:
        return DenialReason.GRANT_NOT_ACTIVE
    if not grant.is_in_force_at(now_ms):
        return DenialReason.GRANT_NOT_IN_PERIOD
    if asked.fields & ~grant.fields:
        return DenialReason.FIELDS_NOT_GRANTED
    return None


def day_of(now_ms: int) -> int:
    """Return the day under which a call of now counts against a quota."""
    return local_day(now_ms)
