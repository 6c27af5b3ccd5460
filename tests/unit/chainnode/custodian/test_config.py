"""Settings of a custodian: complete, bounded, and never plain HTTP beyond this machine."""

from pathlib import Path

import pytest

from chainnode.custodian.config import InvalidCustodianConfig, load_custodian_config
from chainnode.custodian.desk import DeskLimits

SMALLEST = """
[custodian]
organisation = "11999900MBK00004X4"
listen = "127.0.0.1:7800"
key = "k.json"
root = "r.json"
data_dir = "data"
log_dir = "log"
[ledger]
trust = "genesis.json"
nodes = ["http://127.0.0.1:7700"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "custodian.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_smallest_file_has_defaults_and_paths_beside_it(tmp_path: Path) -> None:
    config = load_custodian_config(written(tmp_path, SMALLEST))
    assert config.root == tmp_path / "r.json"
    assert config.limits == DeskLimits()
    assert (config.tls, config.passphrase_file) == (None, None)


def test_limits_and_tls_are_read(tmp_path: Path) -> None:
    more = '\n[limits]\nauditor_per_day = 7\n[tls]\ncertificate = "c"\nkey = "k"\n'
    text = SMALLEST.replace("127.0.0.1:7800", "10.0.0.1:7800") + more
    config = load_custodian_config(written(tmp_path, text))
    assert config.limits.auditor_per_day == 7
    assert config.tls is not None
    assert (config.tls.certificate, config.tls.client_ca) == (tmp_path / "c", None)


def test_a_clock_can_be_set_off_and_is_not_by_itself(tmp_path: Path) -> None:
    plain = load_custodian_config(written(tmp_path, SMALLEST))
    shifted = load_custodian_config(written(tmp_path, SMALLEST + "\n[clock]\noffset_ms = -7\n"))
    assert (plain.clock_offset_ms, shifted.clock_offset_ms) == (0, -7)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[ledger]", '[clock]\noffset_ms = "1 h"\n[ledger]', "clock"),
        ("127.0.0.1:7800", "10.0.0.1:7800", "tls"),
        ('root = "r.json"', "", "root"),
        ('root = "r.json"', "root = 7", "root"),
        ("[ledger]", "more = 1\n[ledger]", "more"),
        ("127.0.0.1:7800", "127.0.0.1", "host:port"),
        ("[ledger]", "[limits]\nkey_per_second = 0.0\n[ledger]", "rate"),
        ("[ledger]", "[ledger", ""),
        ('["http://127.0.0.1:7700"]', "[]", "nodes"),
    ],
    ids=["clock", "clear", "missing", "type", "unknown", "address", "rate", "syntax", "no nodes"],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(InvalidCustodianConfig) as caught:
        load_custodian_config(written(tmp_path, SMALLEST.replace(old, new)))
    assert named in caught.value.fault


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCustodianConfig):
        load_custodian_config(tmp_path / "nothing.toml")
