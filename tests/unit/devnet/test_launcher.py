"""Starting, stopping and breaking processes: only ours, one command at a time."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from devnet.errors import DevnetBusy, NodeState, NotADevnet, NotReady
from devnet.launcher import (
    child_environment,
    clock_settings,
    exclusive,
    kill_node,
    node_log,
    pause_node,
    reset,
    resume_node,
    start_node,
    stop_everything,
    wait_until_answering,
)
from devnet.logs import tail_logs
from devnet.observe import CUSTODIAN, REGISTRY, record_file
from devnet.processes import (
    ProcessRecord,
    is_paused,
    record_of,
    send_signal,
    spawn,
    wait_until_gone,
    write_record,
)
from devnet.site import SiteRequest, make_site
from devnet.stopwatch import Stopwatch
from devnet.topology import DevnetFolder, Topology
from devnet.up import UpRequest, bring_up


@pytest.fixture
def folder(tmp_path: Path) -> DevnetFolder:
    return DevnetFolder(tmp_path / "dn")


@pytest.fixture
def topology(folder: DevnetFolder) -> Topology:
    return make_site(folder.path, SiteRequest(suite="intl", nodes=4, has_demo=False))


@pytest.fixture
def police(folder: DevnetFolder, topology: Topology) -> Iterator[ProcessRecord]:
    """A process that stands for the node `police`: it does nothing and never ends."""
    record = _idle(folder, topology.nodes[0].name)
    yield record
    send_signal(record, signal.SIGKILL)
    wait_until_gone([record], timeout_s=5)


def _idle(folder: DevnetFolder, name: str) -> ProcessRecord:
    """Start a process that does nothing, and remember it as `name`."""
    record = spawn(
        [sys.executable, "-c", "import signal; signal.pause()"],
        folder=folder.path,
        log=node_log(folder, name),
        environment={"PATH": ""},
    )
    write_record(record_file(folder, name), record)
    return record


def test_settings_of_the_user_reach_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUN_NODE_DATA_DIR", "elsewhere")
    monkeypatch.setenv("KUN_DEBUG", "1")

    environment = child_environment({"KUN_CLOCK_START": "x"})

    assert "KUN_NODE_DATA_DIR" not in environment
    assert environment["KUN_DEBUG"] == "1"
    assert environment["KUN_CLOCK_START"] == "x"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_node_runs_the_very_source_tree_that_started_it() -> None:
    first = child_environment()["PYTHONPATH"].split(os.pathsep)[0]

    assert (Path(first) / "devnet" / "launcher.py").is_file()


def test_a_clock_without_offset_is_the_machines_own(topology: Topology) -> None:
    moved = clock_settings(replace(topology, clock_offset_ms=-86_400_000))

    assert clock_settings(topology) == {}
    instant = datetime.fromisoformat(moved["KUN_CLOCK_START"])
    assert instant.tzinfo is not None
    assert 86_300 < (datetime.now(instant.tzinfo) - instant).total_seconds() < 86_500


def test_two_commands_do_not_work_on_one_devnet(folder: DevnetFolder, topology: Topology) -> None:
    assert topology
    with exclusive(folder), pytest.raises(DevnetBusy), exclusive(folder):
        pass
    with exclusive(folder):
        pass


def test_killing_ends_exactly_this_process(
    folder: DevnetFolder, topology: Topology, police: ProcessRecord
) -> None:
    kill_node(folder, topology.nodes[0])

    assert record_of(police.pid) is None
    with pytest.raises(NodeState, match="expected running, it is stopped"):
        kill_node(folder, topology.nodes[0])


def test_a_process_that_took_the_number_of_a_node_is_left_alone(
    folder: DevnetFolder, topology: Topology
) -> None:
    own = record_of(os.getpid())
    assert own is not None
    stale = ProcessRecord(pid=own.pid, start_ticks=own.start_ticks - 1, boot_id=own.boot_id)
    write_record(record_file(folder, "police"), stale)

    assert stop_everything(folder, topology) == 0
    with pytest.raises(NodeState):
        kill_node(folder, topology.nodes[0])


def test_pausing_and_resuming_need_the_other_state(
    folder: DevnetFolder, topology: Topology, police: ProcessRecord
) -> None:
    node = topology.nodes[0]
    with pytest.raises(NodeState, match="expected paused"):
        resume_node(folder, node)

    pause_node(folder, node)
    while not is_paused(police):
        pass
    with pytest.raises(NodeState, match="it is paused"):
        pause_node(folder, node)
    resume_node(folder, node)

    while is_paused(police):
        pass
    assert record_of(police.pid) == police


def test_a_running_node_is_not_started_twice(
    folder: DevnetFolder, topology: Topology, police: ProcessRecord
) -> None:
    with pytest.raises(NodeState, match=f"running as process {police.pid}"):
        start_node(folder, topology, topology.nodes[0])


def test_stopping_ends_everything_and_forgets_it(
    folder: DevnetFolder, topology: Topology, police: ProcessRecord
) -> None:
    services = [_idle(folder, name) for name in (CUSTODIAN, REGISTRY)]

    assert stop_everything(folder, topology) == 3

    assert [record_of(one.pid) for one in (police, *services)] == [None] * 3
    assert list(folder.run.glob("*.json")) == []


def test_a_node_that_ends_while_it_starts_is_named_with_its_last_words(
    folder: DevnetFolder, topology: Topology
) -> None:
    log = node_log(folder, "police")
    record = spawn(
        [sys.executable, "-c", "raise SystemExit('the port is taken')"],
        folder=folder.path,
        log=log,
        environment={"PATH": ""},
    )
    write_record(record_file(folder, "police"), record)

    with pytest.raises(NotReady, match=r"node police .*\n.*the port is taken"):
        wait_until_answering(folder, topology.nodes[0], timeout_s=30)


def test_a_node_that_stays_silent_is_given_up(
    folder: DevnetFolder, topology: Topology, police: ProcessRecord
) -> None:
    assert police
    with pytest.raises(NotReady, match="no answer within"):
        wait_until_answering(folder, topology.nodes[0], timeout_s=0.1)


def test_only_a_devnet_is_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work", encoding="ascii")

    with pytest.raises(NotADevnet):
        reset(DevnetFolder(tmp_path))

    assert (tmp_path / "thesis.txt").exists()


def test_a_removed_devnet_is_gone_with_its_processes(
    folder: DevnetFolder, police: ProcessRecord
) -> None:
    reset(folder)

    assert record_of(police.pid) is None
    assert not folder.path.exists()


@pytest.mark.parametrize(
    ("request_", "named"), [(UpRequest(suite="sm"), "intl"), (UpRequest(nodes=7), "made with 4")]
)
def test_an_existing_devnet_is_not_made_anew(
    folder: DevnetFolder, topology: Topology, request_: UpRequest, named: str
) -> None:
    assert topology
    with pytest.raises(ConfigurationError, match=named):
        bring_up(folder, request_, watch=_silent(), load_demo=pytest.fail)


def test_the_end_of_each_log_is_shown(folder: DevnetFolder, topology: Topology) -> None:
    assert topology
    logs = node_log(folder, "police").parent
    logs.mkdir()
    (logs / "node.log").write_text("a\nb\nc\n", encoding="ascii")
    (logs / "process.log").write_text("x\n", encoding="ascii")

    assert tail_logs(folder, "police", count=2) == ("b", "c", "x")
    assert tail_logs(folder, "civil", count=2) == ()


def test_each_phase_is_told_when_it_ends() -> None:
    told: list[str] = []
    watch = Stopwatch(lambda name, seconds: told.append(f"{name} {seconds >= 0}"))

    with watch.phase("one"):
        told.append("inside")

    assert told == ["inside", "one True"]
    assert watch.total_s >= 0


def _silent() -> Stopwatch:
    return Stopwatch(lambda _name, _seconds: None)
