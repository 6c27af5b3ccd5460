"""Headers of a call: one encoding each, hostile input is refused by type, never by accident."""

import base64
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import InvalidEncoding, Plain, encode
from chainnode.exchange.header_texts import (
    REASON_CHARACTERS_MAX,
    CallReason,
    decode_reason,
    encode_reason,
)
from chainnode.exchange.headers import (
    FIELD_BITS_END,
    HEADER_CHARACTERS_MAX,
    CallHeader,
    ReplyHeader,
    decode_call,
    decode_reply,
    encode_call,
    encode_reply,
)

CALL = CallHeader(
    requester="11100000000013338W",
    call_id=b"c" * 16,
    item="人口库/基本信息",
    item_version=2,
    fields=5,
    grant="G-2026-001",
    requested_ms=1_700_000_000_000,
    trace_id=b"t" * 16,
    parent_call_id=b"",
    seed=b"e" * 32,
    public_key=b"p" * 33,
    signature=b"s" * 64,
)
REPLY = ReplyHeader(
    call_id=b"c" * 16,
    decision=0,
    status=200,
    count=1,
    answered_ms=1_700_000_000_100,
    seed=b"e" * 32,
    public_key=b"p" * 32,
    signature=b"s" * 64,
)
WIRE: tuple[Plain, ...] = (
    *("kun.call", 1, CALL.requester, CALL.call_id, CALL.item, 2, 5, CALL.grant),
    *(CALL.requested_ms, CALL.trace_id, b"", CALL.seed, CALL.public_key, CALL.signature),
)


def text_of(wire: Plain) -> str:
    return base64.urlsafe_b64encode(encode(wire)).rstrip(b"=").decode()


def changed(place: int, value: Plain) -> str:
    return text_of((*WIRE[:place], value, *WIRE[place + 1 :]))


def test_call_header_is_the_array_of_the_wire_format_and_comes_back() -> None:
    assert encode_call(CALL) == text_of(WIRE)
    assert decode_call(encode_call(CALL)) == CALL


def test_reply_header_is_the_array_of_the_wire_format_and_comes_back() -> None:
    wire = ("kun.reply", 1, REPLY.call_id, 0, 200, 1, REPLY.answered_ms)
    assert encode_reply(REPLY) == text_of((*wire, REPLY.seed, REPLY.public_key, REPLY.signature))
    assert decode_reply(encode_reply(REPLY)) == REPLY


def test_largest_legal_call_header_fits_its_bound() -> None:
    largest = replace(
        CALL,
        requester="W" * 32,
        item="\U00020000" * 60,
        item_version=2**53 - 1,
        fields=FIELD_BITS_END - 1,
        grant="\U00020000" * 60,
        requested_ms=2**53 - 1,
        parent_call_id=b"p" * 16,
    )
    assert len(encode_call(largest)) <= HEADER_CHARACTERS_MAX
    assert decode_call(encode_call(largest)) == largest


@pytest.mark.parametrize(
    "text",
    [
        "",
        encode_call(CALL) + "A",
        encode_call(CALL)[:-1],
        encode_call(CALL) + "=",
        " " + encode_call(CALL),
        encode_call(CALL)[:8] + "\n" + encode_call(CALL)[8:],
        "ä" * 40,
        "A" * (HEADER_CHARACTERS_MAX + 1),
        encode_reply(REPLY),
        text_of(WIRE[:-1]),
        changed(1, 2),
        changed(2, "lower"),
        changed(2, "W" * 33),
        changed(3, b"c" * 15),
        changed(4, ""),
        changed(4, "a\u200bb"),
        changed(4, "a" * 61),
        changed(6, FIELD_BITS_END),
        changed(6, b""),
        changed(7, "two  spaces"),
        changed(9, b""),
        changed(10, b"p" * 8),
        changed(11, b"e" * 31),
        changed(12, b"p" * 34),
        changed(13, b"s" * 63),
    ],
    ids=[
        *("empty", "longer", "shorter", "padded", "space", "line-end", "not-ascii", "too-long"),
        *("reply", "too-few", "version", "lower-case", "long-organisation", "short-call-id"),
        *("no-item", "invisible", "long-item", "field-48", "fields-as-bytes", "double-space"),
        *("no-trace", "half-a-parent", "short-seed", "long-key", "short-signature"),
    ],
)
def test_anything_but_the_one_encoding_of_a_legal_call_header_is_refused(text: str) -> None:
    with pytest.raises(InvalidEncoding):
        decode_call(text)


@given(text=st.text(max_size=HEADER_CHARACTERS_MAX + 8))
def test_any_text_as_call_header_is_refused_by_type_or_is_its_own_encoding(text: str) -> None:
    with contextlib.suppress(InvalidEncoding):
        assert encode_call(decode_call(text)) == text


@given(text=st.text(max_size=HEADER_CHARACTERS_MAX + 8))
def test_any_text_as_reply_header_is_refused_by_type_or_is_its_own_encoding(text: str) -> None:
    with contextlib.suppress(InvalidEncoding):
        assert encode_reply(decode_reply(text)) == text


@given(data=st.binary(max_size=200))
def test_any_bytes_under_a_header_are_refused_by_type(data: bytes) -> None:
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    with pytest.raises(InvalidEncoding):
        decode_call(text)


def test_reasons_travel_percent_encoded_and_come_back() -> None:
    reason = CallReason(purpose="gongzufang", reason="公租房资格审核", operator="Li 4", case="A-1")
    headers = encode_reason(reason)
    assert headers["Kun-Purpose"] == "gongzufang"
    assert all(value.isascii() and " " not in value for value in headers.values())
    assert decode_reason({name.lower(): value for name, value in headers.items()}) == reason


def test_reason_that_is_not_given_has_no_header() -> None:
    assert encode_reason(CallReason(case="A-1")) == {"Kun-Case": "A-1"}


def test_reason_too_long_for_its_header_is_refused_by_the_sender() -> None:
    with pytest.raises(InvalidEncoding):
        encode_reason(CallReason(reason="审" * (REASON_CHARACTERS_MAX // 9 + 1)))


@pytest.mark.parametrize(
    "value",
    ["a b", "%", "%4", "%zz", "%FF", "%E2%80%8B", "a%20%20b", "审", "a" * 513],
    ids=["space", "bare", "cut", "hex", "utf-8", "invisible", "spaces", "not-ascii", "too-long"],
)
def test_reason_that_is_no_percent_encoded_visible_text_is_refused(value: str) -> None:
    with pytest.raises(InvalidEncoding):
        decode_reason({"kun-reason": value})


def test_reasons_do_not_show_themselves() -> None:
    assert "Li" not in repr(CallReason(operator="Li 4"))
