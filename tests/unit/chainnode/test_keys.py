"""Key files and passphrases: what is written, what is refused, and what never shows."""

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from chainnode.keys import (
    DEVNET_COST,
    KEY_FILE_BYTES_MAX,
    STANDARD_COST,
    UNLOCK_FILE_SETTING,
    KdfCost,
    KeyFile,
    KeyPurpose,
    Passphrase,
    open_key,
    open_wrapping_key,
    read_key_file,
    read_passphrase,
    write_key_file,
)
from chainnode.secret_files import SecretFileRefused, write_secret_file
from chainnode.submission import key_id
from chainnode.suites import SUITE_NAMES, suite_named
from chainnode.suites.wrapping import load_wrapping_key

CHEAP = KdfCost(n=2**10, r=1, p=1)
PASSPHRASE = Passphrase(b"correct horse battery")
SECRET = bytes(range(1, 33))

JsonObject = dict[str, object]
Change = Callable[[JsonObject], object]


def write_key(path: Path, suite_name: str = "sm", purpose: KeyPurpose = KeyPurpose.VOTE) -> bytes:
    """Write the key of SECRET; return its public key."""
    suite = suite_named(suite_name)
    key = suite.load_private_key(SECRET)
    write_key_file(path, key, suite=suite, purpose=purpose, passphrase=PASSPHRASE, cost=CHEAP)
    return key.public_key


