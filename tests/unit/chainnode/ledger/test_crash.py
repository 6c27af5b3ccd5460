"""A process killed in the middle of appends: everything that it reported is there again.

This shows that memory and disk agree after a kill, not that power cuts are survived: unsynced
data outlives a killed process (crash states are replayed elsewhere).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from chainnode.ledger.proofs import verify_record
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger

KILLS = 8
APPENDER = """
import sys
from pathlib import Path
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger
ledger = open_ledger(Path(sys.argv[1]))
maker = BlockMaker(nonce=ledger.log_size)
while True:
    submission = maker.submission(calls=5)
    ledger.append(maker.block(ledger, [submission]))
    print(ledger.height, submission.digest.hex(), flush=True)
"""

# The limit on file size makes the kernel refuse a write, as a full or broken disk does.
FILLER = """
import resource, signal, sys
from pathlib import Path
from chainnode.errors import StorageError
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger
ledger = open_ledger(Path(sys.argv[1]))
maker = BlockMaker()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    while True:
        maker.grow(ledger, calls=20)
        print(ledger.height, flush=True)
except StorageError as error:
    print(f"refused: {error}", flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for attempt in (lambda: maker.grow(ledger), lambda: ledger.entry(0), lambda: ledger.receipts(1)):
    try:
        attempt()
        print("served after an error", flush=True)
    except StorageError as error:
        print(f"refused: {error}", flush=True)
"""


def test_after_a_refused_write_nothing_is_acknowledged_or_served_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    """LevelDB alone would go on acknowledging, also when there is room again, and lose it."""
    result = subprocess.run(
        [sys.executable, "-c", FILLER, str(tmp_path)],
        capture_output=True,
        cwd=Path(__file__).parents[4],
        text=True,
        check=True,
    )

    *heights, first, second, third, fourth = result.stdout.splitlines()
    ledger = open_ledger(tmp_path)
    assert len(heights) > 3
    assert "write failed" in first
    assert "File too large" in first
    assert all("stopped after" in one for one in (second, third, fourth))
    assert ledger.height >= int(heights[-1])
    assert len(list(ledger.entries(0, ledger.log_size))) == ledger.height * 20
    ledger.close()


@pytest.mark.slow
def test_all_appended_blocks_are_there_after_each_of_several_kills(tmp_path: Path) -> None:
    reported: dict[int, bytes] = {}

    for kill in range(KILLS):
        reported |= append_until_killed(tmp_path, blocks=10 + 7 * kill)
        ledger = open_ledger(tmp_path)
        assert ledger.height >= max(reported)
        for height, digest in reported.items():
            place = ledger.place_of(digest)
            assert place is not None
            assert (place.height, place.is_executed) == (height, True)
        for position in range(0, ledger.log_size, 7):
            verify_record(
                BlockMaker().suite.digest,
                header=ledger.tip,
                entry=ledger.entry(position),
                position=position,
                path=ledger.record_path(position, ledger.log_size),
            )
        ledger.close()

    assert len(reported) >= KILLS * 10


def append_until_killed(path: Path, *, blocks: int) -> dict[int, bytes]:
    """Let another process append; kill it after so many reports, wherever it then is."""
    reported = {}
    with subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            height, digest = line.split()
            reported[int(height)] = bytes.fromhex(digest)
            if len(reported) == blocks:
                break
        process.kill()
        for line in process.stdout.read().splitlines():
            height, digest = line.split()
            reported[int(height)] = bytes.fromhex(digest)
    return reported
