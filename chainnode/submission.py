"""What a client signs: submissions and their calls. Pure leaf; docs/wire-format.md §4.

A `Submission` is immutable and carries its encoding, header and digests, so that none of them
is computed twice between admission and execution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NewType

from chainnode.codec import (
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
from chainnode.errors import InvalidInput
from chainnode.genesis import Parameters
from chainnode.ledger.merkle import merkle_root
from chainnode.suites.port import InvalidKey, InvalidSignature, PrivateKey, Suite

SubmissionDigest = NewType("SubmissionDigest", bytes)

SUBMISSION_TAG = "kun.sub"
BODY_TAG = "kun.body"
KEY_TAG = "kun.key"
FORMAT_VERSION = 1
SALT_BYTES = 16
KEY_ID_BYTES = 20
CHAIN_ID_BYTES = 32
SIGNATURE_BYTES = 64
# The private part of a record fits beside its purpose, case and people; larger things are files.
PRIVATE_BYTES_MAX = 4096
# A public part holds at most 18 bounded fields; the largest legal one stays under this.
PUBLIC_BYTES_MAX = 4096
NAME_CHARACTERS_MAX = 32
# Public keys have 32 or 33 bytes; the suite says which.
_PUBLIC_KEY_BYTES_MAX = 33
# A submission is an array of an array of arrays.
_DEPTH_MAX = 3
# Four elements a call (itself and its three parts) and the ten around them.
_ELEMENTS_PER_CALL = 4
_ELEMENTS_AROUND = 16
_WIRE_FIELDS = 10
_CALL_FIELDS = 3
_HEADER_FIELDS = 10
_HEADER_LIMITS = Limits(bytes_max=512, depth_max=1, elements_max=16)
_DIGEST_BYTES = 32


class InvalidSubmission(InvalidInput):
    """A submission that is malformed or does not fit this chain; the sender's fault.

    `code` is stable (it becomes the problem code of the HTTP API).
    """

    def __init__(self, *, code: str, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a contract: what the contract reads, and what only travels beside it."""

    action: str
    public: bytes
    private: bytes = field(default=b"", repr=False)

    def body_digest(self, suite: Suite) -> bytes:
        """Digest of the action and both parts; either part can be withheld, the rest proves."""
        return body_digest(
            suite,
            action=self.action,
            public_digest=suite.digest(b"\x00" + self.public),
            private_digest=suite.digest(b"\x00" + self.private),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed header over the Merkle root of its calls.

    Made by `sign_submission` and `decode_submission` alone, which compute the derived fields.
    Construction does not verify the signature: `verify_submission` does.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeaderFields:
    chain_id: bytes
    public_key: bytes
    nonce: int
    valid_until_ms: int
    contract: str
    contract_version: int

    def plain(self) -> tuple[Plain, ...]:
        return (
            SUBMISSION_TAG,
            FORMAT_VERSION,
            self.chain_id,
            self.public_key,
            self.nonce,
            self.valid_until_ms,
            self.contract,
            self.contract_version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionHeader(_HeaderFields):
    """What a sender signs, for whoever knows it without the calls, which `calls_root` binds."""

    call_count: int
    calls_root: bytes

    @property
    def encoded(self) -> bytes:
        """The bytes under the signature."""
        return encode((*self.plain(), self.call_count, self.calls_root))


def body_digest(suite: Suite, *, action: str, public_digest: bytes, private_digest: bytes) -> bytes:
    """Combine the digests of the two parts of a call."""
    return suite.digest(encode((BODY_TAG, FORMAT_VERSION, action, public_digest, private_digest)))


def key_id(suite: Suite, public_key: bytes) -> bytes:
    """Return the 20-byte key identifier, truncated as in RFC 7093 §2 method 1."""
    return suite.digest(encode((KEY_TAG, FORMAT_VERSION, public_key)))[:KEY_ID_BYTES]


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
    """Build a submission; one signature covers all its calls."""
    fields = _HeaderFields(
        chain_id=chain_id,
        public_key=key.public_key,
        nonce=nonce,
        valid_until_ms=valid_until_ms,
        contract=contract,
        contract_version=contract_version,
    )
    digests = tuple(call.body_digest(suite) for call in calls)
    header = _encode_header(suite, fields, digests)
    return _joined(
        suite,
        fields,
        calls=tuple(calls),
        digests=digests,
        header=header,
        signature=key.sign(header),
    )


def rejoin_submission(
    suite: Suite,
    *,
    chain_id: bytes,
    public_key: bytes,
    nonce: int,
    valid_until_ms: int,
    contract: str,
    contract_version: int,
    calls: Sequence[Call],
    signature: bytes,
) -> Submission:
    """Build a submission again from what was kept of it: the same parts give the same bytes.

    The digest tells whether they are the parts that were signed; the caller compares it.
    """
    fields = _HeaderFields(
        chain_id=chain_id,
        public_key=public_key,
        nonce=nonce,
        valid_until_ms=valid_until_ms,
        contract=contract,
        contract_version=contract_version,
    )
    digests = tuple(call.body_digest(suite) for call in calls)
    return _joined(
        suite,
        fields,
        calls=tuple(calls),
        digests=digests,
        header=_encode_header(suite, fields, digests),
        signature=signature,
    )


def decode_submission(suite: Suite, data: bytes, parameters: Parameters) -> Submission:
    """Read one submission, bounded by the chain's parameters; the signature is not verified.

    Raises:
        InvalidSubmission: `OVERSIZE` or `MALFORMED`, with what was expected.

    """
    if len(data) > parameters.submission_bytes_max:
        raise InvalidSubmission(
            code="OVERSIZE",
            expected=f"at most {parameters.submission_bytes_max} bytes",
            actual=f"{len(data)} bytes",
        )
    limits = Limits(
        bytes_max=parameters.submission_bytes_max,
        depth_max=_DEPTH_MAX,
        elements_max=parameters.calls_max * _ELEMENTS_PER_CALL + _ELEMENTS_AROUND,
    )
    try:
        return _from_plain(suite, decode(data, limits), data, parameters.calls_max)
    except InvalidEncoding as error:
        raise InvalidSubmission(
            code="MALFORMED", expected="a canonical submission, version 1", actual=str(error)
        ) from error


def decode_submission_header(data: bytes) -> SubmissionHeader:
    """Read the signed header of a submission; neither signature nor calls are looked at.

    Raises:
        InvalidEncoding: not the encoding of a legal header.

    """
    wire = as_array(decode(data, _HEADER_LIMITS), size=_HEADER_FIELDS, what="submission header")
    fields = _header_fields(wire)
    count = as_int(wire[8], "call count")
    if not count:
        raise InvalidEncoding(what="call count", expected="at least 1", actual="0")
    return SubmissionHeader(
        chain_id=fields.chain_id,
        public_key=fields.public_key,
        nonce=fields.nonce,
        valid_until_ms=fields.valid_until_ms,
        contract=fields.contract,
        contract_version=fields.contract_version,
        call_count=count,
        calls_root=as_bytes(wire[9], "calls root", size=_DIGEST_BYTES),
    )


def verify_submission(suite: Suite, submission: Submission) -> None:
    """Check the sender's signature over the header.

    Raises:
        InvalidSubmission: `BAD_SIGNATURE` or `BAD_KEY`.

    """
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


def validate_proposable(
    submission: Submission, *, chain_id: bytes, parameters: Parameters, time_ms: int
) -> None:
    """Check everything but the signature that a batch of time `time_ms` asks of a submission.

    The one predicate of admission (with the node's clock), proposal and backups (both with the
    batch's time): what one of them accepts, the others accept. It sees bytes, genesis
    parameters and a time, never the replica's state, which may lag.

    Raises:
        InvalidSubmission: `WRONG_CHAIN`, `EXPIRED` or `VALID_TOO_LONG`.

    """
    if submission.chain_id != chain_id:
        raise InvalidSubmission(
            code="WRONG_CHAIN",
            expected=f"chain id {chain_id.hex()}",
            actual=submission.chain_id.hex(),
        )
    if submission.valid_until_ms < time_ms:
        raise InvalidSubmission(
            code="EXPIRED",
            expected=f"valid_until_ms of at least {time_ms}",
            actual=str(submission.valid_until_ms),
        )
    latest_ms = time_ms + parameters.validity_ms_max
    if submission.valid_until_ms > latest_ms:
        raise InvalidSubmission(
            code="VALID_TOO_LONG",
            expected=f"valid_until_ms of at most {latest_ms}",
            actual=str(submission.valid_until_ms),
        )


def _encode_header(suite: Suite, fields: _HeaderFields, digests: Sequence[bytes]) -> bytes:
    return encode((*fields.plain(), len(digests), merkle_root(suite.digest, digests)))


def _joined(
    suite: Suite,
    fields: _HeaderFields,
    *,
    calls: tuple[Call, ...],
    digests: tuple[bytes, ...],
    header: bytes,
    signature: bytes,
) -> Submission:
    """Put the form on the wire beside what was computed."""
    wire_calls = tuple((call.action, call.public, call.private) for call in calls)
    return _assemble(
        suite,
        fields,
        calls=calls,
        digests=digests,
        header=header,
        signature=signature,
        encoded=encode((*fields.plain(), wire_calls, signature)),
    )


def _assemble(
    suite: Suite,
    fields: _HeaderFields,
    *,
    calls: tuple[Call, ...],
    digests: tuple[bytes, ...],
    header: bytes,
    signature: bytes,
    encoded: bytes,
) -> Submission:
    return Submission(
        chain_id=fields.chain_id,
        public_key=fields.public_key,
        nonce=fields.nonce,
        valid_until_ms=fields.valid_until_ms,
        contract=fields.contract,
        contract_version=fields.contract_version,
        calls=calls,
        signature=signature,
        body_digests=digests,
        header=header,
        digest=SubmissionDigest(suite.digest(header)),
        encoded=encoded,
    )


def _from_plain(suite: Suite, plain: Plain, data: bytes, calls_max: int) -> Submission:
    wire = as_array(plain, size=_WIRE_FIELDS, what="submission")
    fields = _header_fields(wire)
    calls = _calls_from_plain(wire[8], calls_max)
    signature = as_bytes(wire[9], "signature", size=SIGNATURE_BYTES)
    digests = tuple(call.body_digest(suite) for call in calls)
    header = _encode_header(suite, fields, digests)
    return _assemble(
        suite,
        fields,
        calls=calls,
        digests=digests,
        header=header,
        signature=signature,
        encoded=data,
    )


def _header_fields(wire: tuple[Plain, ...]) -> _HeaderFields:
    """Read what the signed header and the form on the wire begin with."""
    if wire[:2] != (SUBMISSION_TAG, FORMAT_VERSION):
        raise InvalidEncoding(
            what="submission tag and version",
            expected=f"{SUBMISSION_TAG} {FORMAT_VERSION}",
            actual=f"{wire[0]!r:.40} {wire[1]!r:.40}",
        )
    return _HeaderFields(
        chain_id=as_bytes(wire[2], "chain id", size=CHAIN_ID_BYTES),
        public_key=as_bytes(wire[3], "public key", maximum=_PUBLIC_KEY_BYTES_MAX),
        nonce=as_int(wire[4], "nonce"),
        valid_until_ms=as_int(wire[5], "valid_until_ms"),
        contract=as_text(wire[6], "contract", maximum=NAME_CHARACTERS_MAX),
        contract_version=as_int(wire[7], "contract version"),
    )


def _calls_from_plain(plain: Plain, calls_max: int) -> tuple[Call, ...]:
    calls = as_array(plain, size=None, what="calls")
    if not 1 <= len(calls) <= calls_max:
        raise InvalidEncoding(
            what="calls", expected=f"1 to {calls_max} calls", actual=f"{len(calls)} calls"
        )
    return tuple(_call_from_plain(call) for call in calls)


def _call_from_plain(plain: Plain) -> Call:
    action, public, private = as_array(plain, size=_CALL_FIELDS, what="call")
    return Call(
        action=as_text(action, "action", maximum=NAME_CHARACTERS_MAX),
        public=as_bytes(public, "public part", maximum=PUBLIC_BYTES_MAX),
        private=as_bytes(private, "private part", maximum=PRIVATE_BYTES_MAX),
    )
