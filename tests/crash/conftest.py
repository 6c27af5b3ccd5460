"""One recording of four real nodes for all tests of this folder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.recording import Recording, record, require_strace
from tests.crash.verifying import Chain, honest_chain

# Submissions before and after each fault of the recorded run.
WRITES = 6
# Where the states are opened, thousands of synced writes cost a disk minutes; memory has none.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, and removed


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is one."""
    if not _MEMORY.is_dir():
        yield tmp_path_factory.mktemp("crash")
        return
    with tempfile.TemporaryDirectory(prefix="kun-crash-", dir=_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def recording(memory: Path) -> Recording:
    """What four nodes did under load, with two of them killed and started again."""
    require_strace()
    return record(memory / "devnet", writes=WRITES)


@pytest.fixture(scope="session")
def chain(recording: Recording, memory: Path) -> Chain:
    """The chain of a node that was never killed."""
    node = recording.nodes[-1]
    return honest_chain(node, shutil.copytree(node.home, memory / "honest"))


@pytest.fixture
def scratch(memory: Path) -> Iterator[Path]:
    """A folder of this test."""
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
