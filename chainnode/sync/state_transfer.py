"""The front door of the room: builds its parts and says what has to run."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from chainnode.driver.batches import Batches
from chainnode.driver.execution import ProvenBlock
from chainnode.driver.ports import ExecutedBatch
from chainnode.ledger.chain import Ledger
from chainnode.ledger.snapshots import SnapshotEnd
from chainnode.ledger.stored_map import MapBits
from chainnode.p2p.transport import Transport
from chainnode.suites.port import Suite
from chainnode.sync.fetching import BlockFetcher
from chainnode.sync.gaps import CertificateGaps
from chainnode.sync.housekeeping import Housekeeping
from chainnode.sync.pace import PeerPace
from chainnode.sync.peers import PeerBook
from chainnode.sync.seeking import TipSeeker
from chainnode.sync.serving import BlockServer
from chainnode.sync.snapshot_fetching import MembersAt, SnapshotFetcher
from chainnode.sync.snapshot_serving import SnapshotServer

_log = logging.getLogger(__name__)


class Installer(Protocol):
    """The one writer of the ledger."""

    async def install(self, block: ProvenBlock) -> ExecutedBatch:
        """Execute a proven block and store it."""
        ...

    async def stand_on(self, end: SnapshotEnd) -> ExecutedBatch:
        """Make a staged snapshot the tip."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What state transfer works with. `members_at` returns the vote keys of a height.

    `proposed` returns a body that the core holds; `tell` takes a certificate above our tip;
    `rebased` is called when the ledger stands on a snapshot; `keep_blocks` is how many batches
    stay, 0 for all.
    """

    transport: Transport
    ledger: Ledger
    batches: Batches
    suite: Suite
    map_bits: MapBits
    members_at: MembersAt
    installer: Installer
    proposed: Callable[[int, bytes], bytes | None]
    tell: Callable[[bytes], None]
    rebased: Callable[[], None]
    keep_blocks: int
    verify_threads: Executor
    serving_thread: Executor


class StateTransfer:
    """Fetching for the driver, serving for peers, and what runs beside both. Loop thread only."""

    def __init__(self, around: Surroundings) -> None:
        ledger = around.ledger
        self._around = around
        self._peers = PeerBook(connected=lambda: around.transport.connected, now_s=time.monotonic)
        self._snapshots = SnapshotFetcher(
            transport=around.transport,
            ledger=ledger,
            peers=self._peers,
            suite=around.suite,
            members_at=around.members_at,
            bits=around.map_bits,
            install=self._stand_on,
            threads=around.verify_threads,
        )
        self.fetcher = self._build_fetcher()
        self.server = BlockServer(
            ledger=ledger,
            batches=around.batches,
            proposed=around.proposed,
            snapshots=SnapshotServer(ledger=ledger, h=around.suite.digest, now_s=time.monotonic),
            pace=PeerPace(now_s=time.monotonic),
            threads=around.serving_thread,
        )

    async def _stand_on(self, end: SnapshotEnd) -> ExecutedBatch:
        made = await self._around.installer.stand_on(end)
        _log.info("snapshot_installed", extra={"height": end.header.height})
        self._around.rebased()
        return made

    def start(self) -> set[asyncio.Task[None]]:
        """Start what runs for as long as the node does; the caller cancels it."""
        return {asyncio.create_task(work, name=name) for name, work in self._works().items()}

    def _works(self) -> dict[str, Coroutine[object, object, None]]:
        around = self._around
        gaps = CertificateGaps(ledger=around.ledger, fetch=self.fetcher.fetch_certificate)
        seeker = TipSeeker(
            ledger=around.ledger,
            peers=self._peers,
            newest=self._snapshots.newest,
            tell=around.tell,
        )
        housekeeping = Housekeeping(
            ledger=around.ledger,
            server=self.server,
            keep_blocks=around.keep_blocks,
            is_fetching=lambda: self.fetcher.target is not None,
            threads=around.serving_thread,
        )
        return {
            "gaps": gaps.keep_closing(),
            "seeking": seeker.keep_seeking(),
            "housekeeping": housekeeping.keep_going(),
        }

    def _build_fetcher(self) -> BlockFetcher:
        around = self._around
        return BlockFetcher(
            transport=around.transport,
            ledger=around.ledger,
            batches=around.batches,
            suite=around.suite,
            peers=self._peers,
            members_at=around.members_at,
            install=around.installer.install,
            snapshots=self._snapshots,
            threads=around.verify_threads,
        )
