"""What a compact record proof and a reference prove (docs/wire-format.md §13).

A proof: this entry is in the block of this height, which a quorum of the trusted members
signed. It says nothing of what came later: a certificate may have been revoked since. A
reference: the holder of a key asked for this certificate, and nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from chainnode.codec import InvalidEncoding
from chainnode.ledger.codec import encode_entry, require_one_form
from chainnode.ledger.merkle import (
    InvalidProof,
    hash_leaf,
    hash_node,
    inclusion_root,
)
from chainnode.ledger.proofs import quorum_of, verify_quorum, vote_keys
from chainnode.ledger.types import Entry, Member, checkpoint_content
from chainnode.submission import SubmissionHeader, body_digest, key_id
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from chainnode.verify.claims import CertificateClaim
from chainnode.verify.compact_form import (
    CallAmongOthers,
    CompactProof,
    CompactReference,
    SoleCall,
    WithheldRecord,
    chain_mark_of,
    decode_compact,
)
from chainnode.verify.errors import ForeignEvidence, InvalidEvidence, NoQuorum
from chainnode.verify.evidence import unreadable
from chainnode.verify.header import (
    refused,
    require_equal,
    require_within_epoch,
    trusted_members,
)
from chainnode.verify.trust import Trust
from contracts.index_rule import index_keys
from contracts.schemas import certificates

# `records root` is leaf 1 of the seven of `rest`: its first sibling stands left, no other does.
_REST_SIDES = 0b001


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactFacts:
    """This entry is in the block of this height; `claim` is what it put on the chain, if shown."""

    entry: Entry
    claim: CertificateClaim | None = field(repr=False)
    header_digest: bytes
    signers: tuple[int, ...]
    quorum: int

    @property
    def height(self) -> int:
        """Height of the block."""
        return self.entry.height

    @property
    def time_ms(self) -> int:
        """Ledger time of the block."""
        return self.entry.time_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFacts:
    """The holder of this key signed the call; that the chain accepted it is not proven.

    `height` is where the reference says that it was executed.
    """

    claim: CertificateClaim = field(repr=False)
    key_id: bytes
    submission_digest: bytes
    call_index: int
    height: int


def verify_compact(data: bytes, trust: Trust) -> CompactFacts | ReferenceFacts:
    """Check the bytes of a proof or a reference.

    Raises:
        UnreadableEvidence: they do not decode.
        ForeignEvidence: they belong to another chain.
        NoQuorum: too few signers.
        InvalidEvidence: any other check fails.

    """
    compact = decode_compact(data)
    if compact.chain_mark != chain_mark_of(trust.chain_id):
        raise ForeignEvidence(
            check="chain",
            expected=f"mark {chain_mark_of(trust.chain_id):04x} of chain {trust.chain_id.hex()}",
            actual=f"{compact.chain_mark:04x}",
        )
    match compact:
        case CompactProof():
            return _verify_proof(compact, trust)
        case CompactReference():
            return _verify_reference(compact, trust)
        case _:
            assert_never(compact)


def _verify_proof(proof: CompactProof, trust: Trust) -> CompactFacts:
    members = trusted_members(proof.epoch, trust)
    require_within_epoch(proof.epoch, proof.height, trust)
    quorum = _require_signers(proof, len(members))
    entry = _rebuilt_entry(proof, trust)
    digest = _header_digest(trust.suite, encode_entry(entry), proof)
    pinned = trust.checkpoint
    if proof.height == pinned.height and pinned.header_digest is not None:
        require_equal("checkpoint", pinned.header_digest, digest)
    _verify_signatures(proof, digest, members, trust)
    return CompactFacts(
        entry=entry,
        claim=proof.record if isinstance(proof.record, CertificateClaim) else None,
        header_digest=digest,
        signers=proof.signers,
        quorum=quorum,
    )


def _verify_reference(reference: CompactReference, trust: Trust) -> ReferenceFacts:
    suite = trust.suite
    try:
        root = inclusion_root(
            suite.digest,
            leaf_hash=hash_leaf(suite.digest, _claimed_body(reference.claim, suite)),
            index=reference.call_index,
            size=reference.call_count,
            path=reference.path,
        )
    except InvalidProof as error:
        raise refused("call", error) from error
    header = SubmissionHeader(
        chain_id=trust.chain_id,
        public_key=reference.public_key,
        nonce=reference.nonce,
        valid_until_ms=reference.valid_until_ms,
        contract=certificates.NAME,
        contract_version=certificates.VERSION,
        call_count=reference.call_count,
        calls_root=root,
    ).encoded
    _verify_sender(suite, reference, header)
    return ReferenceFacts(
        claim=reference.claim,
        key_id=key_id(suite, reference.public_key),
        submission_digest=suite.digest(header),
        call_index=reference.call_index,
        height=reference.height,
    )


def _require_signers(proof: CompactProof, size: int) -> int:
    """Require exactly a quorum of members; return how many that is."""
    quorum = quorum_of(size)
    expected = f"{quorum} of {size} members"
    if proof.signers and proof.signers[-1] >= size:
        raise InvalidEvidence(
            check="quorum", expected=expected, actual=f"replica {proof.signers[-1]}"
        )
    if len(proof.signers) < quorum:
        raise NoQuorum(check="quorum", expected=expected, actual=f"{len(proof.signers)}")
    if len(proof.signers) > quorum:
        raise InvalidEvidence(check="quorum", expected=expected, actual=f"{len(proof.signers)}")
    return quorum


def _rebuilt_entry(proof: CompactProof, trust: Trust) -> Entry:
    """Return the entry as the chain made it, its origin filled in."""
    suite = trust.suite
    record = proof.record
    if isinstance(record, CertificateClaim):
        record = _withheld(record, suite)
    origin = _origin(proof, record, trust)
    entry = Entry(
        height=proof.height,
        time_ms=proof.time_ms,
        submission_digest=origin.submission_digest,
        call_index=origin.call_index,
        organisation=record.organisation,
        key_id=origin.key_id,
        contract=record.contract,
        contract_version=record.contract_version,
        outcome=record.outcome,
        index_keys=record.index_keys,
        body_digest=record.body_digest,
    )
    try:
        require_one_form(entry)
    except InvalidEncoding as error:
        raise unreadable("record", error) from error
    return entry


def _withheld(claim: CertificateClaim, suite: Suite) -> WithheldRecord:
    """Derive all that the entry of a certificate's call holds."""
    issuer = claim.issuer
    return WithheldRecord(
        organisation=issuer,
        contract=certificates.NAME,
        contract_version=certificates.VERSION,
        outcome=claim.kind,
        index_keys=index_keys(suite.digest, claim.part, issuer),
        body_digest=_claimed_body(claim, suite),
    )


