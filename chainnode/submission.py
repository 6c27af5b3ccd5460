"""What a client signs: submissions and their calls. Pure leaf; docs/wire-format.md §4.

`Submission` is immutable and remembers its encoding, digest and calls root, so that none of
them is computed twice between admission and execution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NewType

from chainnode.codec import Limits, decode, encode
from chainnode.errors import InvalidInput
from chainnode.ledger.merkle import merkle_root
from chainnode.suites.port import PrivateKey, Suite

SubmissionDigest = NewType("SubmissionDigest", bytes)

SUBMISSION_TAG = "kun.sub"
BODY_TAG = "kun.body"
KEY_TAG = "kun.key"
FORMAT_VERSION = 1
SALT_BYTES = 16
KEY_ID_BYTES = 20
PRIVATE_BYTES_MAX = 4096
# A public part holds 18 bounded fields; the largest legal one stays under this.
PUBLIC_BYTES_MAX = 4096
TEXT_CHARACTERS_MAX = 32


class InvalidSubmission(InvalidInput):
    """A submission that is malformed or does not fit this chain.

    `code` is stable (HTTP problem code); `expected` and `actual` make the sentence.
    """

    def __init__(self, *, code: str, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a contract: what the contract reads, and what travels beside it."""

    action: str
    public: bytes
    private: bytes = field(default=b"", repr=False)

    def body_digest(self, suite: Suite) -> bytes:
        """Digest of action and both parts; either part can be withheld and the rest proves."""
        return body_digest(
            suite,
            action=self.action,
            public_digest=suite.digest(b"\x00" + self.public),
            private_digest=suite.digest(b"\x00" + self.private),
        )


def body_digest(
    suite: Suite, *, action: str, public_digest: bytes, private_digest: bytes
) -> bytes:
    """Combine the digests of the two parts (docs/wire-format.md §4)."""
    return suite.digest(encode((BODY_TAG, FORMAT_VERSION, action, public_digest, private_digest)))


def key_id(suite: Suite, public_key: bytes) -> bytes:
    """Return the 20-byte key identifier, truncated as in RFC 7093 §2 method 1."""
    return suite.digest(encode((KEY_TAG, FORMAT_VERSION, public_key)))[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed header over the Merkle root of its calls.

    Made by `sign_submission` or `decode_submission` only. The signature is *not* verified by
    construction; `verify_submission` does that.
    """

    chain_id: bytes
    public_key: bytes
    nonce: int
    valid_until_ms: int
    contract: str
    contract_version: int
    calls: tuple[Call, ...]
    signature: bytes = field(repr=False)
    body_digests: tuple[bytes, ...] = field(repr=False)
    header: bytes = field(repr=False)
    digest: SubmissionDigest
    encoded: bytes = field(repr=False)


def _header(
    fields: tuple[bytes, bytes, int, int, str, int], *, count: int, calls_root: bytes
) -> bytes:
    return encode((SUBMISSION_TAG, FORMAT_VERSION, *fields, count, calls_root))


def sign_submission(
    suite: Suite,
    key: PrivateKey,
    *,
    chain_id: bytes,
    nonce: int,
    valid_until_ms: int,
    contract: str,
    calls: Sequence[Call],
    contract_version: int = 1,
) -> Submission:
    """Build and sign a submission; one signature covers all its calls."""
    fields = (chain_id, key.public_key, nonce, valid_until_ms, contract, contract_version)
    body_digests = tuple(call.body_digest(suite) for call in calls)
    header = _header(
        fields, count=len(body_digests), calls_root=merkle_root(suite.digest, body_digests)
    )
    signature = key.sign(header)
    wire_calls = tuple((call.action, call.public, call.private) for call in calls)
    encoded = encode((SUBMISSION_TAG, FORMAT_VERSION, *fields, wire_calls, signature))
    return Submission(
        chain_id=chain_id,
        public_key=key.public_key,
        nonce=nonce,
        valid_until_ms=valid_until_ms,
        contract=contract,
        contract_version=contract_version,
        calls=tuple(calls),
        signature=signature,
        body_digests=body_digests,
        header=header,
        digest=SubmissionDigest(suite.digest(header)),
        encoded=encoded,
    )


def verify_submission(suite: Suite, submission: Submission) -> None:
    """Check the client's signature.

    Raises:
        InvalidSubmission: `BAD_SIGNATURE` or `BAD_KEY`.

    """
    from chainnode.suites.port import InvalidKey, InvalidSignature

    try:
        suite.verify(
            public_key=submission.public_key,
            signature=submission.signature,
            content=submission.header,
        )
    except InvalidKey as error:
        raise InvalidSubmission(
            code="BAD_KEY", expected=f"a public key of suite {suite.name}", actual=str(error)
        ) from error
    except InvalidSignature as error:
        raise InvalidSubmission(
            code="BAD_SIGNATURE",
            expected="a signature of the sender over the submission header",
            actual="one that does not verify",
        ) from error


__all__ = ["Limits", "decode"]
