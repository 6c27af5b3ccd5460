"""The files of a log: one per segment, in a directory of their own.

A segment is written under a temporary name, made durable and then renamed: one that has its
name is complete. It grows without preallocation, so that a power cut leaves a short file and
never a hole between two records. Errors are the operating system's; `log` judges them.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".log"
_UNFINISHED: Final = ".unfinished"
_DIGITS: Final = 10
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFolder:
    """Where the segments of one log lie; their names begin with `prefix`."""

    directory: Path
    prefix: str

    def path(self, number: int) -> Path:
        """Name the file of a segment."""
        return self.directory / f"{self.prefix}{number:0{_DIGITS}d}{_SUFFIX}"

    def numbers(self) -> tuple[int, ...]:
        """List the segments that have their name, ascending."""
        names = self.directory.glob(f"{self.prefix}{'[0-9]' * _DIGITS}{_SUFFIX}")
        return tuple(sorted(int(path.name[len(self.prefix) :][:_DIGITS]) for path in names))

    def make(self) -> None:
        """Create the directory durably, unless it is there."""
        if not self.directory.is_dir():
            self.directory.mkdir(mode=_DIRECTORY_MODE)
            sync_directory(self.directory.parent)

    def create(self, number: int, content: bytes) -> int:
        """Write a new segment durably under its name; return its descriptor."""
        path = self.path(number)
        unfinished = path.with_suffix(_UNFINISHED)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, _FILE_MODE)
        try:
            write_at(descriptor, content, 0)
            os.fsync(descriptor)
            unfinished.rename(path)
            sync_directory(self.directory)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def remove_older(self, *, than: int) -> None:
        """Remove the segments that a later one restates."""
        older = [number for number in self.numbers() if number < than]
        for number in older:
            self.path(number).unlink()
        if older:
            sync_directory(self.directory)


def open_segment(path: Path, *, length: int) -> int:
    """Open a segment for writing at `length`, cutting what stands after it."""
    descriptor = os.open(path, os.O_WRONLY | _FLAGS)
    try:
        if os.fstat(descriptor).st_size != length:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data`; a short write is continued, an error is not."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest = rest[written:]
        offset += written


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
