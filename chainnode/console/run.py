"""The console's process: opens everything, serves until SIGTERM."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.client import (
    AsyncClient,
    Client,
    Person,
    PersonTokens,
    TokenDesk,
    fetch_person_tokens,
)
from chainnode.clock import WallClock
from chainnode.console.app import console_app
from chainnode.console.config import ConsoleConfig
from chainnode.console.desk import Desk, Tokens
from chainnode.console.news import News
from chainnode.console.questions import AskedPerson, bases_of, kinds_of
from chainnode.console.rendering import Pages
from chainnode.console.shares import Shares
from chainnode.console.views import Views
from chainnode.errors import ConfigurationError
from chainnode.foreground import ForegroundServer
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.login import LoginDoor, PageShield
from chainnode.logs import start_logging
from chainnode.service_door import bound_listener, server_config
from chainnode.service_settings import authorities
from chainnode.suites.port import PrivateKey
from chainnode.verify.trust import Trust

_TRUST_BYTES_MAX: Final = 4 * 1024 * 1024
_CONNECTIONS_MAX: Final = 512
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConsole:
    """What a console stands on: its trust, its key, its clock."""

    config: ConsoleConfig
    trust: Trust
    trust_bytes: bytes
    key: PrivateKey
    now_ms: Callable[[], int]


def opened(config: ConsoleConfig) -> OpenConsole:
    """Open trust and key.

    Raises:
        ConfigurationError: a file, key or pass phrase is wrong, or of another suite.

    """
    passphrase = read_passphrase(config.passphrase_file)
    trust_bytes = _content(config.trust)
    trust = Trust.load(trust_bytes)
    suite, key = open_key(config.key, purpose=KeyPurpose.SUBMISSION, passphrase=passphrase)
    if suite.name != trust.suite.name:
        raise ConfigurationError(
            f"{config.key}: expected a key of suite {trust.suite.name}, got {suite.name}"
        )
    clock = WallClock.shifted(
        config.clock_offset_ms,
        is_devnet=bool(trust.parameters.devnet),
        setting="[clock] offset_ms",
    )
    return OpenConsole(
        config=config, trust=trust, trust_bytes=trust_bytes, key=key, now_ms=clock.now_ms
    )


def run_console(config: ConsoleConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: it cannot start as it is configured.

    """
    start_logging(config.log_dir)
    # A line for every request of ours would push who asked what out of the log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with bound_listener(config.listen, section="console") as bound:
        asyncio.run(_serve(opened(config), bound))


async def _serve(console: OpenConsole, bound: socket.socket) -> None:
    config = console.config
    server = ForegroundServer(
        server_config(
            config.tls, console_service(console), connections_max=_CONNECTIONS_MAX, lifespan="on"
        )
    )
    _LOG.info("console_started", extra={"address": str(config.listen)})
    try:
        await server.serve(sockets=[bound])
    finally:
        _LOG.info("console_stopped")


def console_service(console: OpenConsole) -> PageShield:
    """Return the whole application of a console; call it in the loop that serves it."""
    config, trust = console.config, console.trust
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    tls = authorities(config.ledger_ca, "[ledger] ca")
    client = Client(
        config.nodes,
        trust,
        console.key,
        tls=tls,
        state_file=config.data_dir / "ledger.json",
        now_ms=console.now_ms,
    )
    looking = [Client((one,), trust, tls=tls, now_ms=console.now_ms) for one in config.nodes]
    following = AsyncClient(config.nodes, trust, tls=tls, now_ms=console.now_ms)
    door = LoginDoor(config.login)
    pages = Pages(is_devnet=bool(trust.parameters.devnet), names=config.departments)
    desk = Desk(client, looking, departments=_departments(console), tokens=_tokens(console, client))
    news = News(following)
    shares = Shares()
    views = Views(
        pages=pages,
        door=door,
        desk=desk,
        news=news,
        shares=shares,
        nodes=config.nodes,
        names=config.departments,
        trust=console.trust_bytes,
        kinds=kinds_of(trust.parameters.rules),
        bases=bases_of(trust.parameters.rules),
        now_ms=console.now_ms,
    )

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        task = asyncio.ensure_future(news.follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await _close(door, desk, following, (client, *looking))

    app = console_app(views, pages, door, shares, lifespan=living)
    return PageShield(
        app, logout_origin=config.login.provider_origin, is_tls=config.login.has_secure_cookies
    )


async def _close(
    door: LoginDoor, desk: Desk, following: AsyncClient, clients: Sequence[Client]
) -> None:
    await door.close()
    desk.close()
    await following.close()
    for one in clients:
        one.close()


def _departments(console: OpenConsole) -> tuple[str, ...]:
    """Return all departments that trust and settings know, ascending."""
    members = {one.organisation for epoch in console.trust.epochs.values() for one in epoch}
    return tuple(sorted(members | set(console.config.departments)))


def _tokens(console: OpenConsole, client: Client) -> Tokens | None:
    """Return how the custodian is asked for the tokens of a person; None: there is none."""
    settings = console.config.custodian
    if settings is None:
        return None
    desk = TokenDesk(
        url=settings.url,
        key=console.key,
        tls=authorities(settings.ca, "[custodian] ca"),
        now_ms=console.now_ms,
    )
    departments = _departments(console)

    def asked(who: AskedPerson, purpose: str) -> PersonTokens:
        person = Person(id_type=who.id_type, number=who.number, purpose=purpose)
        return fetch_person_tokens(client, desk, person, departments=departments)

    return asked


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_TRUST_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
