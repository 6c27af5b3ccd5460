"""One process at a time in a folder: a `flock` that the kernel drops when the process dies.

The lock file is never deleted, because deleting it would let two processes lock two files of
one name. It names its holder, for people.
"""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

from chainnode.errors import StorageError

LOCK_FILE = "lock"
_PID_BYTES_MAX = 32


class DirectoryLocked(StorageError):
    """Another process holds the directory: two would sign and write against each other."""

    def __init__(self, *, path: Path, holder: str) -> None:
        self.path = path
        self.holder = holder
        super().__init__(
            f"{path}: expected to be the only process here, but process {holder} holds the lock; "
            "stop it first"
        )


def take_lock(path: Path) -> int:
    """Lock a folder; closing the descriptor frees it.

    Raises:
        DirectoryLocked: another process holds it, whose id is named.
        OSError: the file cannot be opened or written.

    """
    lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    with ExitStack() as undo:
        undo.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip()
            raise DirectoryLocked(path=path, holder=holder or "of unknown id") from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        undo.pop_all()
    return lock
