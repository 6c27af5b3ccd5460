"""`kun node recover` from proposal to the new data directory, with nodes that do not run."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.errors import StorageError
from chainnode.genesis import load_genesis_file, write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.ledger import directory
from chainnode.recovery import offline
from chainnode.recovery.document import Verifier
from chainnode.recovery.era import UNFINISHED, load_era
from chainnode.secret_files import write_secret_file
from chainnode.suites import suite_named
from tests.builders import genesis_of, vote_key
from tests.unit.chainnode.cli.conftest import Done

_SETTINGS = """
[node]
name = "node{id}"
replica_id = {id}
genesis = "genesis.json"
data_dir = "data"
log_dir = "logs"
vote_key = "vote.key.json"
passphrase_file = "passphrase"
[p2p]
listen = "127.0.0.1:7000"
tls_ca = "ca.pem"
tls_cert = "tls.cert.pem"
tls_key = "tls.key.pem"
[[p2p.peers]]
replica_id = 9
address = "127.0.0.1:7001"
[api]
listen = "127.0.0.1:1"
"""


@dataclass
class Departments:
    """Folders of four nodes that never ran, and one record that goes round."""

    path: Path
    capture: pytest.CaptureFixture[str]

    def folder(self, replica_id: int) -> Path:
        return self.path / f"node{replica_id}"

    def recover(self, verb: str, replica_id: int, *words: str) -> Done:
        self.capture.readouterr()
        folder, record = str(self.folder(replica_id)), str(self.path / "record")
        code = run(("node", "recover", verb, "--dir", folder, "--record", record, *words, "--json"))
        out, err = self.capture.readouterr()
        return Done(code=code, out=out, err=err)


@pytest.fixture
def departments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Departments:
    for name in [one for one in os.environ if one.startswith("KUN_")]:
        monkeypatch.delenv(name)
    genesis = genesis_of("intl")
    made = Departments(path=tmp_path, capture=capsys)
    for replica_id in range(4):
        folder = made.folder(replica_id)
        folder.mkdir()
        (folder / "kun.toml").write_text(settings_of(replica_id), encoding="utf-8")
        write_genesis_file(folder / "genesis.json", genesis)
        write_secret_file(folder / "passphrase", b"correct horse\n")
        write_key_file(
            folder / "vote.key.json",
            vote_key("intl", replica_id),
            suite=suite_named("intl"),
            purpose=KeyPurpose.VOTE,
            passphrase=Passphrase(b"correct horse"),
            cost=DEVNET_COST,
        )
    return made


def signed_by_quorum(departments: Departments) -> None:
    assert departments.recover("propose", 0).code == 0
    for replica_id in range(3):
        assert departments.recover("sign", replica_id).code == 0


def test_a_record_goes_round_until_a_quorum_signed_it(departments: Departments) -> None:
    proposed = departments.recover("propose", 0)
    assert (proposed.code, proposed.json["height"], proposed.json["signers"]) == (0, 0, [])
    assert departments.recover("show", 3).code == 3

    for replica_id in range(3):
        assert departments.recover("sign", replica_id).code == 0

    shown = departments.recover("show", 3)
    assert (shown.code, shown.json["signers"], shown.json["quorum"]) == (0, [0, 1, 2], 3)
    assert (shown.json["epoch"], shown.json["next_epoch"]) == (0, 1)


def test_a_record_is_applied_once_a_quorum_signed_it(departments: Departments) -> None:
    assert departments.recover("propose", 0).code == 0
    target = departments.path / "after"
    assert departments.recover("apply", 0, "--to", str(target)).code == 3
    assert not target.exists()
    for replica_id in range(3):
        departments.recover("sign", replica_id)

    done = departments.recover("apply", 0, "--to", str(target))
    assert (done.code, done.json) == (0, {"data_dir": str(target), "height": 0})
    assert departments.recover("apply", 0, "--to", str(target)).code == 0

    genesis = load_genesis_file(departments.folder(0) / "genesis.json")
    era = load_era(target, Verifier(genesis=genesis, suite=suite_named("intl")))
    assert (era.epoch, era.settled) == (1, 0)


def test_signing_again_gives_the_same_signature(departments: Departments) -> None:
    signed_by_quorum(departments)
    before = (departments.path / "record").read_bytes()

    assert departments.recover("sign", 1).code == 0

    assert (departments.path / "record").read_bytes() == before


def test_a_folder_that_is_something_else_is_left_alone(departments: Departments) -> None:
    signed_by_quorum(departments)
    (departments.path / "after").mkdir()
    (departments.path / "after" / "letter").write_text("mine", encoding="utf-8")

    assert departments.recover("apply", 0, "--to", str(departments.path / "after")).code == 5


@pytest.mark.parametrize("step", range(6))
def test_apply_that_stops_anywhere_is_repeated(
    departments: Departments, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    signed_by_quorum(departments)
    target = departments.path / "after"
    left = [step]

    def stopping(path: Path) -> None:
        if left[0] == 0:
            raise StorageError("power cut")
        left[0] -= 1
        directory.sync_folder(path)

    with monkeypatch.context() as patch:
        patch.setattr(offline, "sync_folder", stopping)
        patch.setattr(offline, "write_durably", stopping_write(stopping))
        departments.recover("apply", 0, "--to", str(target))
    genesis = load_genesis_file(departments.folder(0) / "genesis.json")
    verifier = Verifier(genesis=genesis, suite=suite_named("intl"))
    if (target / UNFINISHED).exists():
        with pytest.raises(StorageError):
            load_era(target, verifier)

    assert departments.recover("apply", 0, "--to", str(target)).code == 0
    assert load_era(target, verifier).epoch == 1


def stopping_write(stop: Callable[[Path], None]) -> Callable[[Path, bytes], None]:
    def write(path: Path, content: bytes) -> None:
        stop(path.parent)
        directory.write_durably(path, content)

    return write


def settings_of(replica_id: int) -> str:
    return _SETTINGS.replace("{id}", str(replica_id))
