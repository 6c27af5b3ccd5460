"""Opening the vote log: what the newest segment holds, and whether it may be believed (G4, G5)."""

from pathlib import Path
from typing import Final

from chainnode.codec import InvalidEncoding
from chainnode.errors import InvalidInput, StorageError
from chainnode.segments.files import SegmentFolder, open_segment
from chainnode.segments.frames import CHAIN_START, BrokenFrame, Frame, encode_frame, read_frames
from chainnode.segments.port import NOWHERE, Position, R, RecordCodec
from chainnode.votelog.errors import VoteLogCorrupted, VoteLogOfAnotherKey, VoteLogRolledBack
from chainnode.votelog.log import VoteLog, vote_folder
from chainnode.votelog.segment import (
    LEARNER_MARK,
    Identity,
    SegmentHead,
    decode_head,
    decode_mark,
)

_FIRST_SEGMENT: Final = 1


def open_vote_log(
    directory: Path, *, identity: Identity, codec: RecordCodec[R], ledger_mark: bytes | None
) -> tuple[VoteLog[R], tuple[R, ...]]:
    """Open the log and return its records, oldest first; begin one where nothing was ever voted.

    `ledger_mark` is what the last block stored of `VoteLog.mark`, None when no block ever did,
    `LEARNER_MARK` after blocks of a learner. A torn tail is cut; nothing else is ever changed.

    Raises:
        VoteLogUnusable: corrupted, rolled back, lost, or of another key: start as a learner.
        StorageError: the files cannot be read or written.

    """
    if ledger_mark == LEARNER_MARK:
        raise VoteLogRolledBack(
            directory, expected="blocks of a voter", actual="blocks that it followed as a learner"
        )
    folder = vote_folder(directory)
    try:
        folder.make()
        numbers = folder.numbers()
        if not numbers:
            return _begin(folder, identity, codec, ledger_mark), ()
        path = folder.path(numbers[-1])
        segment = _StoredSegment(path, path.read_bytes())
        segment.require_owner(identity, number=numbers[-1])
        segment.require_mark(ledger_mark)
        records = tuple(segment.records(codec))
        descriptor = open_segment(path, length=segment.end.length)
        folder.remove_older(than=numbers[-1])
    except OSError as error:
        raise StorageError(f"{directory}: vote log: {error.strerror or error}") from error
    log = VoteLog(
        folder, identity=identity, codec=codec, descriptor=descriptor, position=segment.end
    )
    return log, records


def _begin(
    folder: SegmentFolder, identity: Identity, codec: RecordCodec[R], ledger_mark: bytes | None
) -> VoteLog[R]:
    if ledger_mark is not None:
        raise VoteLogRolledBack(
            folder.directory, expected="the votes behind our blocks", actual="none"
        )
    head = SegmentHead(identity=identity, number=_FIRST_SEGMENT, previous=NOWHERE)
    content, chain = encode_frame(head.encode(), previous=CHAIN_START)
    descriptor = folder.create(_FIRST_SEGMENT, content)
    position = Position(segment=_FIRST_SEGMENT, length=len(content), chain=chain)
    return VoteLog(folder, identity=identity, codec=codec, descriptor=descriptor, position=position)


class _StoredSegment:
    """What a segment file holds, judged."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        self._frames = self._read(data)
        if not self._frames:
            raise self._corrupted(0, "the head of a segment", "none")
        try:
            self._head = decode_head(self._frames[0].payload)
        except InvalidEncoding as error:
            raise self._corrupted(0, error.expected, error.actual) from error
        last = self._frames[-1]
        self.end = Position(segment=self._head.number, length=last.end, chain=last.chain)

    def records(self, codec: RecordCodec[R]) -> list[R]:
        """Decode all frames but the head."""
        try:
            return [codec.decode(frame.payload) for frame in self._frames[1:]]
        except InvalidInput as error:
            raise VoteLogCorrupted(
                self._path, expected="records of this version", actual=str(error)
            ) from error

    def require_owner(self, identity: Identity, *, number: int) -> None:
        """Refuse the log of another key or chain, or a segment under another's name."""
        if self._head.identity != identity:
            raise VoteLogOfAnotherKey(
                self._path, expected="votes of this chain and key", actual="those of another"
            )
        if self._head.number != number:
            raise self._corrupted(0, f"segment {number}", f"segment {self._head.number}")

    def require_mark(self, mark: bytes | None) -> None:
        """Refuse a log that lacks what was durable when the last block was written."""
        if mark is None:
            return
        try:
            wanted = decode_mark(mark)
        except InvalidEncoding as error:
            raise VoteLogCorrupted(
                self._path, expected="a vote mark in the ledger", actual=str(error)
            ) from error
        if not self._reaches(wanted):
            raise VoteLogRolledBack(
                self._path,
                expected=f"votes to byte {wanted.length} of segment {wanted.segment}",
                actual=f"{self.end.length} bytes of segment {self.end.segment}, or other votes",
            )

    def _reaches(self, wanted: Position) -> bool:
        if wanted.segment == self._head.number:
            return any((f.end, f.chain) == (wanted.length, wanted.chain) for f in self._frames)
        previous = self._head.previous
        if wanted.segment == previous.segment:
            return wanted.length < previous.length or wanted == previous
        return wanted.segment < previous.segment

    def _read(self, data: bytes) -> list[Frame]:
        try:
            return list(read_frames(data))
        except BrokenFrame as error:
            raise self._corrupted(error.at, error.expected, error.actual) from error

    def _corrupted(self, at: int, expected: str, actual: str) -> VoteLogCorrupted:
        return VoteLogCorrupted(self._path, expected=f"at byte {at} {expected}", actual=actual)
