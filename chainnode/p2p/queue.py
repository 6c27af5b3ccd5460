"""What waits to be written to one peer: bounded in bytes and frames, oldest message first out.

Pure. Messages may be dropped, because consensus retransmits what matters; requests may not,
because somebody waits for them: one that does not fit is refused at once.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

# Up to here a payload is copied behind others into one TLS record, which is cheaper than a
# record of its own; above, it goes down uncopied. 16 KiB is the largest record (RFC 8446 §5.1).
_JOINED_BYTES_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueuedFrame:
    """A frame as two buffers, so that one payload can wait in many queues; has identity."""

    header: bytes
    payload: bytes
    droppable: bool = True

    def __len__(self) -> int:
        return len(self.header) + len(self.payload)


def joined_buffers(header: bytes, payload: bytes) -> list[bytes]:
    """Return what to write for one frame: one buffer, or two when the payload is large."""
    return [header, payload] if len(payload) > _JOINED_BYTES_MAX else [header + payload]


class SendQueue:
    """First in, first out; a full queue forgets its oldest droppable frames."""

    def __init__(self, *, bytes_max: int, frames_max: int) -> None:
        self._bytes_max = bytes_max
        self._frames_max = frames_max
        self._frames: deque[QueuedFrame] = deque()
        self._kept_frames = 0
        self._kept_bytes = 0
        self.bytes = 0
        # Frames dropped since the queue exists, newcomers without room included.
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, frame: QueuedFrame) -> bool:
        """Append `frame`, making room; return False when there is none even so."""
        size = len(frame)
        if self._kept_bytes + size > self._bytes_max or self._kept_frames + 1 > self._frames_max:
            self.dropped += frame.droppable
            return False
        while self.bytes + size > self._bytes_max or len(self._frames) + 1 > self._frames_max:
            self._drop_oldest()
        self._frames.append(frame)
        self._count(frame, 1)
        return True

    def withdraw(self, frame: QueuedFrame) -> None:
        """Take `frame` out again, if it still waits."""
        for at, waiting in enumerate(self._frames):
            if waiting is frame:
                del self._frames[at]
                self._count(frame, -1)
                return

    def pop_buffers(self, bytes_max: int) -> tuple[int, list[bytes]]:
        """Remove about `bytes_max` bytes, one frame at least; return frames and buffers to write.

        Small neighbours come joined in one buffer, a large payload as its own object.
        """
        buffers: list[bytes] = []
        small: list[bytes] = []
        frames = size = 0
        while self._frames and size < bytes_max:
            frame = self._frames.popleft()
            self._count(frame, -1)
            frames += 1
            size += len(frame)
            small.append(frame.header)
            if len(frame.payload) > _JOINED_BYTES_MAX:
                buffers += (b"".join(small), frame.payload)
                small.clear()
            else:
                small.append(frame.payload)
        if small:
            buffers.append(b"".join(small))
        return frames, buffers

    def _drop_oldest(self) -> None:
        at = next(at for at, frame in enumerate(self._frames) if frame.droppable)
        self._count(self._frames[at], -1)
        del self._frames[at]
        self.dropped += 1

    def _count(self, frame: QueuedFrame, sign: int) -> None:
        self.bytes += sign * len(frame)
        if not frame.droppable:
            self._kept_frames += sign
            self._kept_bytes += sign * len(frame)
