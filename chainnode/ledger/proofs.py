"""Verification of everything the ledger proves: what a sceptic runs, offline.

Every function checks one statement completely, raises `InvalidProof` (or what the suite or the
encoding raises) and returns nothing. What it takes as given, the trusted members, the chain id,
the certified header, comes from the caller and never from the evidence itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainnode.ledger.bucket_map import MapProof, verify_map_proof
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.merkle import Hash, InvalidProof, hash_leaf, verify_inclusion
from chainnode.ledger.types import (
    Certificate,
    Header,
    Member,
    checkpoint_content,
    members_digest,
)
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite

# docs/wire-format.md §3: fewer tolerate no fault, and one signature would decide alone.
MEMBERS_MIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """The last header of an epoch, its certificate, and the members it hands over to."""

    header: Header
    certificate: Certificate
    next_members: tuple[Member, ...]


def quorum_of(size: int) -> int:
    """Return how many of `size` members make a block final: ⌈(n + f + 1) / 2⌉, f = ⌊(n − 1) / 3⌋.

    The one place on this side of the wall that does arithmetic on quorums; a test holds it
    equal to `consensus.types.Membership`.

    Raises:
        InvalidProof: a group too small to tolerate a fault.

    """
    if size < MEMBERS_MIN:
        raise InvalidProof(what="members", expected=f"at least {MEMBERS_MIN}", actual=f"{size}")
    return (size + (size - 1) // 3) // 2 + 1


def verify_certificate(
    suite: Suite,
    *,
    chain_id: bytes,
    header: Header,
    certificate: Certificate,
    members: Mapping[int, bytes],
) -> None:
    """Check that a quorum of `members` (replica id → vote key) signed this header of this chain.

    Every signature that is shown must verify, so that nobody is named who did not sign.

    Raises:
        InvalidProof: another chain, epoch, height or header; signers not ascending, not
            members, fewer than the quorum; a signature that does not verify.

    """
    _require_equal("chain id", chain_id, header.head.chain_id)
    _require_number("certificate epoch", header.head.epoch, certificate.epoch)
    _require_number("certificate height", header.height, certificate.height)
    digest = header.digest(suite.digest)
    _require_equal("certified header digest", digest, certificate.header_digest)
    _require_signers(certificate, members)
    content = checkpoint_content(
        chain_id=chain_id, epoch=certificate.epoch, height=header.height, header_digest=digest
    )
    for replica_id, signature in certificate.signatures:
        try:
            suite.verify(public_key=members[replica_id], signature=signature, content=content)
        except (InvalidKey, InvalidSignature) as error:
            raise InvalidProof(
                what="certificate signature",
                expected=f"one of replica {replica_id} over this header",
                actual="one that does not verify",
            ) from error


def verify_epoch_chain(
    suite: Suite,
    *,
    chain_id: bytes,
    epoch: int,
    members: tuple[Member, ...],
    ends: Sequence[EpochEnd],
) -> None:
    """Check that each epoch's members handed over to the next, from trusted ones on.

    Afterwards the members of epoch `epoch + len(ends)` are those of the last end.

    Raises:
        InvalidProof: an epoch left out, other members than a header names, heights that do not
            ascend, or a certificate that `verify_certificate` refuses.

    """
    height = -1
    for end in ends:
        rest = end.header.rest
        _require_number("epoch", epoch, end.header.head.epoch)
        if end.header.height <= height:
            raise InvalidProof(
                what="epoch end", expected=f"height > {height}", actual=f"{end.header.height}"
            )
        _require_members("members digest", suite, epoch, members, rest.members_digest)
        verify_certificate(
            suite,
            chain_id=chain_id,
            header=end.header,
            certificate=end.certificate,
            members=vote_keys(members),
        )
        epoch, members, height = epoch + 1, end.next_members, end.header.height
        _require_members("next members digest", suite, epoch, members, rest.next_members_digest)


def verify_record(
    h: Hash, *, header: Header, entry: bytes, position: int, path: Sequence[bytes]
) -> None:
    """Check that `entry` stands at `position` of the log as of `header`.

    Raises:
        InvalidProof: it does not, or the entry claims a height above the header.
        InvalidEncoding: it is no entry.

    """
    verify_inclusion(
        h,
        leaf_hash=hash_leaf(h, entry),
        index=position,
        size=header.head.log_size,
        path=path,
        root=header.rest.log_root,
    )
    height = decode_entry(entry).height
    if height > header.height:
        raise InvalidProof(what="entry height", expected=f"≤ {header.height}", actual=f"{height}")


def verify_record_in_block(
    h: Hash, *, header: Header, entry: bytes, index: int, count: int, path: Sequence[bytes]
) -> None:
    """Check that `entry` is one of the entries of the block of `header`.

    `index` and `count` only lead through the tree; that the entry is in it is what is proven.

    Raises:
        InvalidProof: it is not, or the entry claims another height.
        InvalidEncoding: it is no entry.

    """
    verify_inclusion(
        h,
        leaf_hash=hash_leaf(h, entry),
        index=index,
        size=count,
        path=path,
        root=header.rest.records_root,
    )
    _require_number("entry height", header.height, decode_entry(entry).height)


def verify_receipt(
    h: Hash, *, header: Header, receipt: bytes, index: int, count: int, path: Sequence[bytes]
) -> None:
    """Check that `receipt` was given in the block of `header`.

    Raises:
        InvalidProof: it was not.

    """
    verify_inclusion(
        h,
        leaf_hash=hash_leaf(h, receipt),
        index=index,
        size=count,
        path=path,
        root=header.rest.receipts_root,
    )


def verify_state_item(
    h: Hash, *, header: Header, bits: int, key: bytes, value: bytes | None, proof: MapProof
) -> None:
    """Check that the state as of `header` gives `value` to `key`; None: that it has no such key.

    `bits` is the chain's `state_map_bits`.

    Raises:
        InvalidProof: it does not.

    """
    verify_map_proof(h, bits=bits, root=header.rest.state_root, key=key, value=value, proof=proof)


def vote_keys(members: Sequence[Member]) -> dict[int, bytes]:
    """Return replica id → vote key, as `verify_certificate` takes it."""
    return {one.replica_id: one.vote_key for one in members}


def _require_signers(certificate: Certificate, members: Mapping[int, bytes]) -> None:
    signers = [replica_id for replica_id, _ in certificate.signatures]
    if any(left >= right for left, right in pairwise(signers)):
        raise InvalidProof(
            what="certificate signers", expected="ascending, distinct", actual=f"{signers}"
        )
    strangers = [one for one in signers if one not in members]
    if strangers:
        raise InvalidProof(
            what="certificate signers", expected="members of the epoch", actual=f"{strangers}"
        )
    quorum = quorum_of(len(members))
    if len(signers) < quorum:
        raise InvalidProof(
            what="certificate signers", expected=f"at least {quorum}", actual=f"{len(signers)}"
        )


def _require_members(
    what: str, suite: Suite, epoch: int, members: tuple[Member, ...], expected: bytes
) -> None:
    _require_equal(what, expected, members_digest(suite.digest, epoch=epoch, members=members))


def _require_equal(what: str, expected: bytes, actual: bytes) -> None:
    if actual != expected:
        raise InvalidProof(what=what, expected=expected.hex(), actual=actual.hex())


def _require_number(what: str, expected: int, actual: int) -> None:
    if actual != expected:
        raise InvalidProof(what=what, expected=f"{expected}", actual=f"{actual}")
