"""The data directory of a node: one process at a time, one format version.

The lock guards everything below the directory: ledger and vote file alike.
"""

import itertools
import os
from pathlib import Path

from chainnode.errors import StorageError
from chainnode.folder_lock import take_lock

# 2: state values by the digest of their key, in one of two slots. 3: with the index.
FORMAT_VERSION = 3
FORMAT_FILE = "format"
LEDGER_FOLDER = "ledger"
_DAMAGED = f"{LEDGER_FOLDER}.damaged-"
_FORMAT_NAME = "kunlian-data"
_FORMAT_BYTES_MAX = 64


class UnknownFormat(StorageError):
    """The directory was written by another version, or its format file is damaged."""

    def __init__(self, *, path: Path, expected: str, actual: str) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual
        super().__init__(f"{path}: expected {expected}, got {actual}")


class DataDirectory:
    """A locked directory of a known format; `open` makes a new one when there is none."""

    def __init__(self, path: Path, lock: int) -> None:
        self._path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> "DataDirectory":
        """Lock the directory and check its format version.

        Raises:
            DirectoryLocked: another process holds it, whose id is named.
            UnknownFormat: another or a damaged format.
            StorageError: it cannot be made, read or written.

        """
        try:
            if not path.is_dir():
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(path.parent)
            lock = take_lock(path)
            try:
                _check_format(path)
            except BaseException:
                os.close(lock)
                raise
        except OSError as error:
            raise StorageError(f"{path}: cannot open the data directory: {error}") from error
        return cls(path, lock)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def close(self) -> None:
        """Release the lock; the file stays."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def set_ledger_aside(path: Path) -> Path | None:
    """Rename the ledger of a node that does not run, so that the next start begins a new one.

    Votes, key and format stay: what this replica promised binds it on. Returns where the ledger
    lies now, None when there was none.

    Raises:
        DirectoryLocked, UnknownFormat, StorageError: as `DataDirectory.open`.

    """
    directory = DataDirectory.open(path)
    try:
        ledger = path / LEDGER_FOLDER
        if not ledger.exists():
            return None
        taken = {one.name for one in path.iterdir()}
        number = next(one for one in itertools.count(1) if f"{_DAMAGED}{one}" not in taken)
        aside = path / f"{_DAMAGED}{number}"
        ledger.rename(aside)
        sync_folder(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot set the ledger aside: {error}") from error
    finally:
        directory.close()
    return aside


def write_durably(path: Path, content: bytes) -> None:
    """Make `path` hold `content` or what it held before, also after a power cut."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make names that were made, renamed or removed in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(folder)


def _check_format(path: Path) -> None:
    file = path / FORMAT_FILE
    expected = f"{_FORMAT_NAME} {FORMAT_VERSION}"
    if not file.exists():
        if (path / LEDGER_FOLDER).exists():
            raise UnknownFormat(path=file, expected=expected, actual="a ledger without this file")
        write_durably(file, f"{expected}\n".encode())
        return
    with file.open("rb") as opened:
        content = opened.read(_FORMAT_BYTES_MAX)
    name, _, version = content.decode("ascii", "replace").removesuffix("\n").partition(" ")
    if name != _FORMAT_NAME or not version.isdecimal():
        raise UnknownFormat(path=file, expected=expected, actual=f"{content!r}")
    if int(version) < FORMAT_VERSION:
        raise UnknownFormat(
            path=file,
            expected=f"format version {FORMAT_VERSION}",
            actual=f"format version {version}, of a chain whose headers have no index; this kun"
            " cannot continue it: begin a new chain, and keep the kun that wrote it for reading",
        )
    if int(version) > FORMAT_VERSION:
        raise UnknownFormat(
            path=file,
            expected=f"format version {FORMAT_VERSION}",
            actual=f"format version {version}; run the kun that wrote it or a newer one",
        )
