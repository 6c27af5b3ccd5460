"""Settings of a gateway: keywords before the file, every fault in one error."""

from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from chainnode.gateway.selectors import Selector
from chainnode.gateway.service import OnFailure
from chainnode.gateway.settings import FILE_SETTING, read_settings

FILE = """
node = ["https://node.dept.local:8443", "https://other.local:8443"]
key = "dept.key"
trust = "trust.json"
item = "人口库/基本信息"
subject = ["json:id_card", "query:id"]
custodian = "https://custodian.local"
purpose = "header:X-Purpose"
open_paths = ["/healthz"]
[fields]
full_name = "name"
[proxy]
listen = "127.0.0.1:0"
"""


def test_file_says_everything_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    path = tmp_path / "kun-gateway.toml"
    path.write_text(FILE)
    settings = read_settings(path)
    assert settings.nodes == ("https://node.dept.local:8443", "https://other.local:8443")
    assert (settings.key, settings.trust) == (tmp_path / "dept.key", tmp_path / "trust.json")
    assert settings.subjects == (Selector.parse("json:id_card"), Selector.parse("query:id"))
    assert settings.field_of == {"full_name": "name"}
    assert settings.service("ORG").open_paths == frozenset({"/healthz"})


def test_keyword_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kun-gateway.toml"
    path.write_text(FILE)
    settings = read_settings(path, {"on_failure": "block", "key": "here.key", "system": None})
    assert settings.on_failure is OnFailure.BLOCK
    assert settings.key == Path("here.key")


def test_file_that_a_variable_names_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.toml"
    path.write_text(FILE)
    monkeypatch.setenv(FILE_SETTING, str(path))
    assert read_settings().item == "人口库/基本信息"


def test_keywords_alone_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings(
        None, {"node": "http://127.0.0.1:1", "key": "k", "trust": "t", "item": "i"}
    )
    assert settings.nodes == ("http://127.0.0.1:1",)
    assert settings.on_failure is OnFailure.SPOOL


def test_one_error_names_every_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"node": 1, "on_failur": "block", "on_failure": "open", "window_ms": True}
    with pytest.raises(ConfigurationError) as refused:
        read_settings(None, {**given, "system": "x" * 61})
    said = str(refused.value)
    settings = ("key:", "trust:", "node:", "on_failure:", "system:", "window_ms:")
    for fault in (*settings, "did you mean on_failure"):
        assert fault in said


@pytest.mark.parametrize(
    ("given", "gather_ms"),
    [
        ({}, 500),
        ({"gather_ms": 0}, 0),
        ({"on_failure": "block"}, 0),
        ({"on_failure": "block", "gather_ms": 60_000}, 60_000),
    ],
    ids=["spool", "spool and none", "block", "block and a minute"],
)
def test_halves_are_gathered_unless_callers_wait_for_the_receipt(
    given: dict[str, object], gather_ms: int
) -> None:
    needed = {"node": "http://n", "key": "k", "trust": "t"}

    assert read_settings(None, {**needed, **given}).gather_ms == gather_ms


def test_calls_about_people_are_refused_at_the_start_where_nobody_makes_tokens() -> None:
    given = {"node": "http://n", "key": "k", "trust": "t", "subject": "json:id_card"}

    with pytest.raises(ConfigurationError, match="custodian: expected the URL"):
        read_settings(None, given)


def test_faults_of_selectors_stand_beside_the_others() -> None:
    given = {"node": "http://n", "key": "k", "purpose": "nowhere", "drain_s": 601}

    with pytest.raises(ConfigurationError) as refused:
        read_settings(None, given)
    for fault in ("trust: expected", "purpose: selector: expected", "drain_s: expected 0 … 600"):
        assert fault in str(refused.value)


@pytest.mark.parametrize("gather_ms", [-1, 60_001])
def test_halves_are_not_gathered_for_longer_than_a_minute(gather_ms: int) -> None:
    given = {"node": "http://n", "key": "k", "trust": "t", "gather_ms": gather_ms}

    with pytest.raises(ConfigurationError, match=f"gather_ms: expected 0 … 60000, got {gather_ms}"):
        read_settings(None, given)


@pytest.mark.parametrize(
    "content",
    ["node = ", "\udcff", "node = [1", "x" * 70_000],
    ids=["cut", "bytes", "open", "large"],
)
def test_file_that_is_no_toml_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kun-gateway.toml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError):
        read_settings(path)


def test_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "value"),
    [("window_ms", 0), ("receipt_timeout_s", 0), ("request_bytes_max", -1), ("item", "")],
)
def test_limit_out_of_range_makes_no_service(name: str, value: object) -> None:
    given = {"node": "http://n", "key": "k", "trust": "t", "item": "i", name: value}
    with pytest.raises(ConfigurationError):
        read_settings(None, given).service("ORG")
