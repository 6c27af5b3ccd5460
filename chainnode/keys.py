"""Key files: a private key sealed under a passphrase; docs/wire-format.md §11.

A passphrase comes from a file as well protected as the key (`chainnode.secret_files`), never
from a command line. No secret is in `repr` or in an error.
"""

import base64
import binascii
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from chainnode.codec import encode
from chainnode.errors import ConfigurationError
from chainnode.secret_files import SecretFileRefused, read_secret_file, write_secret_file
from chainnode.submission import key_id
from chainnode.suites import (
    SUITE_NAMES,
    InvalidKey,
    InvalidSignature,
    PrivateKey,
    Suite,
    suite_named,
)
from chainnode.suites.wrapping import WrappingKey, check_wrapping_key, load_wrapping_key

AnyKeyT = TypeVar("AnyKeyT", PrivateKey, WrappingKey)

UNLOCK_FILE_SETTING: Final = "KUN_KEY_PASSPHRASE_FILE"
PASSPHRASE_BYTES_MIN: Final = 8
PASSPHRASE_BYTES_MAX: Final = 1024
# A key file has 600 bytes; the rest is room for spaces.
KEY_FILE_BYTES_MAX: Final = 16 * 1024

_FORMAT: Final = "kunlian-key"
_VERSION: Final = 1
_ASSOCIATED_TAG: Final = "kun.keyfile"
_SALT_BYTES: Final = range(16, 65)
_NONCE_BYTES: Final = 12
_SEALED_BYTES: Final = 32 + 16
# What a hostile file may cost us: 128 MiB for one run of scrypt.
_KDF_N: Final = range(2**10, 2**17 + 1)
_KDF_R: Final = range(1, 9)
_KDF_P: Final = range(1, 5)


class KeyPurpose(Enum):
    """What a key is for: a vote key never signs submissions, a wrapping key signs nothing."""

    VOTE = "vote"
    SUBMISSION = "submission"
    WRAPPING = "wrapping"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A secret that does not show itself."""

    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KdfCost:
    """Parameters of scrypt (RFC 7914); memory is 128 · n · r bytes."""

    n: int
    r: int
    p: int

    def __post_init__(self) -> None:
        legal = self.n in _KDF_N and self.r in _KDF_R and self.p in _KDF_P
        if not legal or self.n & (self.n - 1):
            raise ConfigurationError(
                f"scrypt: expected n a power of two {_KDF_N[0]} … {_KDF_N[-1]}, r ≤ {_KDF_R[-1]},"
                f" p ≤ {_KDF_P[-1]}, got n={self.n}, r={self.r}, p={self.p}"
            )


# 32 MiB and about 0.1 s for each guess and each start.
STANDARD_COST: Final = KdfCost(n=2**15, r=8, p=1)
# A devnet makes and opens a dozen keys at once; their passphrase lies beside them anyway.
DEVNET_COST: Final = KdfCost(n=2**12, r=8, p=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a key file says; its secret stays sealed until `unlock`."""

    path: Path
    suite: Suite
    purpose: KeyPurpose
    public_key: bytes
    cost: KdfCost
    salt: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)

    @property
    def key_id(self) -> bytes:
        """The 20-byte identifier of the public key."""
        return key_id(self.suite, self.public_key)

    def unlock(self, passphrase: Passphrase) -> PrivateKey:
        """Return the private key that signs; costs one run of scrypt.

        Raises:
            SecretFileRefused: wrong passphrase, changed file, a secret of another key, or a key
                that is not for signing.

        """
        if self.purpose is KeyPurpose.WRAPPING:
            raise _wrong_purpose(self, "a key that signs")
        return self._checked(self._secret(passphrase), self.suite.load_private_key)

    def unlock_wrapping(self, passphrase: Passphrase) -> WrappingKey:
        """Return the private key that unwraps; else as `unlock`."""
        if self.purpose is not KeyPurpose.WRAPPING:
            raise _wrong_purpose(self, f"a {KeyPurpose.WRAPPING.value} key")
        return self._checked(self._secret(passphrase), partial(load_wrapping_key, self.suite))

    def _secret(self, passphrase: Passphrase) -> bytes:
        try:
            return self.suite.unseal(
                key=sealing_key(self.suite, passphrase, self.cost, self.salt),
                nonce=self.nonce,
                ciphertext=self.ciphertext,
                associated=_associated(self.suite, self.purpose, self.public_key),
            )
        except InvalidSignature as error:
            raise SecretFileRefused(
                self.path,
                expected="the passphrase that it was sealed with",
                actual="another one, or a changed file",
            ) from error

    def _checked(self, secret: bytes, load: Callable[[bytes], AnyKeyT]) -> AnyKeyT:
        try:
            key = load(secret)
        except InvalidKey as error:
            raise SecretFileRefused(
                self.path, expected="the secret of a key", actual="other bytes"
            ) from error
        if key.public_key != self.public_key:
            raise SecretFileRefused(
                self.path, expected="the secret of its public key", actual="that of another"
            )
        return key


