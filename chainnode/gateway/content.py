"""Opens what the content of calls needs: the file of kept messages, the wrapping keys of months."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chainnode.client import AsyncClient
from chainnode.errors import ConfigurationError
from chainnode.gateway.half_entries import ClearReasons, EncryptedReasons, HalfEntries, Reasons
from chainnode.gateway.kept import SECRET_BYTES, KeptCalls
from chainnode.gateway.ports import Clock
from chainnode.gateway.settings import GatewaySettings
from chainnode.keys import read_passphrase
from chainnode.month_keys import WrappingKeyFiles
from chainnode.secret_files import read_secret_file, write_secret_file
from chainnode.suites.port import Suite
from chainnode.verify import Trust


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
