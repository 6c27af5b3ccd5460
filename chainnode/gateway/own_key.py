"""The key by which a gateway speaks: what the ledger says of it, and another one in its place.

A key signs nothing from the moment at which the ledger has ended it. The next one comes by the
key's file: whoever replaces a key on the ledger puts the new file in the place of the old one,
and the running gateway takes it as soon as the ledger knows it for the same department.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from chainnode.errors import ConfigurationError, NodeError
from chainnode.gateway.ports import Clock, LedgerRows, RowsUnavailable
from chainnode.keys import KeyPurpose, open_key, read_key_file, read_passphrase
from chainnode.submission import key_id
from chainnode.suites.port import PrivateKey, Suite
from contracts.schemas.members import KeyRow, Role

KeyListener: TypeAlias = Callable[[PrivateKey], None]

# So soon is a key that was ended, or put in place, noticed; one proof of one row each time.
WATCH_S: Final = 5.0
_LOG: Final = logging.getLogger(__name__)


class KeyEnded(NodeError):
    """The ledger has ended the key of this gateway; it signs nothing more."""


class ServiceKey:
    """One signing key, as far as the ledger lets it speak; unknown to the ledger it may."""

    def __init__(self, key: PrivateKey, *, now_ms: Clock, row: KeyRow | None = None) -> None:
        self._key = key
        self._now_ms = now_ms
        self._row = row

    @property
    def public_key(self) -> bytes:
        """See `PrivateKey`."""
        return self._key.public_key

    @property
    def is_valid(self) -> bool:
        """Whether it may sign now, as far as is proven."""
        return self._row is None or self._row.is_valid_at(self._now_ms())

    def sign(self, content: bytes) -> bytes:
        """See `PrivateKey`.

        Raises:
            KeyEnded: it may not speak any more.

        """
        if not self.is_valid:
            raise KeyEnded("the gateway's key has ended: expected a new one in its file")
        return self._key.sign(content)

    def secret_bytes(self) -> bytes:
        """See `PrivateKey`."""
        return self._key.secret_bytes()

    def learn(self, row: KeyRow) -> None:
        """Take over what was proven of it."""
        self._row = row


class OwnKey:
    """The key that is in use; a `PrivateKey` for whoever signs at once, without awaiting.

    Who signs on a thread takes `current` and hears of the next key by `tell`.
    """

    def __init__(self, key: PrivateKey, *, now_ms: Clock) -> None:
        self._now_ms = now_ms
        self._listeners: list[KeyListener] = []
        self.current = ServiceKey(key, now_ms=now_ms)

    @property
    def public_key(self) -> bytes:
        """See `PrivateKey`."""
        return self.current.public_key

    @property
    def is_valid(self) -> bool:
        """Whether it may sign now, as far as is proven."""
        return self.current.is_valid

    def sign(self, content: bytes) -> bytes:
        """See `ServiceKey.sign`."""
        return self.current.sign(content)

    def secret_bytes(self) -> bytes:
        """See `PrivateKey`."""
        return self.current.secret_bytes()

    def tell(self, listener: KeyListener) -> None:
        """Call `listener` with each key that takes the place of this one."""
        self._listeners.append(listener)

    def replace(self, key: PrivateKey, row: KeyRow) -> None:
        """Speak with another key from now on."""
        self.current = ServiceKey(key, now_ms=self._now_ms, row=row)
        for listener in self._listeners:
            listener(self.current)


class KeyWatch:
    """Looks at the file of the key, and at what the ledger says of the key that is in use."""

    def __init__(
        self,
        own: OwnKey,
        rows: LedgerRows,
        *,
        suite: Suite,
        organisation: str,
        path: Path,
        passphrase_file: Path | None,
        now_ms: Clock,
    ) -> None:
        self._own = own
        self._rows = rows
        self._suite = suite
        self._organisation = organisation
        self._path = path
        self._passphrase_file = passphrase_file
        self._now_ms = now_ms
        self._stamp = _stamp(path)
        self._waiting: PrivateKey | None = None
        self._told = ""

    async def look(self) -> None:
        """Take a new key if there is one, and learn whether the one in use has ended."""
        try:
            await self._take_next()
            row = (await self._rows.key(key_id(self._suite, self._own.public_key))).row
        except RowsUnavailable:
            # Who cannot be checked is refused by then, and what was learnt of the end stands.
            return
        if row is not None:
            self._own.current.learn(row)

    async def _take_next(self) -> None:
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._waiting = await asyncio.to_thread(self._opened)
        key = self._waiting
        if key is None:
            return
        row = (await self._rows.key(key_id(self._suite, key.public_key))).row
        if row is None or not speaks_for(row, self._organisation, now_ms=self._now_ms()):
            self._warn("the ledger does not know the key in it as a valid service key of ours")
            return
        self._waiting = None
        self._own.replace(key, row)
        _LOG.info("gateway_key_replaced key_id=%s", key_id(self._suite, key.public_key).hex())

    def _opened(self) -> PrivateKey | None:
        """Open the file on a thread; None when it holds no other key that can be used."""
        try:
            if read_key_file(self._path).public_key == self._own.public_key:
                return None
            suite, key = open_key(
                self._path,
                purpose=KeyPurpose.SUBMISSION,
                passphrase=read_passphrase(self._passphrase_file),
            )
        except (NodeError, OSError) as error:
            self._warn(f"{type(error).__name__}")
            return None
        if suite.name != self._suite.name:
            self._warn(f"expected a key of suite {self._suite.name}, got {suite.name}")
            return None
        return key

    def _warn(self, why: str) -> None:
        """Say once why the file is not used; the key that is in use goes on."""
        if why != self._told:
            self._told = why
            _LOG.warning("the new key file is not used: %s", why)


@asynccontextmanager
async def watching(watch: KeyWatch) -> AsyncIterator[None]:
    """Look again and again until the block ends."""

    async def looking() -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            await watch.look()

    task = asyncio.create_task(looking(), name="kun-key-watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def organisation_of(
    own: OwnKey, rows: LedgerRows, *, suite: Suite, path: Path, expected: str, now_ms: Clock
) -> str:
    """Return for whom the key speaks; with `expected` set, a ledger out of reach may wait.

    Raises:
        ConfigurationError: for nobody, or for another department.
        RowsUnavailable: no node says so.

    """
    try:
        row = (await rows.key(key_id(suite, own.public_key))).row
    except RowsUnavailable:
        if expected:
            return expected
        raise
    if row is None or not speaks_for(row, row.organisation, now_ms=now_ms()):
        raise ConfigurationError(
            f"{path}: expected a key that the ledger knows as a valid service key"
        )
    if expected and expected != row.organisation:
        raise ConfigurationError(
            f"organisation: expected {row.organisation}, for which the key speaks, got {expected}"
        )
    own.current.learn(row)
    return row.organisation


def speaks_for(row: KeyRow, organisation: str, *, now_ms: int) -> bool:
    """Tell whether a key is a valid service key of a department."""
    return (
        row.organisation == organisation and Role.SERVICE in row.roles and row.is_valid_at(now_ms)
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced or written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
