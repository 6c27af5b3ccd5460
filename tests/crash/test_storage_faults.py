"""The disk fails under a real node: it ends, says what failed, and comes back with all it said."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.faulty import FaultySite, faulty_site, require_fiu
from tests.crash.recording import require_strace

EIO, ENOSPC = 5, 28
EXIT_LOCAL = 5
# (name of the call in libfiu, or "write"; error; of which file the message speaks)
FAULTS = {
    "fdatasync EIO": ("posix/io/sync/fdatasync", EIO),
    "fdatasync ENOSPC": ("posix/io/sync/fdatasync", ENOSPC),
    "fsync EIO": ("posix/io/sync/fsync", EIO),
    "pwrite EIO": ("posix/io/rw/pwrite", EIO),
    "pwrite ENOSPC": ("posix/io/rw/pwrite", ENOSPC),
    "rename EIO": ("posix/io/dir/rename", EIO),
    "write EIO": ("data/ledger/*.log", EIO),
    "write ENOSPC": ("data/ledger/*.log", ENOSPC),
}
# One round in the suite; `make crash` makes three.
ROUNDS = int(os.environ.get("KUN_CRASH_ROUNDS", "1"))
# Some seconds of work.
ROOM_BYTES = 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", name="faulty")
def _faulty(memory: Path) -> Iterator[FaultySite]:
    require_fiu()
    require_strace()
    with faulty_site(memory / "faulty") as faulty:
        yield faulty


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_disk_ends_the_node_which_comes_back_with_all_that_it_said(
    faulty: FaultySite, fault: str, number: int, record_property: Callable[[str, object], None]
) -> None:
    where, errno = FAULTS[fault]
    faulty.start()
    assert faulty.role() != "learner"

    if fault.startswith("write"):
        faulty.fail_write(where, error=fault.partition(" ")[2])
    else:
        faulty.fail(where, errno=errno)
    code, words = faulty.ended()

    assert code == EXIT_LOCAL, words
    assert str(faulty.home / "data") in words
    assert "start the node again" in words
    assert faulty.require_kept() > number
    record_property("faults_injected", 1)


def test_a_full_file_system_ends_the_node_and_more_room_brings_it_back(
    faulty: FaultySite,
) -> None:
    """Runs after the faults above or alone: a folder that was never used is started first."""
    if not (faulty.home / "data").exists():
        faulty.start()
        faulty.stop_broken()
    data, before = faulty.home / "data", faulty.home / "data.before"
    data.rename(before)
    data.mkdir(mode=0o700)
    used = sum(one.stat().st_size for one in before.rglob("*") if one.is_file())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={used + ROOM_BYTES}", "tmpfs", str(data)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        data.rmdir()
        before.rename(data)
        pytest.skip(f"needs root to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        shutil.copytree(before, data, dirs_exist_ok=True)
        faulty.launch()
        code, words = faulty.ended()
        assert code == EXIT_LOCAL, words
        assert str(data) in words
        more = f"remount,size={used + 50 * ROOM_BYTES}"
        subprocess.run(["mount", "-o", more, str(data)], check=True)
        height = faulty.require_kept()
        faulty.start()
        assert faulty.role() != "learner"
        faulty.stop_broken()
        assert faulty.require_kept() >= height > 1
    finally:
        subprocess.run(["umount", "--lazy", str(data)], check=True)
