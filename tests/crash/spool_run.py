"""A gateway's spool and its replay in a process of its own, which says what it has promised.

`python -m tests.crash.spool_run WITNESS FOLDER`: each put that returned, and each submission
that leaves, is one write to the witness file; strace sees both.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.client.results import Outcome
from chainnode.codec import encode
from chainnode.gateway import Replayer, ReplaySettings, Spool, SpoolEntry
from chainnode.gateway.replay.backoff import Backoff
from chainnode.gateway.spool import spool as spool_module
from chainnode.submission import Submission
from contracts.schemas.codes import Code
from tests.unit.chainnode.gateway.ledger_of_tests import KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import CHAIN_ID, entry

PUT, OFFERED = "put", "offered"
PUTS: Final = 96
# One in so many is refused for ever.
REFUSED_EACH: Final = 30
# More than one submission takes, so that most moments have some that wait.
WAITING_MAX: Final = 8
CALLS_PER_SUBMISSION: Final = 8
# So small that the run goes through some segments.
SEGMENT_BYTES: Final = 4_000


def entry_of_run(number: int) -> SpoolEntry:
    """The testimony of call `number`: of different lengths, so that sectors end anywhere."""
    return entry(number, calls=2, content=bytes([number + 1]) * (37 * number % 401))


def is_refused(one: SpoolEntry) -> bool:
    """Whether the ledger of the run refuses this testimony."""
    return int.from_bytes(one.call_id) % REFUSED_EACH == 0


@dataclass
class SayingLedger(LedgerOfTests):
    """Says what it is offered before it executes it; loses some answers."""

    witness: int = -1

    async def settle(self, submission: Submission, *, wait_s: float) -> Outcome:
        os.write(self.witness, encode((OFFERED, submission.encoded)))
        self.lost_answers = int(len(self.offered) % 4 == 2)
        return await super().settle(submission, wait_s=wait_s)


async def until_waiting(spool: Spool, *, at_most: int) -> None:
    """Let replay catch up."""
    while spool.status().waiting > at_most:
        await spool.settled(next(spool.state.waiting())[0], timeout_s=60)


async def live(witness: int, folder: Path) -> None:
    """Put while replay runs, a few at a time."""
    ledger = SayingLedger(
        witness=witness,
        refused_numbers=dict.fromkeys(range(0, PUTS, REFUSED_EACH), Code.OUT_OF_RANGE),
    )
    spool = Spool.open(folder / "spool", chain_id=CHAIN_ID)
    replayer = Replayer(
        spool,
        ledger,
        KEY,
        settings=ReplaySettings(calls_max=CALLS_PER_SUBMISSION),
        backoff=Backoff(first_s=0),
        now_ms=lambda: ledger.now_ms,
    )
    task = asyncio.create_task(replayer.run())

    async def put(number: int) -> None:
        entry_id = await spool.put(entry_of_run(number))
        os.write(witness, encode((PUT, number, entry_id)))

    for start in range(0, PUTS, 4):
        await asyncio.gather(*(put(number) for number in range(start, start + 4)))
        await until_waiting(spool, at_most=WAITING_MAX)
    await until_waiting(spool, at_most=0)
    await spool.retry([one.entry_id for one in spool.state.dead_letters()])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await spool.close()


if __name__ == "__main__":
    vars(spool_module)["SEGMENT_BYTES"] = SEGMENT_BYTES
    vars(spool_module)["_GROWTH_MAX"] = 2
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    asyncio.run(live(os.open(sys.argv[1], flags, 0o600), Path(sys.argv[2])))
