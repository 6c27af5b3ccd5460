"""The compact record proof and the reference as values and as bytes (docs/wire-format.md §13).

Decoding is bounded and refuses all but the one encoding of a legal value. Whether a proof
proves anything is for `compact`; nothing here knows a suite, a chain or its members.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from chainnode.codec import (
    INTEGER_MAX,
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.ledger.merkle import DIGEST_BYTES
from chainnode.ledger.types import (
    CALLS_MAX,
    INDEX_KEY_BYTES_MAX,
    INDEX_KEYS_MAX,
    KEY_ID_BYTES,
    NAME_CHARACTERS_MAX,
    SIGNATURE_BYTES,
)
from chainnode.verify.claims import CertificateClaim, claim_plain, read_claim
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.qr_text import PAYLOAD_BYTES_MAX

PROOF_TAG = "kun.qr"
REFERENCE_TAG = "kun.qrref"
FORMAT_VERSION = 1
# Above either of them a reference stands in for the proof (docs/wire-format.md §13).
PROOF_BYTES_MAX = 1200
PROOF_MEMBERS_MAX = 10
# The path of leaf 1 among the seven of `rest`, and the other half of the header.
REST_NODES = 3
HEADER_NODES = REST_NODES + 1

_WITHHELD = 0
_CHAIN_MARK_BYTES = 2
_LIMITS = Limits(bytes_max=PAYLOAD_BYTES_MAX, depth_max=3, elements_max=64)
# A tree of 2^53 leaves is 53 levels deep; one of 4,096 calls twelve.
_BLOCK_NODES_MAX = 53
_CALL_NODES_MAX = 12
_PUBLIC_KEY_BYTES_MAX = 33
_PROOF_FIELDS = _REFERENCE_FIELDS = 7
_SOLE_CALL_FIELDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldRecord:
    """The fields of an entry whose call is not shown."""

    organisation: str
    contract: str
    contract_version: int
    outcome: int
    index_keys: tuple[bytes, ...]
    body_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SoleCall:
    """The submission of a single call: it is rebuilt, so its digest need not travel."""

    public_key: bytes
    nonce: int
    validity_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAmongOthers:
    """A call of a submission that has more than one."""

    submission_digest: bytes
    key_id: bytes
    call_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactProof:
    """One log entry, its way to a header digest, and who signed that.

    `path` leads from the entry up, lowest sibling first; bit i of `sides` tells that sibling i
    of those within the block stands left. `signers` ascend, `signatures` are theirs.
    """

    chain_mark: int
    record: CertificateClaim | WithheldRecord
    origin: SoleCall | CallAmongOthers
    time_ms: int
    sides: int
    path: tuple[bytes, ...] = field(repr=False)
    epoch: int
    height: int
    signers: tuple[int, ...]
    signatures: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactReference:
    """What was asked for, under the issuer's signature; that it was done is to be fetched."""

    chain_mark: int
    claim: CertificateClaim
    public_key: bytes
    nonce: int
    valid_until_ms: int
    call_count: int
    call_index: int
    path: tuple[bytes, ...] = field(repr=False)
    height: int
    signature: bytes = field(repr=False)


def chain_mark_of(chain_id: bytes) -> int:
    """Return the hint that tells another chain from a forgery."""
    return int.from_bytes(chain_id[:_CHAIN_MARK_BYTES])


def claim_in(compact: CompactProof | CompactReference) -> CertificateClaim | None:
    """Return the certificate that it speaks of, unchecked; None: the content is withheld."""
    record = compact.claim if isinstance(compact, CompactReference) else compact.record
    return record if isinstance(record, CertificateClaim) else None


def encode_compact(compact: CompactProof | CompactReference) -> bytes:
    """Return the bytes of a proof or a reference."""
    match compact:
        case CompactProof():
            return encode(_proof_plain(compact))
        case CompactReference():
            return encode(_reference_plain(compact))
        case _:
            assert_never(compact)


def decode_compact(data: bytes) -> CompactProof | CompactReference:
    """Read a proof or a reference.

    Raises:
        UnreadableEvidence: not the encoding of a legal one.

    """
    try:
        wire = as_array(decode(data, _LIMITS), None, "compact proof", maximum=_PROOF_FIELDS)
        if wire[:2] == (PROOF_TAG, FORMAT_VERSION):
            return _read_proof(as_array(wire, _PROOF_FIELDS, "compact proof"))
        if wire[:2] == (REFERENCE_TAG, FORMAT_VERSION):
            return _read_reference(as_array(wire, _REFERENCE_FIELDS, "compact reference"))
    except InvalidEncoding as error:
        raise UnreadableEvidence(
            check="compact", expected=f"{error.what} {error.expected}", actual=error.actual
        ) from error
    raise UnreadableEvidence(
        check="compact",
        expected=f"{PROOF_TAG} or {REFERENCE_TAG}, version {FORMAT_VERSION}",
        actual="another tag or version",
    )


def _proof_plain(proof: CompactProof) -> Plain:
    signers = sum(1 << replica for replica in proof.signers)
    return (
        PROOF_TAG,
        FORMAT_VERSION,
        proof.chain_mark,
        _record_plain(proof.record),
        _origin_plain(proof.origin),
        (proof.time_ms, proof.sides, b"".join(proof.path)),
        (proof.epoch, proof.height, signers, b"".join(proof.signatures)),
    )


def _reference_plain(reference: CompactReference) -> Plain:
    return (
        REFERENCE_TAG,
        FORMAT_VERSION,
        reference.chain_mark,
        claim_plain(reference.claim),
        (
            reference.public_key,
            reference.nonce,
            reference.valid_until_ms,
            reference.call_count,
            reference.call_index,
            b"".join(reference.path),
        ),
        reference.height,
        reference.signature,
    )


