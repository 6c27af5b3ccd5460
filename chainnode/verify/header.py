"""A header that a quorum signed: the ground on which every other proof stands.

Six checks, each refusing by name: the head decodes and belongs to the trusted chain; the
digest is recomputed from head and rest; the members digest is that of the trusted members;
the height lies within its epoch; it is not below the pinned checkpoint, and at it the digest is
the pinned one; at least a quorum of distinct members signed. docs/wire-format.md §7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.codec import InvalidEncoding
from chainnode.ledger.codec import encode_head, header_from_parts
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.proofs import quorum_of, verify_certificate, vote_keys
from chainnode.ledger.types import (
    MEMBERS_MAX,
    SIGNATURE_BYTES,
    Certificate,
    Header,
    Member,
    members_digest,
)
from chainnode.verify.errors import (
    InvalidEvidence,
    NoQuorum,
    OlderThanPinned,
    UnknownEpoch,
    UnreadableEvidence,
)
from chainnode.verify.forms import Anchor
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_base64,
    as_fields,
    as_hex,
    as_integer,
)
from chainnode.verify.trust import Trust

_HEAD_BYTES_MAX = 512
_ROOTS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedHeader:
    """A verified header, its digest, its certificate, and what it was verified by.

    `trust` knows the members of its epoch; `links` are those that led there, as they came.
    """

    header: Header
    digest: bytes
    certificate: Certificate = field(repr=False)
    quorum: int
    trust: Trust = field(repr=False)
    links: Sequence[JsonObject] = field(default=(), repr=False)

    @property
    def signers(self) -> tuple[int, ...]:
        """Replica ids of those who signed, ascending."""
        return tuple(replica for replica, _ in self.certificate.signatures)

    @property
    def epoch(self) -> int:
        """Epoch of the block."""
        return self.header.head.epoch

    @property
    def height(self) -> int:
        """Height of the block."""
        return self.header.height

    @property
    def time_ms(self) -> int:
        """Ledger time of the block."""
        return self.header.head.time_ms


def verify_header(
    header: JsonValue, certificate: JsonValue, trust: Trust, *, is_pinned: bool = True
) -> CertifiedHeader:
    """Check a header object and its certificate object against the trusted members.

    `is_pinned` False leaves the checkpoint aside: for proofs that hold at any height.

    Raises:
        UnreadableEvidence: they do not decode.
        NoQuorum: genuine as far as shown, but too few signed.
        InvalidEvidence: any other check of this module fails.

    """
    shown = read_header(header)
    signed = read_certificate(certificate)
    digest = shown.digest(trust.suite.digest)
    require_equal("chain", trust.chain_id, shown.head.chain_id)
    require_equal("header", digest, signed.header_digest)
    members = _members(shown, trust)
    require_within_epoch(shown.head.epoch, shown.height, trust)
    if is_pinned:
        _require_checkpoint(shown, digest, trust)
    quorum = quorum_of(len(members))
    if len(signed.signatures) < quorum:
        raise NoQuorum(
            check="quorum",
            expected=f"{quorum} signatures of {len(members)} members",
            actual=f"{len(signed.signatures)}",
        )
    try:
        verify_certificate(
            trust.suite,
            chain_id=trust.chain_id,
            header=shown,
            certificate=signed,
            members=vote_keys(members),
        )
    except InvalidProof as error:
        raise refused("quorum", error) from error
    return CertifiedHeader(
        header=shown, digest=digest, certificate=signed, quorum=quorum, trust=trust
    )


def anchor_of(certified: CertifiedHeader) -> Anchor:
    """Return what evidence under this header hangs on, to be written again."""
    certificate = certified.certificate
    return Anchor(
        chain_id=certified.trust.chain_id,
        suite_name=certified.trust.suite.name,
        head=encode_head(certified.header.head),
        rest=certified.header.rest.roots,
        epoch=certificate.epoch,
        height=certificate.height,
        header_digest=certificate.header_digest,
        signatures=certificate.signatures,
        links=certified.links,
    )


def trusted_members(epoch: int, trust: Trust) -> tuple[Member, ...]:
    """Return the members of an epoch that the trust names.

    Raises:
        UnknownEpoch: it does not.

    """
    members = trust.epochs.get(epoch)
    if members is None:
        known = ", ".join(str(one) for one in sorted(trust.epochs))
        raise UnknownEpoch(check="epoch", expected=f"epoch {known}", actual=f"{epoch}")
    return members


def refused(check: str, error: InvalidProof | InvalidEncoding) -> InvalidEvidence:
    """Name the check of this room that a lower room refused."""
    return InvalidEvidence(
        check=check, expected=f"{error.what} {error.expected}", actual=error.actual
    )


def require_equal(check: str, expected: bytes, actual: bytes) -> None:
    """Refuse two digests that differ."""
    if actual != expected:
        raise InvalidEvidence(check=check, expected=expected.hex(), actual=actual.hex())


def read_header(value: JsonValue) -> Header:
    """Read a header object; nothing in it is verified yet."""
    fields = as_fields(value, "header", ("head", "rest"))
    head = as_base64(fields["head"], "head", bytes_max=_HEAD_BYTES_MAX)
    roots = as_array(fields["rest"], "rest", size_max=_ROOTS, size=_ROOTS)
    rest = [as_hex(one, "root", size=32) for one in roots]
    try:
        return header_from_parts(head, rest)
    except InvalidEncoding as error:
        raise UnreadableEvidence(
            check="head", expected=f"{error.what} {error.expected}", actual=error.actual
        ) from error


def read_certificate(value: JsonValue) -> Certificate:
    """Read a certificate object; nothing in it is verified yet."""
    names = ("epoch", "height", "header_digest", "signatures")
    fields = as_fields(value, "certificate", names)
    return Certificate(
        epoch=as_integer(fields["epoch"], "epoch"),
        height=as_integer(fields["height"], "height"),
        header_digest=as_hex(fields["header_digest"], "header_digest", size=32),
        signatures=read_signatures(fields["signatures"]),
    )


def read_signatures(value: JsonValue) -> tuple[tuple[int, bytes], ...]:
    """Read `[[replica id, base64], …]`; order and membership are for whoever verifies."""
    rows = as_array(value, "signatures", size_max=MEMBERS_MAX)
    pairs = [as_array(row, "signature", size_max=2, size=2) for row in rows]
    return tuple(
        (
            as_integer(replica, "replica id"),
            as_base64(signature, "signature", bytes_max=SIGNATURE_BYTES, size=SIGNATURE_BYTES),
        )
        for replica, signature in pairs
    )


def _members(header: Header, trust: Trust) -> tuple[Member, ...]:
    epoch = header.head.epoch
    members = trusted_members(epoch, trust)
    expected = members_digest(trust.suite.digest, epoch=epoch, members=members)
    require_equal("members", expected, header.rest.members_digest)
    return members


def require_within_epoch(epoch: int, height: int, trust: Trust) -> None:
    """Refuse a block before its epoch began, or after it ended as far as that is known."""
    before, last = trust.ends.get(epoch - 1), trust.ends.get(epoch)
    if (before is not None and height <= before) or (last is not None and height > last):
        begun = "the beginning" if before is None else f"height {before}"
        ended = "" if last is None else f", at most {last}"
        raise InvalidEvidence(
            check="epoch",
            expected=f"a height after {begun}{ended} in epoch {epoch}",
            actual=f"{height}",
        )


def require_pinned_height(height: int, trust: Trust) -> None:
    """Refuse a height below the pinned checkpoint, and say what can be done about it.

    Raises:
        OlderThanPinned: it lies below.

    """
    pinned = trust.checkpoint.height
    if height < pinned:
        raise OlderThanPinned(
            check="checkpoint",
            expected=f"height {pinned} or above, which is pinned",
            actual=f"{height}",
        )


def _require_checkpoint(header: Header, digest: bytes, trust: Trust) -> None:
    pinned = trust.checkpoint
    require_pinned_height(header.height, trust)
    if header.height == pinned.height and pinned.header_digest is not None:
        require_equal("checkpoint", pinned.header_digest, digest)
