"""`kun doctor`: every check finds its fault and names what mends it."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chainnode.cli import findings
from chainnode.cli.findings import (
    Finding,
    Result,
    check_disk,
    check_private_files,
    check_python,
    check_suite,
)
from chainnode.cli.main import run
from chainnode.cli.probe import Reply
from chainnode.cli.site_checks import (
    Site,
    check_api,
    check_clocks,
    check_data,
    check_expiry,
    check_genesis,
    check_keys,
    check_ports,
    check_quorum,
    check_site,
    read_site,
)
from devnet.site import SiteRequest, make_site
from tests.unit.chainnode.cli.conftest import FakeNode

_RUNNING = {"state": "running", "height": 3, "peers": [{}, {}, {}], "halted_because": None}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "dn"
    make_site(path, SiteRequest(suite="intl", nodes=4, has_demo=False))
    return path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A devnet of the test's own; a folder may be moved and copied."""
    return Path(shutil.copytree(made, tmp_path / "dn"))


@pytest.fixture
def site(folder: Path) -> Site:
    site, finding = read_site(folder)
    assert finding.result is Result.OK
    return site


def _replies(*, silent: int = 0, date: str = "") -> list[Reply]:
    return [
        Reply(url="x", problem="connection refused")
        if number < silent
        else Reply(url="x", status=200, document=_RUNNING, date=date)
        for number in range(4)
    ]


def test_a_fresh_devnet_that_does_not_run_fails_only_for_that(folder: Path) -> None:
    found = {one.name: one.result for one in check_site(folder)}

    assert {name for name, result in found.items() if result is Result.FAIL} == {"api", "quorum"}
    assert found["ports"] is Result.OK


def test_every_failure_names_what_mends_it(folder: Path) -> None:
    assert all(one.mend for one in check_site(folder) if one.result is Result.FAIL)


def test_the_command_answers_with_one_json_object(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--dir", str(folder), "--json"]) == 1

    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert len(document["checks"]) >= 12
    assert all(
        set(one) == {"name", "result", "detail", "detail_zh", "mend"} for one in document["checks"]
    )


def test_without_a_folder_only_this_machine_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["doctor", "--lang", "en"]) == 0

    assert "--dir" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert run(["doctor", "--dir", str(tmp_path / "none"), "--quiet"]) == 1


def test_this_machine_can_run_both_suites() -> None:
    assert check_python().result is Result.OK
    assert check_suite("sm").result is Result.OK
    assert check_suite("rot13").result is Result.FAIL


@pytest.mark.parametrize(
    ("limits", "result"),
    [((0, 0), Result.OK), ((2**62, 0), Result.WARN), ((2**62, 2**62), Result.FAIL)],
)
def test_a_full_disk_is_seen_before_it_stops_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], result: Result
) -> None:
    monkeypatch.setattr(findings, "DISK_WARN_BYTES", limits[0])
    monkeypatch.setattr(findings, "DISK_FAIL_BYTES", limits[1])

    assert check_disk(tmp_path).result is result


def test_a_key_that_others_may_read_is_found_with_its_mending_command(
    site: Site, folder: Path
) -> None:
    key = folder / "nodes" / "civil" / "vote.key.json"
    assert check_keys(site).result is Result.OK

    key.chmod(0o640)

    finding = check_keys(site)
    assert finding.result is Result.FAIL
    assert "0640" in finding.detail.en
    assert finding.mend.startswith("chmod 600 ")
    assert key.name in finding.mend


def test_a_missing_key_is_found(tmp_path: Path) -> None:
    assert check_private_files([tmp_path / "none"]).result is Result.FAIL


@pytest.mark.parametrize(
    ("days", "result"), [(0, Result.OK), (3640, Result.WARN), (3660, Result.FAIL)]
)
def test_a_certificate_does_not_end_unseen(site: Site, days: int, result: Result) -> None:
    assert check_expiry(site, now=datetime.now(UTC) + timedelta(days=days)).result is result


