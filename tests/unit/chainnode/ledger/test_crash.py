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
