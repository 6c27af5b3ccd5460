"""Batches that a faulty primary proposes: two for one place, and some that nobody may accept."""

from dataclasses import replace

from consensus.errors import InvalidMessage
from consensus.messages import NULL_BATCH, Batch, PrePrepare
from tests.simulation.stubs import FIRST_FORGED_REQUEST, digest_of, make_batch, read_batch

_FAR_MS = 10_000_000


def contradiction_of(batch: Batch) -> Batch:
    """Return another batch that is as good: the same requests, a moment later."""
    time_ms, requests = _read(batch)
    return make_batch(time_ms + 1, requests[::-1])


def invalid_proposal(message: PrePrepare, *, variety: int) -> PrePrepare:
    """Put a batch in the place of the proposed one that breaks one rule (checklist B2)."""
    assert message.batch is not None
    time_ms, requests = _read(message.batch)
    body = b"no batch at all"
    varieties = (
        make_batch(time_ms + _FAR_MS, requests),
        make_batch(time_ms - _FAR_MS, requests),
        make_batch(time_ms, (*requests, FIRST_FORGED_REQUEST)),
        Batch(digest=digest_of(body), time_ms=time_ms, body=body),
        NULL_BATCH,
        None,
    )
    batch = varieties[variety % len(varieties)]
    if batch is None:  # the right body under another digest
        return replace(message, batch_digest=digest_of(message.batch_digest))
    return replace(message, batch=batch, batch_digest=batch.digest)


def _read(batch: Batch) -> tuple[int, tuple[int, ...]]:
    try:
        return read_batch(batch.body)
    except InvalidMessage:
        return batch.time_ms, ()
