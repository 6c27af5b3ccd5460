"""Records in evidence of version 2: where the entry stands, and who signed what it records.

docs/wire-format.md §11. An entry stands in the log of a header, then its position is proven,
or among the entries of the header's own block, then that it is one of them is proven. The
submission that its sender signed binds the body: with it a record is the sender's own word,
not only what a quorum says it was.
"""

from dataclasses import dataclass, field

from chainnode.codec import InvalidEncoding
from chainnode.ledger.merkle import InvalidProof, hash_leaf, verify_inclusion
from chainnode.ledger.proofs import verify_record, verify_record_in_block
from chainnode.ledger.types import SIGNATURE_BYTES, Entry
from chainnode.submission import Call, SubmissionHeader, decode_submission_header, key_id
from chainnode.suites.port import InvalidKey, InvalidSignature
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import (
    ENTRY_BYTES_MAX,
    RecordFacts,
    open_envelope,
    read_body,
    read_entry,
    read_path,
    unreadable,
    verify_record_evidence,
)
from chainnode.verify.forms import EVIDENCE_VERSION_2
from chainnode.verify.header import CertifiedHeader, refused, require_equal
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_base64,
    as_fields,
    as_integer,
    as_object,
)
from chainnode.verify.trust import Trust

RECORD_NAMES = ("entry", "place", "body", "authorship")
_LOG_PLACE = ("position", "path")
_BLOCK_PLACE = ("index", "count", "path")
_HEADER_BYTES_MAX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecordFacts:
    """This entry is one of those of the block of this header; its position is not shown."""

    header: CertifiedHeader
    entry: Entry
    call: Call | None = field(repr=False)
    author: SubmissionHeader | None


def verify_any_record_evidence(evidence: JsonValue, trust: Trust) -> RecordFacts | BlockRecordFacts:
    """Check `kind: "record"` of either version."""
    if as_object(evidence, "evidence").get("version") != EVIDENCE_VERSION_2:
        return verify_record_evidence(evidence, trust)
    fields, header = open_envelope(
        evidence, trust, kind="record", names=RECORD_NAMES, version=EVIDENCE_VERSION_2
    )
    return verify_record_fields(fields, header, trust)


def verify_record_fields(
    fields: JsonObject, header: CertifiedHeader, trust: Trust
) -> RecordFacts | BlockRecordFacts:
    """Check the fields `RECORD_NAMES` of evidence whose header is verified already."""
    data = as_base64(fields["entry"], "entry", bytes_max=ENTRY_BYTES_MAX)
    entry = read_entry(data)
    position = _position(fields["place"], data, header, trust)
    call = read_body(fields["body"], entry, trust)
    author = _author(fields["authorship"], entry, trust)
    if position is None:
        return BlockRecordFacts(header=header, entry=entry, call=call, author=author)
    return RecordFacts(header=header, position=position, entry=entry, call=call, author=author)


def _position(value: JsonValue, entry: bytes, header: CertifiedHeader, trust: Trust) -> int | None:
    """Check where the entry stands; return its position in the log, None in the block form."""
    h = trust.suite.digest
    in_log = "position" in as_object(value, "place")
    place = as_fields(value, "place", _LOG_PLACE if in_log else _BLOCK_PLACE)
    path = read_path(place["path"])
    try:
        if in_log:
            position = as_integer(place["position"], "position")
            verify_record(h, header=header.header, entry=entry, position=position, path=path)
            return position
        verify_record_in_block(
            h,
            header=header.header,
            entry=entry,
            index=as_integer(place["index"], "index"),
            count=as_integer(place["count"], "count"),
            path=path,
        )
    except InvalidProof as error:
        raise refused("record", error) from error
    return None


def _author(value: JsonValue, entry: Entry, trust: Trust) -> SubmissionHeader | None:
    """Check the submission of an entry, when it is shown: it signs this call, by this key."""
    shown = as_array(value, "authorship", size_max=1)
    if not shown:
        return None
    if entry.is_ledgers_own:
        raise InvalidEvidence(
            check="authorship", expected="none: the ledger itself made it", actual="a sender's"
        )
    fields = as_fields(shown[0], "authorship", ("header", "path", "signature"))
    data = as_base64(fields["header"], "submission header", bytes_max=_HEADER_BYTES_MAX)
    try:
        header = decode_submission_header(data)
    except InvalidEncoding as error:
        raise unreadable("authorship", error) from error
    suite = trust.suite
    require_equal("authorship", entry.submission_digest, suite.digest(data))
    require_equal("authorship", trust.chain_id, header.chain_id)
    require_equal("authorship", entry.key_id, key_id(suite, header.public_key))
    _require_contract(entry, header)
    try:
        verify_inclusion(
            suite.digest,
            leaf_hash=hash_leaf(suite.digest, entry.body_digest),
            index=entry.call_index,
            size=header.call_count,
            path=read_path(fields["path"]),
            root=header.calls_root,
        )
    except InvalidProof as error:
        raise refused("authorship", error) from error
    _require_signature(fields, header, data, trust)
    return header


def _require_contract(entry: Entry, header: SubmissionHeader) -> None:
    said = (header.contract, header.contract_version)
    if said != (entry.contract, entry.contract_version):
        raise InvalidEvidence(
            check="authorship",
            expected=f"{entry.contract} {entry.contract_version}",
            actual=f"{header.contract} {header.contract_version}",
        )


def _require_signature(
    fields: JsonObject, header: SubmissionHeader, content: bytes, trust: Trust
) -> None:
    signature = as_base64(
        fields["signature"], "signature", bytes_max=SIGNATURE_BYTES, size=SIGNATURE_BYTES
    )
    try:
        trust.suite.verify(public_key=header.public_key, signature=signature, content=content)
    except (InvalidKey, InvalidSignature) as error:
        raise InvalidEvidence(
            check="authorship",
            expected="the sender's signature over the submission",
            actual="one that does not verify",
        ) from error
