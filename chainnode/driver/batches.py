"""Batches between their decoding and their execution, so that none is decoded twice."""

import threading
from collections import OrderedDict

from chainnode.batch import DecodedBatch, decode_batch
from chainnode.driver.verified import VerifiedCache
from chainnode.genesis import Genesis
from chainnode.submission import (
    InvalidSubmission,
    Submission,
    validate_proposable,
    verify_submission,
)
from chainnode.suites.port import Suite
from consensus.messages import NULL_BATCH, Batch
from consensus.types import Digest

# Every slot of two windows may hold one batch body.
_WINDOWS_KEPT = 2
# Submissions whose signature was verified at admission need no second check in a proposal.
_VERIFIED_SUBMISSIONS_MAX = 65_536


class Batches:
    """Decodes, checks and remembers batches; shared by intake threads and the driver."""

    def __init__(self, *, genesis: Genesis, suite: Suite) -> None:
        self._suite = suite
        self._chain_id = genesis.chain_id
        self._parameters = genesis.parameters
        self._kept: OrderedDict[bytes, DecodedBatch] = OrderedDict()
        self._kept_max = _WINDOWS_KEPT * genesis.parameters.window
        self._lock = threading.Lock()
        self._verified = VerifiedCache(entries_max=_VERIFIED_SUBMISSIONS_MAX)

    def keep(self, decoded: DecodedBatch) -> Batch:
        """Remember a batch and return its form for the core."""
        if decoded.encoded:
            with self._lock:
                self._kept[decoded.digest] = decoded
                self._kept.move_to_end(decoded.digest)
                if len(self._kept) > self._kept_max:
                    self._kept.popitem(last=False)
        return core_batch(decoded)

    def open(self, data: bytes) -> Batch:
        """Decode a body of a peer or of the vote log; the digest is recomputed.

        Raises:
            InvalidInput: malformed.

        """
        return self.keep(self.decode(data))

    def decode(self, data: bytes) -> DecodedBatch:
        """Decode a body without remembering it: its sender is not verified yet.

        Raises:
            InvalidInput: malformed.

        """
        return decode_batch(self._suite, data, chain_id=self._chain_id, parameters=self._parameters)

    def decoded(self, batch: Batch) -> DecodedBatch:
        """Return the decoded form of a batch that `open` or `keep` made."""
        with self._lock:
            kept = self._kept.get(batch.digest)
        return kept if kept is not None else self.decode(batch.body)

    def body(self, digest: bytes) -> bytes | None:
        """Return the encoded batch for a peer that lacks it."""
        with self._lock:
            kept = self._kept.get(digest)
        return kept.encoded if kept is not None else None

    def verify_proposable(self, batch: DecodedBatch) -> None:
        """Check every submission of a fresh proposal: proposable at its time, and signed.

        Raises:
            InvalidSubmission: names the first one that is not.

        """
        digests = {submission.digest for submission in batch.submissions}
        if len(digests) != len(batch.submissions):
            raise InvalidSubmission(
                code="DUPLICATE",
                expected="each submission once in a batch",
                actual=f"{len(digests)} different ones of {len(batch.submissions)}",
            )
        for submission in batch.submissions:
            validate_proposable(
                submission,
                chain_id=self._chain_id,
                parameters=self._parameters,
                time_ms=batch.time_ms,
            )
            self.verify_signature(submission)

    def verify_signature(self, submission: Submission) -> None:
        """Check a sender's signature once, however often the submission is met.

        Raises:
            InvalidSubmission: it does not verify.

        """
        key = (submission.digest, submission.signature)
        if key in self._verified:
            return
        verify_submission(self._suite, submission)
        self._verified.add(key)


def core_batch(decoded: DecodedBatch) -> Batch:
    """Return the form that the core knows."""
    if not decoded.encoded:
        return NULL_BATCH
    return Batch(digest=Digest(decoded.digest), time_ms=decoded.time_ms, body=decoded.encoded)
