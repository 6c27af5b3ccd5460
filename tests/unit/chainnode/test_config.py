from ipaddress import ip_network
from pathlib import Path

import pytest

from chainnode.cli.commands.config import settings_document
from chainnode.config import (
    Address,
    ApiLimits,
    InvalidConfiguration,
    load_config,
    parse_address,
)

_TEXT = """
[node]
name = "police"
replica_id = 2
genesis = "../genesis.json"
data_dir = "data"
log_dir = "logs"
vote_key = "vote.key.json"

[p2p]
listen = "127.0.0.1:7002"
tls_ca = "../ca/ca.cert.pem"
tls_cert = "tls.cert.pem"
tls_key = "tls.key.pem"

[[p2p.peers]]
replica_id = 0
address = "127.0.0.1:7000"

[api]
listen = "[::1]:8002"
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kun.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_paths_relative_to_it(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, _TEXT), {})

    assert config.replica_id == 2
    assert config.data_dir == tmp_path / "data"
    assert config.peers == {0: Address(host="127.0.0.1", port=7000)}
    assert config.api_listen == Address(host="::1", port=8002)
    assert config.request_timeout_ms == 2_000
    assert config.passphrase_file is None
    assert config.clock_start_ms is None


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environment = {"KUN_CONSENSUS_REQUEST_TIMEOUT_MS": "750", "KUN_NODE_NAME": "other"}

    config = load_config(_write(tmp_path, _TEXT), environment)

    assert config.request_timeout_ms == 750
    assert config.name == "other"


def test_an_unknown_setting_names_the_nearest_one(tmp_path: Path) -> None:
    path = _write(tmp_path, _TEXT.replace("data_dir", "data_dri"))

    with pytest.raises(InvalidConfiguration, match='did you mean "data_dir"'):
        load_config(path, {})


def test_an_unknown_section_names_the_nearest_one(tmp_path: Path) -> None:
    path = _write(tmp_path, _TEXT.replace("[api]", "[apis]"))

    with pytest.raises(InvalidConfiguration, match='did you mean "api"'):
        load_config(path, {})


def test_one_error_names_every_fault(tmp_path: Path) -> None:
    text = _TEXT.replace('name = "police"', "name = 3").replace(":7002", "")
    path = _write(tmp_path, text + '\n[clock]\nstart = "yesterday"\n')

    with pytest.raises(InvalidConfiguration) as caught:
        load_config(path, {})

    assert len(caught.value.faults) == 3


def test_a_clock_needs_an_offset(tmp_path: Path) -> None:
    with_offset = _write(tmp_path, _TEXT + '\n[clock]\nstart = "2026-03-01T00:00:00+08:00"\n')
    assert load_config(with_offset, {}).clock_start_ms == 1_772_294_400_000

    without = _write(tmp_path, _TEXT + '\n[clock]\nstart = "2026-03-01T00:00:00"\n')
    with pytest.raises(InvalidConfiguration, match="with an offset"):
        load_config(without, {})


@pytest.mark.parametrize(
    "change",
    [
        ("replica_id = 2", 'replica_id = "2"'),
        ("replica_id = 2", "replica_id = -1"),
        ("replica_id = 0", "replica = 0"),
        ('"127.0.0.1:7000"', '"127.0.0.1:99999"'),
    ],
)
def test_a_value_of_another_kind_is_refused(change: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration):
        load_config(_write(tmp_path, _TEXT.replace(*change)), {})


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="absent"):
        load_config(tmp_path / "absent", {})
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        load_config(_write(tmp_path, "[node"), {})


@pytest.mark.parametrize("text", ["host", ":1", "host:", "host:x", "host:65536", "host:-1"])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        parse_address(text)


def test_how_many_blocks_stay_is_a_count_and_all_by_default(tmp_path: Path) -> None:
    assert load_config(_write(tmp_path, _TEXT), {}).keep_blocks == 0
    path = _write(tmp_path, _TEXT + "\n[ledger]\nkeep_blocks = 5000\n")
    assert load_config(path, {}).keep_blocks == 5000
    path = _write(tmp_path, _TEXT + "\n[ledger]\nkeep_blocks = -1\n")
    with pytest.raises(InvalidConfiguration, match=r"\[ledger\] keep_blocks"):
        load_config(path, {})


def test_the_url_of_the_audit_database_comes_from_file_or_environment_and_is_shown_nowhere(
    tmp_path: Path,
) -> None:
    secret = "postgresql://node:s3cret@db.dept.local/audit"
    assert not load_config(_write(tmp_path, _TEXT), {}).audit_url.is_postgresql
    path = _write(tmp_path, f'{_TEXT}\n[audit]\nurl = "{secret}"\n')
    from_file = load_config(path, {})
    from_environment = load_config(_write(tmp_path, _TEXT), {"KUN_AUDIT_URL": secret})
    for config in (from_file, from_environment):
        assert config.audit_url.secret == secret
        shown = f"{config!r} {config.audit_url} {settings_document(config)}"
        assert "s3cret" not in shown
        assert "postgresql://…" in shown


@pytest.mark.parametrize("value", ['"mysql://node:s3cret@db/audit"', '["s3cret"]', '""'])
def test_another_scheme_is_refused_without_repeating_the_url(tmp_path: Path, value: str) -> None:
    path = _write(tmp_path, f"{_TEXT}\n[audit]\nurl = {value}\n")
    with pytest.raises(InvalidConfiguration, match="postgresql://user@host/database") as refused:
        load_config(path, {})
    assert "s3cret" not in str(refused.value)


def test_limits_of_addresses_have_defaults_and_spare_this_machine(tmp_path: Path) -> None:
    limits = load_config(_write(tmp_path, _TEXT), {}).api_limits
    assert limits == ApiLimits()
    assert limits.trusted_proxies == ()
    assert [str(one) for one in limits.unlimited] == ["127.0.0.0/8", "::1/128"]


def test_limits_of_addresses_are_read_and_shown(tmp_path: Path) -> None:
    more = """trusted_proxies = ["10.0.0.7", "2001:db8::/32"]
unlimited = []
reads_per_s = 0
submissions_burst = 7
"""
    config = load_config(_write(tmp_path, _TEXT + more), {"KUN_API_READS_BURST": "9"})
    assert config.api_limits == ApiLimits(
        trusted_proxies=(ip_network("10.0.0.7"), ip_network("2001:db8::/32")),
        unlimited=(),
        reads_per_s=0,
        reads_burst=9,
        submissions_burst=7,
    )
    shown = settings_document(config)
    assert shown["api_trusted_proxies"] == ["10.0.0.7/32", "2001:db8::/32"]
    assert (shown["api_unlimited"], shown["api_reads_per_s"]) == ([], 0)


@pytest.mark.parametrize(
    "line",
    [
        'trusted_proxies = ["10.0.0.1/8"]',
        'trusted_proxies = ["proxy.dept.local"]',
        'trusted_proxies = ["*"]',
        "trusted_proxies = [167772161]",
        'unlimited = "10.0.0.0/8"',
        f"unlimited = {['10.0.0.1'] * 65}",
        "reads_per_s = -1",
        "reads_burst = 0",
        "submissions_per_s = 1.5",
    ],
)
def test_limits_that_are_none_are_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidConfiguration, match=rf"\[api\] {line.split(maxsplit=1)[0]}"):
        load_config(_write(tmp_path, f"{_TEXT}{line}\n"), {})
