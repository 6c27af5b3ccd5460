"""A custodian's door over a real socket, beside a served site."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from chainnode.client import Client, Final, open_epoch
from chainnode.custodian.counters import Counters
from chainnode.custodian.desk import Desk, DeskIdentity, DeskLimits
from chainnode.custodian.ledger import LedgerRows
from chainnode.custodian.server import CustodianApp
from chainnode.custodian.tokens import RootSecret
from chainnode.suites import suite_named
from chainnode.verify import Trust
from tests.builders import ORGANISATIONS, submission_key
from tests.gateway_site import serving
from tests.served_site import Served

CUSTODIAN = 3


@contextmanager
def custodian_at(
    served: Served, folder: Path, *, epochs: Mapping[int, int]
) -> Iterator[tuple[str, RootSecret]]:
    """Serve the desk of one department; `epochs` says how many each department has opened."""
    trust = Trust.from_genesis(served.genesis)
    suite = suite_named(served.genesis.suite_name)
    root = RootSecret(bytes(32), suite=suite, chain_id=trust.chain_id)
    key = submission_key(suite.name, CUSTODIAN)
    with (
        Client((served.url,), trust, key) as client,
        ThreadPoolExecutor(2) as threads,
    ):
        for department, count in epochs.items():
            for epoch in range(1, count + 1):
                check = root.epoch_key(ORGANISATIONS[department], epoch).check(suite)
                call = open_epoch(ORGANISATIONS[department], epoch=epoch, key_check=check)
                outcome = client.submit("pseudonyms", [call])
                assert isinstance(outcome, Final)
                assert outcome.is_accepted
        counters = Counters(folder)
        desk = Desk(
            DeskIdentity(
                organisation=ORGANISATIONS[CUSTODIAN],
                chain_id=trust.chain_id,
                suite=suite,
                root=root,
            ),
            ledger=LedgerRows(client),
            counters=counters,
            limits=DeskLimits(),
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        with _served(CustodianApp(desk, counters=counters, threads=threads)) as url:
            yield url, root
        counters.close()


@contextmanager
def _served(app: CustodianApp) -> Iterator[str]:
    """Serve in a thread with a loop of its own."""
    ready, told = threading.Event(), list[str]()
    stop: list[asyncio.Event] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with serving(app, lifespan="off") as url:
            stop.append(asyncio.Event())
            loops.append(asyncio.get_running_loop())
            told.append(url)
            ready.set()
            await stop[0].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(20)
        yield told[0]
    finally:
        loops[0].call_soon_threadsafe(stop[0].set)
        thread.join(20)
