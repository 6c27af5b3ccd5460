"""The published vectors of codec, suites and keys: they hold, and the script makes them again."""

import json
from pathlib import Path

import pytest

from chainnode.codec import InvalidEncoding, Limits, Plain, decode, encode
from chainnode.keys import KeyPurpose, Passphrase, open_key
from chainnode.secret_files import write_secret_file
from chainnode.submission import key_id
from chainnode.suites import SUITE_NAMES, InvalidKey, InvalidSignature, suite_named
from tests.vectors.make_primitives import FOLDER, all_vectors

LIMITS = Limits(bytes_max=1024, depth_max=8)
CODEC = json.loads((FOLDER / "codec/canonical.json").read_text(encoding="utf-8"))
SUITES = [
    (suite_named(name), json.loads((FOLDER / f"suites/{name}.json").read_text(encoding="utf-8")))
    for name in SUITE_NAMES
]


def plain(value: object) -> Plain:
    """Read a value as it stands in the vectors."""
    match value:
        case list():
            return tuple(plain(one) for one in value)
        case {"hex": str(text)}:
            return bytes.fromhex(text)
        case int() | str():
            return value
        case _:
            raise TypeError(value)


def test_the_script_makes_every_file_as_it_is() -> None:
    for path, text in all_vectors().items():
        assert (FOLDER / path).read_text(encoding="utf-8") == text, path


def test_published_values_have_their_published_encoding() -> None:
    for data, value in CODEC["valid"]:
        assert encode(plain(value)).hex() == data
        assert decode(bytes.fromhex(data), LIMITS) == plain(value)


@pytest.mark.parametrize(("data", "reason"), CODEC["invalid"])
def test_published_wrong_encodings_are_refused(data: str, reason: str) -> None:
    with pytest.raises(InvalidEncoding):
        pytest.fail(f"{reason}: {decode(bytes.fromhex(data), LIMITS)!r}")


def test_published_keys_digests_and_signatures_hold() -> None:
    for suite, vectors in SUITES:
        for row in vectors["keys"]:
            key = suite.load_private_key(bytes.fromhex(row["secret"]))
            assert key.public_key.hex() == row["public_key"]
            assert key_id(suite, key.public_key).hex() == row["key_id"]
        for content, digest in vectors["digests"]:
            assert suite.digest(bytes.fromhex(content)).hex() == digest
        for public_key, content, signature in vectors["signatures"]:
            suite.verify(
                public_key=bytes.fromhex(public_key),
                signature=bytes.fromhex(signature),
                content=bytes.fromhex(content),
            )


def test_published_wrong_signatures_and_keys_are_refused() -> None:
    for suite, vectors in SUITES:
        for public_key, content, signature, _reason in vectors["refused_signatures"]:
            with pytest.raises(InvalidSignature):
                suite.verify(
                    public_key=bytes.fromhex(public_key),
                    signature=bytes.fromhex(signature),
                    content=bytes.fromhex(content),
                )
        for public_key, _reason in vectors["refused_public_keys"]:
            with pytest.raises(InvalidKey):
                suite.check_public_key(bytes.fromhex(public_key))


def test_published_sealed_texts_open() -> None:
    for suite, vectors in SUITES:
        for row in vectors["sealed"]:
            fields = {name: bytes.fromhex(text) for name, text in row.items()}
            plaintext = fields.pop("plaintext")
            assert suite.unseal(**fields) == plaintext


@pytest.mark.parametrize("name", SUITE_NAMES)
def test_published_key_files_open(tmp_path: Path, name: str) -> None:
    row = json.loads((FOLDER / f"keys/{name}.json").read_text(encoding="utf-8"))
    write_secret_file(tmp_path / "key", row["file"].encode())
    passphrase = Passphrase(row["passphrase"].encode())
    _, key = open_key(tmp_path / "key", purpose=KeyPurpose.VOTE, passphrase=passphrase)
    assert key.secret_bytes().hex() == row["secret"]