def rewritten(path: Path, change: Change) -> Path:
    """Write the document of `path` beside it, with one change."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    target = path.with_suffix(".changed")
    write_secret_file(target, json.dumps(document).encode())
    return target


TRUE: object = True


def put(value: object, *names: str) -> Change:
    """Return a change that sets a field."""

    def change(document: JsonObject) -> None:
        place = document
        for name in names[:-1]:
            inner = place[name]
            assert isinstance(inner, dict)
            place = inner
        place[names[-1]] = value

    return change


@pytest.mark.parametrize("suite_name", SUITE_NAMES)
@pytest.mark.parametrize("purpose", [KeyPurpose.VOTE, KeyPurpose.SUBMISSION])
def test_a_written_key_opens_with_its_passphrase(
    tmp_path: Path, suite_name: str, purpose: KeyPurpose
) -> None:
    path = tmp_path / "a.key.json"
    public_key = write_key(path, suite_name, purpose)
    suite, key = open_key(path, purpose=purpose, passphrase=PASSPHRASE)
    assert suite is suite_named(suite_name)
    assert key.public_key == public_key
    assert key.secret_bytes() == SECRET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_document_is_the_one_of_the_wire_format(tmp_path: Path) -> None:
    path = tmp_path / "a.key.json"
    public_key = write_key(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document) == [
        *("format", "version", "suite", "purpose", "public_key", "key_id", "kdf", "aead")
    ]
    assert (document["format"], document["version"]) == ("kunlian-key", 1)
    assert base64.b64decode(document["public_key"]) == public_key
    assert document["key_id"] == key_id(suite_named("sm"), public_key).hex()
    assert document["kdf"] | {"salt": ""} == {
        "name": "scrypt",
        "n": 1024,
        "r": 1,
        "p": 1,
        "salt": "",
    }
    assert document["aead"]["name"] == "sm4-gcm"
    assert len(base64.b64decode(document["aead"]["ciphertext"])) == 48


def test_two_files_of_one_key_share_no_salt_nonce_or_ciphertext(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        write_key(tmp_path / name)
        files.append(read_key_file(tmp_path / name))
    one, two = files
    assert {one.salt, one.nonce, one.ciphertext}.isdisjoint({two.salt, two.nonce, two.ciphertext})


def test_the_public_half_is_read_without_a_passphrase(tmp_path: Path) -> None:
    public_key = write_key(tmp_path / "a", "intl", KeyPurpose.SUBMISSION)
    key_file = read_key_file(tmp_path / "a")
    assert key_file.purpose is KeyPurpose.SUBMISSION
    assert key_file.public_key == public_key
    assert key_file.key_id == key_id(suite_named("intl"), public_key)


def test_another_passphrase_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "a")
    for wrong in (b"correct horse battery ", b"correct horse batterz", b""):
        with pytest.raises(SecretFileRefused, match="passphrase"):
            open_key(tmp_path / "a", purpose=KeyPurpose.VOTE, passphrase=Passphrase(wrong))


def test_a_submission_key_never_votes_and_a_vote_key_never_submits(tmp_path: Path) -> None:
    signing = (KeyPurpose.VOTE, KeyPurpose.SUBMISSION)
    for written, wanted in (signing, signing[::-1]):
        path = tmp_path / written.value
        write_key(path, purpose=written)
        with pytest.raises(SecretFileRefused, match=f"a {wanted.value} key"):
            open_key(path, purpose=wanted, passphrase=PASSPHRASE)


@pytest.mark.parametrize("suite_name", SUITE_NAMES)
def test_a_wrapping_key_opens_and_signs_nothing(tmp_path: Path, suite_name: str) -> None:
    suite = suite_named(suite_name)
    path = tmp_path / "w.key.json"
    key = load_wrapping_key(suite, SECRET)
    write_key_file(
        path, key, suite=suite, purpose=KeyPurpose.WRAPPING, passphrase=PASSPHRASE, cost=CHEAP
    )

    opened_suite, opened = open_wrapping_key(path, passphrase=PASSPHRASE)

    assert opened_suite is suite
    assert (opened.public_key, opened.secret_bytes()) == (key.public_key, SECRET)
    with pytest.raises(SecretFileRefused, match="a key that signs"):
        read_key_file(path).unlock(PASSPHRASE)


def test_a_key_that_signs_unwraps_nothing(tmp_path: Path) -> None:
    write_key(tmp_path / "a")
    with pytest.raises(SecretFileRefused, match="a wrapping key"):
        open_wrapping_key(tmp_path / "a", passphrase=PASSPHRASE)


def test_neither_secret_nor_passphrase_shows(tmp_path: Path) -> None:
    write_key(tmp_path / "a")
    key_file = read_key_file(tmp_path / "a")
    with pytest.raises(SecretFileRefused) as caught:
        key_file.unlock(Passphrase(b"hunter2hunter2"))
    shown = f"{key_file!r} {PASSPHRASE!r} {caught.value} {caught.value!r}"
    for hidden in ("horse", "hunter2", SECRET.hex(), repr(SECRET), repr(key_file.ciphertext)):
        assert hidden not in shown


OTHER = base64.b64encode(suite_named("sm").load_private_key(SECRET[::-1]).public_key).decode()
DAMAGES = {
    "another format": put("kunlian-genesis", "format"),
    "newer version": put(2, "version"),
    "version as boolean": put(TRUE, "version"),
    "unknown suite": put("rsa", "suite"),
    "suite of another type": put(["sm"], "suite"),
    "the other suite": put("intl", "suite"),
    "unknown purpose": put("everything", "purpose"),
    "purpose of another type": put(1, "purpose"),
    "key id of another key": put("00" * 20, "key_id"),
    "key id in capitals": lambda d: put(str(d["key_id"]).upper(), "key_id")(d),
    "public key of another type": put(7, "public_key"),
    "public key not in base64": put("!!!!", "public_key"),
    "public key not a point": put(base64.b64encode(bytes(33)).decode(), "public_key"),
    "public key too short": put(base64.b64encode(bytes(31)).decode(), "public_key"),
    "missing name": lambda d: d.pop("purpose"),
    "additional name": put("", "note"),
    "kdf missing": lambda d: d.pop("kdf"),
    "kdf of another type": put("scrypt", "kdf"),
    "another kdf": put("pbkdf2", "kdf", "name"),
    "additional name in kdf": put(1, "kdf", "rounds"),
    "n as string": put("1024", "kdf", "n"),
    "n as float": put(1024.0, "kdf", "n"),
    "n as boolean": put(TRUE, "kdf", "n"),
    "n not a power of two": put(1025, "kdf", "n"),
    "n too cheap": put(512, "kdf", "n"),
    "n that would take 1 GiB": put(2**20, "kdf", "n"),
    "n without end": put(10**300, "kdf", "n"),
    "r too large": put(9, "kdf", "r"),
    "r zero": put(0, "kdf", "r"),
    "p too large": put(5, "kdf", "p"),
    "p negative": put(-1, "kdf", "p"),
    "salt too short": put(base64.b64encode(bytes(15)).decode(), "kdf", "salt"),
    "salt too long": put(base64.b64encode(bytes(65)).decode(), "kdf", "salt"),
    "another cipher": put("aes-256-gcm", "aead", "name"),
    "nonce too short": put(base64.b64encode(bytes(11)).decode(), "aead", "nonce"),
    "ciphertext too short": put(base64.b64encode(bytes(47)).decode(), "aead", "ciphertext"),
    "ciphertext too long": put(base64.b64encode(bytes(49)).decode(), "aead", "ciphertext"),
    "base64 with spaces": put("AAAA AAAA", "aead", "nonce"),
    "base64 with loose bits": put("A" * 15 + "B", "aead", "nonce"),
}


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_file_of_any_other_form_is_refused_before_it_costs_anything(
    tmp_path: Path, change: Change
) -> None:
    write_key(tmp_path / "a")
    with pytest.raises(SecretFileRefused):
        read_key_file(rewritten(tmp_path / "a", change)).unlock(PASSPHRASE)


SEALED_FIELDS = {
    "purpose": put("submission", "purpose"),
    "salt": put(base64.b64encode(bytes(16)).decode(), "kdf", "salt"),
    "nonce": put(base64.b64encode(bytes(12)).decode(), "aead", "nonce"),
    "ciphertext": put(base64.b64encode(bytes(48)).decode(), "aead", "ciphertext"),
    "n": put(2048, "kdf", "n"),
    "public key": lambda d: d.update(
        public_key=OTHER, key_id=key_id(suite_named("sm"), base64.b64decode(OTHER)).hex()
    ),
}


@pytest.mark.parametrize("change", SEALED_FIELDS.values(), ids=SEALED_FIELDS.keys())
def test_a_changed_field_in_good_form_does_not_unlock(tmp_path: Path, change: Change) -> None:
    write_key(tmp_path / "a")
    key_file = read_key_file(rewritten(tmp_path / "a", change))
    with pytest.raises(SecretFileRefused, match="changed file"):
        key_file.unlock(PASSPHRASE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe{\x00}\x00",
        b'{"format": "kunlian-key", "format": "kunlian-key"}',
        b"[" * 10_000,
        b'{"version": ' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "cut", "array", "number", "utf-16", "name twice", "nested", "long number"],
)
def test_text_that_is_no_key_document_is_refused(tmp_path: Path, content: bytes) -> None:
    write_secret_file(tmp_path / "a", content)
    with pytest.raises(SecretFileRefused):
        read_key_file(tmp_path / "a")


def test_an_oversize_file_is_refused(tmp_path: Path) -> None:
    write_secret_file(tmp_path / "a", b" " * (KEY_FILE_BYTES_MAX + 1))
    with pytest.raises(SecretFileRefused, match="bytes"):
        read_key_file(tmp_path / "a")


class SwappedSecret:
    """A key whose public half is one key's and whose secret is another's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.public_key = suite_named("sm").load_private_key(SECRET).public_key

    def sign(self, content: bytes) -> bytes:
        raise NotImplementedError(content)

    def secret_bytes(self) -> bytes:
        return self._secret


