"""Whatever a power cut leaves of a gateway's spool: nothing acknowledged is lost or doubled.

A spool and its replay ran under strace; its folder is rebuilt as of each moment, with what was
not synced lost in one way or another, opened, and replayed to the end against the ledger as it
was at that moment.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from chainnode.codec import Limits, as_array, decode
from chainnode.gateway import EntryId, Replayer, Spool, SpoolCorrupted
from chainnode.gateway.replay.backoff import Backoff
from chainnode.submission import decode_submission
from devnet.launcher import child_environment
from tests.crash.disk import Disk, Loss
from tests.crash.operations import Named, Operation, Recorder, Said
from tests.crash.recording import STRACE, require_strace
from tests.crash.spool_run import OFFERED, PUT, PUTS, entry_of_run, is_refused
from tests.crash.trace import TRACED, read_trace
from tests.unit.chainnode.gateway.ledger_of_tests import CHAIN, KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import opened

_LIMITS = Limits(bytes_max=4 * 1024 * 1024)
_TEXT_BYTES_MAX = 4 * 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Promises:
    """What the run has said so far."""

    put: dict[int, EntryId] = field(default_factory=dict)
    offered: list[bytes] = field(default_factory=list)

    def hear(self, said: Said) -> None:
        kind, *values = as_array(decode(said.payload, _LIMITS), None, "what was said")
        if kind == PUT:
            number, entry_id = values
            assert isinstance(number, int)
            assert isinstance(entry_id, int)
            self.put[number] = EntryId(entry_id)
        else:
            assert kind == OFFERED
            assert isinstance(values[0], bytes)
            self.offered.append(values[0])


@pytest.fixture(scope="module", name="operations")
def _operations(memory: Path) -> tuple[Operation, ...]:
    require_strace()
    home = memory / "gateway"
    home.mkdir()
    witness, trace = memory / "gateway.said", memory / "gateway.trace"
    subprocess.run(
        [
            *(STRACE, "--follow-forks", "--seccomp-bpf", "--decode-fds=path"),
            *("-xx", "-ttt", "-T", f"--string-limit={_TEXT_BYTES_MAX}"),
            *("-e", f"trace={','.join(TRACED)}", "-o", str(trace)),
            *(sys.executable, "-m", "tests.crash.spool_run", str(witness), str(home)),
        ],
        check=True,
        env=child_environment(),
        timeout=120,
    )
    recorder = Recorder(PurePosixPath(home), witness=PurePosixPath(witness))
    recorder.begin_with(())
    recorder.follow(read_trace(trace))
    return tuple(recorder.operations)


def states(
    operations: Sequence[Operation], *, deaf: Sequence[int] = ()
) -> Iterator[tuple[int, Loss, Disk, Promises]]:
    """Yield every moment, with the losses in turn."""
    disk, promises, losses = Disk(deaf=deaf), Promises(), tuple(Loss)
    for after, operation in enumerate(operations):
        yield after, losses[after % len(losses)], disk, promises
        disk.apply(operation)
        if isinstance(operation, Said):
            promises.hear(operation)


async def replayed(spool: Spool, offered: Sequence[bytes]) -> LedgerOfTests:
    """Replay what waits against the ledger that has executed what was offered."""
    ledger = LedgerOfTests()
    parameters = CHAIN.trust.parameters
    for data in offered:
        await ledger.settle(decode_submission(CHAIN.suite, data, parameters), wait_s=1)
    ledger.offered.clear()
    one = Replayer(spool, ledger, KEY, backoff=Backoff(first_s=0), now_ms=lambda: ledger.now_ms)
    task = asyncio.create_task(one.run())
    for entry_id, _ in tuple(spool.state.waiting()):
        await spool.settled(entry_id, timeout_s=60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return ledger


def sent_and_forgotten(spool: Spool, offered: Sequence[bytes]) -> list[str]:
    """Name the entries that may be anywhere and wait to be signed as if they were not."""
    under_way = spool.state.in_flight
    kept = () if under_way is None else under_way.entry_ids
    parameters = CHAIN.trust.parameters
    sent = {
        call.public
        for data in offered
        for call in decode_submission(CHAIN.suite, data, parameters).calls
    }
    return [
        f"entry {entry_id} was sent under a signature that is not kept"
        for entry_id, entry in spool.state.waiting()
        if entry_id not in kept and entry.calls[0].public in sent and not is_refused(entry)
    ]


async def lost_or_doubled(folder: Path, promises: Promises) -> list[str]:
    """Open what is left and go on; say what is wrong with it."""
    spool = opened(folder)
    faults = []
    faults += sent_and_forgotten(spool, promises.offered[-1:])
    held = {
        entry_id
        for entry_id in promises.put.values()
        if spool.state.is_waiting(entry_id)
        or spool.state.dead_letter(entry_id) is not None
        or spool.state.remembered(entry_id) is not None
    }
    faults += [f"call {one} lost" for one, key in promises.put.items() if key not in held]
    await spool.retry([one.entry_id for one in spool.state.dead_letters()])
    ledger = await replayed(spool, promises.offered)
    numbers = ledger.numbers
    faults += [f"call {one} not recorded" for one in promises.put if one not in numbers]
    halves = [one for one in ledger.log if one.call_index % 2]
    if len(halves) != len(set(numbers)):
        faults.append("a half stands twice")
    for number, entry_id in promises.put.items():
        if await spool.put(entry_of_run(number)) != entry_id:
            faults.append(f"call {number} is another entry now")
    await spool.close()
    return faults


def verify(
    operations: Sequence[Operation], scratch: Path, *, deaf: Sequence[int] = ()
) -> list[str]:
    """Look at every state; one line for each fault."""
    faults = []
    for after, loss, disk, promises in states(operations, deaf=deaf):
        home = scratch / f"{after}"
        disk.cut(loss, seed=after).write_to(home)
        try:
            found = asyncio.run(lost_or_doubled(home / "spool", promises))
        except SpoolCorrupted as error:
            # Zeros in place of data may be refused by name: nothing is lost quietly.
            found = [] if loss is Loss.ZEROS and not deaf else [str(error)]
        faults += [f"after {after}, {loss.value}: {one}" for one in found]
    return faults


def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    operations: tuple[Operation, ...],
    scratch: Path,
    record_property: Callable[[str, object], None],
) -> None:
    promises = Promises()
    for one in operations:
        if isinstance(one, Said):
            promises.hear(one)
    segments = {one.name for one in operations if isinstance(one, Named)}
    assert len(promises.put) == PUTS
    assert len(promises.offered) > PUTS // 4
    assert "spool-0000000003.log" in segments

    assert verify(operations, scratch) == []
    record_property("spool_states", len(operations))


def test_a_disk_that_lies_about_its_syncs_is_found_out(
    operations: tuple[Operation, ...], scratch: Path
) -> None:
    """Without this the test above could not fail."""
    deaf = [
        one.file for one in operations if isinstance(one, Named) and one.name.startswith("spool-0")
    ]
    assert len(verify(operations, scratch, deaf=deaf)) > 10
