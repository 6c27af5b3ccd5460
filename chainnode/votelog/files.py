"""The files of a vote log: one per segment, in a directory of their own.

A segment is written under a temporary name, made durable and then renamed: one that has its
name is complete. It grows without preallocation, so that a power cut leaves a short file and
never a hole between two records. Errors are the operating system's; `log` judges them.
"""

import os
from pathlib import Path
from typing import Final

_PREFIX: Final = "votes-"
_SUFFIX: Final = ".log"
_UNFINISHED: Final = ".unfinished"
_DIGITS: Final = 10
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC


def segment_path(directory: Path, number: int) -> Path:
    """Name the file of a segment."""
    return directory / f"{_PREFIX}{number:0{_DIGITS}d}{_SUFFIX}"


def segment_numbers(directory: Path) -> tuple[int, ...]:
    """List the segments that have their name, ascending."""
    digits = "[0-9]" * _DIGITS
    names = directory.glob(f"{_PREFIX}{digits}{_SUFFIX}")
    return tuple(sorted(int(path.name[len(_PREFIX) :][:_DIGITS]) for path in names))


def make_directory(directory: Path) -> None:
    """Create the directory durably, unless it is there."""
    if not directory.is_dir():
        directory.mkdir(mode=_DIRECTORY_MODE)
        sync_directory(directory.parent)


def create_segment(directory: Path, number: int, content: bytes) -> int:
    """Write a new segment durably under its name; return its descriptor."""
    path = segment_path(directory, number)
    unfinished = path.with_suffix(_UNFINISHED)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, _FILE_MODE)
    try:
        write_at(descriptor, content, 0)
        os.fsync(descriptor)
        unfinished.rename(path)
        sync_directory(directory)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


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


def remove_older(directory: Path, *, than: int) -> None:
    """Remove the segments that a later one restates."""
    older = [number for number in segment_numbers(directory) if number < than]
    for number in older:
        segment_path(directory, number).unlink()
    if older:
        sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
