"""Opening the file of a spool: what it holds, and whether it may be believed.

A torn tail is cut, because nothing of it was acknowledged. Whatever else is wrong is refused by
name and left as it is: an entry may be the only testimony there is.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.errors import InvalidInput, StorageError
from chainnode.gateway.spool.codec import SpoolRecords
from chainnode.gateway.spool.errors import (
    SpoolCorrupted,
    SpoolOfAnotherChain,
    UnknownSpoolFormat,
)
from chainnode.gateway.spool.records import Record
from chainnode.gateway.spool.state import SpoolState
from chainnode.segments.files import SegmentFolder, open_segment
from chainnode.segments.frames import CHAIN_START, BrokenFrame, Frame, encode_frame, read_frames
from chainnode.segments.log import SegmentLog
from chainnode.segments.port import NOWHERE, Position

FORMAT_VERSION: Final = 1
_TAG: Final = "kun.spool"
_TAG_CHARACTERS_MAX: Final = 32
_PREFIX: Final = "spool-"
_FIRST_SEGMENT: Final = 1
_CHAIN_ID_BYTES: Final = 32
# A running gateway replaces its file now and then; to miss it so often is another fault.
_LOOKS_MAX: Final = 5
_HEAD_LIMITS: Final = Limits(bytes_max=512, depth_max=2, elements_max=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSpool:
    """What a segment holds; `end` is where its last whole frame does."""

    chain_id: bytes
    state: SpoolState
    end: Position


def open_spool_log(directory: Path, *, chain_id: bytes) -> tuple[SegmentLog[Record], SpoolState]:
    """Open the log and fold its records; begin one where there is none. Takes no lock.

    Raises:
        SpoolCorrupted, SpoolOfAnotherChain, UnknownSpoolFormat: it must not be written to.
        StorageError: the files cannot be read or written.

    """
    folder = SegmentFolder(directory=directory, prefix=_PREFIX)
    try:
        numbers = folder.numbers()
        if not numbers:
            return _begin(folder, chain_id), SpoolState()
        path = folder.path(numbers[-1])
        stored = read_spool(path, number=numbers[-1], chain_id=chain_id)
        descriptor = open_segment(path, length=stored.end.length)
        folder.remove_older(than=numbers[-1])
    except OSError as error:
        raise StorageError(f"{directory}: spool: {error.strerror or error}") from error
    return _log(folder, chain_id, descriptor, stored.end), stored.state


def look_at_spool(directory: Path) -> StoredSpool | None:
    """Read a spool for people, also beside a running gateway; None where nothing was ever kept.

    Takes no lock and changes nothing.

    Raises:
        SpoolCorrupted, UnknownSpoolFormat: it cannot be believed.
        StorageError: it cannot be read.

    """
    folder = SegmentFolder(directory=directory, prefix=_PREFIX)
    for _ in range(_LOOKS_MAX):
        numbers = folder.numbers()
        if not numbers:
            return None
        try:
            return read_spool(folder.path(numbers[-1]), number=numbers[-1], chain_id=None)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{directory}: spool: {error.strerror or error}") from error
    raise StorageError(f"{directory}: spool: its file was replaced again and again; look once more")


def read_spool(path: Path, *, number: int, chain_id: bytes | None) -> StoredSpool:
    """Fold the records of a segment, and tell where its last whole frame ends.

    `chain_id` None believes what the segment says of its chain: for people who only look.

    Raises:
        SpoolCorrupted, SpoolOfAnotherChain, UnknownSpoolFormat: it cannot be believed.
        OSError: it cannot be read.

    """
    frames = _frames(path)
    if not frames:
        raise SpoolCorrupted(path, expected="the head of a segment", actual="none")
    stored_chain = _chain_of(path, frames[0].payload, number=number, chain_id=chain_id)
    state, codec = SpoolState(), SpoolRecords()
    for frame in frames[1:]:
        try:
            state.apply(codec.decode(frame.payload))
        except InvalidInput as error:
            raise SpoolCorrupted(
                path, expected=f"a record that ends at byte {frame.end}", actual=str(error)
            ) from error
    last = frames[-1]
    end = Position(segment=number, length=last.end, chain=last.chain)
    return StoredSpool(chain_id=stored_chain, state=state, end=end)


def _frames(path: Path) -> list[Frame]:
    try:
        return list(read_frames(path.read_bytes()))
    except BrokenFrame as error:
        raise SpoolCorrupted(
            path, expected=f"at byte {error.at} {error.expected}", actual=error.actual
        ) from error


def _chain_of(path: Path, payload: bytes, *, number: int, chain_id: bytes | None) -> bytes:
    """Return the chain that a segment names, if it is the one of `chain_id`."""
    try:
        fields = as_array(decode(payload, _HEAD_LIMITS), None, "segment head")
        tag = as_text(fields[0] if fields else b"", "tag", maximum=_TAG_CHARACTERS_MAX)
        version = as_int(fields[1] if len(fields) > 1 else b"", "format version")
        if (tag, version) != (_TAG, FORMAT_VERSION):
            raise UnknownSpoolFormat(
                path, expected=f"{_TAG} version {FORMAT_VERSION}", actual=f"{tag} version {version}"
            )
        as_array(fields, 5, "segment head")
        stored_number = as_int(fields[2], "segment")
        stored_chain = as_bytes(fields[3], "chain id", _CHAIN_ID_BYTES)
    except InvalidEncoding as error:
        raise SpoolCorrupted(path, expected=error.expected, actual=error.actual) from error
    if stored_number != number:
        raise SpoolCorrupted(path, expected=f"segment {number}", actual=f"segment {stored_number}")
    if chain_id is not None and stored_chain != chain_id:
        raise SpoolOfAnotherChain(path)
    return stored_chain


def _begin(folder: SegmentFolder, chain_id: bytes) -> SegmentLog[Record]:
    head = _head(chain_id, _FIRST_SEGMENT, NOWHERE)
    content, chain = encode_frame(head, previous=CHAIN_START)
    descriptor = folder.create(_FIRST_SEGMENT, content)
    position = Position(segment=_FIRST_SEGMENT, length=len(content), chain=chain)
    return _log(folder, chain_id, descriptor, position)


def _log(
    folder: SegmentFolder, chain_id: bytes, descriptor: int, position: Position
) -> SegmentLog[Record]:
    return SegmentLog(
        folder,
        what="spool",
        codec=SpoolRecords(),
        head=lambda number, previous: _head(chain_id, number, previous),
        descriptor=descriptor,
        position=position,
    )


def _head(chain_id: bytes, number: int, previous: Position) -> bytes:
    before = (previous.segment, previous.length, previous.chain)
    return encode((_TAG, FORMAT_VERSION, number, chain_id, before))
