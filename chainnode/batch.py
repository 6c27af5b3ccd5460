"""Batches: what the primary proposes and every replica executes. docs/wire-format.md §5.

The digest covers the time and, by submission digest and signature, every byte of every
submission; it contains no view, parent or result, so it survives a re-proposal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    decode,
    encode,
)
from chainnode.genesis import Parameters
from chainnode.ledger.merkle import merkle_root
from chainnode.submission import Submission, decode_submission
from chainnode.suites.port import Suite

BATCH_TAG = "kun.batch"
FORMAT_VERSION = 1
NULL_DIGEST = bytes(32)
_WIRE_FIELDS = 4
_DEPTH_MAX = 2
# A submission of one short call has about 300 bytes; fewer than this fit into 2 MiB.
_SUBMISSIONS_MAX = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedBatch:
    """A batch whose digest was computed from its submissions here, never taken from a peer."""

    time_ms: int
    submissions: tuple[Submission, ...]
    digest: bytes
    encoded: bytes = field(repr=False)

    @property
    def record_count(self) -> int:
        """Number of calls over all submissions."""
        return sum(len(submission.calls) for submission in self.submissions)


NULL_DECODED_BATCH = DecodedBatch(time_ms=0, submissions=(), digest=NULL_DIGEST, encoded=b"")


def build_batch(
    suite: Suite, *, chain_id: bytes, time_ms: int, submissions: Sequence[Submission]
) -> DecodedBatch:
    """Join submissions in this order under a proposed time."""
    encoded = encode(
        (BATCH_TAG, FORMAT_VERSION, time_ms, tuple(one.encoded for one in submissions))
    )
    return DecodedBatch(
        time_ms=time_ms,
        submissions=tuple(submissions),
        digest=_digest(suite, chain_id, time_ms, submissions),
        encoded=encoded,
    )


def decode_batch(
    suite: Suite, data: bytes, *, chain_id: bytes, parameters: Parameters
) -> DecodedBatch:
    """Read a batch and recompute its digest; no bytes at all are the NULL batch.

    Signatures and proposability of its submissions are not checked here.

    Raises:
        InvalidEncoding: not a canonical batch within the chain's limits.
        InvalidSubmission: one of its submissions is malformed.

    """
    if not data:
        return NULL_DECODED_BATCH
    limits = Limits(
        bytes_max=parameters.batch_bytes_max, depth_max=_DEPTH_MAX, elements_max=_SUBMISSIONS_MAX
    )
    time_ms, blobs = _open(decode(data, limits))
    submissions = tuple(decode_submission(suite, blob, parameters) for blob in blobs)
    return DecodedBatch(
        time_ms=time_ms,
        submissions=submissions,
        digest=_digest(suite, chain_id, time_ms, submissions),
        encoded=data,
    )


def _open(plain: Plain) -> tuple[int, list[bytes]]:
    wire = as_array(plain, size=_WIRE_FIELDS, what="batch")
    if wire[:2] != (BATCH_TAG, FORMAT_VERSION):
        raise InvalidEncoding(
            what="batch tag and version",
            expected=f"{BATCH_TAG} {FORMAT_VERSION}",
            actual=f"{wire[0]!r:.40} {wire[1]!r:.40}",
        )
    blobs = as_array(wire[3], size=None, what="submissions of a batch")
    return as_int(wire[2], "batch time"), [as_bytes(blob, "submission") for blob in blobs]


def _digest(
    suite: Suite, chain_id: bytes, time_ms: int, submissions: Sequence[Submission]
) -> bytes:
    leaves = [submission.digest + submission.signature for submission in submissions]
    root = merkle_root(suite.digest, leaves)
    return suite.digest(encode((BATCH_TAG, FORMAT_VERSION, chain_id, time_ms, len(leaves), root)))
