"""Builds the compact proof of a certificate (docs/wire-format.md §13) from the ledger.

Nothing here decides anything: `chainnode.verify.compact` judges what this module hands out.
"""

from dataclasses import dataclass

from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_certificate, decode_entry, submission_of_batch
from chainnode.ledger.errors import Pruned
from chainnode.ledger.merkle import hash_leaf, inclusion_path, path_sides
from chainnode.ledger.proofs import quorum_of
from chainnode.ledger.types import Certificate, Entry, Rest
from chainnode.proving.evidence import NotCertified
from chainnode.submission import Submission, decode_submission
from chainnode.suites.port import Suite
from chainnode.verify.claims import CertificateClaim, claim_of
from chainnode.verify.compact_form import (
    PROOF_BYTES_MAX,
    PROOF_MEMBERS_MAX,
    CallAmongOthers,
    CompactProof,
    CompactReference,
    SoleCall,
    chain_mark_of,
    encode_compact,
)
from contracts.schemas import certificates

# `records root` among the seven roots of a header.
_RECORDS_ROOT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """The call that put a certificate on the chain, and where its entry stands."""

    entry: Entry
    position: int
    submission: Submission


class CompactProofs:
    """Compact proofs and references about the certificates of one chain."""

    def __init__(self, ledger: Ledger, *, genesis: Genesis, suite: Suite) -> None:
        self._ledger = ledger
        self._genesis = genesis
        self._suite = suite

    def certificate(self, identifier: str) -> bytes | None:
        """Return what a QR code of this certificate carries; None: the chain knows no such one.

        Raises:
            NotCertified: issued here, its block is not certified yet.
            Pruned: this node no longer has the call.

        """
        issue = self._issue(identifier)
        if issue is None:
            return None
        if len(self._genesis.replicas) <= PROOF_MEMBERS_MAX:
            proof = encode_compact(self._proof(issue))
            if len(proof) <= PROOF_BYTES_MAX:
                return proof
        return encode_compact(self._reference(issue))

    def _issue(self, identifier: str) -> _Issue | None:
        """Find the call by the first entry of the certificate's history."""
        value = self._ledger.value(certificates.HISTORIES.key(identifier))
        if value is None:
            return None
        leaves = certificates.HISTORIES.decode(value)
        first = certificates.decode_history_entry(leaves[0])
        found = self._ledger.receipt_of(first.submission_digest)
        place = self._ledger.place_of(first.submission_digest)
        if found is None or place is None or place.height != first.height:
            # Below the snapshot that this node stands on, places are not kept.
            raise Pruned(what="height", asked=first.height, oldest=self._ledger.base_height + 1)
        _, receipt = found
        accepted = sum(call.code == 0 for call in receipt.calls[: first.call_index])
        position = receipt.first_position + accepted
        entry = decode_entry(self._ledger.entry(position))
        batch = self._ledger.batch_bytes(first.height)
        if batch is None:
            raise Pruned(what="height", asked=first.height, oldest=self._ledger.floor)
        submission = decode_submission(
            self._suite, submission_of_batch(batch, place.index), self._genesis.parameters
        )
        return _Issue(entry=entry, position=position, submission=submission)

    def _proof(self, issue: _Issue) -> CompactProof:
        entry = issue.entry
        header = self._ledger.header(entry.height)
        certificate = self._certificate(entry.height)
        positions = self._ledger.positions(entry.height)
        index = issue.position - positions.start
        quorum = quorum_of(len(self._genesis.replicas))
        signed = certificate.signatures[:quorum]
        return CompactProof(
            chain_mark=chain_mark_of(self._genesis.chain_id),
            record=self._claim(issue),
            origin=_origin(issue),
            time_ms=entry.time_ms,
            sides=path_sides(index, len(positions)),
            path=(
                *self._ledger.block_path(entry.height, index),
                *self._rest_path(header.rest),
                header.head_digest(self._suite.digest),
            ),
            epoch=certificate.epoch,
            height=entry.height,
            signers=tuple(replica for replica, _ in signed),
            signatures=tuple(signature for _, signature in signed),
        )

    def _reference(self, issue: _Issue) -> CompactReference:
        h, sent = self._suite.digest, issue.submission
        self._certificate(issue.entry.height)
        hashes = [hash_leaf(h, one) for one in sent.body_digests]
        return CompactReference(
            chain_mark=chain_mark_of(self._genesis.chain_id),
            claim=self._claim(issue),
            public_key=sent.public_key,
            nonce=sent.nonce,
            valid_until_ms=sent.valid_until_ms,
            call_count=len(sent.calls),
            call_index=issue.entry.call_index,
            path=inclusion_path(h, hashes, issue.entry.call_index),
            height=issue.entry.height,
            signature=sent.signature,
        )

    def _claim(self, issue: _Issue) -> CertificateClaim:
        call = issue.submission.calls[issue.entry.call_index]
        private = self._suite.digest(b"\x00" + call.private) if call.private else None
        return claim_of(call.action, call.public, private_digest=private)

    def _rest_path(self, rest: Rest) -> tuple[bytes, ...]:
        h = self._suite.digest
        return inclusion_path(h, [hash_leaf(h, root) for root in rest.roots], _RECORDS_ROOT)

    def _certificate(self, height: int) -> Certificate:
        stored = self._ledger.certificate(height)
        if stored is None:
            raise NotCertified(height=height, stable_height=self._ledger.certified_height)
        return decode_certificate(stored)


def _origin(issue: _Issue) -> SoleCall | CallAmongOthers:
    entry, sent = issue.entry, issue.submission
    if len(sent.calls) == 1:
        return SoleCall(
            public_key=sent.public_key,
            nonce=sent.nonce,
            validity_ms=sent.valid_until_ms - entry.time_ms,
        )
    return CallAmongOthers(
        submission_digest=entry.submission_digest,
        key_id=entry.key_id,
        call_index=entry.call_index,
    )
