"""What this gateway testifies of one call: the record of its side, and of further people.

Pure but for salts. docs/wire-format.md §14: subjects beyond the four of a half go before it
into people records of ten each, all tokens ascending, so that nobody falls out of a trail.
"""

import secrets
from dataclasses import dataclass, field

from chainnode.errors import InvariantBroken
from chainnode.exchange import CallReason
from chainnode.gateway.kept import NOT_KEPT, KeptMessage
from chainnode.gateway.spool.entries import SpoolEntry
from chainnode.submission import PRIVATE_BYTES_MAX, SALT_BYTES, Call
from contracts.schemas.access import (
    PEOPLE_MAX,
    SUBJECTS_MAX,
    AccessPrivate,
    AccessRecord,
    Decision,
    People,
    Side,
)
from contracts.schemas.shape import encode_part


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfIdentity:
    """Which call, and which of its two sides speaks."""

    call_id: bytes
    side: Side
    requester: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One side's testimony; fields as in `access` · `record`. `tokens` are all subjects.

    `request` and `response` are the messages that the commitments bind; they stay here.
    """

    identity: HalfIdentity
    item: str
    item_version: int
    fields: int
    grant: str
    trace_id: bytes
    parent_call_id: bytes
    tokens: tuple[bytes, ...]
    reason: CallReason = field(repr=False)
    system: str
    checked_height: int
    requested_ms: int
    request_commitment: bytes
    decision: Decision
    status: int
    count: int
    answered_ms: int
    other: bytes = field(repr=False)
    response_commitment: bytes
    request: KeptMessage = NOT_KEPT
    response: KeptMessage = NOT_KEPT


def spool_entry(half: Half, *, private: bytes) -> SpoolEntry:
    """Return what goes to the spool: people records in order, then the half."""
    identity = half.identity
    # Those of all subjects, ascending, each once.
    tokens = tuple(sorted(set(half.tokens)))
    return SpoolEntry(
        requester=identity.requester,
        provider=identity.provider,
        call_id=identity.call_id,
        side=identity.side,
        calls=(*_people(half, tokens), _record(half, tokens, private)),
        made_ms=half.answered_ms,
    )


def _people(half: Half, tokens: tuple[bytes, ...]) -> tuple[Call, ...]:
    identity, further = half.identity, tokens[SUBJECTS_MAX:]
    return tuple(
        Call(
            action="people",
            public=encode_part(
                People(
                    salt=_salt(),
                    call_id=identity.call_id,
                    side=int(identity.side),
                    requester=identity.requester,
                    provider=identity.provider,
                    first=first,
                    tokens=further[first : first + PEOPLE_MAX],
                )
            ),
        )
        for first in range(0, len(further), PEOPLE_MAX)
    )


def _record(half: Half, tokens: tuple[bytes, ...], private: bytes) -> Call:
    identity = half.identity
    record = AccessRecord(
        salt=_salt(),
        call_id=identity.call_id,
        side=int(identity.side),
        requester=identity.requester,
        provider=identity.provider,
        item=half.item,
        item_version=half.item_version,
        fields=half.fields,
        subjects=tokens[:SUBJECTS_MAX],
        people=max(0, len(tokens) - SUBJECTS_MAX),
        decision=int(half.decision),
        status=half.status,
        count=half.count,
        requested_ms=half.requested_ms,
        answered_ms=half.answered_ms,
        trace_id=half.trace_id,
        parent_call_id=half.parent_call_id,
        grant=half.grant,
        checked_height=half.checked_height,
        other=half.other,
        request_commitment=half.request_commitment,
        response_commitment=half.response_commitment,
    )
    return Call(action="record", public=encode_part(record), private=private)


def clear_private(half: Half) -> bytes:
    """Return why the call was made, in the clear form of wire format §16."""
    reason = half.reason
    private = encode_part(
        AccessPrivate(
            salt=_salt(),
            purpose_code=reason.purpose,
            reason_text=reason.reason,
            case_number=reason.case,
            operator=reason.operator,
            operator_role=reason.role,
            system=half.system,
            represented_party=reason.represented,
            legal_basis="",
            derived_from=(),
        )
    )
    if len(private) > PRIVATE_BYTES_MAX:
        # Headers bound the texts well below this: six of 512 characters, percent-encoded.
        raise InvariantBroken(f"private part: expected ≤ {PRIVATE_BYTES_MAX}, got {len(private)}")
    return private


def _salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)
