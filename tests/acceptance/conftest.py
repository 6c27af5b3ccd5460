import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.commands import ROOT, Kun
from tests.acceptance.main_job import MainJob

UP_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainJob]:
    """The devnet of the main job, started as the README says, once for a module."""
    folder = tmp_path_factory.mktemp("main-job") / "devnet"
    begin = time.monotonic()
    done = subprocess.run(
        ["make", "devnet", f"ARGS=--detach --dir {folder}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=UP_TIMEOUT_S,
        cwd=ROOT,
        env={**os.environ, "VENV": os.environ.get("VIRTUAL_ENV", ".venv")},
    )
    seconds = time.monotonic() - begin
    try:
        assert done.returncode == 0, f"make devnet: {done.stdout}\n{done.stderr}"
        yield MainJob(kun=Kun(folder), up_seconds=seconds, banner=done.stdout)
    finally:
        Kun(folder)("devnet", "down", ok=False)


@pytest.fixture
def job(started: MainJob) -> MainJob:
    """The devnet with all four nodes in step."""
    started.settle()
    return started
