"""Tokens of a call: what each department signs of it, and how the other side keeps it.

Canonical contents of wire format §15. A token is never sent as such: its reader knows most of
it from the HTTP exchange, or from the half of a call that embeds what is left (`Embedded…`).
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from contracts.schemas.members import KeyId
from contracts.schemas.shape import Digest, Natural

REQUEST_TOKEN_TAG = "kun.calltoken"  # noqa: S105  a domain tag, no secret
REPLY_TOKEN_TAG = "kun.replytoken"  # noqa: S105  a domain tag, no secret
HTTP_TAG = "kun.http"
FORMAT_VERSION = 1
SIGNATURE_BYTES = 64
SEED_BYTES = 32
# The other side's token within a half; the longest legal one has 132 bytes.
EMBEDDED_BYTES_MAX = 160

Signature = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]

_ENCODER = msgspec.msgpack.Encoder()


class RequestToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a requester signs before a call: it is the signed request header."""

    chain_id: bytes
    requester: str
    provider: str
    call_id: bytes
    item: str
    item_version: int
    fields: int
    grant: str
    request_commitment: bytes
    http_digest: bytes
    requested_ms: int

    def content(self) -> bytes:
        """Return the bytes under the requester's signature."""
        return _ENCODER.encode((REQUEST_TOKEN_TAG, FORMAT_VERSION, *msgspec.structs.astuple(self)))


class ReplyToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider signs of its answer, or of its refusal."""

    chain_id: bytes
    requester: str
    provider: str
    call_id: bytes
    decision: int
    status: int
    count: int
    response_commitment: bytes
    answered_ms: int

    def content(self) -> bytes:
        """Return the bytes under the provider's signature."""
        return _ENCODER.encode((REPLY_TOKEN_TAG, FORMAT_VERSION, *msgspec.structs.astuple(self)))


class EmbeddedRequest(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """`other` of a provider's half: what the half's own fields do not say of the request token."""

    key_id: KeyId
    http_digest: Digest
    requested_ms: Natural
    signature: Signature


class EmbeddedReply(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """`other` of a requester's half: what the half's own fields do not say of the reply token."""

    key_id: KeyId
    answered_ms: Natural
    signature: Signature


_REQUEST_DECODER = msgspec.msgpack.Decoder(EmbeddedRequest)
_REPLY_DECODER = msgspec.msgpack.Decoder(EmbeddedReply)
_EmbeddedT = TypeVar("_EmbeddedT", EmbeddedRequest, EmbeddedReply)


def http_digest(
    digest: Callable[[bytes], bytes], *, seed: bytes, method: str, target: str, body_digest: bytes
) -> bytes:
    """Bind a request token to one HTTP message; `digest` is the suite's hash.

    `method` is upper case, `target` the path and query as in the request line. Without the
    requester's `seed` nobody can try identity numbers against the result.
    """
    return digest(
        _ENCODER.encode((HTTP_TAG, FORMAT_VERSION, seed, method, target, body_digest)),
    )


def encode_embedded(embedded: EmbeddedRequest | EmbeddedReply) -> bytes:
    """Return the canonical bytes that stand as `other` in a half."""
    return _ENCODER.encode(embedded)


def decode_embedded_request(other: bytes) -> EmbeddedRequest | None:
    """Read `other` of a provider's half; None when it is no canonical rest of a token."""
    return _decoded(_REQUEST_DECODER, other)


def decode_embedded_reply(other: bytes) -> EmbeddedReply | None:
    """Read `other` of a requester's half; None when it is no canonical rest of a token."""
    return _decoded(_REPLY_DECODER, other)


def _decoded(decoder: "msgspec.msgpack.Decoder[_EmbeddedT]", other: bytes) -> _EmbeddedT | None:
    if len(other) > EMBEDDED_BYTES_MAX:
        return None
    try:
        embedded = decoder.decode(other)
    except ValueError:
        return None
    return embedded if _ENCODER.encode(embedded) == other else None
