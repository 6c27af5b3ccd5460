"""Builds records with the word of their sender (docs/wire-format.md §11, version 2).

Beside the entry stands the header of the submission that its sender signed, with the path of
this call in it: `chainnode.verify.record` judges what this module hands out.
"""

from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry, submission_of_batch
from chainnode.ledger.merkle import hash_leaf, inclusion_path
from chainnode.proving.evidence import Proofs
from chainnode.submission import decode_submission
from chainnode.suites.port import Suite
from chainnode.verify.forms import AuthorshipItem, RecordPlace
from chainnode.verify.strict_json import JsonObject


class AuthoredProofs:
    """Records of one chain, each with the submission that it came in."""

    def __init__(self, ledger: Ledger, proofs: Proofs, *, genesis: Genesis, suite: Suite) -> None:
        self._ledger = ledger
        self._proofs = proofs
        self._genesis = genesis
        self._suite = suite

    def record(self, position: int, place: RecordPlace) -> JsonObject:
        """Prove the entry at `position`; without its author where the batch is pruned.

        A record of the ledger itself has none: nobody signed it.

        Raises:
            NotCertified: its block is not certified yet.

        """
        if place is RecordPlace.BLOCK:
            return self._proofs.record_in_block(position, self._authorship(position))
        return self._proofs.authored_record(position, self._authorship(position))

    def _authorship(self, position: int) -> AuthorshipItem | None:
        entry = decode_entry(self._ledger.entry(position))
        if entry.is_ledgers_own:
            return None
        place = self._ledger.place_of(entry.submission_digest)
        batch = self._ledger.batch_bytes(entry.height)
        # Below a snapshot places are not kept, and a digest may have been executed again later.
        if place is None or place.height != entry.height or batch is None:
            return None
        submission = decode_submission(
            self._suite, submission_of_batch(batch, place.index), self._genesis.parameters
        )
        h = self._suite.digest
        hashes = [hash_leaf(h, one) for one in submission.body_digests]
        return AuthorshipItem(
            header=submission.header,
            path=inclusion_path(h, hashes, entry.call_index),
            signature=submission.signature,
        )
