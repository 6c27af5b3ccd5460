"""The messages of calls that a department keeps, so that it can later show parts of them.

The chain holds salted commitments; what they bind is here, sealed under a
secret of the gateway. Whoever erases a row can never again prove what the call's messages said,
and nobody can read it: that is how content is forgotten (docs/gateway.md, "Forgetting").
"""

import contextlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_text,
    decode,
    encode,
)
from chainnode.errors import ConfigurationError, NodeError, StorageError
from chainnode.exchange import Field, Half
from chainnode.exchange.commitments import FIELDS_MAX, SEED_BYTES
from chainnode.suites.port import InvalidSignature, Suite

_TAG: Final = "kun.kept"
_VERSION: Final = 1
SECRET_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MODE: Final = 0o600
# Two messages whose bodies were cut have at most 1 MiB each; names and heads are the rest.
_BYTES_MAX: Final = 8 * 1024 * 1024
_TEXT_BYTES_MAX: Final = 2 * 1024 * 1024
_LIMITS: Final = Limits(bytes_max=_BYTES_MAX, depth_max=4, elements_max=6 * FIELDS_MAX + 16)
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS kept (slot BLOB PRIMARY KEY, kept_ms INTEGER NOT NULL,"
    " sealed BLOB NOT NULL) WITHOUT ROWID"
)
_INDEX: Final = "CREATE INDEX IF NOT EXISTS kept_by_time ON kept (kept_ms)"


class KeptConflict(NodeError):
    """Other messages are kept of this half; they stay, because they are what its record binds."""

    def __init__(self) -> None:
        super().__init__("kept calls: expected the messages that are kept of this half, got others")


class DamagedKept(StorageError):
    """A kept message that was changed, or was kept under another key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """Fields of a request or response and the seed of their salts; empty when there was none."""

    seed: bytes = field(default=b"", repr=False)
    fields: tuple[Field, ...] = field(default=(), repr=False)


NOT_KEPT: Final = KeptMessage()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall:
    """Both messages of one call as one side knows them."""

    request: KeptMessage
    response: KeptMessage


class KeptCalls:
    """An SQLite file of kept calls; a row is found by its half. Threads take turns."""

    def __init__(self, path: Path, *, suite: Suite, secret: bytes) -> None:
        """`secret` has 32 random bytes and outlives every key that signs.

        Raises:
            ConfigurationError: another length, or the file cannot be used.

        """
        if len(secret) != SECRET_BYTES:
            raise ConfigurationError(f"kept calls: expected a secret of {SECRET_BYTES} bytes")
        self._suite = suite
        self._slot_key = _derived(secret, suite, "slot")
        self._seal_key = _derived(secret, suite, "seal")[: suite.aead_key_bytes]
        self._database = _opened(path)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "KeptCalls(…)"

    def keep(self, half: Half, call: KeptCall, *, now_ms: int) -> bool:
        """Keep the messages of a half; False when they were kept already.

        Raises:
            KeptConflict: others are kept of it; nothing is ever replaced.
            StorageError: it could not be written.

        """
        slot = self._slot(half)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._suite.seal(
            key=self._seal_key, nonce=nonce, plaintext=_encoded(call), associated=slot
        )
        with self._storage():
            done = self._database.execute(
                "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (slot) DO NOTHING",
                (slot, now_ms, sealed),
            )
        if not done.rowcount and self.find(half) != call:
            raise KeptConflict
        return done.rowcount > 0

    def find(self, half: Half) -> KeptCall | None:
        """Return what was kept of a half, None when nothing is (any more).

        Raises:
            DamagedKept: changed, or sealed under another key.
            StorageError: it could not be read.

        """
        slot = self._slot(half)
        with self._storage():
            row = self._database.execute(
                "SELECT sealed FROM kept WHERE slot = ?", (slot,)
            ).fetchone()
        return None if row is None else self._opened(row[0], slot)

    def take_back(self, half: Half) -> None:
        """Drop what was just kept of a half that was never recorded.

        Raises:
            StorageError: it could not be written.

        """
        with self._storage():
            self._database.execute("DELETE FROM kept WHERE slot = ?", (self._slot(half),))

    def erase(self, half: Half) -> bool:
        """Forget a half for ever; False when nothing was kept of it.

        Raises:
            StorageError: it could not be written, or copies are still in the log.

        """
        with self._storage():
            done = self._database.execute("DELETE FROM kept WHERE slot = ?", (self._slot(half),))
            self._truncate_log()
        return done.rowcount > 0

    def erase_before(self, time_ms: int) -> int:
        """Forget all that was kept before this time, and return how many halves that were.

        Raises:
            StorageError: as `erase`.

        """
        with self._storage():
            done = self._database.execute("DELETE FROM kept WHERE kept_ms < ?", (time_ms,))
            self._truncate_log()
        return done.rowcount

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _truncate_log(self) -> None:
        """Take what was erased out of the write-ahead log too."""
        is_busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StorageError(
                "kept calls: erased, but the log that still has copies is in use: expected nobody"
                " else at the file; stop the gateway and erase again"
            )

    @contextlib.contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise StorageError(f"kept calls: {error}") from error

    def _slot(self, half: Half) -> bytes:
        return hmac.digest(self._slot_key, half.associated, self._suite.hash_name)

    def _opened(self, sealed: bytes, slot: bytes) -> KeptCall:
        try:
            plaintext = self._suite.unseal(
                key=self._seal_key,
                nonce=sealed[:_NONCE_BYTES],
                ciphertext=sealed[_NONCE_BYTES:],
                associated=slot,
            )
            return _decoded(plaintext)
        except (InvalidSignature, InvalidEncoding, ValueError) as error:
            raise DamagedKept("a kept call was changed, or sealed under another key") from error


def _derived(secret: bytes, suite: Suite, use: str) -> bytes:
    return hmac.digest(secret, encode((_TAG, _VERSION, use)), suite.hash_name)


def _opened(path: Path) -> sqlite3.Connection:
    try:
        path.touch(mode=_MODE, exist_ok=True)
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # What is erased is overwritten, in the file and, by a checkpoint, in its log.
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA journal_mode = WAL")
        # A power cut can take the last calls: they stay recorded, and cannot be shown in parts.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_TABLE)
        database.execute(_INDEX)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"{path}: cannot keep calls there: {error}") from error
    return database


def _encoded(call: KeptCall) -> bytes:
    return encode((_TAG, _VERSION, _plain(call.request), _plain(call.response)))


def _plain(message: KeptMessage) -> Plain:
    return (message.seed, tuple((one.name, one.value) for one in message.fields))


def _decoded(data: bytes) -> KeptCall:
    wire = as_array(decode(data, _LIMITS), 4, "kept call")
    if wire[:2] != (_TAG, _VERSION):
        raise InvalidEncoding(
            what="kept call", expected=f"{_TAG} {_VERSION}", actual="another format"
        )
    return KeptCall(request=_message(wire[2]), response=_message(wire[3]))


def _message(plain: Plain) -> KeptMessage:
    seed, rows = as_array(plain, 2, "kept message")
    return KeptMessage(
        seed=as_bytes(seed, "seed", maximum=SEED_BYTES),
        fields=tuple(_field(row) for row in as_array(rows, None, "kept fields")),
    )


def _field(row: Plain) -> Field:
    name, value = as_array(row, 2, "kept field")
    return Field(
        as_text(name, "name", maximum=_TEXT_BYTES_MAX),
        as_text(value, "value", maximum=_TEXT_BYTES_MAX),
    )
