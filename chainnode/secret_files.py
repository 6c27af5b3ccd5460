"""Files that hold a secret: created once with mode 0600, read only when nobody else can.

Keys and passphrases go through these two functions and through nothing else.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from chainnode.errors import ConfigurationError, StorageError

_MODE: Final = 0o600
_MODE_OF_OTHERS: Final = 0o077


class SecretFileRefused(ConfigurationError):
    """A key or passphrase file that must not be used; says why and what mends it."""

    def __init__(self, path: Path, *, expected: str, actual: str) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual
        super().__init__(f"{path}: expected {expected}, got {actual}")


def read_secret_file(path: Path, *, bytes_max: int) -> bytes:
    """Return the content of a regular file of ours that only we can read.

    The open file is judged, not the name, so that nothing changes in between.

    Raises:
        SecretFileRefused: missing, a symlink, another owner, a wider mode, too large.

    """
    # O_NONBLOCK: a pipe under this name must not hold us.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        _check_protection(path, os.fstat(descriptor))
        content = os.read(descriptor, bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise SecretFileRefused(path, expected=f"≤ {bytes_max} bytes", actual="more")
    return content


def write_secret_file(path: Path, content: bytes) -> None:
    """Create `path` with mode 0600: complete and durable, or not there at all.

    Raises:
        SecretFileRefused: something is at `path` already; it is never overwritten.
        StorageError: it could not be written.

    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_new(unfinished, content)
        # A link fails when the name exists; a rename would replace a key without a word.
        os.link(unfinished, path)
        _sync_directory(path.parent)
    except FileExistsError as error:
        raise SecretFileRefused(path, expected="no file yet", actual="an existing one") from error
    except OSError as error:
        raise StorageError(f"{path}: could not be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _unreadable(path: Path, error: OSError) -> SecretFileRefused:
    if error.errno == errno.ELOOP:
        return SecretFileRefused(
            path, expected="a regular file", actual="a symbolic link: name the file itself"
        )
    return SecretFileRefused(path, expected="a readable file", actual=error.strerror or "an error")


def _check_protection(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretFileRefused(path, expected="a regular file", actual="another kind of file")
    if status.st_uid != os.geteuid():
        raise SecretFileRefused(
            path,
            expected=f"owner {os.geteuid()}",
            actual=f"owner {status.st_uid}: run as the owner, or change it with chown",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & _MODE_OF_OTHERS:
        raise SecretFileRefused(
            path, expected="mode 0600", actual=f"mode {mode:04o}: run chmod 600 {path}"
        )


def _write_new(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, _MODE), "wb") as file:
        os.fchmod(file.fileno(), _MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
