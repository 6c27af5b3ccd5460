"""Reading a vote log without opening it: for people, also beside a running node.

Takes no lock, changes nothing, believes nothing: what can be read is returned together with
the reason why the rest cannot.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from chainnode.errors import InvalidInput, StorageError
from chainnode.segments.frames import BrokenFrame, Frame, read_frames
from chainnode.segments.port import R, RecordCodec
from chainnode.votelog.log import vote_folder
from chainnode.votelog.segment import Identity, decode_head


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVotes(Generic[R]):
    """The newest segment as it lies on the disk.

    `torn_bytes` stand after the last whole frame: being written, or cut at the next start.
    `problem` says why records are missing from `records`; None: they are all there.
    """

    path: Path
    segment: int
    size_bytes: int
    torn_bytes: int
    identity: Identity | None
    records: tuple[R, ...]
    problem: str | None


def inspect_vote_log(directory: Path, codec: RecordCodec[R]) -> StoredVotes[R] | None:
    """Read the newest segment; None when there is no vote log.

    Raises:
        StorageError: the files cannot be read.

    """
    try:
        folder = vote_folder(directory)
        numbers = folder.numbers()
        if not numbers:
            return None
        path = folder.path(numbers[-1])
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{directory}: vote log: {error.strerror or error}") from error
    frames, broken = _whole_frames(data)
    identity, records, problem = _decoded(frames, codec)
    end = frames[-1].end if frames else 0
    return StoredVotes(
        path=path,
        segment=numbers[-1],
        size_bytes=len(data),
        torn_bytes=0 if broken else len(data) - end,
        identity=identity,
        records=records,
        problem=problem or broken,
    )


def _whole_frames(data: bytes) -> tuple[list[Frame], str | None]:
    frames: list[Frame] = []
    try:
        for frame in read_frames(data):
            frames.append(frame)  # noqa: PERF402 - the frames before a broken one are kept
    except BrokenFrame as error:
        return frames, str(error)
    return frames, None


def _decoded(
    frames: list[Frame], codec: RecordCodec[R]
) -> tuple[Identity | None, tuple[R, ...], str | None]:
    if not frames:
        return None, (), "expected the head of a segment, got none"
    records: list[R] = []
    try:
        identity = decode_head(frames[0].payload).identity
    except InvalidInput as error:
        return None, (), str(error)
    try:
        records.extend(codec.decode(frame.payload) for frame in frames[1:])
    except InvalidInput as error:
        return identity, tuple(records), str(error)
    return identity, tuple(records), None
