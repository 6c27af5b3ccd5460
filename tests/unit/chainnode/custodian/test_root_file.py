"""The root secret at rest: sealed, ours alone, never overwritten, never quoted."""

import json
from pathlib import Path

import pytest

from chainnode.custodian.root_file import create_root, read_root
from chainnode.keys import KdfCost, Passphrase
from chainnode.secret_files import SecretFileRefused, write_secret_file
from chainnode.suites import SUITE_NAMES, suite_named

CHEAP = KdfCost(n=2**10, r=1, p=1)
PASSPHRASE = Passphrase(b"correct horse battery")
SM = suite_named("sm")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "root.json"
    create_root(path, suite=SM, passphrase=PASSPHRASE, cost=CHEAP)
    return path


@pytest.mark.parametrize("name", SUITE_NAMES)
def test_a_root_is_read_back_as_it_was_drawn(tmp_path: Path, name: str) -> None:
    suite = suite_named(name)
    create_root(tmp_path / "a", suite=suite, passphrase=PASSPHRASE, cost=CHEAP)
    create_root(tmp_path / "b", suite=suite, passphrase=PASSPHRASE, cost=CHEAP)
    first, again, other = (
        read_root(tmp_path / one, suite=suite, passphrase=PASSPHRASE) for one in "aab"
    )
    assert first == again != other
    assert len(first) == 32
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert first.hex() not in (tmp_path / "a").read_text()


def test_a_root_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(SecretFileRefused):
        create_root(path, suite=SM, passphrase=PASSPHRASE, cost=CHEAP)
    assert path.read_bytes() == before


def test_another_passphrase_opens_nothing(path: Path) -> None:
    with pytest.raises(SecretFileRefused) as caught:
        read_root(path, suite=SM, passphrase=Passphrase(b"another passphrase"))
    assert "another" in caught.value.actual


def test_a_root_of_another_suite_is_refused(path: Path) -> None:
    with pytest.raises(SecretFileRefused):
        read_root(path, suite=suite_named("intl"), passphrase=PASSPHRASE)


def test_a_root_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(SecretFileRefused):
        read_root(path, suite=SM, passphrase=PASSPHRASE)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("", "format", "kunlian-key"),
        ("", "version", 2),
        ("", "purpose", "vote"),
        ("", "more", 1),
        ("kdf", "n", 2**30),
        ("kdf", "n", 1000),
        ("kdf", "name", "pbkdf2"),
        ("kdf", "salt", "%%%"),
        ("aead", "name", "aes-256-gcm"),
        ("aead", "nonce", "AAAA"),
        ("aead", "ciphertext", ""),
    ],
)
def test_a_changed_document_is_refused(path: Path, section: str, name: str, value: object) -> None:
    document = json.loads(path.read_text())
    (document[section] if section else document)[name] = value
    changed = path.with_suffix(".changed")
    write_secret_file(changed, json.dumps(document).encode())
    with pytest.raises(SecretFileRefused):
        read_root(changed, suite=SM, passphrase=PASSPHRASE)
