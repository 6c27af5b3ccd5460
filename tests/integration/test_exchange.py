"""Catalogue, grants and keys of services on a real devnet, decided by four real nodes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.client import Client, Final, add_key, share_pair_key
from chainnode.keys import (
    DEVNET_COST,
    KeyPurpose,
    open_key,
    read_key_file,
    read_passphrase,
    write_key_file,
)
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from chainnode.verify.trust import Trust
from contracts.schemas.codes import Code
from contracts.schemas.members import Role
from devnet.topology import DevnetFolder, load_topology
from tests.integration.devnets import Done, Net

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ITEM = "population/basic"
_DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    net = Net(tmp_path_factory.mktemp("exchange") / "dn")
    try:
        up = net.kun("devnet", "up", "--detach", "--no-demo", "--suite", "sm")
        assert up.code == 0, up.err
        # Before its first block a chain has nothing that a quorum signed.
        net.until(lambda: net.kun("catalog", "show", "x").code == 1, "a first block", 60.0)
        yield net
    finally:
        net.kun("devnet", "down")


def must(net: Net, *words: str) -> Done:
    done = net.kun(*words, "--json")
    assert done.code == 0, done.err
    return done


def test_a_grant_is_decided_by_those_whose_it_is_and_every_node_proves_it(net: Net) -> None:
    purpose = ("--purpose", "核验购房资格", "--from", "2026-01-01", "--to", "2099-12-31")
    supervisor = load_topology(DevnetFolder(net.folder)).nodes[3].department.organisation
    core = ("--grade", "core", "--supervisor", supervisor)
    fields = ("--field", "name", "--field", "address")
    must(net, "catalog", "publish", ITEM, *fields, *core, "--as", "member-police")
    apply = ("grant", "apply", "H-1", "--item", ITEM, *purpose)
    must(net, *apply, "--as", "member-housing")

    foreign = net.kun("grant", "review", "H-1", "--yes", "--as", "member-housing")
    assert foreign.code == 4
    reviewed = must(net, "grant", "review", "H-1", "--yes", "--quota", "9", "--as", "member-police")
    assert reviewed.json["state"] == "reviewed 提供方已同意"
    confirmed = must(net, "grant", "confirm", "H-1", "--yes", "--as", "member-data")
    assert confirmed.json["state"] == "active 有效"

    for node in load_topology(DevnetFolder(net.folder)).nodes:
        shown = must(net, "grant", "show", "H-1", "--node", node.api)
        assert (shown.json["in_force"], shown.json["quota"]) == (True, 9)
    review = ("--purpose", "review")
    listed = must(net, "grant", "list", "--item", ITEM, *review)
    assert [one["grant"] for one in listed.json["items"]] == ["H-1"]
    assert listed.json["complete"] is True
    catalogue = must(net, "catalog", "list", *review)
    assert [one["item"] for one in catalogue.json["items"]] == [ITEM]
    assert catalogue.json["complete"] is True

    must(net, "grant", "revoke", "H-1", "--reason", "ended", "--as", "member-data")
    assert must(net, "grant", "show", "H-1").json["in_force"] is False


class Service:
    """A service of the police department that records what services record."""

    def __init__(self, net: Net) -> None:
        self._folder = DevnetFolder(net.folder)
        self._topology = load_topology(self._folder)
        self.organisation = self._topology.nodes[0].department.organisation
        self._passphrase = read_passphrase(self._folder.passphrase)
        self._number = 0

    def client(self, key: PrivateKey) -> Client:
        trust = Trust.load(self._folder.genesis.read_bytes())
        return Client([one.api for one in self._topology.nodes], trust, key)

    def key(self, path: Path) -> PrivateKey:
        return open_key(path, purpose=KeyPurpose.SUBMISSION, passphrase=self._passphrase)[1]

    def registered(self, path: Path) -> Path:
        """Make a service key and let the department's member key add it."""
        suite = suite_named("sm")
        key = suite.generate_private_key()
        write_key_file(
            path,
            key,
            suite=suite,
            purpose=KeyPurpose.SUBMISSION,
            passphrase=self._passphrase,
            cost=DEVNET_COST,
        )
        with self.client(self.key(self._folder.identity("member-police"))) as client:
            done = client.submit("members", [add_key(key.public_key, roles=[Role.SERVICE])])
        assert isinstance(done, Final)
        assert done.is_accepted
        return path

    def refusal(self, path: Path) -> Code | None:
        """Submit with this key; return why the chain or every node's door refused it."""
        self._number += 1
        call = share_pair_key(
            requester=f"REQUESTER-{self._number}",
            provider=self.organisation,
            period=202611,
            key_check=bytes(32),
            wrapped={self.organisation: bytes(129)},
        )
        with self.client(self.key(path)) as client:
            outcome = client.submit("content", [call])
        if not isinstance(outcome, Final):
            (code,) = {getattr(one, "code", "") for one in outcome.reports}
            return Code[code]
        return None if outcome.is_accepted else Code(outcome.code or outcome.calls[0].code)


def test_an_ended_key_is_refused_and_its_successor_accepted(net: Net, tmp_path: Path) -> None:
    service = Service(net)
    old = service.registered(tmp_path / "old.json")
    new = tmp_path / "new.json"
    assert service.refusal(old) is None
    rotate = ("key", "rotate", read_key_file(old).key_id.hex(), str(new), "--overlap", "5s")
    done = must(net, *rotate, "--as", "member-police")
    assert done.json["roles"] == "service"
    assert service.refusal(new) is None

    deadline = time.monotonic() + _DEADLINE_S
    refused = None
    while refused is None and time.monotonic() < deadline:
        refused = service.refusal(old)
    assert refused is Code.KEY_NOT_VALID
    assert service.refusal(new) is None
