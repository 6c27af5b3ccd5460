"""Tokens of a call: their canonical contents, and what a half keeps of the other side's."""

import hashlib

import msgspec
import pytest

from chainnode.codec import encode
from contracts.schemas.tokens import (
    EMBEDDED_BYTES_MAX,
    EmbeddedReply,
    EmbeddedRequest,
    ReplyToken,
    RequestToken,
    decode_embedded_reply,
    decode_embedded_request,
    encode_embedded,
    http_digest,
)

LARGEST_INTEGER = 2**53 - 1
REQUEST = EmbeddedRequest(
    key_id=b"k" * 20,
    http_digest=b"h" * 32,
    requested_ms=LARGEST_INTEGER,
    signature=b"s" * 64,
)
REPLY = EmbeddedReply(key_id=b"k" * 20, answered_ms=LARGEST_INTEGER, signature=b"s" * 64)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_content_of_a_request_token_is_the_array_of_the_wire_format() -> None:
    token = RequestToken(
        chain_id=b"c" * 32,
        requester="REQUESTER",
        provider="PROVIDER",
        call_id=b"i" * 16,
        item="人口库/基本信息",
        item_version=3,
        fields=5,
        grant="G-1",
        request_commitment=b"r" * 32,
        http_digest=b"h" * 32,
        requested_ms=7,
    )
    assert token.content() == encode(
        (
            *("kun.calltoken", 1, b"c" * 32, "REQUESTER", "PROVIDER", b"i" * 16),
            *("人口库/基本信息", 3, 5, "G-1", b"r" * 32, b"h" * 32, 7),
        )
    )


def test_content_of_a_reply_token_is_the_array_of_the_wire_format() -> None:
    token = ReplyToken(
        chain_id=b"c" * 32,
        requester="REQUESTER",
        provider="PROVIDER",
        call_id=b"i" * 16,
        decision=1,
        status=403,
        count=0,
        response_commitment=b"",
        answered_ms=9,
    )
    assert token.content() == encode(
        (
            *("kun.replytoken", 1, b"c" * 32, "REQUESTER", "PROVIDER", b"i" * 16),
            *(1, 403, 0, b"", 9),
        )
    )


def test_http_digest_hashes_seed_method_target_and_digest_of_the_body() -> None:
    body = sha256(b"{}")
    actual = http_digest(sha256, seed=b"e" * 32, method="GET", target="/a?b", body_digest=body)
    assert actual == sha256(encode(("kun.http", 1, b"e" * 32, "GET", "/a?b", body)))


def test_embedded_tokens_come_back_and_fit_their_bound() -> None:
    request, reply = encode_embedded(REQUEST), encode_embedded(REPLY)
    assert decode_embedded_request(request) == REQUEST
    assert decode_embedded_reply(reply) == REPLY
    assert max(len(request), len(reply)) <= EMBEDDED_BYTES_MAX


def test_embedded_tokens_are_canonical_arrays_in_the_order_of_the_wire_format() -> None:
    assert encode_embedded(REQUEST) == encode((b"k" * 20, b"h" * 32, LARGEST_INTEGER, b"s" * 64))
    assert encode_embedded(REPLY) == encode((b"k" * 20, LARGEST_INTEGER, b"s" * 64))


@pytest.mark.parametrize(
    "other",
    [
        b"",
        encode_embedded(REPLY),
        encode_embedded(REQUEST) + b"\x00",
        encode_embedded(REQUEST)[:-1],
        b"\xdc\x00\x04" + encode_embedded(REQUEST)[1:],
        encode_embedded(msgspec.structs.replace(REQUEST, key_id=b"k" * 19)),
        encode_embedded(msgspec.structs.replace(REQUEST, http_digest=b"")),
        encode_embedded(msgspec.structs.replace(REQUEST, requested_ms=2**53)),
        encode_embedded(msgspec.structs.replace(REQUEST, signature=b"s" * 65)),
        encode((b"k" * 20, b"h" * 32, "1", b"s" * 64)),
        b"\xff" * (EMBEDDED_BYTES_MAX + 1),
    ],
    ids=[
        *("empty", "of-the-other-kind", "trailing-byte", "cut", "longer-head"),
        *("short-key-id", "no-digest", "large-integer", "long-signature", "text", "too-long"),
    ],
)
def test_what_is_no_rest_of_a_request_token_reads_as_none(other: bytes) -> None:
    assert decode_embedded_request(other) is None


def test_rest_of_a_request_token_is_no_rest_of_a_reply_token() -> None:
    assert decode_embedded_reply(encode_embedded(REQUEST)) is None
