"""The data directory: one process, one format."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainnode.errors import StorageError
from chainnode.folder_lock import LOCK_FILE, DirectoryLocked
from chainnode.ledger.directory import (
    FORMAT_FILE,
    LEDGER_FOLDER,
    DataDirectory,
    UnknownFormat,
    set_ledger_aside,
    write_durably,
)


def test_a_new_directory_is_locked_private_and_of_this_format(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "a" / "data")

    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert (directory.path / FORMAT_FILE).read_bytes() == b"kunlian-data 3\n"
    assert (directory.path / LOCK_FILE).read_text().strip() == str(os.getpid())
    directory.close()
    DataDirectory.open(directory.path).close()


def test_a_second_opening_in_this_process_is_refused(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path)

    with pytest.raises(DirectoryLocked, match=f"process {os.getpid()} holds the lock"):
        DataDirectory.open(tmp_path)

    directory.close()


HOLDER = """
import sys
from pathlib import Path
from chainnode.folder_lock import LOCK_FILE, DirectoryLocked
from chainnode.ledger.directory import DataDirectory
directory = DataDirectory.open(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_another_process_is_refused_naming_the_holder_until_it_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        with pytest.raises(DirectoryLocked) as caught:
            DataDirectory.open(tmp_path)
        holder.kill()
        holder.wait()

    assert caught.value.holder == str(holder.pid)
    DataDirectory.open(tmp_path).close()


def test_closing_twice_and_reopening_leaves_the_lock_file_in_place(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path)
    before = (tmp_path / LOCK_FILE).stat().st_ino

    directory.close()
    directory.close()

    DataDirectory.open(tmp_path).close()
    assert (tmp_path / LOCK_FILE).stat().st_ino == before


def test_a_newer_format_is_refused_naming_both_versions_and_unlocks(tmp_path: Path) -> None:
    (tmp_path / FORMAT_FILE).write_bytes(b"kunlian-data 4\n")

    for _ in range(2):
        with pytest.raises(UnknownFormat, match="expected format version 3, got format version 4"):
            DataDirectory.open(tmp_path)


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_format_is_refused_saying_that_its_chain_cannot_go_on(
    tmp_path: Path, version: int
) -> None:
    (tmp_path / FORMAT_FILE).write_bytes(f"kunlian-data {version}\n".encode())

    with pytest.raises(UnknownFormat, match=f"got format version {version}, of a chain .* begin a"):
        DataDirectory.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"other 1\n", b"kunlian-data x\n", b"kunlian-data 3 \n"])
def test_a_damaged_format_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FORMAT_FILE).write_bytes(content)

    with pytest.raises(UnknownFormat, match="expected kunlian-data 3"):
        DataDirectory.open(tmp_path)


def test_a_ledger_without_a_format_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / LEDGER_FOLDER).mkdir()

    with pytest.raises(UnknownFormat, match="a ledger without this file"):
        DataDirectory.open(tmp_path)


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageError, match="cannot open the data directory"):
        DataDirectory.open(tmp_path / "file" / "data")


def test_a_durable_write_replaces_the_whole_file_and_leaves_no_other(tmp_path: Path) -> None:
    write_durably(tmp_path / "file", b"first, longer")
    write_durably(tmp_path / "file", b"second")

    assert (tmp_path / "file").read_bytes() == b"second"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_ledger_is_set_aside_under_a_new_name_each_time_and_nothing_else_moves(
    tmp_path: Path,
) -> None:
    DataDirectory.open(tmp_path).close()
    assert set_ledger_aside(tmp_path) is None
    (tmp_path / "votes").mkdir()

    places = []
    for content in (b"first", b"second"):
        (tmp_path / LEDGER_FOLDER).mkdir()
        (tmp_path / LEDGER_FOLDER / "CURRENT").write_bytes(content)
        places.append(set_ledger_aside(tmp_path))

    names = {one.name for one in tmp_path.iterdir()}
    assert names == {"lock", "format", "votes", "ledger.damaged-1", "ledger.damaged-2"}
    contents = [(one / "CURRENT").read_bytes() for one in places if one is not None]
    assert contents == [b"first", b"second"]


def test_the_ledger_of_a_running_node_stays_where_it_is(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path)
    (tmp_path / LEDGER_FOLDER).mkdir()

    with pytest.raises(DirectoryLocked):
        set_ledger_aside(tmp_path)

    assert (tmp_path / LEDGER_FOLDER).is_dir()
    directory.close()
