"""Commands that need no network: keys, settings, trust files, completion."""

import hashlib
import json

import pytest

from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.pages import verify_page
from tests.unit.chainnode.cli.conftest import Site


@pytest.mark.parametrize("suite", ["sm", "intl"])
@pytest.mark.parametrize("purpose", ["vote", "submission"])
def test_a_new_key_is_sealed_and_shows_nothing_secret(site: Site, suite: str, purpose: str) -> None:
    made = site.bare("key", "new", "own.json", "--suite", suite, "--purpose", purpose, "--json")
    shown = site.bare("key", "show", "own.json", "--json")

    _, key = open_key(
        site.path / "own.json",
        purpose=KeyPurpose(purpose),
        passphrase=read_passphrase(site.path / "passphrase"),
    )
    assert made.code == 0
    assert made.json == shown.json
    assert (shown.json["suite"], shown.json["purpose"]) == (suite, purpose)
    assert key.secret_bytes().hex() not in made.out
    assert (site.path / "own.json").stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_never_overwritten(site: Site) -> None:
    before = (site.path / "key.json").read_bytes()

    assert site.bare("key", "new", "key.json").code == 5
    assert (site.path / "key.json").read_bytes() == before


def test_a_passphrase_never_comes_from_the_command_line(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUN_KEY_PASSPHRASE_FILE")

    assert site.bare("key", "new", "own.json").code == 5
    assert site.bare("key", "new", "own.json", "--passphrase", "x").code == 2
    assert not (site.path / "own.json").exists()


def test_a_passphrase_file_that_others_may_read_is_refused(site: Site) -> None:
    (site.path / "passphrase").chmod(0o640)

    done = site.bare("key", "new", "own.json")

    assert done.code == 5
    assert "0640" in done.err


def test_a_trust_file_is_shown_for_comparison(site: Site) -> None:
    done = site.bare("trust", "show", "genesis.json", "--json")

    assert done.json["chain_id"] == site.evidence.trust.chain_id.hex()
    assert len(done.json["members"]) == 4
    assert (done.json["height"], done.json["header_digest"]) == (0, None)


def test_a_fingerprint_that_was_read_aloud_is_compared_in_either_form(site: Site) -> None:
    facts = site.bare("trust", "show", "genesis.json", "--json").json
    assert facts["digest"] == f"sha256:{facts['chain_id']}"
    for told in (facts["fingerprint"], facts["digest"], facts["chain_id"].upper()):
        done = site.bare("trust", "show", "genesis.json", "--fingerprint", told, "--json")
        assert (done.code, done.json["same"]) == (0, True)
    other = "0" * 64
    assert site.bare("trust", "show", "genesis.json", "--fingerprint", other).code == 1


def test_a_misheard_fingerprint_is_a_usage_error_that_names_the_group(site: Site) -> None:
    told = site.bare("trust", "show", "genesis.json", "--json").json["fingerprint"].split()
    told[2] = told[2][:-1] + str((int(told[2][-1]) + 1) % 10)
    done = site.bare("trust", "show", "genesis.json", "--fingerprint", " ".join(told))
    assert (done.code, "group 3" in done.err) == (2, True)


def test_an_exported_trust_file_is_pinned_to_the_newest_proven_block(site: Site) -> None:
    done = site.kun("trust", "export", "--out", "pinned.json", "--json")
    shown = site.bare("trust", "show", "pinned.json", "--json")

    assert done.json == {"file": "pinned.json", "height": 12}
    assert shown.json["height"] == 12
    assert shown.json["chain_id"] == site.evidence.trust.chain_id.hex()


def test_a_header_without_a_quorum_is_never_pinned(site: Site) -> None:
    def strip(path: str, told: dict) -> dict:  # type: ignore[type-arg]  # the answer as it came
        certificate = told.get("certificate")
        if path != "/v1/headers/latest" or certificate is None:
            return told
        return {**told, "certificate": {**certificate, "signatures": certificate["signatures"][:2]}}

    site.alter_all(strip)

    assert site.kun("trust", "export", "--out", "pinned.json").code == 3
    assert not (site.path / "pinned.json").exists()


def test_settings_are_shown_as_they_take_effect(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.path / "kun.toml").write_text(_SETTINGS, encoding="utf-8")
    monkeypatch.setenv("KUN_API_LISTEN", "127.0.0.1:9999")

    done = site.bare("config", "show", "--dir", ".", "--json")

    assert done.json["api_listen"] == "127.0.0.1:9999"
    assert done.json["peers"] == {"1": "127.0.0.1:7001"}
    assert done.json["clock_start_ms"] is None


def test_an_unknown_setting_is_refused_naming_the_nearest(site: Site) -> None:
    text = _SETTINGS.replace("log_dir", "logs_dir")
    (site.path / "kun.toml").write_text(text, encoding="utf-8")

    done = site.bare("config", "show", "--dir", ".", "--json")

    assert done.code == 5
    assert 'did you mean "log_dir"?' in done.json["error"]["message"]


def test_a_node_without_settings_does_not_start(site: Site) -> None:
    assert site.bare("node", "start", "--dir", "nowhere").code == 5
    assert site.bare("node", "stop", "--dir", ".").code == 5


def test_a_node_that_does_not_run_has_no_state(site: Site) -> None:
    (site.path / "kun.toml").write_text(_SETTINGS, encoding="utf-8")

    done = site.bare("node", "status", "--dir", ".", "--json")

    assert (done.code, done.json["pid"]) == (3, None)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(site: Site, shell: str) -> None:
    done = site.bare("completion", shell, "--json")

    assert "_KUN_COMPLETE" in json.loads(done.out)["script"]


_SETTINGS = """
[node]
name = "police"
replica_id = 0
genesis = "genesis.json"
data_dir = "data"
log_dir = "logs"
vote_key = "vote.key.json"
[p2p]
listen = "127.0.0.1:7000"
tls_ca = "ca.pem"
tls_cert = "tls.cert.pem"
tls_key = "tls.key.pem"
[[p2p.peers]]
replica_id = 1
address = "127.0.0.1:7001"
[api]
listen = "127.0.0.1:1"
"""


def test_the_offline_page_is_written_once_and_never_over_something_else(site: Site) -> None:
    made = site.bare("trust", "page", "--out", "page.html", "--json")
    again = site.bare("trust", "page", "--out", "page.html", "--json")
    other = site.bare("trust", "page", "--out", "key.json", "--json")

    data = (site.path / "page.html").read_bytes()
    assert (made.code, again.code, other.code) == (0, 0, 2)
    assert made.json["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert data == verify_page()
    assert b"kunlian-key" in (site.path / "key.json").read_bytes()
