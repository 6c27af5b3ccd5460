"""The custodian's process: opens everything, serves until SIGTERM, tells the ledger of it."""

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.client import Client
from chainnode.clock import WallClock
from chainnode.custodian.config import CustodianConfig
from chainnode.custodian.counters import Counters
from chainnode.custodian.desk import Desk, DeskIdentity
from chainnode.custodian.ledger import LedgerRows
from chainnode.custodian.records import Records
from chainnode.custodian.root_file import read_root
from chainnode.custodian.server import ASKS_MAX, CustodianApp
from chainnode.custodian.tokens import RootSecret
from chainnode.errors import ConfigurationError, StorageError
from chainnode.foreground import ForegroundServer
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.logs import start_logging
from chainnode.service_door import bound_listener, server_config
from chainnode.verify.trust import Trust

# Asks are decided side by side; most of one is an elliptic curve and a write to disk.
_THREADS: Final = 4
_TRUST_BYTES_MAX: Final = 4 * 1024 * 1024
# Well above what may be in work, so that it is the door that answers.
CONNECTIONS_MAX: Final = 2 * ASKS_MAX
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCustodian:
    """Everything of one custodian that is open."""

    identity: DeskIdentity
    rows: LedgerRows
    counters: Counters
    records: Records
    clock: WallClock


@contextlib.contextmanager
def opened(config: CustodianConfig) -> Iterator[OpenCustodian]:
    """Open secrets, counters and the client of the ledger; close what needs closing.

    Raises:
        ConfigurationError: a file, key or pass phrase is wrong, or of another suite.

    """
    passphrase = read_passphrase(config.passphrase_file)
    trust = _trust(config.trust)
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
    root = RootSecret(
        read_root(config.root, suite=suite, passphrase=passphrase),
        suite=suite,
        chain_id=trust.chain_id,
    )
    identity = DeskIdentity(
        organisation=config.organisation, chain_id=trust.chain_id, suite=suite, root=root
    )
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    state_file = config.data_dir / "ledger.json"
    with (
        Client(config.nodes, trust, key, state_file=state_file, now_ms=clock.now_ms) as client,
        contextlib.closing(Counters(config.data_dir)) as counters,
    ):
        rows = LedgerRows(client)
        records = Records(identity, ledger=rows, counters=counters)
        yield OpenCustodian(
            identity=identity, rows=rows, counters=counters, records=records, clock=clock
        )


def run_custodian(config: CustodianConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: it cannot start as it is configured.

    """
    # What is in memory must not come to lie on a disk after a crash.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    start_logging(config.log_dir)
    with (
        bound_listener(config.listen, section="custodian") as listener,
        opened(config) as custodian,
        ThreadPoolExecutor(max_workers=_THREADS) as threads,
    ):
        desk = Desk(
            custodian.identity,
            ledger=custodian.rows,
            counters=custodian.counters,
            limits=config.limits,
            now_ms=custodian.clock.now_ms,
        )
        app = CustodianApp(desk, counters=custodian.counters, threads=threads)
        asyncio.run(_serve(config, app, custodian.records, listener))


async def _serve(
    config: CustodianConfig, app: CustodianApp, records: Records, listener: socket.socket
) -> None:
    server = ForegroundServer(server_config(config.tls, app, connections_max=CONNECTIONS_MAX))
    telling = asyncio.ensure_future(_tell(records, config.usage_interval_s))
    _LOG.info("custodian_started", extra={"address": str(config.listen)})
    try:
        await server.serve(sockets=[listener])
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        with contextlib.suppress(StorageError):
            await asyncio.to_thread(records.tell_usage)
        _LOG.info("custodian_stopped")


async def _tell(records: Records, interval_s: int) -> None:
    """Tell the ledger at the start what a former life left, then once in an interval."""
    while True:
        try:
            await asyncio.to_thread(records.tell_usage)
        except StorageError:
            # The door refuses by itself while nothing can be counted.
            _LOG.exception("usage_not_read")
        await asyncio.sleep(interval_s)


def _trust(path: Path) -> Trust:
    try:
        with path.open("rb") as file:
            return Trust.load(file.read(_TRUST_BYTES_MAX + 1))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
