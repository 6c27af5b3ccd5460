"""From trusted members to present ones: what ended each epoch, and who decides in the next.

An epoch ends with a header that names the next members, or, where headers diverged, with a
recovery record that its own members signed (docs/wire-format.md §7, ADR-0014, ADR-0015). Pure:
decoded values in, the next epoch out, or `InvalidProof`.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from chainnode.codec import encode
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.proofs import (
    require_equal,
    require_members,
    require_number,
    verify_certificate,
    verify_quorum,
    vote_keys,
)
from chainnode.ledger.types import Certificate, Header, Member, members_digest
from chainnode.suites.port import Suite

RECOVERY_TAG = "kun.recovery"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """The last header of an epoch, its certificate, and the members it hands over to."""

    header: Header
    certificate: Certificate
    next_members: tuple[Member, ...]

    @property
    def epoch(self) -> int:
        """The epoch that ends."""
        return self.header.head.epoch

    @property
    def height(self) -> int:
        """The last height of the epoch."""
        return self.header.height


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecovery:
    """A signed recovery record: `epoch` ends at `height`, its members stay.

    The certificate of `height` is of `base_epoch`; `signatures` ascend by replica id.
    """

    epoch: int
    base_epoch: int
    height: int
    header_digest: bytes
    batches: tuple[bytes, ...] = field(repr=False)
    signatures: tuple[tuple[int, bytes], ...] = field(repr=False)


EpochLink: TypeAlias = EpochEnd | EpochRecovery


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStart:
    """Who decides in `epoch`, and the last block that is known to count before more is shown.

    That block is of `base_epoch`, which is `epoch` itself where trust begins inside of it, at a
    pinned block or at genesis. `base_digest` None: unknown, as at genesis.
    """

    epoch: int
    members: tuple[Member, ...]
    base_epoch: int
    base_height: int
    base_digest: bytes | None

    def admits(self, *, epoch: int, height: int) -> bool:
        """Tell whether a block of `epoch` at `height` can be the newest that counts."""
        if epoch == self.base_epoch:
            # Where the base is of an earlier epoch, that epoch ended with it.
            return height == self.base_height or (epoch == self.epoch and height > self.base_height)
        return epoch == self.epoch and height > self.base_height


def follow_link(suite: Suite, *, chain_id: bytes, start: EpochStart, link: EpochLink) -> EpochStart:
    """Check what ended the epoch of `start`, and return where the next one stands.

    Raises:
        InvalidProof: a link of another epoch or chain, heights that do not rise, other members
            than a header names, another block where one is known, or too few signatures.

    """
    require_number("epoch", start.epoch, link.epoch)
    if isinstance(link, EpochEnd):
        return _after_end(suite, chain_id=chain_id, start=start, end=link)
    return _after_recovery(suite, chain_id=chain_id, start=start, record=link)


def recovery_content(record: EpochRecovery, *, chain_id: bytes, next_members: bytes) -> bytes:
    """Return the bytes that members sign; `next_members` is the next epoch's members digest."""
    return encode(
        (
            RECOVERY_TAG,
            FORMAT_VERSION,
            chain_id,
            record.epoch,
            record.epoch + 1,
            record.base_epoch,
            record.height,
            record.header_digest,
            record.batches,
            next_members,
        )
    )


def _after_end(suite: Suite, *, chain_id: bytes, start: EpochStart, end: EpochEnd) -> EpochStart:
    digest = end.header.digest(suite.digest)
    rest = end.header.rest
    _require_place(start, epoch=end.epoch, height=end.height, digest=digest)
    require_members(
        "members digest",
        suite,
        epoch=start.epoch,
        members=start.members,
        expected=rest.members_digest,
    )
    verify_certificate(
        suite,
        chain_id=chain_id,
        header=end.header,
        certificate=end.certificate,
        members=vote_keys(start.members),
    )
    require_members(
        "next members digest",
        suite,
        epoch=start.epoch + 1,
        members=end.next_members,
        expected=rest.next_members_digest,
    )
    return EpochStart(
        epoch=start.epoch + 1,
        members=end.next_members,
        base_epoch=end.epoch,
        base_height=end.height,
        base_digest=digest,
    )


def _after_recovery(
    suite: Suite, *, chain_id: bytes, start: EpochStart, record: EpochRecovery
) -> EpochStart:
    _require_place(
        start, epoch=record.base_epoch, height=record.height, digest=record.header_digest
    )
    following = members_digest(suite.digest, epoch=start.epoch + 1, members=start.members)
    verify_quorum(
        suite,
        what="recovery",
        members=vote_keys(start.members),
        signatures=record.signatures,
        content=recovery_content(record, chain_id=chain_id, next_members=following),
    )
    return EpochStart(
        epoch=start.epoch + 1,
        members=start.members,
        base_epoch=record.base_epoch,
        base_height=record.height,
        base_digest=record.header_digest,
    )


def _require_place(start: EpochStart, *, epoch: int, height: int, digest: bytes) -> None:
    """Refuse an end that lies before, or contradicts, the last block that is known to count."""
    if not start.admits(epoch=epoch, height=height):
        raise InvalidProof(
            what="epoch end",
            expected=f"a block after height {start.base_height} of epoch {start.base_epoch}",
            actual=f"height {height} of epoch {epoch}",
        )
    known = start.base_digest
    if height == start.base_height and known is not None:
        require_equal("epoch end", known, digest)
