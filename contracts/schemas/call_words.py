"""What every version of the contract `access` says of a call: sides, decisions, kinds of a half."""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta

NAME = "access"
CALL_ID_BYTES = 16
SUBJECTS_MAX = 4
STATUS_MAX = 999
# Statuses from here on are refusals and failures of HTTP; 0 is no answer at all.
_STATUS_FAILED_MIN = 400

CallId = Annotated[bytes, Meta(min_length=CALL_ID_BYTES, max_length=CALL_ID_BYTES)]


class Side(IntEnum):
    """Which of the two departments speaks."""

    REQUESTER = 0
    PROVIDER = 1


class Decision(IntEnum):
    """What the side's gateway decided before anything was released."""

    PERMIT = 0
    DENY = 1


class AccessOutcome(IntEnum):
    """Kinds of a half: a denied or failed call is a record as well."""

    PERMITTED = 0
    DENIED = 1
    FAILED = 2


def kind_of_half(decision: int, status: int) -> AccessOutcome:
    """Return denied if the gateway said so; else failed without an answer or from status 400."""
    if decision == Decision.DENY:
        return AccessOutcome.DENIED
    if status == 0 or status >= _STATUS_FAILED_MIN:
        return AccessOutcome.FAILED
    return AccessOutcome.PERMITTED
