"""HTTP headers of a call: `Kun-Call` and `Kun-Reply` (docs/wire-format.md §15). Pure leaf.

Each is the signed token of its side as far as the reader does not know it from the exchange
itself, base64url without padding over canonical MessagePack. What decodes is legal in a record:
texts are judged as the contract judges them, so that a half can be made of every legal header.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    decode,
    encode,
)
from chainnode.exchange.header_texts import require_organisation, require_text
from contracts.schemas.access import CALL_ID_BYTES, STATUS_MAX
from contracts.schemas.tokens import SEED_BYTES, SIGNATURE_BYTES, ReplyToken, RequestToken

# A call id: when the call was made, in ms, and chance.
CALL_ID_TIME_BYTES: Final = 6
CALL_ID_CHANCE_BYTES: Final = CALL_ID_BYTES - CALL_ID_TIME_BYTES
CALL_HEADER: Final = "Kun-Call"
REPLY_HEADER: Final = "Kun-Reply"
CALL_ID_HEADER: Final = "Kun-Call-Id"
RECEIPT_HEADER: Final = "Kun-Receipt"
CALL_TAG: Final = "kun.call"
REPLY_TAG: Final = "kun.reply"
FORMAT_VERSION: Final = 1
HEADER_CHARACTERS_MAX: Final = 2048
# Fields of a catalogue item are the bits of an integer below this.
FIELD_BITS_END: Final = 1 << 48
_CALL_FIELDS: Final = 14
_REPLY_FIELDS: Final = 10
_PUBLIC_KEY_BYTES_MAX: Final = 33
# The bytes of the longest header, in one flat array.
_LIMITS: Final = Limits(bytes_max=HEADER_CHARACTERS_MAX * 3 // 4, depth_max=1, elements_max=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeader:
    """What a requester sends of its token; `seed` salts its commitment and its http digest."""

    requester: str
    call_id: bytes
    item: str
    item_version: int
    fields: int
    grant: str
    requested_ms: int
    trace_id: bytes
    parent_call_id: bytes
    seed: bytes = field(repr=False)
    public_key: bytes
    signature: bytes = field(repr=False)

    def token(
        self, *, chain_id: bytes, provider: str, request_commitment: bytes, http_digest: bytes
    ) -> RequestToken:
        """Return what must be under the signature, when the request is what the reader saw."""
        return RequestToken(
            chain_id=chain_id,
            requester=self.requester,
            provider=provider,
            call_id=self.call_id,
            item=self.item,
            item_version=self.item_version,
            fields=self.fields,
            grant=self.grant,
            request_commitment=request_commitment,
            http_digest=http_digest,
            requested_ms=self.requested_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHeader:
    """What a provider sends of its token; `seed` salts its commitment."""

    call_id: bytes
    decision: int
    status: int
    count: int
    answered_ms: int
    seed: bytes = field(repr=False)
    public_key: bytes
    signature: bytes = field(repr=False)

    def token(
        self, *, chain_id: bytes, requester: str, provider: str, response_commitment: bytes
    ) -> ReplyToken:
        """Return what must be under the signature, when the response is what the reader saw."""
        return ReplyToken(
            chain_id=chain_id,
            requester=requester,
            provider=provider,
            call_id=self.call_id,
            decision=self.decision,
            status=self.status,
            count=self.count,
            response_commitment=response_commitment,
            answered_ms=self.answered_ms,
        )


def encode_call(header: CallHeader) -> str:
    """Return the value of `Kun-Call`."""
    return _to_text(
        (
            CALL_TAG,
            FORMAT_VERSION,
            header.requester,
            header.call_id,
            header.item,
            header.item_version,
            header.fields,
            header.grant,
            header.requested_ms,
            header.trace_id,
            header.parent_call_id,
            header.seed,
            header.public_key,
            header.signature,
        )
    )


def decode_call(text: str) -> CallHeader:
    """Read the value of `Kun-Call`; its signature is not verified.

    Raises:
        InvalidEncoding: not the one encoding of a legal header.

    """
    wire = _from_text(text, tag=CALL_TAG, size=_CALL_FIELDS, what=CALL_HEADER)
    parent = as_bytes(wire[10], "parent call id", maximum=CALL_ID_BYTES)
    if len(parent) not in {0, CALL_ID_BYTES}:
        raise InvalidEncoding(
            what="parent call id", expected="0 or 16 bytes", actual=f"{len(parent)} bytes"
        )
    return CallHeader(
        requester=require_organisation(wire[2], "requester"),
        call_id=as_bytes(wire[3], "call id", size=CALL_ID_BYTES),
        item=require_text(wire[4], "item", minimum=1),
        item_version=as_int(wire[5], "item version"),
        fields=as_int(wire[6], "fields", maximum=FIELD_BITS_END - 1),
        grant=require_text(wire[7], "grant", minimum=0),
        requested_ms=as_int(wire[8], "requested_ms"),
        trace_id=as_bytes(wire[9], "trace id", size=CALL_ID_BYTES),
        parent_call_id=parent,
        seed=as_bytes(wire[11], "seed", size=SEED_BYTES),
        public_key=as_bytes(wire[12], "public key", maximum=_PUBLIC_KEY_BYTES_MAX),
        signature=as_bytes(wire[13], "signature", size=SIGNATURE_BYTES),
    )


def encode_reply(header: ReplyHeader) -> str:
    """Return the value of `Kun-Reply`."""
    return _to_text(
        (
            REPLY_TAG,
            FORMAT_VERSION,
            header.call_id,
            header.decision,
            header.status,
            header.count,
            header.answered_ms,
            header.seed,
            header.public_key,
            header.signature,
        )
    )


def decode_reply(text: str) -> ReplyHeader:
    """Read the value of `Kun-Reply`; its signature is not verified.

    Raises:
        InvalidEncoding: not the one encoding of a legal header.

    """
    wire = _from_text(text, tag=REPLY_TAG, size=_REPLY_FIELDS, what=REPLY_HEADER)
    return ReplyHeader(
        call_id=as_bytes(wire[2], "call id", size=CALL_ID_BYTES),
        decision=as_int(wire[3], "decision", maximum=1),
        status=as_int(wire[4], "status", maximum=STATUS_MAX),
        count=as_int(wire[5], "count"),
        answered_ms=as_int(wire[6], "answered_ms"),
        seed=as_bytes(wire[7], "seed", size=SEED_BYTES),
        public_key=as_bytes(wire[8], "public key", maximum=_PUBLIC_KEY_BYTES_MAX),
        signature=as_bytes(wire[9], "signature", size=SIGNATURE_BYTES),
    )


def _to_text(wire: Plain) -> str:
    return base64.urlsafe_b64encode(encode(wire)).rstrip(b"=").decode("ascii")


def _from_text(text: str, *, tag: str, size: int, what: str) -> tuple[Plain, ...]:
    if len(text) > HEADER_CHARACTERS_MAX:
        raise InvalidEncoding(
            what=what, expected=f"≤ {HEADER_CHARACTERS_MAX} characters", actual=f"{len(text)}"
        )
    wire = as_array(decode(_from_base64(text, what), _LIMITS), size=size, what=what)
    if wire[:2] != (tag, FORMAT_VERSION):
        raise InvalidEncoding(what=what, expected=f"{tag} {FORMAT_VERSION}", actual="another tag")
    return wire


def _from_base64(text: str, what: str) -> bytes:
    """Decode the one base64url form without padding; the library alone would skip characters."""
    try:
        data = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error) as error:
        raise InvalidEncoding(
            what=what, expected="base64url without padding", actual="other characters"
        ) from error
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise InvalidEncoding(
            what=what, expected="base64url without padding", actual="a longer form"
        )
    return data


def call_id_of(requested_ms: int, chance: bytes) -> bytes:
    """Return the id of a call made at `requested_ms`: six bytes of time, ten random ones."""
    return requested_ms.to_bytes(CALL_ID_TIME_BYTES) + chance


def call_id_ms(call_id: bytes) -> int:
    """Return the time that a call id says, in milliseconds since 1970."""
    return int.from_bytes(call_id[:CALL_ID_TIME_BYTES])