@pytest.mark.parametrize("secret", [SECRET[::-1], bytes(32)], ids=["another key", "no key"])
def test_a_sealed_secret_must_be_the_one_of_the_public_key(tmp_path: Path, secret: bytes) -> None:
    write_key_file(
        tmp_path / "a",
        SwappedSecret(secret),
        suite=suite_named("sm"),
        purpose=KeyPurpose.VOTE,
        passphrase=PASSPHRASE,
        cost=CHEAP,
    )
    with pytest.raises(SecretFileRefused, match="the secret of"):
        open_key(tmp_path / "a", purpose=KeyPurpose.VOTE, passphrase=PASSPHRASE)


def test_an_existing_key_is_never_replaced(tmp_path: Path) -> None:
    write_key(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    with pytest.raises(SecretFileRefused, match="existing"):
        write_key(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "a")
    (tmp_path / "a").chmod(0o640)
    with pytest.raises(SecretFileRefused, match="chmod 600"):
        read_key_file(tmp_path / "a")


def test_the_standard_cost_is_memory_hard_and_the_cheap_one_has_to_be_asked_for(
    tmp_path: Path,
) -> None:
    assert 128 * STANDARD_COST.n * STANDARD_COST.r == 32 * 1024 * 1024
    assert DEVNET_COST.n < STANDARD_COST.n
    suite = suite_named("intl")
    key = suite.load_private_key(SECRET)
    write_key_file(tmp_path / "a", key, suite=suite, purpose=KeyPurpose.VOTE, passphrase=PASSPHRASE)
    key_file: KeyFile = read_key_file(tmp_path / "a")
    assert key_file.cost == STANDARD_COST
    assert key_file.unlock(PASSPHRASE).secret_bytes() == SECRET


@pytest.mark.parametrize(
    "content", [b"correct horse battery", b"correct horse battery\n", b"correct horse battery\r\n"]
)
def test_one_line_end_is_not_part_of_a_passphrase(tmp_path: Path, content: bytes) -> None:
    write_secret_file(tmp_path / "p", content)
    assert read_passphrase(tmp_path / "p") == PASSPHRASE


def test_spaces_and_further_line_ends_are_part_of_a_passphrase(tmp_path: Path) -> None:
    write_secret_file(tmp_path / "p", b" two  words \n\n")
    assert read_passphrase(tmp_path / "p").value == b" two  words \n"


def test_the_passphrase_file_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secret_file(tmp_path / "p", PASSPHRASE.value)
    monkeypatch.setenv(UNLOCK_FILE_SETTING, str(tmp_path / "p"))
    assert read_passphrase() == PASSPHRASE
    monkeypatch.delenv(UNLOCK_FILE_SETTING)
    with pytest.raises(ConfigurationError, match=UNLOCK_FILE_SETTING):
        read_passphrase()


@pytest.mark.parametrize("content", [b"", b"\n", b"1234567", b"1234567\n", b"x" * 1025])
def test_a_passphrase_that_is_too_short_or_too_long_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    write_secret_file(tmp_path / "p", content)
    with pytest.raises(SecretFileRefused) as caught:
        read_passphrase(tmp_path / "p")
    assert "1234567" not in str(caught.value)


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_secret_file(tmp_path / "p", PASSPHRASE.value)
    (tmp_path / "p").chmod(0o644)
    with pytest.raises(SecretFileRefused, match="chmod 600"):
        read_passphrase(tmp_path / "p")