def _record_plain(record: CertificateClaim | WithheldRecord) -> Plain:
    if isinstance(record, CertificateClaim):
        return claim_plain(record)
    return (
        _WITHHELD,
        record.organisation,
        record.contract,
        record.contract_version,
        record.outcome,
        record.index_keys,
        record.body_digest,
    )


def _origin_plain(origin: SoleCall | CallAmongOthers) -> Plain:
    if isinstance(origin, SoleCall):
        return (origin.public_key, origin.nonce, origin.validity_ms)
    return (origin.submission_digest + origin.key_id, origin.call_index)


def _read_proof(wire: tuple[Plain, ...]) -> CompactProof:
    _, _, mark, record, origin, place, seal = wire
    time_ms, sides, path = as_array(place, 3, "place")
    epoch, height, signers, signatures = as_array(seal, 4, "seal")
    replicas = _signers(as_int(signers, "signers"))
    nodes = _split(path, DIGEST_BYTES, "path", maximum=_BLOCK_NODES_MAX + HEADER_NODES)
    if len(nodes) < HEADER_NODES:
        raise InvalidEncoding(
            what="path", expected=f"at least {HEADER_NODES} digests", actual=f"{len(nodes)}"
        )
    time_ms = as_int(time_ms, "time")
    return CompactProof(
        chain_mark=_chain_mark(mark),
        record=_read_record(record),
        origin=_read_origin(origin, time_ms),
        time_ms=time_ms,
        sides=as_int(sides, "sides", maximum=(1 << len(nodes) - HEADER_NODES) - 1),
        path=nodes,
        epoch=as_int(epoch, "epoch"),
        height=as_int(height, "height"),
        signers=replicas,
        signatures=_split(signatures, SIGNATURE_BYTES, "signatures", count=len(replicas)),
    )


def _read_reference(wire: tuple[Plain, ...]) -> CompactReference:
    _, _, mark, record, origin, height, signature = wire
    public_key, nonce, valid_until_ms, count, index, path = as_array(origin, 6, "origin")
    return CompactReference(
        chain_mark=_chain_mark(mark),
        claim=read_claim(record),
        public_key=as_bytes(public_key, "public key", maximum=_PUBLIC_KEY_BYTES_MAX),
        nonce=as_int(nonce, "nonce"),
        valid_until_ms=as_int(valid_until_ms, "valid_until_ms"),
        call_count=as_int(count, "call count", maximum=CALLS_MAX),
        call_index=as_int(index, "call index", maximum=CALLS_MAX - 1),
        path=_split(path, DIGEST_BYTES, "path", maximum=_CALL_NODES_MAX),
        height=as_int(height, "height"),
        signature=as_bytes(signature, "signature", size=SIGNATURE_BYTES),
    )


def _read_record(value: Plain) -> CertificateClaim | WithheldRecord:
    fields = as_array(value, None, "record")
    if fields[:1] != (_WITHHELD,):
        return read_claim(value)
    _, organisation, contract, version, outcome, keys, body_digest = as_array(value, 7, "record")
    index_keys = tuple(
        as_bytes(key, "index key", maximum=INDEX_KEY_BYTES_MAX)
        for key in as_array(keys, None, "index keys", maximum=INDEX_KEYS_MAX)
    )
    if any(left >= right for left, right in pairwise(index_keys)):
        raise InvalidEncoding(
            what="index keys", expected="ascending and distinct", actual="another order"
        )
    return WithheldRecord(
        organisation=as_text(organisation, "organisation id", maximum=NAME_CHARACTERS_MAX),
        contract=as_text(contract, "contract", maximum=NAME_CHARACTERS_MAX),
        contract_version=as_int(version, "contract version"),
        outcome=as_int(outcome, "outcome"),
        index_keys=index_keys,
        body_digest=as_bytes(body_digest, "body digest", size=DIGEST_BYTES),
    )


def _read_origin(value: Plain, time_ms: int) -> SoleCall | CallAmongOthers:
    fields = as_array(value, None, "origin")
    if len(fields) == _SOLE_CALL_FIELDS:
        public_key, nonce, validity_ms = fields
        return SoleCall(
            public_key=as_bytes(public_key, "public key", maximum=_PUBLIC_KEY_BYTES_MAX),
            nonce=as_int(nonce, "nonce"),
            validity_ms=as_int(validity_ms, "validity", maximum=INTEGER_MAX - time_ms),
        )
    names, index = as_array(value, 2, "origin")
    digests = as_bytes(names, "submission digest and key id", size=DIGEST_BYTES + KEY_ID_BYTES)
    return CallAmongOthers(
        submission_digest=digests[:DIGEST_BYTES],
        key_id=digests[DIGEST_BYTES:],
        call_index=as_int(index, "call index", maximum=CALLS_MAX - 1),
    )


def _chain_mark(value: Plain) -> int:
    return as_int(value, "chain mark", maximum=(1 << 8 * _CHAIN_MARK_BYTES) - 1)


def _signers(bits: int) -> tuple[int, ...]:
    return tuple(replica for replica in range(bits.bit_length()) if bits >> replica & 1)


def _split(
    value: Plain, size: int, what: str, *, count: int | None = None, maximum: int | None = None
) -> tuple[bytes, ...]:
    """Cut joined byte strings of one size apart: `count` of them, or at most `maximum`."""
    exact = None if count is None else count * size
    data = as_bytes(value, what, exact, None if maximum is None else maximum * size)
    if len(data) % size:
        raise InvalidEncoding(
            what=what, expected=f"a multiple of {size} bytes", actual=f"{len(data)}"
        )
    return tuple(data[at : at + size] for at in range(0, len(data), size))
