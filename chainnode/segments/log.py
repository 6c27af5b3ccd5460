"""A log in segments: what was appended is durable when `sync` has returned.

`append` and `rotate` only queue; `sync` writes what is queued and ends with one fdatasync: the
records of all steps since the last one share it. One thread owns the order (append, rotate);
`sync` may run on another. After the first error nothing is written any more: what is on the
disk is unknown, and the process has to stop.
"""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, assert_never

from chainnode.errors import StorageError
from chainnode.segments import files
from chainnode.segments.files import SegmentFolder
from chainnode.segments.frames import CHAIN_START, encode_frame
from chainnode.segments.port import Position, R, RecordCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """Bytes for the end of the current segment."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rotate:
    """A new segment that restates all that still matters."""

    number: int
    content: bytes


class SegmentLog(Generic[R]):
    """Append-only, chained records. `head` makes the first frame of a segment.

    It is given the number of the segment and where the one before it ended.
    """

    def __init__(
        self,
        folder: SegmentFolder,
        *,
        what: str,
        codec: RecordCodec[R],
        head: Callable[[int, Position], bytes],
        descriptor: int,
        position: Position,
    ) -> None:
        self._folder = folder
        self._what = what
        self._codec = codec
        self._head = head
        self._descriptor = descriptor
        self._tail = position
        self._durable = position
        self._queue: list[_Write | _Rotate] = []
        self._failure: str | None = None
        self._order = threading.Lock()
        self._writing = threading.Lock()

    @property
    def length(self) -> int:
        """Bytes of the current segment, with what is queued."""
        return self._tail.length

    def append(self, records: Sequence[R]) -> None:
        """Queue records; they are durable after the next `sync`.

        Raises:
            StorageError: an earlier write failed.

        """
        with self._order:
            self._require_sound()
            data, self._tail = self._frames(self._tail, [self._codec.encode(r) for r in records])
            self._queue.append(_Write(data=data))

    def rotate(self, restatement: Sequence[R]) -> None:
        """Queue a new segment that begins with `restatement` and replaces all before it.

        `restatement` must say everything that still binds, as of the last `append`.

        Raises:
            StorageError: an earlier write failed.

        """
        with self._order:
            self._require_sound()
            number = self._tail.segment + 1
            head = self._head(number, self._tail)
            payloads = [head, *(self._codec.encode(one) for one in restatement)]
            start = Position(segment=number, length=0, chain=CHAIN_START)
            content, self._tail = self._frames(start, payloads)
            self._queue.append(_Rotate(number=number, content=content))

    def sync(self) -> None:
        """Make durable what was queued before this call; one fdatasync however much it is.

        Raises:
            StorageError: it is unknown what is durable; the process must stop.

        """
        with self._writing:
            with self._order:
                self._require_sound()
                queue, self._queue = self._queue, []
                target = self._tail
            self._carry_out_or_fail(queue)
            self._durable = target

    @property
    def durable(self) -> Position:
        """How far the log is durable."""
        return self._durable

    def close(self) -> None:
        """Give the file back; what was not synced is lost."""
        with self._writing, self._order:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
                self._failure = self._failure or "it is closed"

    def _frames(self, at: Position, payloads: Sequence[bytes]) -> tuple[bytes, Position]:
        chain, frames = at.chain, []
        for payload in payloads:
            frame, chain = encode_frame(payload, previous=chain)
            frames.append(frame)
        data = b"".join(frames)
        return data, Position(segment=at.segment, length=at.length + len(data), chain=chain)

    def _carry_out_or_fail(self, queue: list[_Write | _Rotate]) -> None:
        try:
            self._carry_out(queue)
        except BaseException as error:
            # Whatever it was, bytes may be missing in the middle: nothing may follow them.
            self._failure = str(error)
            if isinstance(error, OSError):
                raise self._failed() from error
            raise

    def _carry_out(self, queue: list[_Write | _Rotate]) -> None:
        at = self._durable.length
        for step in queue:
            match step:
                case _Write(data=data):
                    files.write_at(self._descriptor, data, at)
                    at += len(data)
                case _Rotate(number=number, content=content):
                    # The old segment ends where the new one says that it does.
                    os.fdatasync(self._descriptor)
                    self._move_to(number, content)
                    at = len(content)
                case _:
                    assert_never(step)
        if queue and isinstance(queue[-1], _Write):
            os.fdatasync(self._descriptor)

    def _move_to(self, number: int, content: bytes) -> None:
        descriptor = self._folder.create(number, content)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._folder.remove_older(than=number)

    def _require_sound(self) -> None:
        if self._failure is not None:
            raise self._failed()

    def _failed(self) -> StorageError:
        return StorageError(
            f"{self._folder.directory}: {self._what}: {self._failure}: what is durable is unknown"
        )
