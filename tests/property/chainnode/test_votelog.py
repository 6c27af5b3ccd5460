"""A power cut at every write: what was synced is there, and nothing that was never appended.

A random program of appends, syncs and rotations runs until a budget of written bytes is used
up; the write that exceeds it is cut off. Optionally the bytes since the last fdatasync are
lost, from the end. Then the log is opened again with the last mark that a ledger could hold.
"""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, note, settings
from hypothesis import strategies as st

from chainnode.segments import files
from chainnode.votelog import VoteLog
from chainnode.votelog.log import vote_folder
from chainnode.votelog.segment import decode_mark
from tests.unit.chainnode.votelog.plain_records import open_plain

APPEND, SYNC, ROTATE = "append", "sync", "rotate"
programs = st.lists(st.sampled_from([APPEND, APPEND, SYNC, SYNC, ROTATE]), min_size=1, max_size=14)


class PowerCut(BaseException):
    """The machine stops here."""


class Disk:
    """Counts what is written; cuts the write that uses up the budget."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._write = files.write_at

    def write_at(self, descriptor: int, data: bytes, offset: int) -> None:
        if len(data) > self._left:
            self._write(descriptor, data[: self._left], offset)
            raise PowerCut
        self._left -= len(data)
        self._write(descriptor, data, offset)


class History:
    """All states that the log may honestly come back with, and since when they are certain."""

    def __init__(self) -> None:
        self.states: list[tuple[bytes, ...]] = [()]
        self.durable = 0
        self.mark: bytes | None = None

    def append(self, record: bytes) -> None:
        self.states.append((*self.states[-1], record))

    def rotate(self, restatement: tuple[bytes, ...]) -> None:
        self.states.append(restatement)

    def synced(self, mark: bytes) -> None:
        self.durable = len(self.states) - 1
        self.mark = mark


def run(log: VoteLog[bytes], program: list[str], history: History) -> None:
    """Run until the end or the power cut."""
    for number, step in enumerate(program):
        match step:
            case "append":
                record = bytes([number + 1]) * (1 + 97 * number)
                log.append([record])
                history.append(record)
            case "rotate":
                restatement = history.states[-1][-2:]
                log.rotate(restatement)
                history.rotate(restatement)
            case _:
                log.sync()
                history.synced(log.mark())


@settings(max_examples=40)
@given(programs, st.integers(0, 6000), st.integers(0, 400))
def test_after_a_power_cut_every_synced_record_is_there_and_no_other(
    program: list[str], budget: int, lost: int
) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        _require_survival(directory / "votes", program, budget, lost)
    finally:
        shutil.rmtree(directory)


def _require_survival(directory: Path, program: list[str], budget: int, lost: int) -> None:
    history = History()
    log, _ = open_plain(directory)
    history.synced(log.mark())
    real, files.write_at = files.write_at, Disk(budget).write_at
    try:
        run(log, program, history)
    except PowerCut:
        note("power cut")
    finally:
        files.write_at = real
        log.close()
    _lose_unsynced(directory, history, lost)
    log, records = open_plain(directory, history.mark)
    assert records in history.states[history.durable :]
    # It goes on from there.
    log.append([b"after"])
    log.sync()
    log.close()
    again, found = open_plain(directory, log.mark())
    again.close()
    assert found == (*records, b"after")


def _lose_unsynced(directory: Path, history: History, lost: int) -> None:
    """Drop bytes from the end of the newest segment, but none that was synced."""
    number = vote_folder(directory).numbers()[-1]
    path = vote_folder(directory).path(number)
    assert history.mark is not None
    mark = decode_mark(history.mark)
    if mark.segment == number:
        os.truncate(path, max(mark.length, path.stat().st_size - lost))
