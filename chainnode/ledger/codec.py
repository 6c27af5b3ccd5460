"""Bytes of what the ledger keeps: entries, receipts, heads, headers, certificates.

docs/wire-format.md §6 and §7. Decoders take anything and refuse all but the one encoding of a
legal value, naming what was expected and what came.
"""

from collections.abc import Sequence
from itertools import pairwise

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    decode_part,
    encode,
)
from chainnode.ledger.merkle import DIGEST_BYTES
from chainnode.ledger.types import (
    CALLS_MAX,
    DETAILS_MAX,
    ENTRY_TAG,
    FORMAT_VERSION,
    HEAD_TAG,
    INDEX_KEY_BYTES_MAX,
    INDEX_KEYS_MAX,
    KEY_ID_BYTES,
    MEMBERS_MAX,
    NAME_CHARACTERS_MAX,
    OWN_RECORDS_MAX,
    RECEIPT_TAG,
    SIGNATURE_BYTES,
    CallReceipt,
    Certificate,
    Entry,
    Head,
    Header,
    OwnBody,
    Receipt,
    Rest,
)

_ENTRY_FIELDS = 13
_RECEIPT_FIELDS = 6
_HEAD_FIELDS = 11
_REST_ROOTS = 7
_CERTIFICATE_FIELDS = 4
_BATCH_FIELDS = 4
_SUBMISSION_FIELDS = 10
_CALL_FIELDS = 3
# Ten index keys of 64 bytes, names of 32 four-byte characters and the fixed fields: under 1.2 KB.
_ENTRY_LIMITS = Limits(bytes_max=2048, depth_max=2, elements_max=32)
# 4096 calls with 16 numbers each.
_RECEIPT_LIMITS = Limits(bytes_max=1024 * 1024, depth_max=4, elements_max=131_072)
_HEAD_LIMITS = Limits(bytes_max=512, depth_max=1, elements_max=16)
_HEADER_LIMITS = Limits(bytes_max=1024, depth_max=2, elements_max=16)
_CERTIFICATE_LIMITS = Limits(bytes_max=8192, depth_max=3, elements_max=256)
# What is stored was within the limits of genesis when it was ordered; these only bound memory.
_BATCH_LIMITS = Limits(bytes_max=4 * 1024 * 1024, depth_max=2, elements_max=65_536)
_SUBMISSION_LIMITS = Limits(bytes_max=4 * 1024 * 1024, depth_max=3, elements_max=65_536)
# Where in a batch its submissions stand, and in a submission its calls.
_SUBMISSIONS_AT, _CALLS_AT = 3, 8
_RECEIPTS_LIMITS = Limits(bytes_max=64 * 1024 * 1024, depth_max=1, elements_max=65_536)
_OWN_BODIES_LIMITS = Limits(
    bytes_max=64 * 1024 * 1024, depth_max=2, elements_max=3 * OWN_RECORDS_MAX + 1
)


def encode_entry(entry: Entry) -> bytes:
    """Return the log leaf of an accepted call."""
    return encode(entry.plain)


def decode_entry(data: bytes) -> Entry:
    """Read a log leaf.

    Raises:
        InvalidEncoding: not the encoding of a legal entry.

    """
    wire = as_array(decode(data, _ENTRY_LIMITS), size=_ENTRY_FIELDS, what="entry")
    _require_tag(wire, tag=ENTRY_TAG)
    keys = tuple(
        as_bytes(key, "index key", maximum=INDEX_KEY_BYTES_MAX)
        for key in as_array(wire[11], None, "index keys", maximum=INDEX_KEYS_MAX)
    )
    if any(left >= right for left, right in pairwise(keys)):
        raise InvalidEncoding(
            what="index keys", expected="ascending and distinct", actual="another order"
        )
    entry = Entry(
        height=as_int(wire[2], "entry height"),
        time_ms=as_int(wire[3], "entry time"),
        submission_digest=as_bytes(wire[4], "submission digest", size=DIGEST_BYTES),
        call_index=as_int(wire[5], "call index", maximum=OWN_RECORDS_MAX - 1),
        organisation=as_text(wire[6], "organisation id", maximum=NAME_CHARACTERS_MAX),
        key_id=as_bytes(wire[7], "key id", size=KEY_ID_BYTES),
        contract=as_text(wire[8], "contract", maximum=NAME_CHARACTERS_MAX),
        contract_version=as_int(wire[9], "contract version"),
        outcome=as_int(wire[10], "outcome"),
        index_keys=keys,
        body_digest=as_bytes(wire[12], "body digest", size=DIGEST_BYTES),
    )
    require_one_form(entry)
    return entry


