"""The command starts at once: what a command needs is loaded when that command is run."""

import subprocess
import sys

from tests.architecture.sources import ROOT

# Together these take longer to load than `kun version` may take altogether.
HEAVY = ("asyncio", "cryptography", "fastapi", "httpx", "plyvel", "pydantic", "rich", "uvloop")
REPORT = "import sys, {module}; print(*sys.modules)"


def loaded_by(module: str) -> set[str]:
    """Import `module` in a process of its own and return what that loaded."""
    run = subprocess.run(
        [sys.executable, "-c", REPORT.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(run.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = loaded_by("chainnode.cli")
    assert "click" in loaded
    assert sorted(loaded.intersection(HEAVY)) == []


def test_verify_loads_neither_server_nor_store_nor_network() -> None:
    loaded = loaded_by("chainnode.verify")
    assert "chainnode.verify" in loaded
    assert sorted(loaded.intersection({"fastapi", "plyvel", "httpx", "asyncio", "socket"})) == []


def test_verifying_offline_loads_no_network_and_no_client() -> None:
    loaded = loaded_by("chainnode.cli.commands.verify, chainnode.cli.judged, chainnode.verify")
    network = {"asyncio", "email", "http.client", "httpx", "socket", "chainnode.client"}
    assert sorted(loaded.intersection(network)) == []
