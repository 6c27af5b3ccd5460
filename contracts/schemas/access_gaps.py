"""Schemas of the records that the ledger makes about calls whose halves do not come together.

docs/wire-format.md §14. Nobody sends or signs them; whoever verifies one reads it here.
"""

from enum import IntEnum

import msgspec

from contracts.schemas.call_words import NAME, CallId
from contracts.schemas.shape import SALT_BYTES, Flag, Natural, OrganisationId, Salt

NO_SALT = bytes(SALT_BYTES)


class GapOutcome(IntEnum):
    """Outcomes of the ledger's own records of this contract."""

    ONE_SIDED_CLAIMED = 64
    ONE_SIDED_PROVEN = 65
    MATCHED = 66
    MISMATCHED = 67


OUTCOME_WORDS = {
    GapOutcome.ONE_SIDED_CLAIMED: "单方自述",
    GapOutcome.ONE_SIDED_PROVEN: "单方已证",
    GapOutcome.MATCHED: "缺口已补",
    GapOutcome.MISMATCHED: "双方记录不一致",
}


class GapPart(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """Which call it is about, and whose half it names."""

    salt: Salt = NO_SALT
    requester: OrganisationId
    provider: OrganisationId
    call_id: CallId
    side: Flag


# Where a half stands: [submission digest, call index].
PlacePair = tuple[bytes, Natural]


class Unmatched(GapPart, frozen=True, kw_only=True):
    """The deadline passed and one half stands alone: that of `side`."""

    place: PlacePair
    due_ms: Natural


class Matched(GapPart, frozen=True, kw_only=True):
    """A late half closes a gap; `side` is that of the later one."""

    first: PlacePair
    later: PlacePair


class Mismatched(Matched, frozen=True, kw_only=True):
    """The halves contradict each other in what the bits of `differs` say."""

    differs: Natural


ACTIONS: dict[str, type[GapPart]] = {
    "unmatched": Unmatched,
    "matched": Matched,
    "mismatched": Mismatched,
}
_DECODERS = {name: msgspec.msgpack.Decoder(part) for name, part in ACTIONS.items()}
_ENCODER = msgspec.msgpack.Encoder()


def decode_gap(contract: str, action: str, public: bytes) -> GapPart | None:
    """Read the public part of one of the ledger's own records; None: it is none of these."""
    decoder = _DECODERS.get(action) if contract == NAME else None
    if decoder is None:
        return None
    try:
        part = decoder.decode(public)
    except ValueError:
        return None
    return part if _ENCODER.encode(part) == public else None