def require_one_form(entry: Entry) -> None:
    """Refuse what is half a sender's record and half one of the ledger itself (§14).

    Raises:
        InvalidEncoding: submission, sender and key do not agree, or the index is too high.

    """
    if not entry.has_one_form:
        raise InvalidEncoding(
            what="entry",
            expected="a sender's record or the ledger's own",
            actual="parts of both",
        )
    count = OWN_RECORDS_MAX if entry.is_ledgers_own else CALLS_MAX
    if entry.call_index >= count:
        raise InvalidEncoding(
            what="call index", expected=f"below {count}", actual=f"{entry.call_index}"
        )


def encode_receipt(receipt: Receipt) -> bytes:
    """Return the receipts-tree leaf of a submission."""
    return encode(receipt.plain)


def decode_receipt(data: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        InvalidEncoding: not the encoding of a legal receipt.

    """
    wire = as_array(decode(data, _RECEIPT_LIMITS), size=_RECEIPT_FIELDS, what="receipt")
    _require_tag(wire, tag=RECEIPT_TAG)
    receipt = Receipt(
        submission_digest=as_bytes(wire[2], "submission digest", size=DIGEST_BYTES),
        code=as_int(wire[3], "receipt code"),
        first_position=as_int(wire[4], "first position"),
        calls=tuple(
            _call_receipt(call)
            for call in as_array(wire[5], None, "receipt calls", maximum=CALLS_MAX)
        ),
    )
    if not receipt.is_executed and (receipt.calls or receipt.first_position):
        raise InvalidEncoding(
            what="refused receipt",
            expected="no calls and first position 0",
            actual=f"{len(receipt.calls)} calls and {receipt.first_position}",
        )
    return receipt


def encode_head(head: Head) -> bytes:
    """Return the bytes of a head, as evidence shows it."""
    return encode(head.plain)


def decode_head(data: bytes) -> Head:
    """Read a head.

    Raises:
        InvalidEncoding: not the encoding of a legal head.

    """
    wire = as_array(decode(data, _HEAD_LIMITS), size=_HEAD_FIELDS, what="head")
    _require_tag(wire, tag=HEAD_TAG)
    return Head(
        chain_id=as_bytes(wire[2], "chain id", size=DIGEST_BYTES),
        epoch=as_int(wire[3], "epoch"),
        height=as_int(wire[4], "height"),
        time_ms=as_int(wire[5], "header time"),
        parent_digest=as_bytes(wire[6], "parent digest", size=DIGEST_BYTES),
        batch_digest=as_bytes(wire[7], "batch digest", size=DIGEST_BYTES),
        log_size=as_int(wire[8], "log size"),
        index_size=as_int(wire[9], "index size"),
        index_rules=as_int(wire[10], "index rules"),
    )


def header_from_parts(head: bytes, rest: Sequence[bytes]) -> Header:
    """Build a header from what evidence shows of it: encoded head and seven roots.

    Raises:
        InvalidEncoding: not a legal head, or not seven digests.

    """
    return Header(head=decode_head(head), rest=_rest(tuple(rest)))


def encode_header(header: Header) -> bytes:
    """Return `[enc(head), roots]`: the form for storage and between nodes, never hashed."""
    return encode((encode_head(header.head), header.rest.roots))


def decode_header(data: bytes) -> Header:
    """Read what `encode_header` wrote.

    Raises:
        InvalidEncoding: anything else.

    """
    head, rest = as_array(decode(data, _HEADER_LIMITS), size=2, what="header")
    return Header(head=decode_head(as_bytes(head, "head")), rest=_rest(rest))


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the bytes of a certificate."""
    return encode(certificate.plain)


def decode_certificate(data: bytes) -> Certificate:
    """Read a certificate; how many signed, and whether they may, is for `verify_certificate`.

    Raises:
        InvalidEncoding: malformed, or signers not ascending.

    """
    wire = as_array(decode(data, _CERTIFICATE_LIMITS), size=_CERTIFICATE_FIELDS, what="certificate")
    signatures = tuple(
        _signature(row)
        for row in as_array(wire[3], None, "certificate signatures", maximum=MEMBERS_MAX)
    )
    if any(left[0] >= right[0] for left, right in pairwise(signatures)):
        raise InvalidEncoding(
            what="certificate signers", expected="ascending and distinct", actual="another order"
        )
    return Certificate(
        epoch=as_int(wire[0], "certificate epoch"),
        height=as_int(wire[1], "certificate height"),
        header_digest=as_bytes(wire[2], "header digest", size=DIGEST_BYTES),
        signatures=signatures,
    )


def encode_receipts(receipts: Sequence[bytes]) -> bytes:
    """Join the encoded receipts of a block: the form for storage, never hashed."""
    return encode(tuple(receipts))


def decode_receipts(data: bytes) -> tuple[bytes, ...]:
    """Read what `encode_receipts` wrote.

    Raises:
        InvalidEncoding: anything else.

    """
    rows = as_array(decode(data, _RECEIPTS_LIMITS), None, "receipts")
    return tuple(as_bytes(row, "receipt") for row in rows)


def encode_own_bodies(bodies: Sequence[OwnBody]) -> bytes:
    """Join the bodies of a block's records of the ledger itself: for storage, never hashed."""
    return encode(tuple((one.action, one.public) for one in bodies))


def decode_own_bodies(data: bytes) -> tuple[OwnBody, ...]:
    """Read what `encode_own_bodies` wrote.

    Raises:
        InvalidEncoding: anything else.

    """
    return tuple(map(_own_body, as_array(decode(data, _OWN_BODIES_LIMITS), None, "own bodies")))


def decode_own_body(data: bytes, index: int) -> OwnBody:
    """Read one of what `encode_own_bodies` wrote.

    Raises:
        InvalidEncoding: there is none with this index.

    """
    return _own_body(decode_part(data, index, what="own bodies"))


def _own_body(row: Plain) -> OwnBody:
    action, public = as_array(row, 2, "own body")
    return OwnBody(
        action=as_text(action, "action", maximum=NAME_CHARACTERS_MAX),
        public=as_bytes(public, "public part"),
    )


def call_of_submission(blob: bytes, call: int) -> tuple[str, bytes, bytes]:
    """Read (action, public, private) of one call out of a submission that was executed here.

    Raises:
        InvalidEncoding: there is no such call.

    """
    return _call(decode_part(blob, _CALLS_AT, call, what="calls"))


def calls_of_submission(blob: bytes) -> tuple[Plain, ...]:
    """Return the calls of a submission that was executed here, each as `public_of` reads it."""
    fields = as_array(decode(blob, _SUBMISSION_LIMITS), size=_SUBMISSION_FIELDS, what="submission")
    return as_array(fields[_CALLS_AT], None, "calls")


def public_of(calls: tuple[Plain, ...], index: int) -> bytes:
    """Return the public part of one of the calls of a submission."""
    return _call(_element(calls, index, "calls"))[1]


def _call(value: Plain) -> tuple[str, bytes, bytes]:
    action, public, private = as_array(value, _CALL_FIELDS, "call")
    return (
        as_text(action, "action", maximum=NAME_CHARACTERS_MAX),
        as_bytes(public, "public part"),
        as_bytes(private, "private part"),
    )


def submissions_of_batch(batch: bytes) -> tuple[bytes, ...]:
    """Return all submissions, as they were sent, of a batch that was executed here."""
    if not batch:
        return ()
    wire = as_array(decode(batch, _BATCH_LIMITS), size=_BATCH_FIELDS, what="batch")
    blobs = as_array(wire[_SUBMISSIONS_AT], None, "submissions")
    return tuple(as_bytes(one, "submission") for one in blobs)


def submission_of_batch(batch: bytes, index: int) -> bytes:
    """Return one submission, as it was sent, out of a batch that was executed here.

    Raises:
        InvalidEncoding: there is no such submission.

    """
    return as_bytes(decode_part(batch, _SUBMISSIONS_AT, index, what="submissions"), "submission")


def _element(value: Plain, index: int, what: str) -> Plain:
    elements = as_array(value, None, what)
    if not 0 <= index < len(elements):
        raise InvalidEncoding(
            what=what, expected=f"an index below {len(elements)}", actual=f"{index}"
        )
    return elements[index]


def _require_tag(wire: tuple[Plain, ...], *, tag: str) -> None:
    if wire[:2] != (tag, FORMAT_VERSION):
        raise InvalidEncoding(
            what="tag and version",
            expected=f"{tag} {FORMAT_VERSION}",
            actual=f"{wire[0]!r:.40} {wire[1]!r:.40}",
        )


def _call_receipt(value: Plain) -> CallReceipt:
    code, details = as_array(value, 2, "call receipt")
    return CallReceipt(
        code=as_int(code, "call code"),
        details=tuple(
            as_int(one, "call detail")
            for one in as_array(details, None, "call details", maximum=DETAILS_MAX)
        ),
    )


def _rest(value: Plain) -> Rest:
    roots = [
        as_bytes(one, "header root", size=DIGEST_BYTES)
        for one in as_array(value, _REST_ROOTS, "header roots")
    ]
    return Rest(
        log_root=roots[0],
        records_root=roots[1],
        index_root=roots[2],
        state_root=roots[3],
        receipts_root=roots[4],
        members_digest=roots[5],
        next_members_digest=roots[6],
    )


def _signature(value: Plain) -> tuple[int, bytes]:
    replica_id, signature = as_array(value, 2, "certificate signature")
    return (
        as_int(replica_id, "replica id"),
        as_bytes(signature, "signature", size=SIGNATURE_BYTES),
    )