def test_a_missing_certificate_is_found(site: Site, folder: Path) -> None:
    (folder / "nodes" / "data" / "tls.cert.pem").unlink()

    assert check_expiry(site, now=datetime.now(UTC)).result is Result.FAIL


def test_nodes_of_two_chains_are_found(site: Site, folder: Path, tmp_path: Path) -> None:
    make_site(tmp_path / "other", SiteRequest(suite="intl", nodes=4, has_demo=False))
    (folder / "genesis.other.json").write_bytes((tmp_path / "other" / "genesis.json").read_bytes())
    settings = folder / "nodes" / "civil" / "kun.toml"
    text = settings.read_text(encoding="utf-8").replace("genesis.json", "genesis.other.json")
    settings.write_text(text, encoding="utf-8")

    assert check_genesis(site).result is Result.OK
    assert check_genesis(read_site(folder)[0]).result is Result.FAIL


def test_a_damaged_genesis_is_found(site: Site, folder: Path) -> None:
    (folder / "genesis.json").write_text("{}", encoding="ascii")

    assert check_genesis(site).result is Result.FAIL


def test_settings_that_cannot_be_read_are_found(folder: Path) -> None:
    (folder / "nodes" / "civil" / "kun.toml").write_text("[nodes]", encoding="ascii")

    site, finding = read_site(folder)

    assert finding.result is Result.FAIL
    assert "nodes" in finding.detail.en
    assert len(site.configs) == 3


def test_a_folder_without_nodes_says_so(tmp_path: Path) -> None:
    found = check_site(tmp_path)

    assert [one.result for one in found] == [Result.FAIL]


def test_a_data_directory_that_cannot_be_written_is_found(site: Site, folder: Path) -> None:
    assert check_data(site).result is Result.OK

    shutil.rmtree(folder / "nodes" / "civil")

    assert check_data(site).result is Result.FAIL


def test_a_port_that_another_program_took_is_found(
    site: Site, folder: Path, fake_node: Callable[[], FakeNode]
) -> None:
    taken = fake_node().url.removeprefix("http://")
    settings = folder / "nodes" / "police" / "kun.toml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    own = next(number for number, line in enumerate(lines) if line.startswith("listen"))
    lines[own] = f'listen = "{taken}"'
    settings.write_text("\n".join(lines), encoding="utf-8")

    assert check_ports(site, _replies(silent=4)).result is Result.OK
    assert check_ports(site, _replies()).result is Result.SKIP
    assert check_ports(read_site(folder)[0], _replies(silent=4)).result is Result.FAIL


@pytest.mark.parametrize(
    ("silent", "api", "quorum"),
    [
        (0, Result.OK, Result.OK),
        (1, Result.FAIL, Result.WARN),
        (2, Result.FAIL, Result.FAIL),
    ],
)
def test_silent_nodes_and_a_missing_quorum_are_found(
    site: Site, silent: int, api: Result, quorum: Result
) -> None:
    assert check_api(site, _replies(silent=silent)).result is api
    assert check_quorum(site, _replies(silent=silent)).result is quorum


@pytest.mark.parametrize(
    ("date", "result"),
    [
        ("Sun, 01 Mar 2026 00:00:01 GMT", Result.OK),
        ("Sun, 01 Mar 2026 00:00:09 GMT", Result.WARN),
        ("Sat, 28 Feb 2026 23:55:00 GMT", Result.WARN),
        ("", Result.SKIP),
        ("soon", Result.SKIP),
    ],
)
def test_a_clock_that_is_off_is_found(site: Site, date: str, result: Result) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    assert check_clocks(site, _replies(date=date), now=now).result is result


def test_a_finding_speaks_both_languages(folder: Path) -> None:
    found: list[Finding] = check_site(folder)

    assert all(one.detail.zh and one.detail.en for one in found)
