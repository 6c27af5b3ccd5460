"""Evidence of records, receipts and state items, checked and turned into facts.

Each function takes the parsed JSON object and a `Trust`, and returns what is proven; every
failed check raises `InvalidEvidence` that names the check (docs/wire-format.md §11). Facts hold
only what was verified: positions and counts that merely lead through a tree are not repeated.
Unknown or missing names are refused, so each byte of accepted evidence is accounted for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainnode.codec import InvalidEncoding
from chainnode.ledger.bucket_map import ROW_BYTES, ROWS_MAX, MapProof
from chainnode.ledger.codec import decode_entry, decode_receipt
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.proofs import verify_receipt, verify_record, verify_state_item
from chainnode.ledger.types import Entry, Receipt
from chainnode.submission import Call, SubmissionHeader
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import ForeignEvidence, InvalidEvidence, UnreadableEvidence
from chainnode.verify.forms import EVIDENCE_FORMAT, EVIDENCE_VERSION
from chainnode.verify.header import CertifiedHeader, refused, require_equal
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_base64,
    as_constant,
    as_fields,
    as_hex,
    as_integer,
    as_text,
    read_object,
    shown,
)
from chainnode.verify.trust import Trust

ENVELOPE = (
    "format",
    "version",
    "kind",
    "chain_id",
    "suite",
    "header",
    "certificate",
    "epochs",
)
RECORD_NAMES = ("position", "entry", "path", "body")
# A tree of 2^53 leaves is 53 levels deep.
_PATH_MAX = 53
ENTRY_BYTES_MAX = 2048
_RECEIPT_BYTES_MAX = 1024 * 1024
_BODY_PART_BYTES_MAX = 4096
_TEXT_CHARACTERS_MAX = 32
# A certificate query needs five; other questions about the state stay small as well.
STATE_ITEMS_MAX = 64
# So many are asked for at once, in so many hexadecimal characters with commas: their proofs are
# made one after the other, between which a node does nothing else.
STATE_KEYS_MAX = 16
STATE_KEYS_CHARACTERS_MAX = 8 * 1024
STATE_KEY_BYTES_MAX = 1024
_VALUE_BYTES_MAX = 8192
_LEVELS_MAX = 12
_SIBLINGS_BYTES = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """This entry stands at this position of the log; `call` is what it recorded, when shown.

    `author` is the submission with the sender's signature over the call, when that is shown.
    """

    header: CertifiedHeader
    position: int
    entry: Entry
    call: Call | None = field(repr=False)
    author: SubmissionHeader | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """This receipt was given in the block of this header."""

    header: CertifiedHeader
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    """Under this header each of these keys has this value, or is absent (None)."""

    header: CertifiedHeader
    values: Mapping[bytes, bytes | None] = field(repr=False)


def load_evidence(data: bytes) -> JsonObject:
    """Read an evidence file; nothing is checked but that it is bounded, strict JSON.

    Raises:
        UnreadableEvidence: it is not.

    """
    return read_object(data)


def verify_record_evidence(evidence: JsonValue, trust: Trust) -> RecordFacts:
    """Check `kind: "record"`."""
    names = (*RECORD_NAMES, "block_path")
    fields, header = open_envelope(evidence, trust, kind="record", names=names)
    as_array(fields["block_path"], "block_path", size_max=0)
    return verify_record_item({name: fields[name] for name in RECORD_NAMES}, header, trust)


def verify_record_item(item: JsonValue, header: CertifiedHeader, trust: Trust) -> RecordFacts:
    """Check one log entry under a header that is verified already (items of an audit answer)."""
    fields = as_fields(item, "record", RECORD_NAMES)
    position = as_integer(fields["position"], "position")
    data = as_base64(fields["entry"], "entry", bytes_max=ENTRY_BYTES_MAX)
    entry = read_entry(data)
    try:
        verify_record(
            trust.suite.digest,
            header=header.header,
            entry=data,
            position=position,
            path=read_path(fields["path"]),
        )
    except InvalidProof as error:
        raise refused("record", error) from error
    call = read_body(fields["body"], entry, trust)
    return RecordFacts(header=header, position=position, entry=entry, call=call)


def verify_receipt_evidence(evidence: JsonValue, trust: Trust) -> ReceiptFacts:
    """Check `kind: "receipt"`."""
    names = ("receipt", "index", "count", "path")
    fields, header = open_envelope(evidence, trust, kind="receipt", names=names)
    data = as_base64(fields["receipt"], "receipt", bytes_max=_RECEIPT_BYTES_MAX)
    try:
        receipt = decode_receipt(data)
    except InvalidEncoding as error:
        raise unreadable("receipt", error) from error
    try:
        verify_receipt(
            trust.suite.digest,
            header=header.header,
            receipt=data,
            index=as_integer(fields["index"], "index"),
            count=as_integer(fields["count"], "count"),
            path=read_path(fields["path"]),
        )
    except InvalidProof as error:
        raise refused("receipt", error) from error
    return ReceiptFacts(header=header, receipt=receipt)


def verify_state_evidence(evidence: JsonValue, trust: Trust, *, kind: str = "state") -> StateFacts:
    """Check the state items of `kind: "state"`, or of the certificate evidence around them."""
    names = ("items",) if kind == "state" else ("items", "query", "history")
    fields, header = open_envelope(evidence, trust, kind=kind, names=names)
    values: dict[bytes, bytes | None] = {}
    for item in as_array(fields["items"], "items", size_max=STATE_ITEMS_MAX):
        key, value = _state_item(item, header, trust)
        if key in values:
            raise InvalidEvidence(check="items", expected="distinct keys", actual="a key twice")
        values[key] = value
    return StateFacts(header=header, values=values)


def open_envelope(
    evidence: JsonValue,
    trust: Trust,
    *,
    kind: str,
    names: tuple[str, ...],
    version: int = EVIDENCE_VERSION,
) -> tuple[JsonObject, CertifiedHeader]:
    """Check what every kind under a header has in common; return its fields and the header."""
    fields = open_form(evidence, trust, kind=kind, names=(*ENVELOPE, *names), version=version)
    return fields, verify_placed_header(fields, trust)


def open_form(
    evidence: JsonValue,
    trust: Trust,
    *,
    kind: str,
    names: tuple[str, ...],
    version: int = EVIDENCE_VERSION,
) -> JsonObject:
    """Check format, kind, chain and suite, which stand in all evidence; return its fields."""
    fields = as_fields(evidence, "evidence", names)
    as_constant(fields["format"], "format", EVIDENCE_FORMAT)
    as_constant(fields["version"], "version", version)
    as_constant(fields["kind"], "kind", kind)
    chain_id = as_hex(fields["chain_id"], "chain_id", size=32)
    if chain_id != trust.chain_id:
        raise ForeignEvidence(
            check="chain", expected=f"chain {trust.chain_id.hex()}", actual=chain_id.hex()
        )
    suite = as_text(fields["suite"], "suite", characters_max=16)
    if suite != trust.suite.name:
        raise InvalidEvidence(check="suite", expected=trust.suite.name, actual=shown(suite))
    return fields


def unreadable(check: str, error: InvalidEncoding) -> UnreadableEvidence:
    """Name the check at which canonical decoding failed."""
    return UnreadableEvidence(
        check=check, expected=f"{error.what} {error.expected}", actual=error.actual
    )


def read_entry(data: bytes) -> Entry:
    """Decode a log entry."""
    try:
        return decode_entry(data)
    except InvalidEncoding as error:
        raise unreadable("entry", error) from error


def read_path(value: JsonValue) -> tuple[bytes, ...]:
    """Read the nodes of a path; how many there must be is for the proof to say."""
    hashes = as_array(value, "path", size_max=_PATH_MAX)
    return tuple(as_hex(one, "path", size=32) for one in hashes)


def read_body(value: JsonValue, entry: Entry, trust: Trust) -> Call | None:
    """Read the body of an entry, which may be withheld (None), and check it."""
    parts = as_array(value, "body", size_max=3)
    if not parts:
        return None
    action, public, private = as_array(parts, "body", size_max=3, size=3)
    call = Call(
        action=as_text(action, "action", characters_max=_TEXT_CHARACTERS_MAX),
        public=as_base64(public, "public", bytes_max=_BODY_PART_BYTES_MAX),
        private=as_base64(private, "private", bytes_max=_BODY_PART_BYTES_MAX),
    )
    require_equal("body", entry.body_digest, call.body_digest(trust.suite))
    if entry.is_ledgers_own and call.private:
        raise InvalidEvidence(
            check="body",
            expected="no private part in a record of the ledger itself",
            actual=f"{len(call.private)} bytes",
        )
    return call


def _state_item(
    item: JsonValue, header: CertifiedHeader, trust: Trust
) -> tuple[bytes, bytes | None]:
    fields = as_fields(item, "item", ("key", "value", "rows", "siblings"))
    key = as_base64(fields["key"], "key", bytes_max=STATE_KEY_BYTES_MAX)
    value = None
    if fields["value"] is not None:
        value = as_base64(fields["value"], "value", bytes_max=_VALUE_BYTES_MAX)
    siblings = as_array(fields["siblings"], "siblings", size_max=_LEVELS_MAX)
    proof = MapProof(
        rows=as_base64(fields["rows"], "rows", bytes_max=ROWS_MAX * ROW_BYTES),
        siblings=tuple(
            as_base64(one, "siblings", bytes_max=_SIBLINGS_BYTES, size=_SIBLINGS_BYTES)
            for one in siblings
        ),
    )
    try:
        verify_state_item(
            trust.suite.digest,
            header=header.header,
            bits=trust.parameters.state_map_bits,
            key=key,
            value=value,
            proof=proof,
        )
    except InvalidProof as error:
        raise refused("state", error) from error
    return key, value
