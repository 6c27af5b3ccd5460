"""Files that hold a secret: who may read them, and what a reader refuses."""

import os
import stat
from pathlib import Path

import pytest

from chainnode.errors import StorageError
from chainnode.secret_files import SecretFileRefused, read_secret_file, write_secret_file


def write_with_mode(path: Path, mode: int) -> Path:
    """Make a file of exactly this mode."""
    path.write_bytes(b"secret")
    path.chmod(mode)
    return path


def test_a_written_file_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "key"
    previous = os.umask(0o777)
    try:
        write_secret_file(path, b"content")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    assert read_secret_file(path, bytes_max=7) == b"content"
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_secret_file(path, b"first")
    with pytest.raises(SecretFileRefused, match="existing"):
        write_secret_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretFileRefused, match="existing"):
        write_secret_file(path, b"content")
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_an_error_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        write_secret_file(tmp_path / "nowhere" / "key", b"content")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_files_that_only_we_can_read_are_read(tmp_path: Path, mode: int) -> None:
    assert read_secret_file(write_with_mode(tmp_path / "key", mode), bytes_max=6) == b"secret"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o601, 0o610, 0o620, 0o602, 0o777])
def test_a_wider_mode_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = write_with_mode(tmp_path / "key", mode)
    with pytest.raises(SecretFileRefused, match=rf"mode {mode:04o}: run chmod 600"):
        read_secret_file(path, bytes_max=100)


def test_the_file_of_another_owner_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_with_mode(tmp_path / "key", 0o600)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(SecretFileRefused, match=f"owner {owner + 1}, got owner {owner}: run as"):
        read_secret_file(path, bytes_max=100)


def test_a_symbolic_link_is_refused_even_to_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.symlink_to(write_with_mode(tmp_path / "key", 0o600))
    with pytest.raises(SecretFileRefused, match="symbolic link"):
        read_secret_file(path, bytes_max=100)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path, reason in (
        (pipe, "another kind of file"),
        (tmp_path, "another kind of file"),
        (tmp_path / "nowhere", "No such file"),
    ):
        with pytest.raises(SecretFileRefused, match=reason):
            read_secret_file(path, bytes_max=100)


def test_one_byte_too_many_is_refused(tmp_path: Path) -> None:
    path = write_with_mode(tmp_path / "key", 0o600)
    with pytest.raises(SecretFileRefused, match="≤ 5 bytes"):
        read_secret_file(path, bytes_max=5)
