"""The record by which a group leaves an epoch whose headers diverged. Checklist B9.

Replicas that executed the same batches differently can certify nothing any more. A quorum of
them signs from where the chain goes on, and with which batches; the next epoch executes these
again, without voting on them (docs/wire-format.md §7, ADR-0015).
"""

from dataclasses import dataclass, field

from consensus.codec import FORMAT_VERSION, Slot
from consensus.ports import Encoder
from consensus.types import Digest, Epoch, Height

RECOVERY = "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRecord:
    """Epoch `epoch` ends at `height`, whose certificate is of `base_epoch`.

    `batches` are the digests of the batches that are executed again above it, in order;
    `members_digest` is that of the epoch which begins, `epoch + 1`.
    """

    chain_id: bytes = field(repr=False)
    epoch: Epoch
    base_epoch: Epoch
    height: Height
    header_digest: Digest
    batches: tuple[Digest, ...] = field(repr=False)
    members_digest: Digest

    @property
    def next_epoch(self) -> Epoch:
        """The epoch that begins."""
        return Epoch(self.epoch + 1)

    @property
    def last_height(self) -> Height:
        """The last height whose batch the record decides."""
        return Height(self.height + len(self.batches))

    @property
    def slot(self) -> Slot:
        """What the guard lets a replica sign once: an epoch ends in one way."""
        return (RECOVERY, self.epoch)

    def signed_content(self, *, encoder: Encoder) -> bytes:
        """Return the bytes that the members of `epoch` sign."""
        return encoder.encode(
            (
                "kun.recovery",
                FORMAT_VERSION,
                self.chain_id,
                self.epoch,
                self.next_epoch,
                self.base_epoch,
                self.height,
                self.header_digest,
                self.batches,
                self.members_digest,
            )
        )
