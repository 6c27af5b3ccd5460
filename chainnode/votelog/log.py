"""The vote log: what this replica promised, durable before it leaves (checklist G1, G4–G6)."""

from pathlib import Path
from typing import Final

from chainnode.segments.files import SegmentFolder
from chainnode.segments.log import SegmentLog
from chainnode.segments.port import Position, R, RecordCodec
from chainnode.votelog.segment import Identity, SegmentHead, encode_mark

# Start-up reads one segment: 64 MiB take a quarter of a second, and rotation stays rare.
SEGMENT_BYTES: Final = 64 * 1024 * 1024
_PREFIX: Final = "votes-"


class VoteLog(SegmentLog[R]):
    """Append-only, chained records; made by `opening.open_vote_log`."""

    def __init__(
        self,
        folder: SegmentFolder,
        *,
        identity: Identity,
        codec: RecordCodec[R],
        descriptor: int,
        position: Position,
    ) -> None:
        super().__init__(
            folder,
            what="vote log",
            codec=codec,
            head=lambda number, previous: SegmentHead(
                identity=identity, number=number, previous=previous
            ).encode(),
            descriptor=descriptor,
            position=position,
        )

    @property
    def is_full(self) -> bool:
        """Whether the segment has grown enough for `rotate`."""
        return self.length >= SEGMENT_BYTES

    def mark(self) -> bytes:
        """Return how far the log is durable, for the ledger to store with its next block."""
        return encode_mark(self.durable)


def vote_folder(directory: Path) -> SegmentFolder:
    """Return where the segments of a vote log lie."""
    return SegmentFolder(directory=directory, prefix=_PREFIX)
