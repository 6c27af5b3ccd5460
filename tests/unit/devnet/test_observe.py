"""What scripts and people are told about a devnet."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.cli.answers import NodeAnswer
from chainnode.cli.health import Health, judge
from chainnode.cli.output import Output
from chainnode.cli.words import Language
from devnet.banner import print_banner, print_nodes
from devnet.departments import first_departments
from devnet.observe import (
    DevnetSight,
    NodeSight,
    load_demo,
    observe,
    record_file,
    status_document,
)
from devnet.processes import ProcessRecord, record_of, write_record
from devnet.topology import (
    DevnetFolder,
    NodePlace,
    ServicePorts,
    Topology,
    free_ports,
    port_count,
)

_RECORD = ProcessRecord(pid=77, start_ticks=1, boot_id="b")
_DEMO = {
    "subject": "ab" * 32,
    "certificates": {
        kind: f"certificates/certificate-{kind}.pdf"
        for kind in ("valid", "revoked", "expired", "tampered")
    },
}


def _topology() -> Topology:
    ports = iter(free_ports(port_count(4)))
    return Topology(
        suite="sm",
        chain_id="cd" * 32,
        has_demo=True,
        services=ServicePorts.take(ports),
        clock_offset_ms=0,
        nodes=tuple(
            NodePlace(
                name=one.name,
                organisation=one.organisation,
                replica_id=number,
                api_port=next(ports),
                p2p_port=next(ports),
            )
            for number, one in enumerate(first_departments(4))
        ),
    )


def _sight(*, stopped: int = 0, view: int = 0) -> DevnetSight:
    topology = _topology()
    nodes = tuple(
        NodeSight(
            place=place,
            record=None if place.replica_id < stopped else _RECORD,
            paused=False,
            answer=NodeAnswer(
                name=place.name,
                title=place.department.title,
                api=place.api,
                problem="its process does not run" if place.replica_id < stopped else "",
                consensus={}
                if place.replica_id < stopped
                else {"state": "running", "role": "backup", "view": view, "height": 11},
            ),
        )
        for place in topology.nodes
    )
    judgement = judge([one.answer for one in nodes], size=4)
    return DevnetSight(topology=topology, nodes=nodes, judgement=judgement, demo=_DEMO)


def test_the_status_has_the_names_that_scripts_rely_on(tmp_path: Path) -> None:
    document = status_document(_sight(), DevnetFolder(tmp_path))

    nodes = document["nodes"]
    assert list(document) == ["healthy", "suite", "chain_id", "nodes", "demo"]
    assert isinstance(nodes, list)
    assert list(nodes[0]) == ["name", "org", "role", "api", "height", "view", "state", "pid"]
    assert document["healthy"] is True
    assert json.loads(json.dumps(document)) == document


def test_the_files_of_the_demo_are_whole_paths_wherever_the_folder_is(tmp_path: Path) -> None:
    sight = _sight()
    demo = status_document(sight, DevnetFolder(tmp_path))["demo"]

    assert isinstance(demo, dict)
    assert set(demo) == {"subject", "pages", "certificates"}
    services = sight.topology.services
    assert demo["pages"] == {
        "console": f"http://127.0.0.1:{services.console}",
        "citizen": f"http://127.0.0.1:{services.citizen}",
    }
    path = demo["certificates"]["expired"]
    assert path == str(tmp_path / "demo" / "certificates" / "certificate-expired.pdf")


def test_without_a_demo_there_is_none(tmp_path: Path) -> None:
    sight = replace(_sight(), demo=None)

    assert status_document(sight, DevnetFolder(tmp_path))["demo"] is None


def test_a_stopped_node_has_a_role_by_its_number_and_no_height(tmp_path: Path) -> None:
    sight = _sight(stopped=2, view=5)
    nodes = status_document(sight, DevnetFolder(tmp_path))["nodes"]

    assert isinstance(nodes, list)
    assert [one["role"] for one in nodes] == ["backup", "primary", "backup", "backup"]
    assert (nodes[0]["state"], nodes[0]["pid"], nodes[0]["height"]) == ("stopped", None, None)
    assert sight.judgement.health is Health.HALTED


def test_a_devnet_that_is_down_is_seen_as_halted(tmp_path: Path) -> None:
    sight = observe(DevnetFolder(tmp_path), _topology())

    assert sight.judgement.health is Health.HALTED
    assert [one.state for one in sight.nodes] == ["stopped"] * 4
    assert "does not run" in sight.judgement.because[0].en


def test_a_process_that_runs_but_does_not_answer_keeps_its_number(tmp_path: Path) -> None:
    folder = DevnetFolder(tmp_path)
    own = record_of(os.getpid())
    assert own is not None
    write_record(record_file(folder, "civil"), own)

    sight = observe(folder, _topology())

    assert sight.nodes[1].record == own
    assert sight.nodes[1].answer.problem == "connection refused"


@pytest.mark.parametrize("text", ["", "[]", "nothing"])
def test_an_unfinished_demo_is_none(tmp_path: Path, text: str) -> None:
    folder = DevnetFolder(tmp_path)
    folder.demo.mkdir()
    (folder.demo / "demo.json").write_text(text, encoding="ascii")

    assert load_demo(folder) is None


def test_the_banner_has_commands_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DevnetFolder(tmp_path / "it's here")

    print_banner(Output(language=Language.EN), folder, _sight(), ready_s=9.5)

    out = capsys.readouterr().out
    quoted = f"""--dir '{tmp_path}/it'"'"'s here'"""
    assert "the devnet is ready (9.5 s)" in out
    assert f"kun devnet kill 3 {quoted}" in out
    assert f"kun audit query --subject {'ab' * 32} --purpose" in out
    assert f"kun audit query --finding halves-differ --purpose 'trying the audit' {quoted}" in out
    assert f"kun audit query --unmatched housing --purpose 'trying the audit' {quoted}" in out
    assert out.count("kun verify '") == 4
    assert "公安局" in out
    assert "all data is invented" in out


def test_the_banner_names_no_folder_where_the_default_is_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sight = _sight()
    print_banner(Output(language=Language.ZH), DevnetFolder(Path(".kun-devnet")), sight, ready_s=1)

    assert "--dir" not in capsys.readouterr().out


def test_a_person_sees_the_reason_before_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_nodes(Output(language=Language.EN), _sight(stopped=1))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("降级 degraded · sm · chain cdcdcdcdcdcdcdcd")
    assert "公安局" in lines[1]
    assert lines[3].startswith("1 police")
