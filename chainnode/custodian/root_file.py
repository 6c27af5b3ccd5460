"""The root secret in a file: sealed under a pass phrase like a key; docs/wire-format.md §17."""

import base64
import secrets
from pathlib import Path
from typing import Final, Literal

import msgspec

from chainnode.codec import encode
from chainnode.custodian.tokens import ROOT_BYTES
from chainnode.errors import ConfigurationError
from chainnode.keys import STANDARD_COST, KdfCost, Passphrase, sealing_key
from chainnode.secret_files import SecretFileRefused, read_secret_file, write_secret_file
from chainnode.suites.port import InvalidSignature, Suite

_FILE_BYTES_MAX: Final = 16 * 1024
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG: Final = "kun.secretfile"
_VERSION: Final = 1
_PURPOSE: Final = "custodian"


class _Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["scrypt"]
    n: int
    r: int
    p: int
    salt: bytes


class _Aead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    nonce: bytes
    ciphertext: bytes


class _SecretFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document; byte strings are base64."""

    format: Literal["kunlian-secret"]
    version: Literal[1]
    suite: Literal["sm", "intl"]
    purpose: Literal["custodian"]
    kdf: _Kdf
    aead: _Aead


def create_root(
    path: Path, *, suite: Suite, passphrase: Passphrase, cost: KdfCost = STANDARD_COST
) -> None:
    """Draw a root secret into a new file of mode 0600.

    Raises:
        SecretFileRefused: something is at `path` already.
        StorageError: it could not be written.

    """
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    ciphertext = suite.seal(
        key=sealing_key(suite, passphrase, cost, salt),
        nonce=nonce,
        plaintext=secrets.token_bytes(ROOT_BYTES),
        associated=_associated(suite),
    )
    document = {
        "format": "kunlian-secret",
        "version": _VERSION,
        "suite": suite.name,
        "purpose": _PURPOSE,
        "kdf": {"name": "scrypt", "n": cost.n, "r": cost.r, "p": cost.p, "salt": _base64(salt)},
        "aead": {
            "name": suite.aead_name,
            "nonce": _base64(nonce),
            "ciphertext": _base64(ciphertext),
        },
    }
    content = msgspec.json.format(msgspec.json.encode(document), indent=2)
    write_secret_file(path, content + b"\n")


def read_root(path: Path, *, suite: Suite, passphrase: Passphrase) -> bytes:
    """Return the 32 bytes; costs one run of scrypt.

    Raises:
        SecretFileRefused: protection, form, suite or pass phrase is wrong.

    """
    document = _read(path, read_secret_file(path, bytes_max=_FILE_BYTES_MAX))
    if document.suite != suite.name or document.aead.name != suite.aead_name:
        raise SecretFileRefused(
            path, expected=f"a secret of suite {suite.name}", actual=f"one of {document.suite}"
        )
    kdf = document.kdf
    try:
        cost = KdfCost(n=kdf.n, r=kdf.r, p=kdf.p)
        secret = suite.unseal(
            key=sealing_key(suite, passphrase, cost, kdf.salt),
            nonce=document.aead.nonce,
            ciphertext=document.aead.ciphertext,
            associated=_associated(suite),
        )
    except (ConfigurationError, ValueError) as error:
        raise SecretFileRefused(
            path, expected="bounded costs and sizes", actual="others"
        ) from error
    except InvalidSignature as error:
        raise SecretFileRefused(
            path,
            expected="the passphrase that it was sealed with",
            actual="another one, or a changed file",
        ) from error
    return secret


def _read(path: Path, content: bytes) -> _SecretFile:
    try:
        return msgspec.json.decode(content, type=_SecretFile)
    except (ValueError, RecursionError) as error:
        # The decoder's own words may quote the file.
        raise SecretFileRefused(
            path, expected="a kunlian-secret file of version 1", actual="another document"
        ) from error


def _associated(suite: Suite) -> bytes:
    return encode((_TAG, _VERSION, suite.name, _PURPOSE))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
