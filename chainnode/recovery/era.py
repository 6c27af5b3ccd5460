"""In which epoch a data directory stands: one recovery file for each epoch that diverged.

Kept in the folder `recovery`, named by the epoch that each ends. They are verified at every
start: without them nobody could say why the headers above name another epoch.
"""

from dataclasses import dataclass, field
from pathlib import Path

from chainnode.errors import StorageError
from chainnode.ledger.epochs import EpochRecovery
from chainnode.recovery.document import FILE_BYTES_MAX, RecoveryFile, Verifier, decode_recovery
from chainnode.verify.epochs import recovery_link_form
from chainnode.verify.strict_json import JsonObject
from consensus.epochs import EpochEnd
from consensus.messages import Batch
from consensus.types import Epoch, Membership, SequenceNumber

FOLDER = "recovery"
# Present while a directory is being made by `apply`: nothing may run on it.
UNFINISHED = "recovery.unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """The epoch of a node, how earlier ones ended, and what the newest record keeps.

    `kept` are the batches of `first_kept`, `first_kept + 1`, …
    """

    files: tuple[RecoveryFile, ...] = field(default=(), repr=False)
    kept: tuple[Batch, ...] = field(default=(), repr=False)

    @property
    def epoch(self) -> Epoch:
        """The epoch that goes on."""
        return self.files[-1].record.next_epoch if self.files else Epoch(0)

    @property
    def base_height(self) -> int:
        """The last height before this epoch."""
        return self.files[-1].record.height if self.files else 0

    @property
    def settled(self) -> SequenceNumber:
        """The last sequence that the newest record decided."""
        return SequenceNumber(self.base_height + len(self.kept))

    def epoch_at(self, height: int) -> Epoch:
        """Return the epoch of a height."""
        begun = (one.record.next_epoch for one in self.files if one.record.height < height)
        return max(begun, default=Epoch(0))

    def kept_above(self, height: int) -> tuple[Batch, ...]:
        """List the kept batches that a ledger of this height has not executed yet."""
        return self.kept[max(0, height - self.base_height) :]

    def past(self, *, size: int) -> tuple[EpochEnd, ...]:
        """Say how earlier epochs ended, for the core; an epoch without a block has no end."""
        ends: dict[int, EpochEnd] = {}
        for one in self.files:
            signers = Membership(epoch=one.certificate.epoch, size=size)
            ends[one.certificate.epoch] = EpochEnd(membership=signers, stable=one.certificate)
        return tuple(ends[epoch] for epoch in sorted(ends))

    @property
    def links(self) -> tuple[JsonObject, ...]:
        """How earlier epochs ended, as evidence carries it (docs/wire-format.md §11)."""
        return tuple(
            recovery_link_form(
                EpochRecovery(
                    epoch=one.record.epoch,
                    base_epoch=one.record.base_epoch,
                    height=one.record.height,
                    header_digest=one.record.header_digest,
                    batches=one.record.batches,
                    signatures=one.signatures,
                )
            )
            for one in self.files
        )


FIRST_ERA = Era()


def load_era(data_dir: Path, verifier: Verifier) -> Era:
    """Read and verify the recovery files of a data directory, if there are any.

    Raises:
        InvalidInput: a file does not hold.
        StorageError: it cannot be read, an epoch is missing, or `apply` never ended here.

    """
    if (data_dir / UNFINISHED).exists():
        raise StorageError(
            f"{data_dir}: expected a finished directory; run kun node recover apply again"
        )
    folder = data_dir / FOLDER
    if not folder.is_dir():
        return FIRST_ERA
    files: list[RecoveryFile] = []
    kept: tuple[Batch, ...] = ()
    for epoch, path in enumerate(sorted(folder.iterdir())):
        file = read_recovery(path)
        kept = verifier.verify(file)
        verifier.require_quorum(file)
        if file.record.epoch != epoch:
            raise StorageError(
                f"{path}: expected the record that ends epoch {epoch}, got {file.record.epoch}"
            )
        files.append(file)
    return Era(files=tuple(files), kept=kept)


def read_recovery(path: Path) -> RecoveryFile:
    """Read one file, bounded.

    Raises:
        InvalidInput: not the form of one.
        StorageError: it cannot be read.

    """
    try:
        with path.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return decode_recovery(data)


def name_of(file: RecoveryFile) -> str:
    """Name the file of a record: names sort as epochs do."""
    return f"{file.record.epoch:04d}.kunrecovery"
