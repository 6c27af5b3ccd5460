"""Reads what `strace -f -y -xx -ttt -T` wrote: the calls of one process, in the order they ended.

A call of one thread may be cut in two by calls of others (`<unfinished ...>`): then `begun` is
where it started and `ended` where it returned. Calls that failed are left out: they changed
nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What may change a file or a name, or make it durable.
TRACED: Final = (
    "open",
    "openat",
    "creat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "truncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "splice",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "dup",
    "dup2",
    "dup3",
    "mmap",
)
_UNFINISHED: Final = " <unfinished ...>"
_LINE: Final = re.compile(r"(\d+) +(\d+\.\d+) (.*)\Z", re.DOTALL)
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)\Z", re.DOTALL)
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (-?\d+)(.*) <(\d+\.\d+)>\Z", re.DOTALL)
_HEX: Final = re.compile(r"(?:\\x[0-9a-f]{2})+")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR: Final = re.compile(r"(-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2}|[^\\>])*)>(\(deleted\))?")


class UnreadableTrace(ValueError):
    """A line that is not what strace writes: a crash state must not be guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A number with the path that it stood for when the call was printed."""

    number: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCall:
    """A call that succeeded. `texts` are its strings, `flags` the words between them.

    `begun` and `ended` are lines of the trace, the times seconds since 1970.
    """

    name: str
    begun: int
    ended: int
    begun_s: float
    ended_s: float
    descriptors: tuple[Descriptor, ...]
    texts: tuple[bytes, ...]
    numbers: tuple[int, ...]
    flags: frozenset[str]
    result: int


def read_trace(path: Path) -> Iterator[SystemCall]:
    """Yield the successful calls of a trace file."""
    with path.open(encoding="ascii") as file:
        yield from parse_trace(line.rstrip("\n") for line in file)


def parse_trace(lines: Iterable[str]) -> Iterator[SystemCall]:
    """Yield the successful calls of these lines.

    Raises:
        UnreadableTrace: a line has another shape, or data was cut short.

    """
    unfinished: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            raise UnreadableTrace(f"line {number + 1}: {line[:80]}")
        thread, time, rest = found.groups()
        if rest.startswith(("+++", "---")):
            continue
        if rest.endswith(_UNFINISHED):
            unfinished[thread] = (number, rest.removesuffix(_UNFINISHED))
            continue
        begun, resumed = number, _RESUMED.match(rest)
        if resumed is not None:
            begun, start = unfinished.pop(thread)
            rest = start + resumed.group(2)
        call = _parse(rest, begun=begun, ended=number, time=float(time))
        if call is not None:
            yield call


def _parse(text: str, *, begun: int, ended: int, time: float) -> SystemCall | None:
    """Read a whole call; `time` is that of its line: its end if it was cut in two."""
    found = _CALL.match(text)
    if found is None:
        if " = ?" in text[-40:]:
            return None
        raise UnreadableTrace(f"line {ended + 1}: {text[:80]}")
    name, arguments, result, _, seconds = found.groups()
    if int(result) < 0:
        return None
    if any(cut for _, cut in _TEXT.findall(arguments)):
        raise UnreadableTrace(f"line {ended + 1}: data of {name} is cut short")
    texts = tuple(_bytes(one) for one, _ in _TEXT.findall(arguments))
    rest = _TEXT.sub("", arguments)
    descriptors = tuple(
        Descriptor(number=-1 if number == "AT_FDCWD" else int(number), path=_path(path))
        for number, path, _ in _DESCRIPTOR.findall(rest)
    )
    words = re.split(r"[,|\s]+", _DESCRIPTOR.sub("", rest))
    return SystemCall(
        name=name,
        begun=begun,
        ended=ended,
        begun_s=time - float(seconds) if begun < ended else time,
        ended_s=time if begun < ended else time + float(seconds),
        descriptors=descriptors,
        texts=texts,
        numbers=tuple(int(one) for one in words if one.isdecimal()),
        flags=frozenset(one for one in words if one.isupper() or "_" in one),
        result=int(result),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str) -> str:
    return _HEX.sub(lambda one: _bytes(one.group()).decode("utf-8", "surrogateescape"), text)