def open_key(
    path: Path, *, purpose: KeyPurpose, passphrase: Passphrase
) -> tuple[Suite, PrivateKey]:
    """Read and unlock a key that must serve `purpose`.

    Raises:
        SecretFileRefused: protection, form, purpose or passphrase is wrong.

    """
    key_file = read_key_file(path)
    if key_file.purpose is not purpose:
        raise _wrong_purpose(key_file, f"a {purpose.value} key")
    return key_file.suite, key_file.unlock(passphrase)


def open_wrapping_key(path: Path, *, passphrase: Passphrase) -> tuple[Suite, WrappingKey]:
    """Read and unlock a wrapping key; else as `open_key`."""
    key_file = read_key_file(path)
    return key_file.suite, key_file.unlock_wrapping(passphrase)


def _wrong_purpose(key_file: KeyFile, expected: str) -> SecretFileRefused:
    actual = f"a {key_file.purpose.value} key"
    return SecretFileRefused(key_file.path, expected=expected, actual=actual)


def write_key_file(
    path: Path,
    key: PrivateKey | WrappingKey,
    *,
    suite: Suite,
    purpose: KeyPurpose,
    passphrase: Passphrase,
    cost: KdfCost = STANDARD_COST,
) -> None:
    """Seal `key` into a new file of mode 0600.

    Raises:
        SecretFileRefused: something is at `path` already.
        StorageError: it could not be written.

    """
    content = key_document(
        key,
        suite=suite,
        purpose=purpose,
        passphrase=passphrase,
        cost=cost,
        salt=secrets.token_bytes(_SALT_BYTES[0]),
        nonce=secrets.token_bytes(_NONCE_BYTES),
    )
    write_secret_file(path, content)


def key_document(
    key: PrivateKey | WrappingKey,
    *,
    suite: Suite,
    purpose: KeyPurpose,
    passphrase: Passphrase,
    cost: KdfCost,
    salt: bytes,
    nonce: bytes,
) -> bytes:
    """Return the content of a key file; `salt` and `nonce` are fresh, but in test vectors."""
    ciphertext = suite.seal(
        key=sealing_key(suite, passphrase, cost, salt),
        nonce=nonce,
        plaintext=key.secret_bytes(),
        associated=_associated(suite, purpose, key.public_key),
    )
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "suite": suite.name,
        "purpose": purpose.value,
        "public_key": _base64(key.public_key),
        "key_id": key_id(suite, key.public_key).hex(),
        "kdf": {"name": "scrypt", "n": cost.n, "r": cost.r, "p": cost.p, "salt": _base64(salt)},
        "aead": {
            "name": suite.aead_name,
            "nonce": _base64(nonce),
            "ciphertext": _base64(ciphertext),
        },
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def read_key_file(path: Path) -> KeyFile:
    """Read what needs no passphrase.

    Raises:
        SecretFileRefused: protection or form is wrong.

    """
    content = read_secret_file(path, bytes_max=KEY_FILE_BYTES_MAX)
    return _KeyDocument(path, content).key_file()


def read_passphrase(path: Path | None = None) -> Passphrase:
    """Read a passphrase from `path`, else from the file that KUN_KEY_PASSPHRASE_FILE names.

    One line end after it is not part of it.

    Raises:
        SecretFileRefused: protection or length is wrong.
        ConfigurationError: no file is named.

    """
    if path is None:
        named = os.environ.get(UNLOCK_FILE_SETTING)
        if not named:
            raise ConfigurationError(
                f"passphrase: expected a file, got none: name it by {UNLOCK_FILE_SETTING}"
            )
        path = Path(named)
    content = read_secret_file(path, bytes_max=PASSPHRASE_BYTES_MAX + 2)
    value = content.removesuffix(b"\n").removesuffix(b"\r")
    if not PASSPHRASE_BYTES_MIN <= len(value) <= PASSPHRASE_BYTES_MAX:
        raise SecretFileRefused(
            path,
            expected=f"a passphrase of {PASSPHRASE_BYTES_MIN} … {PASSPHRASE_BYTES_MAX} bytes",
            actual=f"{len(value)}",
        )
    return Passphrase(value)


