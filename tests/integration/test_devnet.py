"""A real devnet: real processes, sockets, keys and disks, made, broken and mended by `kun`."""

import json
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet.processes import record_of
from devnet.topology import DevnetFolder, load_topology
from tests.integration.devnets import ROOT, Net, environment

_TIMEOUT_S = 120
_POLL_S = 0.1

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    net = Net(tmp_path_factory.mktemp("devnet") / "dn")
    try:
        up = net.kun("devnet", "up", "--detach", "--no-demo", "--suite", "intl", "--nodes", "5")
        assert up.code == 0, up.err
        yield net
    finally:
        net.kun("devnet", "down")


@pytest.fixture
def running(net: Net) -> Net:
    """The devnet with every node up, whatever the test before did to it."""
    done = net.kun("devnet", "up", "--detach")
    assert done.code == 0, done.err
    net.until(net.is_healthy, "a healthy devnet")
    return net


def test_every_department_runs_a_process_of_its_own(running: Net) -> None:
    nodes = running.nodes

    assert [one["name"] for one in nodes] == ["police", "civil", "housing", "data", "labour"]
    assert sum(one["role"] == "primary" for one in nodes) == 1
    assert {one["state"] for one in nodes} == {"running"}
    assert len({one["pid"] for one in nodes}) == 5


def test_a_certificate_is_issued_and_judged(running: Net, tmp_path: Path) -> None:
    paper = tmp_path / "permit.txt"
    paper.write_text("施工许可证", encoding="utf-8")

    issued = running.kun("cert", "issue", str(paper), "--json")
    valid = running.kun("verify", str(paper), "--json")
    revoked = running.kun("cert", "revoke", issued.json["identifier"], "--reason", "test")
    after = running.kun("verify", str(paper), "--json")
    wrong = running.kun("cert", "revoke", issued.json["identifier"], "--reason", "again", "--json")

    assert issued.code == 0, issued.err
    assert (valid.json["verdict"], valid.code) == ("VALID", 0)
    assert revoked.code == 0
    assert (after.json["verdict"], after.code) == ("REVOKED", 1)
    assert (wrong.code, wrong.json["error"]["code"]) == (1, "CERTIFICATES_ALREADY_REVOKED")


def test_another_role_may_not_issue(running: Net, tmp_path: Path) -> None:
    paper = tmp_path / "permit.txt"
    paper.write_text("forged", encoding="utf-8")

    done = running.kun("cert", "issue", str(paper), "--as", "service-data", "--json")

    assert (done.code, done.json["error"]["code"]) == (4, "ROLE_MISSING")


def test_a_killed_node_is_missed_and_comes_back(running: Net, tmp_path: Path) -> None:
    paper = tmp_path / "permit.txt"
    paper.write_text("while one is down", encoding="utf-8")

    killed = running.kun("devnet", "kill", "3", "--json")
    degraded = running.kun("status")
    issued = running.kun("cert", "issue", str(paper), "--json")
    twice = running.kun("devnet", "kill", "3", "--json")
    running.kun("devnet", "start", "3")
    running.until(running.is_healthy, "the node is back")
    running.until(
        lambda: (running.nodes[2]["height"] or 0) >= issued.json["height"], "it has caught up"
    )

    assert killed.json == {"node": "housing", "done": "kill"}
    assert degraded.code == 1
    assert "住建局" in degraded.out
    assert issued.code == 0
    assert twice.code == 5


def test_a_paused_node_is_silent_and_goes_on(running: Net) -> None:
    assert running.kun("devnet", "pause", "labour").code == 0
    paused = running.kun("devnet", "status")
    again = running.kun("devnet", "pause", "labour")
    assert running.kun("devnet", "resume", "labour").code == 0
    running.until(running.is_healthy, "it goes on")

    assert paused.code == 1
    assert "paused" in paused.out
    assert again.code == 5


def test_two_silent_of_five_halt_the_chain_by_name(running: Net) -> None:
    for name in ("civil", "data"):
        running.kun("devnet", "kill", name)

    halted = running.kun("status")

    assert halted.code == 3
    assert "民政局" in halted.out
    assert "数据局" in halted.out
    assert "3 of 5 replicas vote, 4 are needed" in halted.out


def test_data_stays_over_down_and_up(running: Net, tmp_path: Path) -> None:
    paper = tmp_path / "permit.txt"
    paper.write_text("kept", encoding="utf-8")
    running.kun("cert", "issue", str(paper))

    down = running.kun("devnet", "down", "--json")
    offline = running.kun("verify", str(paper), "--json")
    up = running.kun("devnet", "up", "--detach", "--json")
    after = running.kun("verify", str(paper), "--json")

    assert down.json == {"stopped": 5}
    assert (offline.json["verdict"], offline.code) == ("CANNOT_DECIDE", 3)
    assert up.json["healthy"] is True
    assert after.json["verdict"] == "VALID"


def test_an_existing_devnet_is_not_made_anew_with_other_options(running: Net) -> None:
    done = running.kun("devnet", "up", "--detach", "--suite", "sm")

    assert done.code == 5
    assert "intl" in done.err


def test_the_clock_of_a_running_devnet_is_not_changed_under_it(running: Net) -> None:
    done = running.kun("devnet", "up", "--detach", "--clock", "2030-01-01T00:00:00Z")

    assert done.code == 5
    assert "stopped" in done.err


