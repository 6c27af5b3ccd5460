"""A gateway's spool and replay in a process that can be killed; says each put that returned.

`python -m tests.integration.spool_gateway DEVNET SPOOL SAID FIRST COUNT`: puts `COUNT` halves
from call number `FIRST` on, while it replays, and ends when the ledger has all that waits.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from chainnode.client import AccessCall, AccessReason, AsyncClient, access_record
from chainnode.gateway import Replayer, ReplaySettings, Spool, SpoolEntry
from chainnode.gateway.replay.backoff import Backoff
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.verify.trust import Trust
from contracts.schemas.access import Decision, Side
from devnet.topology import DevnetFolder, load_topology
from tests.acceptance.load import PROVIDER, REQUESTER

CALLS_PER_SUBMISSION: Final = 16
WAIT_S: Final = 5.0
PACE_S: Final = 0.005


def half(number: int) -> SpoolEntry:
    """The requester's half of call `number`."""
    call = AccessCall(
        call_id=number.to_bytes(16),
        side=Side.REQUESTER,
        requester=REQUESTER,
        provider=PROVIDER,
        item="population.basic",
        trace_id=number.to_bytes(16),
        decision=Decision.PERMIT,
        status=200,
    )
    return SpoolEntry(
        requester=REQUESTER,
        provider=PROVIDER,
        call_id=call.call_id,
        side=call.side,
        calls=(access_record(call, AccessReason(purpose_code="TEST")),),
        made_ms=0,
    )


async def live(devnet: Path, folder: Path, said: int, numbers: range) -> None:
    """Put, replay, and end when nothing waits."""
    _, key = open_key(
        devnet / "identities" / "service-housing.key.json",
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(devnet / "passphrase"),
    )
    trust = Trust.load((devnet / "genesis.json").read_bytes())
    nodes = [one.api for one in load_topology(DevnetFolder(devnet)).nodes]
    spool = Spool.open(folder, chain_id=trust.chain_id)
    async with AsyncClient(nodes, trust, key) as client:
        replayer = Replayer(
            spool,
            client,
            key,
            settings=ReplaySettings(calls_max=CALLS_PER_SUBMISSION, wait_s=WAIT_S),
            backoff=Backoff(longest_s=1.0),
        )
        task = asyncio.create_task(replayer.run())
        for number in numbers:
            await spool.put(half(number))
            os.write(said, f"{number}\n".encode())
            await asyncio.sleep(PACE_S)
        while spool.status().waiting:
            await spool.settled(next(spool.state.waiting())[0], timeout_s=WAIT_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert spool.status().dead == 0, spool.state.dead_letters()
    await spool.close()


if __name__ == "__main__":
    _, site, store, words, first, count = sys.argv
    file = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    asyncio.run(live(Path(site), Path(store), file, range(int(first), int(first) + int(count))))
