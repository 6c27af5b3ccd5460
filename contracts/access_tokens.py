"""Whether a half that stands alone holds the other side's word (wire format §14 and §15).

Looked at only when a call is found unmatched: a signature check for each half would cost every
replica twice what the halves cost, and says nothing where the other side speaks for itself.
"""

from contracts.schemas.access import AccessRecord
from contracts.schemas.call_words import Side
from contracts.schemas.members import KEYS, Role
from contracts.schemas.tokens import (
    ReplyToken,
    RequestToken,
    decode_embedded_reply,
    decode_embedded_request,
)
from contracts.sdk import Context, StateView


def is_proven(state: StateView, context: Context, half: AccessRecord, *, recorded_ms: int) -> bool:
    """Tell whether the other organisation signed what this half says of the call.

    The token says when it was signed, and so under which keys it counts; a time far from
    `recorded_ms`, when the half was recorded, is the choice of somebody who has an old key.
    """
    provided = half.side == Side.PROVIDER
    judge = _is_request_proven if provided else _is_reply_proven
    return judge(state, context, half, recorded_ms)


def _is_request_proven(
    state: StateView, context: Context, half: AccessRecord, recorded_ms: int
) -> bool:
    embedded = decode_embedded_request(half.other)
    if embedded is None or not _is_of_then(context, embedded.requested_ms, recorded_ms):
        return False
    token = RequestToken(
        chain_id=context.chain_id,
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        item=half.item,
        item_version=half.item_version,
        fields=half.fields,
        grant=half.grant,
        request_commitment=half.request_commitment,
        http_digest=embedded.http_digest,
        requested_ms=embedded.requested_ms,
    )
    key = _service_key(state, half, embedded.key_id, embedded.requested_ms)
    return key is not None and context.crypto.is_signature(
        public_key=key, signature=embedded.signature, content=token.content()
    )


def _is_reply_proven(
    state: StateView, context: Context, half: AccessRecord, recorded_ms: int
) -> bool:
    embedded = decode_embedded_reply(half.other)
    if embedded is None or not _is_of_then(context, embedded.answered_ms, recorded_ms):
        return False
    token = ReplyToken(
        chain_id=context.chain_id,
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        decision=half.decision,
        status=half.status,
        count=half.count,
        response_commitment=half.response_commitment,
        answered_ms=embedded.answered_ms,
    )
    key = _service_key(state, half, embedded.key_id, embedded.answered_ms)
    return key is not None and context.crypto.is_signature(
        public_key=key, signature=embedded.signature, content=token.content()
    )


def _is_of_then(context: Context, instant_ms: int, recorded_ms: int) -> bool:
    return abs(recorded_ms - instant_ms) <= context.match_deadline_ms


def _service_key(
    state: StateView, half: AccessRecord, key_id: bytes, instant_ms: int
) -> bytes | None:
    """Return the public key that could sign for the other organisation's service then."""
    row = state.find(KEYS, key_id)
    if row is None or row.organisation != half.listener or Role.SERVICE not in row.roles:
        return None
    return row.public_key if row.is_valid_at(instant_ms) else None
