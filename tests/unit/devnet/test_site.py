"""The folder of a devnet: complete or not there, private, and what nodes can read."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.config import load_config
from chainnode.errors import ConfigurationError
from chainnode.genesis import load_genesis_file
from chainnode.keys import KeyPurpose, open_key, read_key_file, read_passphrase
from chainnode.pki import TlsPaths, load_tls_contexts
from chainnode.submission import key_id
from devnet.departments import AUDITOR, CUSTODIAN, DATA, ISSUER
from devnet.errors import NotADevnet
from devnet.site import (
    Identity,
    SiteRequest,
    identities_of,
    make_site,
    node_settings,
    write_settings,
)
from devnet.topology import DevnetFolder, Topology, load_topology, with_free_ports


@pytest.fixture(scope="module", params=["sm", "intl"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DevnetFolder:
    folder = DevnetFolder(tmp_path_factory.mktemp("made") / "dn")
    make_site(folder.path, SiteRequest(suite=str(request.param), nodes=5, has_demo=False))
    return folder


def test_every_node_can_read_its_settings(made: DevnetFolder) -> None:
    topology = load_topology(made)
    for place in topology.nodes:
        config = load_config(made.node(place.name) / "kun.toml", {})
        assert (config.name, config.replica_id) == (place.name, place.replica_id)
        assert sorted(config.peers) == [
            one.replica_id for one in topology.nodes if one is not place
        ]
        assert config.genesis.exists()
        load_tls_contexts(
            TlsPaths(ca=config.tls_ca, certificate=config.tls_cert, key=config.tls_key),
            replica_id=place.replica_id,
        )


def test_each_vote_key_is_the_one_that_genesis_names(made: DevnetFolder) -> None:
    genesis = load_genesis_file(made.genesis)
    passphrase = read_passphrase(made.passphrase)
    for place, replica in zip(load_topology(made).nodes, genesis.replicas, strict=True):
        path = made.node(place.name) / "vote.key.json"
        _, key = open_key(path, purpose=KeyPurpose.VOTE, passphrase=passphrase)
        assert key.public_key == replica.vote_key
        assert replica.organisation == place.organisation


def test_each_identity_has_its_role_for_its_department(made: DevnetFolder) -> None:
    genesis = load_genesis_file(made.genesis)
    departments = [one.department for one in load_topology(made).nodes]
    for identity in identities_of(departments):
        public_key = read_key_file(made.identity(identity.name)).public_key
        (found,) = [
            (one.organisation, key.roles)
            for one in genesis.organisations
            for key in one.keys
            if key.public_key == public_key
        ]
        assert found == (identity.organisation, identity.roles)


def test_the_identities_that_commands_use_by_default_are_there(made: DevnetFolder) -> None:
    departments = [one.department for one in load_topology(made).nodes]
    by_name = {one.name: one for one in identities_of(departments)}

    assert by_name["issuer"].roles == (ISSUER,)
    assert by_name["auditor"].roles == (AUDITOR,)
    assert by_name["auditor"].organisation == DATA.organisation
    assert by_name["custodian"] == Identity(
        name="custodian", organisation=DATA.organisation, roles=(CUSTODIAN,)
    )
    assert {"member-police", "service-labour"} <= set(by_name)


def test_nothing_secret_can_be_read_by_others(made: DevnetFolder) -> None:
    assert made.path.stat().st_mode & 0o777 == 0o700
    secret = [*made.path.rglob("*.key.json"), *made.path.rglob("*.key.pem"), made.passphrase]
    assert len(secret) == 5 * 2 + 1 + 17 + 1
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in secret)


def test_the_passphrase_stands_in_one_file_alone(made: DevnetFolder) -> None:
    passphrase = made.passphrase.read_bytes().strip()
    others = [one for one in made.path.rglob("*") if one.is_file() and one != made.passphrase]

    assert len(passphrase) >= 24
    assert not any(passphrase in one.read_bytes() for one in others)


def test_the_chain_says_that_it_is_a_devnet(made: DevnetFolder) -> None:
    genesis = load_genesis_file(made.genesis)

    assert genesis.parameters.devnet == 1
    assert load_topology(made).chain_id == genesis.chain_id.hex()


def test_two_devnets_share_neither_chain_nor_keys(tmp_path: Path) -> None:
    request = SiteRequest(suite="intl", nodes=4, has_demo=False)
    first, second = (make_site(tmp_path / name, request) for name in ("a", "b"))

    keys = [
        read_key_file(path).public_key
        for name in ("a", "b")
        for path in (tmp_path / name).rglob("*.key.json")
    ]
    assert first.chain_id != second.chain_id
    assert len(set(keys)) == len(keys)


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work", encoding="ascii")

    with pytest.raises(NotADevnet, match="left alone"):
        make_site(tmp_path, SiteRequest(suite="intl", nodes=4, has_demo=False))

    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_becomes_a_devnet(tmp_path: Path) -> None:
    (tmp_path / "dn").mkdir()

    make_site(tmp_path / "dn", SiteRequest(suite="intl", nodes=4, has_demo=False))

    assert [one.name for one in tmp_path.iterdir()] == ["dn"]


@pytest.mark.parametrize(
    "request_",
    [
        SiteRequest(suite="rot13", nodes=4, has_demo=False),
        SiteRequest(suite="sm", nodes=3, has_demo=False),
    ],
)
def test_a_devnet_that_cannot_be_made_leaves_nothing(tmp_path: Path, request_: SiteRequest) -> None:
    with pytest.raises(ConfigurationError):
        make_site(tmp_path / "dn", request_)

    assert list(tmp_path.iterdir()) == []


def test_a_moved_clock_moves_the_birth_of_the_chain(tmp_path: Path) -> None:
    day = 86_400_000
    make_site(
        tmp_path / "dn",
        SiteRequest(suite="intl", nodes=4, has_demo=False, clock_offset_ms=-400 * day),
    )
    now = make_site(tmp_path / "now", SiteRequest(suite="intl", nodes=4, has_demo=False))

    moved = load_genesis_file(tmp_path / "dn" / "genesis.json").created_ms
    present = load_genesis_file(tmp_path / "now" / "genesis.json").created_ms
    assert 399 * day < present - moved < 401 * day
    assert now.clock_offset_ms == 0


def test_other_ports_are_written_into_every_nodes_settings(made: DevnetFolder) -> None:
    before = load_topology(made)
    after = with_free_ports(before)

    write_settings(made, after)

    for place in after.nodes:
        config = load_config(made.node(place.name) / "kun.toml", {})
        assert config.api_listen.port == place.api_port
        assert {one.port for one in config.peers.values()} == {
            one.p2p_port for one in after.nodes if one is not place
        }
    write_settings(made, before)


def test_settings_are_toml_whatever_a_name_is(made: DevnetFolder) -> None:
    topology: Topology = load_topology(made)
    odd = replace(topology.nodes[0], name='a"b\\c 局')

    document = tomllib.loads(node_settings(topology, odd))

    assert document["node"]["name"] == 'a"b\\c 局'


def test_key_ids_differ_between_votes_and_identities(made: DevnetFolder) -> None:
    files = [read_key_file(path) for path in made.path.rglob("*.key.json")]

    assert len({key_id(one.suite, one.public_key) for one in files}) == len(files)
    assert json.loads(made.topology.read_text(encoding="utf-8"))["format"] == "kunlian-devnet"