class _KeyDocument:
    """Strict reader of the JSON: exactly the names of the format, each once, each in range."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        try:
            self._root = json.loads(content.decode(), object_pairs_hook=_without_duplicates)
        except (ValueError, RecursionError) as error:
            # The parser's own words would quote the file.
            raise self._refused("a JSON object without duplicate names", "other text") from error

    def key_file(self) -> KeyFile:
        names = "format version suite purpose public_key key_id kdf aead"
        root = self._object(self._root, "key file", names)
        if root["format"] != _FORMAT or root["version"] is True or root["version"] != _VERSION:
            self._refuse(f"format {_FORMAT} version {_VERSION}", "another one")
        suite = self._suite(root["suite"])
        kdf = self._object(root["kdf"], "kdf", "name n r p salt")
        aead = self._object(root["aead"], "aead", "name nonce ciphertext")
        if (kdf["name"], aead["name"]) != ("scrypt", suite.aead_name):
            self._refuse(f"scrypt and {suite.aead_name}", "other algorithms")
        purpose = self._purpose(root["purpose"])
        public_key = self._public_key(suite, purpose, root["public_key"])
        if root["key_id"] != key_id(suite, public_key).hex():
            self._refuse("the key id of its public key", "another one")
        return KeyFile(
            path=self._path,
            suite=suite,
            purpose=purpose,
            public_key=public_key,
            cost=self._cost(kdf),
            salt=self._bytes(kdf["salt"], "salt", _SALT_BYTES),
            nonce=self._bytes(aead["nonce"], "nonce", range(_NONCE_BYTES, _NONCE_BYTES + 1)),
            ciphertext=self._bytes(
                aead["ciphertext"], "ciphertext", range(_SEALED_BYTES, _SEALED_BYTES + 1)
            ),
        )

    def _refused(self, expected: str, actual: str) -> SecretFileRefused:
        return SecretFileRefused(self._path, expected=expected, actual=actual)

    def _refuse(self, expected: str, actual: str) -> NoReturn:
        raise self._refused(expected, actual)

    def _object(self, value: object, what: str, names: str) -> dict[str, object]:
        if not isinstance(value, dict) or set(value) != set(names.split()):
            self._refuse(f"{what} with exactly {names}", "other names")
        return value

    def _text(self, value: object, what: str) -> str:
        if not isinstance(value, str):
            self._refuse(f"{what} as a string", "another type")
        return value

    def _suite(self, value: object) -> Suite:
        if value not in SUITE_NAMES:
            self._refuse(f"suite {' or '.join(SUITE_NAMES)}", "another one")
        return suite_named(str(value))

    def _purpose(self, value: object) -> KeyPurpose:
        try:
            return KeyPurpose(value)
        except ValueError as error:
            raise self._refused("purpose vote, submission or wrapping", "another one") from error

    def _cost(self, kdf: dict[str, object]) -> KdfCost:
        n, r, p = kdf["n"], kdf["r"], kdf["p"]
        if not (type(n) is int and type(r) is int and type(p) is int):
            self._refuse("n, r and p as integers", "another type")
        try:
            return KdfCost(n=n, r=r, p=p)
        except ConfigurationError as error:
            raise self._refused("bounded costs", str(error)) from error

    def _public_key(self, suite: Suite, purpose: KeyPurpose, value: object) -> bytes:
        public_key = self._bytes(value, "public_key", range(32, 34))
        try:
            if purpose is KeyPurpose.WRAPPING:
                check_wrapping_key(suite, public_key)
            else:
                suite.check_public_key(public_key)
        except InvalidKey as error:
            raise self._refused(f"a public key of suite {suite.name}", str(error)) from error
        return public_key

    def _bytes(self, value: object, what: str, sizes: range) -> bytes:
        text = self._text(value, what)
        try:
            content = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error) as error:
            raise self._refused(f"{what} in base64", "other text") from error
        if len(content) not in sizes or _base64(content) != text:
            self._refuse(f"{what} of {sizes[0]} … {sizes[-1]} bytes", f"{len(content)}")
        return content


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice")
    return names


def sealing_key(suite: Suite, passphrase: Passphrase, cost: KdfCost, salt: bytes) -> bytes:
    """Return the key of the suite's AEAD that a pass phrase gives; costs one run of scrypt."""
    return hashlib.scrypt(
        passphrase.value,
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        # The library counts a little beyond 128 · n · r.
        maxmem=256 * cost.n * cost.r,
        dklen=suite.aead_key_bytes,
    )


def _associated(suite: Suite, purpose: KeyPurpose, public_key: bytes) -> bytes:
    return encode((_ASSOCIATED_TAG, _VERSION, suite.name, purpose.value, public_key))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
