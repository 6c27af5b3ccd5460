"""What two departments say to each other about one call, without a network: pure leaves.

`fields` makes named fields of an HTTP message, `commitments` binds them without showing them
(docs/wire-format.md §15). Gateways, clients and verifiers use the same, and so does whoever
writes a gateway of their own.
"""

from chainnode.exchange.commitments import (
    Disclosure,
    Field,
    IllegalFields,
    ShownField,
    commitment,
    disclose,
    verify_disclosure,
)
from chainnode.exchange.fields import Body, request_fields, response_fields, whole_body
from chainnode.exchange.header_texts import CallReason, decode_reason, encode_reason
from chainnode.exchange.headers import (
    CallHeader,
    ReplyHeader,
    call_id_ms,
    call_id_of,
    decode_call,
    decode_reply,
    encode_call,
    encode_reply,
)
from chainnode.exchange.private_parts import (
    Encrypted,
    Half,
    Pair,
    WrappedKey,
    decrypt_private,
    encrypt_private,
    read_encrypted,
)
from contracts.schemas.tokens import ReplyToken, RequestToken, http_digest

__all__ = [
    "Body",
    "CallHeader",
    "CallReason",
    "Disclosure",
    "Encrypted",
    "Field",
    "Half",
    "IllegalFields",
    "Pair",
    "ReplyHeader",
    "ReplyToken",
    "RequestToken",
    "ShownField",
    "WrappedKey",
    "call_id_ms",
    "call_id_of",
    "commitment",
    "decode_call",
    "decode_reason",
    "decode_reply",
    "decrypt_private",
    "disclose",
    "encode_call",
    "encode_reason",
    "encode_reply",
    "encrypt_private",
    "http_digest",
    "read_encrypted",
    "request_fields",
    "response_fields",
    "verify_disclosure",
    "whole_body",
]
