"""Submissions for the pool, which looks at four of their fields; named `<key letter><number>`."""

from chainnode.submission import Submission, SubmissionDigest


def waiting(name: str, *, size: int = 100, valid_until_ms: int = 10_000) -> Submission:
    """Return a submission of the key `name[0]` whose digest is its name."""
    return Submission(
        chain_id=bytes(32),
        public_key=name[:1].encode(),
        nonce=0,
        valid_until_ms=valid_until_ms,
        contract="access",
        contract_version=1,
        calls=(),
        signature=bytes(64),
        body_digests=(),
        header=b"",
        digest=SubmissionDigest(name.encode()),
        encoded=bytes(size),
    )


def digests(*names: str) -> tuple[SubmissionDigest, ...]:
    return tuple(SubmissionDigest(name.encode()) for name in names)
