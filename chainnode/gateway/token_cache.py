"""Tokens that the custodian made before, kept at rest so that a thief of the file learns nothing.

A row is found by a keyed hash of the number and holds its token sealed by the suite's AEAD,
both under keys that only the gateway's signing key gives. Bounded; empty after each new epoch.
A damaged file is a lost cache and nothing more.
"""

import contextlib
import hmac
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from chainnode.codec import encode
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import IdType
from chainnode.suites.port import InvalidSignature, PrivateKey, Suite

# About 25 MB: everybody whom a busy counter meets in a day.
ENTRIES_MAX_DEFAULT: Final = 100_000
# A file that is full is emptied by this part at a time, oldest rows first.
_DROPPED_PART: Final = 16
_TAG: Final = "kun.tokencache"
_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_TOKEN_BYTES: Final = 32
_MODE: Final = 0o600
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS tokens (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " slot BLOB NOT NULL UNIQUE, epoch INTEGER NOT NULL, sealed BLOB NOT NULL)"
)


class TokenCache:
    """Tokens of one department under one gateway key. Belongs to one thread."""

    def __init__(
        self,
        path: Path | None,
        *,
        key: PrivateKey,
        suite: Suite,
        scope: tuple[bytes, str],
        entries_max: int = ENTRIES_MAX_DEFAULT,
    ) -> None:
        """`path` None keeps it in memory; `scope` is chain id and department.

        Raises:
            ConfigurationError: the file can neither be used nor made anew.

        """
        if entries_max < _DROPPED_PART:
            raise ConfigurationError(
                f"token cache: expected ≥ {_DROPPED_PART} entries, got {entries_max}"
            )
        self._suite = suite
        self._scope = scope
        self._entries_max = entries_max
        self._slot_key, self._seal_key = self._derived(key)
        self._database = _opened(path)

    def __repr__(self) -> str:
        return "TokenCache(…)"

    def find(self, id_type: IdType, number: str, *, epoch: int) -> bytes | None:
        """Return the token of this epoch, None when it is not here or not whole."""
        slot = self._slot(id_type, number)
        row = None
        with contextlib.suppress(sqlite3.Error):
            row = self._database.execute(
                "SELECT sealed FROM tokens WHERE slot = ? AND epoch = ?", (slot, epoch)
            ).fetchone()
        return None if row is None else self._unsealed(row[0], slot, epoch)

    def keep(self, id_type: IdType, number: str, token: bytes, *, epoch: int) -> None:
        """Remember a token; what cannot be written is not remembered."""
        slot = self._slot(id_type, number)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._suite.seal(
            key=self._seal_key, nonce=nonce, plaintext=token, associated=_bound(slot, epoch)
        )
        with contextlib.suppress(sqlite3.Error):
            self._database.execute(
                "INSERT OR REPLACE INTO tokens (slot, epoch, sealed) VALUES (?, ?, ?)",
                (slot, epoch, sealed),
            )
            self._stay_bounded()

    def begin_epoch(self, epoch: int) -> None:
        """Forget every token of another epoch."""
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("DELETE FROM tokens WHERE epoch <> ?", (epoch,))

    def use_key(self, key: PrivateKey) -> None:
        """Seal under another key from now on, and forget all that its predecessor can open."""
        self._slot_key, self._seal_key = self._derived(key)
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("DELETE FROM tokens")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _derived(self, key: PrivateKey) -> tuple[bytes, bytes]:
        """Return the key of slots and the one of seals."""
        slot, seal = (_derived(key, self._suite, self._scope, use) for use in ("slot", "seal"))
        return slot, seal[: self._suite.aead_key_bytes]

    def _slot(self, id_type: IdType, number: str) -> bytes:
        return hmac.digest(self._slot_key, encode((id_type.value, number)), self._suite.hash_name)

    def _unsealed(self, sealed: bytes, slot: bytes, epoch: int) -> bytes | None:
        try:
            token = self._suite.unseal(
                key=self._seal_key,
                nonce=sealed[:_NONCE_BYTES],
                ciphertext=sealed[_NONCE_BYTES:],
                associated=_bound(slot, epoch),
            )
        except (InvalidSignature, ValueError, TypeError):
            return None
        return token if len(token) == _TOKEN_BYTES else None

    def _stay_bounded(self) -> None:
        (count,) = self._database.execute("SELECT count(*) FROM tokens").fetchone()
        if count > self._entries_max:
            self._database.execute(
                "DELETE FROM tokens WHERE number IN (SELECT number FROM tokens ORDER BY number"
                " LIMIT ?)",
                (self._entries_max // _DROPPED_PART,),
            )


def _derived(key: PrivateKey, suite: Suite, scope: tuple[bytes, str], use: str) -> bytes:
    content = encode((_TAG, _VERSION, *scope, use))
    return hmac.digest(key.secret_bytes(), content, suite.hash_name)


def _bound(slot: bytes, epoch: int) -> bytes:
    """Return what the seal of a row binds, so that rows cannot change places or epochs."""
    return encode((_TAG, _VERSION, slot, epoch))


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _prepared(":memory:")
    try:
        path.touch(mode=_MODE)
        path.chmod(_MODE)
        try:
            return _prepared(str(path))
        except sqlite3.Error:
            path.unlink()
            path.touch(mode=_MODE)
            return _prepared(str(path))
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"token cache {path}: {type(error).__name__}") from error


def _prepared(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, isolation_level=None, timeout=0.1, check_same_thread=False)
    try:
        # Nothing here has to survive a power cut, and a journal would be one more file.
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(_TABLE)
    except sqlite3.Error:
        database.close()
        raise
    return database