def _claimed_body(claim: CertificateClaim, suite: Suite) -> bytes:
    empty = suite.digest(b"\x00")
    if claim.private_digest == empty:
        raise InvalidEvidence(
            check="private", expected="nothing for an empty part", actual="its digest"
        )
    return body_digest(
        suite,
        action=claim.action,
        public_digest=suite.digest(b"\x00" + claim.public),
        private_digest=claim.private_digest or empty,
    )


def _origin(proof: CompactProof, record: WithheldRecord, trust: Trust) -> CallAmongOthers:
    match proof.origin:
        case CallAmongOthers() as origin:
            return origin
        case SoleCall() as sole:
            suite = trust.suite
            header = SubmissionHeader(
                chain_id=trust.chain_id,
                public_key=sole.public_key,
                nonce=sole.nonce,
                valid_until_ms=proof.time_ms + sole.validity_ms,
                contract=record.contract,
                contract_version=record.contract_version,
                call_count=1,
                calls_root=hash_leaf(suite.digest, record.body_digest),
            ).encoded
            return CallAmongOthers(
                submission_digest=suite.digest(header),
                key_id=key_id(suite, sole.public_key),
                call_index=0,
            )
        case _:
            assert_never(proof.origin)


def _header_digest(suite: Suite, entry: bytes, proof: CompactProof) -> bytes:
    """Walk from the entry up: its block, the roots of the header, the header."""
    h = suite.digest
    *block, first, second, third, head = proof.path
    records_root = _climbed(suite, hash_leaf(h, entry), proof.sides, block)
    rest_root = _climbed(suite, hash_leaf(h, records_root), _REST_SIDES, (first, second, third))
    return hash_node(h, head, rest_root)


def _climbed(suite: Suite, digest: bytes, sides: int, siblings: Sequence[bytes]) -> bytes:
    for level, sibling in enumerate(siblings):
        left, right = (sibling, digest) if sides >> level & 1 else (digest, sibling)
        digest = hash_node(suite.digest, left, right)
    return digest


def _verify_signatures(
    proof: CompactProof, digest: bytes, members: tuple[Member, ...], trust: Trust
) -> None:
    content = checkpoint_content(
        chain_id=trust.chain_id, epoch=proof.epoch, height=proof.height, header_digest=digest
    )
    try:
        verify_quorum(
            trust.suite,
            what="certificate",
            members=vote_keys(members),
            signatures=tuple(zip(proof.signers, proof.signatures, strict=True)),
            content=content,
        )
    except InvalidProof as error:
        raise refused("quorum", error) from error


def _verify_sender(suite: Suite, reference: CompactReference, header: bytes) -> None:
    try:
        suite.verify(public_key=reference.public_key, signature=reference.signature, content=header)
    except (InvalidKey, InvalidSignature) as error:
        raise InvalidEvidence(
            check="signature",
            expected="one of the sender over the submission",
            actual="one that does not verify",
        ) from error
