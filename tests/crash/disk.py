"""What a power cut leaves of a folder, after any number of the operations that it saw.

The model of the file system: a file has what was written to it before a finished fsync or
fdatasync of that file began; a folder has the names that it had when its own fsync began. Of
what came later anything may be left: of appended bytes a beginning, since a file's length grows
after its data; of bytes written in place any part; of the names in a folder a beginning of the
changes, since file systems keep a journal of those in order. That a file's own fsync keeps its
name too is not relied on.
"""

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from tests.crash.operations import (
    ROOT,
    Named,
    Operation,
    Resized,
    Said,
    Synced,
    Unnamed,
    Written,
)

_SECTOR_BYTES: Final = 512


class Loss(Enum):
    """What is left of that which was not synced."""

    ALL = "all dropped"
    DATA = "data dropped, names kept"
    NOTHING = "nothing dropped"
    TORN = "the last write of each file torn in the middle"
    ZEROS = "lengths kept, data read as zeros"
    CHANCE = "each file and folder cut by chance"


@dataclass(slots=True)
class _File:
    durable: bytes = b""
    pending: list[tuple[int, Written | Resized]] = field(default_factory=list)


@dataclass(slots=True)
class _Folder:
    durable: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[int, Named | Unnamed]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CrashState:
    """The folder as a power cut left it: path from its top to content, None for a folder."""

    entries: Mapping[str, bytes | None]

    def write_to(self, folder: Path) -> None:
        """Make the folder; all files are private, as the node makes its own."""
        folder.mkdir(mode=0o700)
        for name, content in self.entries.items():
            path = folder / name
            if content is None:
                path.mkdir(mode=0o700)
            else:
                path.write_bytes(content)
                path.chmod(0o600)


class Disk:
    """Files and folders of one node. A sync of one in `deaf` does nothing: a disk that lies."""

    def __init__(self, *, deaf: Collection[int] = ()) -> None:
        self._deaf = deaf
        self._files: dict[int, _File] = {}
        self._folders: dict[int, _Folder] = {ROOT: _Folder()}
        self._count = 0

    def apply(self, operation: Operation) -> None:
        """See the next operation of the node."""
        match operation:
            case Named(folder=folder, file=file, is_folder=is_folder):
                if is_folder:
                    self._folders.setdefault(file, _Folder())
                else:
                    self._files.setdefault(file, _File())
                self._folders[folder].pending.append((self._count, operation))
            case Unnamed(folder=folder):
                self._folders[folder].pending.append((self._count, operation))
            case Written(file=file) | Resized(file=file):
                self._files[file].pending.append((self._count, operation))
            case Synced(file=file, begun=begun):
                self._sync(file, begun)
            case Said():
                pass
        self._count += 1

    def cut(self, loss: Loss, *, seed: int = 0) -> CrashState:
        """Return what is left when the power goes now."""
        chance = random.Random(f"{seed} {self._count} {loss.value}")  # noqa: S311 - a seeded choice
        entries: dict[str, bytes | None] = {}
        for path, number in self._walk(ROOT, "", loss, chance):
            if number in self._folders:
                entries[path] = None
            else:
                entries[path] = _left_of(self._files[number], loss, chance)
        return CrashState(entries)

    def _sync(self, number: int, begun: int) -> None:
        if number in self._deaf:
            return
        if number in self._folders:
            folder = self._folders[number]
            while folder.pending and folder.pending[0][0] < begun:
                _rename(folder.durable, folder.pending.pop(0)[1])
        else:
            file = self._files[number]
            while file.pending and file.pending[0][0] < begun:
                file.durable = _changed(file.durable, file.pending.pop(0)[1])

    def _walk(
        self, number: int, prefix: str, loss: Loss, chance: random.Random
    ) -> Iterator[tuple[str, int]]:
        folder = self._folders[number]
        names = dict(folder.durable)
        kept = len(folder.pending)
        if loss is Loss.ALL:
            kept = 0
        elif loss is Loss.CHANCE:
            kept = chance.randint(0, kept)
        for _, one in folder.pending[:kept]:
            _rename(names, one)
        for name, file in names.items():
            yield f"{prefix}{name}", file
            if file in self._folders:
                yield from self._walk(file, f"{prefix}{name}/", loss, chance)


def _left_of(file: _File, loss: Loss, chance: random.Random) -> bytes:
    changes = [one for _, one in file.pending]
    match loss:
        case Loss.ALL | Loss.DATA:
            return file.durable
        case Loss.NOTHING:
            kept = changes
        case Loss.TORN:
            kept = [*changes[:-1], *_torn(changes[-1:], chance)]
        case Loss.ZEROS:
            return _zeroed(file.durable, changes, chance)
        case Loss.CHANCE:
            kept = _some_of(file.durable, changes, chance)
    content = file.durable
    for one in kept:
        content = _changed(content, one)
    return content


def _some_of(
    durable: bytes, changes: list[Written | Resized], chance: random.Random
) -> list[Written | Resized]:
    """Keep a beginning of what was appended, the last of it torn, and any of the rest."""
    length, kept, is_growing = len(durable), list[Written | Resized](), True
    for one in changes:
        if isinstance(one, Written) and one.offset >= length:
            if not is_growing:
                continue
            is_growing = chance.random() < 0.7
            kept += [one] if is_growing else _torn([one], chance)
            length = one.offset + len(one.data)
        elif chance.random() < 0.5:
            kept.append(one)
    return kept


def _torn(changes: list[Written | Resized], chance: random.Random) -> list[Written | Resized]:
    return [
        Written(file=one.file, offset=one.offset, data=one.data[: chance.randint(0, len(one.data))])
        for one in changes
        if isinstance(one, Written)
    ]


def _zeroed(durable: bytes, changes: list[Written | Resized], chance: random.Random) -> bytes:
    """Keep the length and a beginning in whole sectors; the rest was allocated, not written."""
    content = durable
    for one in changes:
        content = _changed(content, one)
    if len(content) <= len(durable):
        return content
    written = chance.randint(len(durable), len(content)) // _SECTOR_BYTES * _SECTOR_BYTES
    kept = max(written, len(durable))
    return content[:kept] + bytes(len(content) - kept)


def _changed(content: bytes, one: Written | Resized) -> bytes:
    if isinstance(one, Resized):
        return content[: one.length].ljust(one.length, b"\0")
    head = content[: one.offset].ljust(one.offset, b"\0")
    return head + one.data + content[one.offset + len(one.data) :]


def _rename(names: dict[str, int], one: Named | Unnamed) -> None:
    if isinstance(one, Unnamed):
        names.pop(one.name, None)
        return
    if one.source is not None:
        names.pop(one.source, None)
    names[one.name] = one.file
