"""Encodings of the ledger's values: round trips, and every wrong shape refused by name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.codec import InvalidEncoding, Plain, encode
from chainnode.errors import InvariantBroken
from chainnode.ledger.codec import (
    call_of_submission,
    decode_certificate,
    decode_entry,
    decode_head,
    decode_header,
    decode_receipt,
    decode_receipts,
    encode_certificate,
    encode_entry,
    encode_head,
    encode_header,
    encode_receipt,
    encode_receipts,
    header_from_parts,
    submission_of_batch,
)
from chainnode.ledger.types import (
    CallReceipt,
    Certificate,
    Entry,
    Head,
    Header,
    Receipt,
    Rest,
)
from tests.unit.chainnode.ledger.blocks import BlockMaker

DIGEST = bytes(range(32))
ENTRY = Entry(
    height=3,
    time_ms=1_700_000_000_000,
    submission_digest=DIGEST,
    call_index=4095,
    organisation="12345678901234567X",
    key_id=b"k" * 20,
    contract="access",
    contract_version=1,
    outcome=2,
    index_keys=(b"\x01" + bytes(32), b"\x02A", b"\x03B"),
    body_digest=DIGEST,
)
RECEIPT = Receipt(
    submission_digest=DIGEST,
    code=0,
    first_position=17,
    calls=(CallReceipt(code=0), CallReceipt(code=12, details=(1, 2**53 - 1))),
)
REFUSAL = Receipt(submission_digest=DIGEST, code=9, first_position=0, calls=())
HEAD = Head(
    chain_id=DIGEST,
    epoch=0,
    height=5,
    time_ms=9,
    parent_digest=DIGEST,
    batch_digest=bytes(32),
    log_size=17,
)
REST = Rest(
    log_root=bytes([1]) * 32,
    records_root=bytes([2]) * 32,
    index_root=bytes([3]) * 32,
    state_root=bytes([4]) * 32,
    receipts_root=bytes([5]) * 32,
    members_digest=bytes([6]) * 32,
    next_members_digest=bytes([7]) * 32,
)
HEADER = Header(head=HEAD, rest=REST)
CERTIFICATE = Certificate(
    epoch=0,
    height=5,
    header_digest=DIGEST,
    signatures=((0, bytes(64)), (2, bytes(64)), (3, bytes(64))),
)


def test_every_value_is_read_back_as_it_was_written() -> None:
    assert decode_entry(encode_entry(ENTRY)) == ENTRY
    assert decode_receipt(encode_receipt(RECEIPT)) == RECEIPT
    assert decode_receipt(encode_receipt(REFUSAL)) == REFUSAL
    assert decode_head(encode_head(HEAD)) == HEAD
    assert decode_header(encode_header(HEADER)) == HEADER
    assert header_from_parts(encode_head(HEAD), list(REST.roots)) == HEADER
    assert decode_certificate(encode_certificate(CERTIFICATE)) == CERTIFICATE
    assert decode_receipts(encode_receipts([b"a", b""])) == (b"a", b"")


def changed(plain: Plain, at: int, value: Plain) -> bytes:
    assert isinstance(plain, tuple)
    return encode((*plain[:at], value, *plain[at + 1 :]))


def shortened(plain: Plain) -> bytes:
    assert isinstance(plain, tuple)
    return encode(plain[:-1])


def lengthened(plain: Plain) -> bytes:
    assert isinstance(plain, tuple)
    return encode((*plain, 0))


Decoder = Callable[[bytes], object]
VALUES: dict[str, tuple[Decoder, Plain]] = {
    "entry": (decode_entry, ENTRY.plain),
    "receipt": (decode_receipt, RECEIPT.plain),
    "head": (decode_head, HEAD.plain),
    "certificate": (decode_certificate, CERTIFICATE.plain),
    "header": (decode_header, (encode_head(HEAD), REST.roots)),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_field_too_few_or_too_many_another_type_and_other_bytes_are_refused(kind: str) -> None:
    decode, plain = VALUES[kind]
    assert isinstance(plain, tuple)
    good = encode(plain)
    decode(good)

    bad = [shortened(plain), lengthened(plain), good + b"\x00", good[:-1], b"", b"\xc0"]
    bad += [changed(plain, at, ((((),),),)) for at in range(len(plain))]
    for data in bad:
        with pytest.raises(InvalidEncoding):
            decode(data)


@pytest.mark.parametrize("kind", ["entry", "receipt", "head"])
def test_another_tag_or_version_is_refused_naming_both(kind: str) -> None:
    decode, plain = VALUES[kind]

    with pytest.raises(InvalidEncoding, match=f"expected kun.{kind} 1, got 'kun.other' 1"):
        decode(changed(plain, 0, "kun.other"))
    with pytest.raises(InvalidEncoding, match=f"expected kun.{kind} 1, got 'kun.{kind}' 2"):
        decode(changed(plain, 1, 2))


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (4, DIGEST[:31], "submission digest"),
        (5, 4096, "call index"),
        (6, "X" * 33, "organisation id"),
        (7, bytes(19), "key id"),
        (8, "x" * 33, "contract"),
        (11, (b"\x02", b"\x01"), "index keys"),
        (11, (b"\x01", b"\x01"), "index keys"),
        (11, tuple(bytes([one]) for one in range(13)), "index keys"),
        (11, (bytes(65),), "index key"),
        (12, b"", "body digest"),
    ],
)
def test_an_entry_out_of_bounds_is_refused_by_field(at: int, value: Plain, what: str) -> None:
    with pytest.raises(InvalidEncoding) as caught:
        decode_entry(changed(ENTRY.plain, at, value))

    assert caught.value.what == what


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (2, DIGEST + b"\x00", "submission digest"),
        (3, 9, "refused receipt"),
        (5, ((0, ()),) * 4097, "receipt calls"),
        (5, ((0, (1,) * 17),), "call details"),
        (5, ((0,),), "call receipt"),
    ],
)
def test_a_receipt_out_of_bounds_is_refused_by_field(at: int, value: Plain, what: str) -> None:
    with pytest.raises(InvalidEncoding) as caught:
        decode_receipt(changed(RECEIPT.plain, at, value))

    assert caught.value.what == what


@pytest.mark.parametrize(
    ("signatures", "what"),
    [
        (((1, bytes(64)), (0, bytes(64))), "certificate signers"),
        (((1, bytes(64)), (1, bytes(64))), "certificate signers"),
        (((1, bytes(63)),), "signature"),
        (((1,),), "certificate signature"),
        (tuple((one, bytes(64)) for one in range(65)), "certificate signatures"),
    ],
)
def test_signatures_of_a_certificate_out_of_order_or_bounds_are_refused(
    signatures: Plain, what: str
) -> None:
    with pytest.raises(InvalidEncoding) as caught:
        decode_certificate(changed(CERTIFICATE.plain, 3, signatures))

    assert caught.value.what == what


def test_roots_of_a_header_that_are_not_seven_digests_are_refused() -> None:
    head = encode_head(HEAD)

    with pytest.raises(InvalidEncoding, match="header roots"):
        header_from_parts(head, REST.roots[:6])
    with pytest.raises(InvalidEncoding, match="header root:"):
        header_from_parts(head, (*REST.roots[:6], b"short"))


def test_the_header_digest_covers_every_field() -> None:
    maker = BlockMaker()
    h = maker.suite.digest
    others = [
        replace(HEADER, head=replace(HEAD, **{name: value}))  # type: ignore[arg-type]  # by name
        for name, value in {
            "chain_id": bytes(32),
            "epoch": 1,
            "height": 6,
            "time_ms": 10,
            "parent_digest": bytes(32),
            "batch_digest": DIGEST,
            "log_size": 18,
            "index_size": 1,
            "index_rules": 2,
        }.items()
    ]
    others += [
        replace(HEADER, rest=replace(REST, **{name: DIGEST})) for name in Rest.__dataclass_fields__
    ]

    digests = {one.digest(h) for one in [HEADER, *others]}

    assert len(digests) == len(others) + 1 == 17


def test_what_could_not_be_decoded_again_is_not_built_either() -> None:
    with pytest.raises(InvariantBroken, match="index keys"):
        replace(ENTRY, index_keys=(b"\x02", b"\x01"))
    with pytest.raises(InvariantBroken, match="header roots"):
        replace(REST, log_root=b"")


def test_the_parts_of_a_call_are_found_in_the_batch_that_ordered_it() -> None:
    maker = BlockMaker()
    submissions = [maker.submission(calls=2), maker.submission(calls=3)]
    batch = encode(("kun.batch", 1, 0, tuple(one.encoded for one in submissions)))

    for index, submission in enumerate(submissions):
        for at, call in enumerate(submission.calls):
            expected = (call.action, call.public, call.private)
            assert call_of_submission(submission_of_batch(batch, index), at) == expected
    with pytest.raises(InvalidEncoding, match="submissions: expected an index below 2"):
        submission_of_batch(batch, 2)
    with pytest.raises(InvalidEncoding, match="calls: expected an index below 2"):
        call_of_submission(submissions[0].encoded, 2)