def test_the_doctor_finds_nothing_in_a_healthy_devnet(running: Net) -> None:
    done = running.kun("doctor", "--json")

    assert done.code == 0, done.out
    assert {one["result"] for one in done.json["checks"]} <= {"ok", "skip", "warn"}


def test_a_node_can_be_run_by_hand(running: Net) -> None:
    running.kun("devnet", "kill", "police")
    home = running.folder / "nodes" / "police"
    words = [sys.executable, "-m", "chainnode.cli", "node"]
    node = subprocess.Popen([*words, "start", "--dir", str(home)], cwd=ROOT, env=environment())
    try:
        running.until(
            lambda: (
                subprocess.run(
                    [*words, "status", "--dir", str(home), "--quiet"], check=False, cwd=ROOT
                ).returncode
                == 0
            ),
            "it runs",
        )
        stopped = subprocess.run(
            [*words, "stop", "--dir", str(home)], check=False, cwd=ROOT, timeout=_TIMEOUT_S
        )
        assert stopped.returncode == 0
        assert node.wait(timeout=_TIMEOUT_S) == 0
    finally:
        node.kill()
        node.wait()


def test_ctrl_c_ends_what_it_started_and_nothing_else(running: Net, tmp_path: Path) -> None:
    before = running.nodes
    other = Net(tmp_path / "other")
    up = subprocess.Popen(
        other.command("devnet", "up", "--no-demo", "--suite", "intl", "--json"),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    )
    assert up.stdout is not None
    ready, _, _ = select.select([up.stdout], [], [], _TIMEOUT_S)
    assert ready
    pids = [one["pid"] for one in json.loads(up.stdout.readline())["nodes"]]
    assert all(record_of(pid) for pid in pids)

    up.send_signal(signal.SIGINT)

    assert up.wait(timeout=_TIMEOUT_S) == 0
    assert not any(record_of(pid) for pid in pids)
    assert [one["pid"] for one in running.nodes] == [one["pid"] for one in before]
    assert other.kun("devnet", "reset").code == 0
    assert not other.folder.exists()


def test_the_clock_of_the_nodes_can_be_set(tmp_path: Path) -> None:
    net = Net(tmp_path / "dn")
    paper = tmp_path / "permit.txt"
    paper.write_text("in March", encoding="utf-8")
    try:
        up = net.kun(
            *("devnet", "up", "--detach", "--no-demo", "--suite", "intl"),
            *("--clock", "2026-03-01T08:00:00+08:00"),
        )
        issued = net.kun("cert", "issue", str(paper), "--json")
        verdict = net.kun("verify", str(paper), "--json").json
        moved = load_topology(DevnetFolder(net.folder)).clock_offset_ms
    finally:
        net.kun("devnet", "reset")

    assert (up.code, issued.code) == (0, 0), up.err + issued.err
    assert moved != 0
    assert verdict["verdict"] == "VALID"
    assert verdict["as_of"]["time"].startswith("2026-03-01T08:0")


def test_the_demo_goes_by_the_clock_of_the_nodes(tmp_path: Path) -> None:
    net = Net(tmp_path / "dn")
    march = ("--clock", "2026-03-01T08:00:00+08:00")
    asked = ("--grant", "housing-police-ended", "--purpose", "check", "--json")
    try:
        up = net.kun("devnet", "up", "--detach", "--suite", "intl", *march)
        rows = net.kun("audit", "query", *asked).json["items"]
        for number in "1234":
            net.kun("devnet", "kill", number)
        april = ("--clock", "2026-04-01T08:00:00+08:00")
        again = net.kun("devnet", "up", "--detach", "--json", *april)
    finally:
        net.kun("devnet", "reset")

    assert (up.code, again.code) == (0, 0), up.err + again.err
    assert again.json["healthy"] is True
    halves = [one["call"] for one in rows if one["call"] is not None]
    assert {one["side"] for one in halves} == {"requester", "provider"}
    assert all(one["requested"].startswith("2026-03-01T08:0") for one in halves)


def test_a_node_on_an_older_copy_of_its_data_follows_and_says_why(tmp_path: Path) -> None:
    """Killed, restored from a backup that it has outrun since, killed again, restored again."""
    net = Net(tmp_path / "dn")
    node = net.folder / "nodes" / "data"
    backup = tmp_path / "backup"

    def height() -> int:
        return max(one["height"] or 0 for one in net.nodes)

    try:
        up = net.kun("devnet", "up", "--detach", "--no-demo", "--suite", "intl")
        assert up.code == 0, up.err
        net.kun("devnet", "kill", "data")
        shutil.copytree(node / "data", backup)
        net.kun("devnet", "start", "data")
        net.until(net.is_healthy, "the killed node votes again")
        seen = height() + 1
        net.until(lambda: (net.nodes[3]["height"] or 0) > seen, "blocks after the backup", 60)
        told = []
        for _ in range(2):
            net.kun("devnet", "kill", "data")
            shutil.rmtree(node / "data")
            shutil.copytree(backup, node / "data")
            net.kun("devnet", "start", "data")
            net.until(lambda: net.nodes[3]["state"] == "voting_stopped", "the end of its voting")
            told.append(net.kun("status").out)
        endings = [one.name for one in node.glob("vote.key.json.*.ended")]
    finally:
        net.kun("devnet", "reset")

    for one in told:
        assert "does not vote: voting_stopped" in one
        assert "older copy" in one
    assert len(endings) == 1
