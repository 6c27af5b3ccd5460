"""A gateway is killed again and again while real nodes run, and one of them is killed as well.

What a killed process had written stays with the kernel, so this says nothing of power cuts
(tests/crash does); it says that the bytes under way meet their fate on a real ledger.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from chainnode.client import Client
from chainnode.gateway import look_at_spool
from contracts.schemas.access import AccessRecord
from devnet.launcher import (
    child_environment,
    kill_node,
    start_node,
    stop_everything,
    wait_until_ready,
)
from devnet.site import SiteRequest, make_site
from devnet.topology import DevnetFolder, Topology, load_topology
from tests.acceptance.load import Writer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROUNDS = int(os.environ.get("KUN_SPOOL_KILLS", "6"))
PUTS_A_ROUND = 1_000
SEED = 7
PATIENCE_S = 90.0
OLDER = "older"


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DevnetFolder, Topology]]:
    folder = tmp_path_factory.mktemp("spool") / "devnet"
    make_site(folder, SiteRequest(suite="intl", nodes=4, has_demo=False))
    site = DevnetFolder(folder.resolve())
    topology = load_topology(site)
    try:
        for place in topology.nodes:
            start_node(site, topology, place)
        wait_until_ready(site, topology.nodes, timeout_s=PATIENCE_S)
        yield site, topology
    finally:
        stop_everything(site, topology)


def started(site: DevnetFolder, folder: Path, first: int, count: int) -> "subprocess.Popen[bytes]":
    """Start the gateway."""
    words = (str(site.path), str(folder / "spool"), str(folder / "said"), str(first), str(count))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.spool_gateway", *words],
        env=child_environment(),
        stderr=subprocess.PIPE,
    )


def said(folder: Path) -> list[int]:
    """The calls whose put had returned."""
    path = folder / "said"
    return [int(one) for one in path.read_text().split()] if path.exists() else []


def until(count: int, folder: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until so many puts have returned."""
    deadline = time.monotonic() + PATIENCE_S
    while len(said(folder)) < count:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def let_finish(site: DevnetFolder, folder: Path, first: int, count: int) -> None:
    """Run the gateway until the ledger has all that it put, and nothing is a dead letter."""
    process = started(site, folder, first, count)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told.decode()


def recorded(client: Client) -> list[int]:
    """The calls on the ledger, each with its proof; nobody else has recorded any."""
    size = client.header_latest().header.head.log_size
    numbers = []
    for position in range(size):
        facts, _ = client.record(position)
        assert facts.call is not None
        if facts.call.action != "record":
            # The ledger's own: that the other half has not come in time.
            continue
        part = msgspec.msgpack.decode(facts.call.public, type=AccessRecord)
        numbers.append(int.from_bytes(part.call_id))
    return numbers


def test_each_call_that_was_put_stands_on_the_ledger_once(
    site: tuple[DevnetFolder, Topology],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    folder, topology = site
    chance = random.Random(SEED)  # noqa: S311 - a seeded choice
    with Writer(folder=folder.path, apis=(topology.nodes[0].api,)).client() as client:
        for number in range(ROUNDS):
            process = started(folder, tmp_path, number * PUTS_A_ROUND, PUTS_A_ROUND)
            goal = len(said(tmp_path)) + chance.randint(1, 60)
            until(goal, tmp_path, process)
            if number == ROUNDS // 2:
                kill_node(folder, topology.nodes[-1])
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stderr and process.stderr.close()
            if number == ROUNDS // 2:
                shutil.copytree(tmp_path / "spool", tmp_path / OLDER / "spool")
        start_node(folder, topology, topology.nodes[-1])
        let_finish(folder, tmp_path, ROUNDS * PUTS_A_ROUND, 10)
        older = look_at_spool(tmp_path / OLDER / "spool")
        assert older is not None
        assert older.state.waiting_count > 0
        # An older copy comes back: what it holds is signed anew, and the ledger has it all.
        let_finish(folder, tmp_path / OLDER, 0, 0)

        numbers = recorded(client)

    assert len(numbers) == len(set(numbers))
    assert set(said(tmp_path)) <= set(numbers)
    # A put may have been kept that had not returned yet: at most one of each life.
    assert len(numbers) <= len(said(tmp_path)) + ROUNDS
    record_property("spool_calls", len(numbers))
