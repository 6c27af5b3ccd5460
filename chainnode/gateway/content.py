"""Opens what the content of calls needs: the file of kept messages, the wrapping keys of months."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chainnode.client import AsyncClient
from chainnode.errors import ConfigurationError
from chainnode.gateway.half_entries import ClearReasons, EncryptedReasons, HalfEntries, Reasons
from chainnode.gateway.kept import SECRET_BYTES, KeptCalls
from chainnode.gateway.ports import Clock
from chainnode.gateway.settings import GatewaySettings
from chainnode.keys import Passphrase, open_wrapping_key, read_passphrase
from chainnode.secret_files import read_secret_file, write_secret_file
from chainnode.suites.port import Suite
from chainnode.suites.wrapping import WrappingKey
from chainnode.verify import Trust


def wrapping_key_file(folder: Path, period: int) -> Path:
    """Return where the wrapping key of a month YYYYMM stands."""
    return folder / f"{period}.key.json"


class WrappingKeyFiles:
    """A folder with one key file a month."""

    def __init__(self, folder: Path, *, suite: Suite, passphrase: Passphrase) -> None:
        self._folder = folder
        self._suite = suite
        self._passphrase = passphrase

    async def wrapping_key(self, period: int) -> WrappingKey:
        """Return the key of a month, opened on a thread: a pass phrase costs time.

        Raises:
            ConfigurationError: there is none, or its file cannot be used.

        """
        path = wrapping_key_file(self._folder, period)
        suite, key = await asyncio.to_thread(open_wrapping_key, path, passphrase=self._passphrase)
        if suite.name != self._suite.name:
            raise ConfigurationError(
                f"{path}: expected a key of suite {self._suite.name}, got {suite.name}"
            )
        return key


@asynccontextmanager
async def open_half_entries(
    settings: GatewaySettings, client: AsyncClient, trust: Trust, *, now_ms: Clock
) -> AsyncIterator[HalfEntries]:
    """Open what turns halves into spool entries, as the settings say.

    Raises:
        ConfigurationError: a file cannot be used.

    """
    kept = await asyncio.to_thread(_open_kept, settings, trust.suite)
    try:
        yield HalfEntries(
            chain_id=trust.chain_id, reasons=_reasons(settings, client, trust, now_ms), kept=kept
        )
    finally:
        if kept is not None:
            kept.close()


def _reasons(
    settings: GatewaySettings, client: AsyncClient, trust: Trust, now_ms: Clock
) -> Reasons:
    if settings.wrapping_keys is None:
        return ClearReasons()
    return EncryptedReasons(
        client,
        suite=trust.suite,
        chain_id=trust.chain_id,
        wrapping=WrappingKeyFiles(
            settings.wrapping_keys,
            suite=trust.suite,
            passphrase=read_passphrase(settings.passphrase_file),
        ),
        now_ms=now_ms,
    )


def _open_kept(settings: GatewaySettings, suite: Suite) -> KeptCalls | None:
    """Open the kept messages; their secret is drawn when there is none yet."""
    if settings.kept is None or settings.kept_secret is None:
        return None
    if not settings.kept_secret.exists():
        if settings.kept.exists():
            raise ConfigurationError(
                f"{settings.kept_secret}: expected the secret of {settings.kept}, found none"
            )
        write_secret_file(settings.kept_secret, secrets.token_bytes(SECRET_BYTES))
    secret = read_secret_file(settings.kept_secret, bytes_max=SECRET_BYTES)
    return KeptCalls(settings.kept, suite=suite, secret=secret)
