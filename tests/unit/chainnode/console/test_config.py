"""Settings of a console: complete, bounded, and never plain HTTP beyond this machine."""

from pathlib import Path

import pytest

from chainnode.console.config import InvalidConsoleConfig, load_console_config
from chainnode.login import Role
from tests.console_site import settings_text

SMALLEST = settings_text("http://127.0.0.1:7700", issuer="https://login.example", port=8444)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pseudonym.key").write_bytes(b"p" * 32)
    (tmp_path / "pseudonym.key").chmod(0o600)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "console.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_smallest_file_has_paths_beside_it(folder: Path) -> None:
    config = load_console_config(written(folder, SMALLEST))

    assert config.key == folder / "auditor.key"
    assert config.login.roles["kun-operator"] is Role.OPERATOR
    assert config.departments["11440300000000011A"] == "公安局"
    assert (config.tls, config.custodian) == (None, None)


def test_tls_custodian_and_authorities_are_read(folder: Path) -> None:
    more = '[tls]\ncertificate = "c"\nkey = "k"\n[custodian]\nurl = "https://c"\nca = "ca.pem"\n'
    text = SMALLEST.replace('listen = "127.0.0.1', 'listen = "10.0.0.1') + more

    config = load_console_config(written(folder, text))

    assert config.tls is not None
    assert config.tls.certificate == folder / "c"
    assert config.custodian is not None
    assert config.custodian.ca == folder / "ca.pem"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (SMALLEST.replace("log_dir", "log_folder"), 'did you mean "log_dir"'),
        (SMALLEST.replace("[ledger]", "[ledgers]"), 'did you mean "ledger"'),
        (SMALLEST.replace("issuer", "isuer"), 'did you mean "issuer"'),
        (SMALLEST.replace('listen = "127.0.0.1', 'listen = "10.0.0.1'), "tls"),
        (SMALLEST.replace('nodes = ["http://127.0.0.1:7700"]', "nodes = []"), "nodes"),
        (SMALLEST.replace("https://login.example", "http://login.example"), "issuer"),
        (SMALLEST.replace('"公安局"', "7"), "departments"),
        ("[console", "console.toml"),
        ("departments = 7\n", "departments"),
    ],
)
def test_a_fault_is_named(folder: Path, text: str, named: str) -> None:
    with pytest.raises(InvalidConsoleConfig, match=named):
        load_console_config(written(folder, text))


def test_a_file_that_is_missing_is_said_so(folder: Path) -> None:
    with pytest.raises(InvalidConsoleConfig, match="cannot be read"):
        load_console_config(folder / "nothing.toml")
