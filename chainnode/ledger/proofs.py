"""Verification of everything the ledger proves: what a sceptic runs, offline.

Every function checks one statement completely, raises `InvalidProof` (or what the suite or the
encoding raises) and returns nothing. What it takes as given, the trusted members, the chain id,
the certified header, comes from the caller and never from the evidence itself.
"""

from collections.abc import Mapping, Sequence
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
    require_equal("chain id", chain_id, header.head.chain_id)
    require_number("certificate epoch", header.head.epoch, certificate.epoch)
    require_number("certificate height", header.height, certificate.height)
    digest = header.digest(suite.digest)
    require_equal("certified header digest", digest, certificate.header_digest)
    content = checkpoint_content(
        chain_id=chain_id, epoch=certificate.epoch, height=header.height, header_digest=digest
    )
    verify_quorum(
        suite,
        what="certificate",
        members=members,
        signatures=certificate.signatures,
        content=content,
    )


def verify_quorum(
    suite: Suite,
    *,
    what: str,
    members: Mapping[int, bytes],
    signatures: Sequence[tuple[int, bytes]],
    content: bytes,
) -> None:
    """Check that a quorum of `members` signed `content`, and that all who are named did.

    Raises:
        InvalidProof: naming `what`: signers not ascending, not members, fewer than the quorum;
            a signature that does not verify.

    """
    _require_signers(what, [replica_id for replica_id, _ in signatures], members)
    for replica_id, signature in signatures:
        try:
            suite.verify(public_key=members[replica_id], signature=signature, content=content)
        except (InvalidKey, InvalidSignature) as error:
            raise InvalidProof(
                what=f"{what} signature",
                expected=f"one of replica {replica_id} over this {what}",
                actual="one that does not verify",
            ) from error


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
    require_number("entry height", header.height, decode_entry(entry).height)


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


def require_members(
    what: str, suite: Suite, *, epoch: int, members: tuple[Member, ...], expected: bytes
) -> None:
    """Refuse members whose digest is not the one that a header or record names."""
    require_equal(what, expected, members_digest(suite.digest, epoch=epoch, members=members))


def require_equal(what: str, expected: bytes, actual: bytes) -> None:
    """Refuse two byte strings that differ."""
    if actual != expected:
        raise InvalidProof(what=what, expected=expected.hex(), actual=actual.hex())


def require_number(what: str, expected: int, actual: int) -> None:
    """Refuse two numbers that differ."""
    if actual != expected:
        raise InvalidProof(what=what, expected=f"{expected}", actual=f"{actual}")


def _require_signers(what: str, signers: list[int], members: Mapping[int, bytes]) -> None:
    if any(left >= right for left, right in pairwise(signers)):
        raise InvalidProof(
            what=f"{what} signers", expected="ascending, distinct", actual=f"{signers}"
        )
    strangers = [one for one in signers if one not in members]
    if strangers:
        raise InvalidProof(
            what=f"{what} signers", expected="members of the epoch", actual=f"{strangers}"
        )
    quorum = quorum_of(len(members))
    if len(signers) < quorum:
        raise InvalidProof(
            what=f"{what} signers", expected=f"at least {quorum}", actual=f"{len(signers)}"
        )
