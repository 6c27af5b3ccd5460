"""The process of the citizen's view: opens everything, serves until SIGTERM."""

import asyncio
import contextlib
import logging
import resource
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chainnode.citizen.allowances import request_buckets, view_buckets
from chainnode.citizen.app import CitizenApp, PageFile, Parts
from chainnode.citizen.config import CitizenConfig
from chainnode.citizen.names import NameBook
from chainnode.citizen.reasons import Reasons
from chainnode.citizen.representations import open_source
from chainnode.citizen.sessions import Visits
from chainnode.citizen.views import Asker
from chainnode.client import AsyncClient, TokenDesk
from chainnode.clock import WallClock
from chainnode.errors import ConfigurationError
from chainnode.foreground import ForegroundServer
from chainnode.keys import KeyPurpose, Passphrase, open_key, read_passphrase
from chainnode.login import LoginDoor, PageShield
from chainnode.logs import start_logging
from chainnode.month_keys import WrappingKeyFiles
from chainnode.pages import CITIZEN_ASSETS, asset, verify_page
from chainnode.service_door import bound_listener, server_config
from chainnode.service_settings import authorities
from chainnode.suites.port import PrivateKey
from chainnode.verify.trust import Trust

_TRUST_BYTES_MAX: Final = 4 * 1024 * 1024
_CONNECTIONS_MAX: Final = 1_024
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What is read before anything is served."""

    trust: Trust
    trust_bytes: bytes = field(repr=False)
    key: PrivateKey = field(repr=False)
    passphrase: Passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCitizen:
    """A citizen's view that is open: what is served, and the door by which people come in."""

    app: PageShield
    door: LoginDoor


def run_citizen(config: CitizenConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: it cannot start as it is configured.

    """
    # What is in memory must not come to lie on a disk after a crash.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    start_logging(config.log_dir)
    with bound_listener(config.listen, section="citizen") as listener:
        secrets = read_secrets(config)
        asyncio.run(_serve(config, secrets, listener))


def read_secrets(config: CitizenConfig) -> Secrets:
    """Read trust and key.

    Raises:
        ConfigurationError: a file is wrong, the key is of another suite, or trust is no genesis.

    """
    raw = _read(config.trust)
    trust = Trust.load(raw)
    if trust.checkpoint.height:
        raise ConfigurationError(
            f"{config.trust}: expected the genesis file: people are shown from when on nothing is"
            " missing, and a later checkpoint does not say"
        )
    passphrase = read_passphrase(config.passphrase_file)
    suite, key = open_key(config.key, purpose=KeyPurpose.SUBMISSION, passphrase=passphrase)
    if suite.name != trust.suite.name:
        raise ConfigurationError(
            f"{config.key}: expected a key of suite {trust.suite.name}, got {suite.name}"
        )
    return Secrets(trust=trust, trust_bytes=raw, key=key, passphrase=passphrase)


@contextlib.asynccontextmanager
async def opened(config: CitizenConfig, secrets: Secrets) -> AsyncIterator[OpenCitizen]:
    """Open what the application needs, on the loop that serves it.

    Raises:
        ConfigurationError: a setting or file cannot be used.

    """
    trust = secrets.trust
    clock = WallClock.shifted(
        config.clock_offset_ms, is_devnet=bool(trust.parameters.devnet), setting="[clock] offset_ms"
    )
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        source, door = open_source(config.representation), LoginDoor(config.login)
        stack.push_async_callback(source.close)
        stack.push_async_callback(door.close)
        client = await stack.enter_async_context(
            AsyncClient(
                config.nodes,
                trust,
                secrets.key,
                tls=authorities(config.ledger_ca, "[ledger] ca"),
                state_file=config.data_dir / "ledger.json",
                now_ms=clock.now_ms,
            )
        )
        asker = _asker(config, secrets, client, clock)
        app = CitizenApp(
            Parts(
                door=door,
                visits=Visits(config.claims, kept_s=config.allowances.kept_s, now_s=time.monotonic),
                asker=asker,
                source=source,
                views=view_buckets(config.allowances, now_s=time.monotonic),
                requests=request_buckets(config.allowances, now_s=time.monotonic),
                since_ms=trust.checkpoint.time_ms,
                trust=secrets.trust_bytes,
                files=page_files(),
            )
        )
        shield = PageShield(
            app.starlette(),
            logout_origin=config.login.provider_origin,
            is_tls=config.login.has_secure_cookies,
        )
        yield OpenCitizen(app=shield, door=door)


def page_files() -> dict[str, PageFile]:
    """Return the page with its script and style, by path."""
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
    return {
        path: PageFile(data=asset(name), media_type=kinds[name.rpartition(".")[2]])
        for path, name in CITIZEN_ASSETS.items()
    }


def _asker(config: CitizenConfig, secrets: Secrets, client: AsyncClient, clock: WallClock) -> Asker:
    trust = secrets.trust
    members = {one.organisation for epoch in trust.epochs.values() for one in epoch}
    folder = config.wrapping_keys
    keys = (
        None
        if folder is None
        else WrappingKeyFiles(folder, suite=trust.suite, passphrase=secrets.passphrase)
    )
    return Asker(
        client=client,
        desk=TokenDesk(
            url=config.custodian,
            key=secrets.key,
            tls=authorities(config.custodian_ca, "[custodian] ca"),
            now_ms=clock.now_ms,
        ),
        departments=tuple(sorted(members | set(config.departments))),
        names=NameBook(client, now_s=time.monotonic),
        reasons=Reasons(client, organisation=config.organisation, keys=keys),
        rows_max=config.allowances.rows_max,
        page=verify_page(),
        objection_key=config.login.pseudonym_key,
    )


async def _serve(config: CitizenConfig, secrets: Secrets, listener: socket.socket) -> None:
    async with opened(config, secrets) as citizen:
        server = ForegroundServer(
            server_config(config.tls, citizen.app, connections_max=_CONNECTIONS_MAX)
        )
        _LOG.info("citizen_started", extra={"address": str(config.listen)})
        try:
            await server.serve(sockets=[listener])
        finally:
            _LOG.info("citizen_stopped")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_TRUST_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
