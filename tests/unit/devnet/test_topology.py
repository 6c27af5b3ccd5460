"""The topology file, the departments, and which folder is a devnet."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from devnet.departments import DEPARTMENTS, department_of, first_departments
from devnet.errors import NotADevnet, OldDevnet, UnknownNode
from devnet.launcher import reset
from devnet.topology import (
    HOST,
    DevnetFolder,
    NodePlace,
    ServicePorts,
    Topology,
    free_ports,
    is_port_free,
    load_topology,
    with_free_ports,
    write_topology,
)

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def _topology(count: int = 4) -> Topology:
    return Topology(
        suite="sm",
        chain_id="ab" * 32,
        has_demo=True,
        services=ServicePorts.take(iter(range(20_000, 20_010))),
        clock_offset_ms=-5,
        nodes=tuple(
            NodePlace(
                name=one.name,
                organisation=one.organisation,
                replica_id=number,
                api_port=21_000 + number,
                p2p_port=22_000 + number,
            )
            for number, one in enumerate(first_departments(count))
        ),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = DevnetFolder(tmp_path)
    write_topology(folder, _topology())

    assert load_topology(folder) == _topology()


@pytest.mark.parametrize("name", ["housing", "3"])
def test_a_node_is_found_by_its_name_and_by_its_number_from_1(name: str) -> None:
    assert _topology().node(name).replica_id == 2


@pytest.mark.parametrize("name", ["0", "5", "Housing", "", "03", "住建局"])
def test_an_unknown_node_is_refused_with_the_list_of_nodes(name: str) -> None:
    with pytest.raises(UnknownNode, match="1 police, 2 civil, 3 housing, 4 data"):
        _topology().node(name)


def test_a_missing_folder_is_no_devnet(tmp_path: Path) -> None:
    with pytest.raises(NotADevnet, match="kun devnet up"):
        load_topology(DevnetFolder(tmp_path / "none"))


def test_a_folder_of_other_things_is_no_devnet(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work", encoding="ascii")

    with pytest.raises(NotADevnet, match=r"no topology\.json"):
        load_topology(DevnetFolder(tmp_path))


def _damage(change: dict[str, object]) -> str:
    return json.dumps({"format": "kunlian-devnet", "version": 3, "nodes": [], **change})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "not json",
        "[" * 100_000,
        json.dumps({"format": "something else", "version": 1}),
        _damage({"version": 4}),
        _damage({"version": 0}),
        _damage({"version": "3"}),
        _damage({"version": 3.0}),
        _damage({"version": True}),
        _damage({"version": [3]}),
        _damage({"suite": "sm"}),
        _damage({"nodes": "four"}),
        _damage({"nodes": [1]}),
    ],
)
def test_a_damaged_topology_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "topology.json").write_text(text, encoding="ascii")

    with pytest.raises(NotADevnet):
        load_topology(DevnetFolder(tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../../etc"),
        ("name", "civil"),
        ("organisation", "11999900MBK000023H"),
        ("api_port", 0),
        ("api_port", 65_536),
        ("api_port", "21000"),
        ("replica_id", None),
        ("replica_id", True),
    ],
)
def test_a_node_entry_that_somebody_changed_is_refused(
    tmp_path: Path, name: str, value: object
) -> None:
    folder = DevnetFolder(tmp_path)
    write_topology(folder, _topology())
    document = json.loads(folder.topology.read_text(encoding="utf-8"))
    document["nodes"][0][name] = value
    folder.topology.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(NotADevnet, match="damaged"):
        load_topology(folder)


def _of_version_1(folder: DevnetFolder) -> None:
    write_topology(folder, _topology())
    document = json.loads(folder.topology.read_text(encoding="utf-8"))
    del document["services"]
    former = {**document, "version": 1, "registry_port": 20_000}
    folder.topology.write_text(json.dumps(former), encoding="utf-8")


def test_a_devnet_of_an_earlier_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = DevnetFolder(tmp_path / "my devnet")
    folder.path.mkdir()
    _of_version_1(folder)

    with pytest.raises(OldDevnet) as refused:
        load_topology(folder)

    where = f"--dir '{folder.path}'"
    assert f"kun devnet reset {where}, kun devnet up {where}" in str(refused.value)


def test_a_devnet_of_an_earlier_version_can_be_removed(tmp_path: Path) -> None:
    folder = DevnetFolder(tmp_path / "dn")
    folder.path.mkdir()
    _of_version_1(folder)

    reset(folder)

    assert not folder.path.exists()


def test_free_ports_are_distinct_and_can_be_listened_on() -> None:
    ports = free_ports(21)

    assert len(set(ports)) == 21
    assert all(20_000 <= port < 32_768 for port in ports)
    assert all(is_port_free(port) for port in ports)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        sock.listen()

        assert not is_port_free(sock.getsockname()[1])


def test_other_ports_change_nothing_else() -> None:
    before = _topology()
    after = with_free_ports(before)

    assert after.nodes[0].api_port != before.nodes[0].api_port
    assert (
        replace(
            after,
            services=before.services,
            nodes=tuple(
                replace(one, api_port=old.api_port, p2p_port=old.p2p_port)
                for one, old in zip(after.nodes, before.nodes, strict=True)
            ),
        )
        == before
    )


def test_the_first_four_departments_are_in_every_devnet() -> None:
    assert [one.name for one in first_departments(4)] == ["police", "civil", "housing", "data"]
    assert len(first_departments(10)) == 10


@pytest.mark.parametrize("count", [0, 3, 11])
def test_a_group_too_small_or_without_names_is_refused(count: int) -> None:
    with pytest.raises(ConfigurationError, match="4 to 10"):
        first_departments(count)


@pytest.mark.parametrize("organisation", [one.organisation for one in DEPARTMENTS])
def test_a_department_code_has_the_check_character_of_gb_32100(organisation: str) -> None:
    total = sum(
        _ALPHABET.index(character) * pow(3, place, 31)
        for place, character in enumerate(organisation[:17])
    )

    assert _ALPHABET[-total % 31] == organisation[17]
    assert organisation[2:8] == "999900"


def test_departments_differ_in_name_code_and_item() -> None:
    assert len({one.name for one in DEPARTMENTS}) == len(DEPARTMENTS)
    assert len({one.organisation for one in DEPARTMENTS}) == len(DEPARTMENTS)
    assert len({one.serves for one in DEPARTMENTS}) == len(DEPARTMENTS)
    assert department_of(DEPARTMENTS[3].organisation) is DEPARTMENTS[3]
    assert department_of("X") is None
