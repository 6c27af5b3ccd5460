"""What a node did to its folder, as operations on files and names; and from system calls to them.

A file is known by a number of its own, as by its inode: names come, move and go, and what was
written stays with the file. Whatever the folder is touched with that is not understood here is
refused: a crash state must not be rebuilt from half of a story.
"""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from tests.crash.trace import SystemCall, UnreadableTrace

ROOT: Final = 0
# SQLite maps this one into memory; it is made anew from the write-ahead log after every crash.
_REBUILT: Final = "-shm"
_OPENING: Final = {"open", "openat", "creat"}
_NAMING: Final = {"mkdir", "rename", "link", "unlink", "rmdir"}
_UNKNOWN: Final = {
    "mkdirat",
    "renameat",
    "renameat2",
    "linkat",
    "symlink",
    "symlinkat",
    "unlinkat",
    "writev",
    "pwritev",
    "pwritev2",
    "truncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "splice",
    "sync_file_range",
    "dup",
    "dup2",
    "dup3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name now stands for a file or folder: made, linked or moved there (`source`)."""

    folder: int
    name: str
    file: int
    is_folder: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """A name is gone."""

    folder: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Bytes at a place of a file."""

    file: int
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """A file was cut or grown to a length."""

    file: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What operations before number `begun` did to this file or folder is durable."""

    file: int
    begun: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A consensus message was handed to the network: from here on a peer may have it."""

    payload: bytes = field(repr=False)


Operation: TypeAlias = Named | Unnamed | Written | Resized | Synced | Said


@dataclass(slots=True)
class _Opened:
    file: int
    position: int
    is_appending: bool


class Recorder:
    """Turns the calls of one process after another on one folder into one list of operations."""

    def __init__(self, folder: PurePosixPath, *, witness: PurePosixPath) -> None:
        self.operations: list[Operation] = []
        self.names: dict[tuple[int, str], int] = {}
        self._folder = folder
        self._witness = witness
        self._folders = {ROOT}
        self._lengths: dict[int, int] = {}
        self._opened: dict[int, _Opened] = {}
        self._next = ROOT + 1
        # When each operation happened, in seconds since 1970.
        self.times: list[float] = []
        # Line of the trace at which it happened.
        self._lines: list[int] = []
        self._now_s = 0.0

    def begin_with(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Note what was there, durable, before anything ran."""
        for name, content in files:
            file = self._name(ROOT, name, line=-1)
            self._add(Written(file=file, offset=0, data=content), line=-1)
            self._lengths[file] = len(content)
            self._sync(file, line=-1)
        self._sync(ROOT, line=-1)

    def follow(self, calls: Iterable[SystemCall]) -> None:
        """Add what one process did; it starts with no open file."""
        self._opened.clear()
        self._lines = [-1] * len(self.operations)
        for call in calls:
            self._now_s = call.ended_s
            self._follow(call)

    def _follow(self, call: SystemCall) -> None:
        if call.name in _OPENING:
            self._open(call)
        elif call.name in _NAMING:
            self._rename(call)
        elif call.descriptors and self._inside(call.descriptors[0].path) is not None:
            self._change(call)
        elif call.descriptors and call.descriptors[0].path == str(self._witness):
            # At its start: the message may leave from that moment on.
            self._insert(Said(payload=call.texts[0]), call)

    def _open(self, call: SystemCall) -> None:
        place = self._place(call.texts[0].decode("utf-8", "surrogateescape"))
        if place is None:
            return
        folder, name = place
        file = ROOT if name == "" else self.names.get(place)
        if file is None:
            file = self._name(folder, name, line=call.ended)
        elif "O_TRUNC" in call.flags and self._lengths.get(file):
            self._resize(file, 0, line=call.ended)
        self._opened[call.result] = _Opened(file, 0, "O_APPEND" in call.flags)

    def _rename(self, call: SystemCall) -> None:
        places = [self._place(one.decode("utf-8", "surrogateescape")) for one in call.texts]
        if places[0] is None:
            return
        folder, name = places[0]
        match call.name, places:
            case "mkdir", _:
                self._folders.add(self._name(folder, name, line=call.ended, is_folder=True))
            case "unlink" | "rmdir", _:
                del self.names[folder, name]
                self._add(Unnamed(folder=folder, name=name), line=call.ended)
            case "link", [_, (int() as other, str() as target)] if other == folder:
                self._name(folder, target, line=call.ended, file=self.names[folder, name])
            case "rename", [_, (int() as other, str() as target)] if other == folder:
                self._move(folder, name, target, line=call.ended)
            case _:
                raise UnreadableTrace(f"{call.name} between folders: {call.texts}")

    def _move(self, folder: int, name: str, target: str, *, line: int) -> None:
        file = self.names.pop((folder, name))
        self.names[folder, target] = file
        self._add(
            Named(
                folder=folder,
                name=target,
                file=file,
                is_folder=file in self._folders,
                source=name,
            ),
            line=line,
        )

    def _change(self, call: SystemCall) -> None:
        descriptor = call.descriptors[0]
        if descriptor.path.endswith(_REBUILT):
            return
        if call.name in _UNKNOWN or (call.name == "mmap" and _is_writable_map(call)):
            raise UnreadableTrace(f"{call.name} on {descriptor.path}: not understood")
        if call.name == "mmap":
            return
        opened = self._opened[descriptor.number]
        match call.name:
            case "write":
                at = self._lengths[opened.file] if opened.is_appending else opened.position
                opened.position = at + call.result
                self._write(opened.file, at, call.texts[0][: call.result], line=call.ended)
            case "pwrite64":
                data = call.texts[0][: call.result]
                self._write(opened.file, call.numbers[-1], data, line=call.ended)
            case "ftruncate":
                self._resize(opened.file, call.numbers[-1], line=call.ended)
            case "fsync" | "fdatasync":
                self._sync(opened.file, line=call.ended, begun=call.begun)
            case _:
                raise UnreadableTrace(f"{call.name}: not understood")

    def _write(self, file: int, offset: int, data: bytes, *, line: int) -> None:
        self._lengths[file] = max(self._lengths[file], offset + len(data))
        self._add(Written(file=file, offset=offset, data=data), line=line)

    def _resize(self, file: int, length: int, *, line: int) -> None:
        self._lengths[file] = length
        self._add(Resized(file=file, length=length), line=line)

    def _name(
        self,
        folder: int,
        name: str,
        *,
        line: int,
        is_folder: bool = False,
        file: int | None = None,
    ) -> int:
        if file is None:
            file, self._next = self._next, self._next + 1
            self._lengths[file] = 0
        self.names[folder, name] = file
        self._add(Named(folder=folder, name=name, file=file, is_folder=is_folder), line=line)
        return file

    def _sync(self, file: int, *, line: int, begun: int | None = None) -> None:
        count = len(self.operations)
        if begun is not None:
            # What another thread did after this call had started is not promised by it.
            while count and self._lines[count - 1] >= begun:
                count -= 1
        self._add(Synced(file=file, begun=count), line=line)

    def _add(self, operation: Operation, *, line: int) -> None:
        self.operations.append(operation)
        self.times.append(self._now_s)
        self._lines.append(line)

    def _insert(self, operation: Operation, call: SystemCall) -> None:
        """Place an operation where its call started."""
        at = len(self.operations)
        while at and self._lines[at - 1] > call.begun:
            at -= 1
        later = self.operations[at:]
        self.operations[at:] = [operation, *(_shifted(one, at) for one in later)]
        self.times.insert(at, call.begun_s)
        self._lines.insert(at, call.begun)

    def _place(self, path: str) -> tuple[int, str] | None:
        """Return folder and last name of a path in our folder; the folder itself has no name."""
        parts = self._inside(path)
        if parts is None:
            return None
        folder = ROOT
        for part in parts[:-1]:
            folder = self.names[folder, part]
        return folder, parts[-1] if parts else ""

    def _inside(self, path: str) -> tuple[str, ...] | None:
        pure = PurePosixPath(posixpath.normpath(path))
        if not pure.is_relative_to(self._folder):
            return None
        parts = pure.relative_to(self._folder).parts
        return None if parts and parts[0] in _NOT_KEPT else parts


# Diaries and notes for people: nothing is ever read from them.
_NOT_KEPT: Final = {"logs", "process.json", "process.draft"}


def _is_writable_map(call: SystemCall) -> bool:
    return {"PROT_WRITE", "MAP_SHARED"} <= call.flags


def _shifted(operation: Operation, at: int) -> Operation:
    """Move a sync's reach with the operations that move by one."""
    if isinstance(operation, Synced) and operation.begun > at:
        return Synced(file=operation.file, begun=operation.begun + 1)
    return operation
