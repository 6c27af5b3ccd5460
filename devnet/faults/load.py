"""The writers' process as the run sees it: started, followed, ended."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devnet.faults.journal import read_lines
from devnet.launcher import child_environment
from devnet.topology import DevnetFolder

# Longer than a writer waits for its last submission.
_STOP_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is written: `calls` records a submission, at most one a `pace_ms` and writer."""

    calls: int
    pace_ms: int


# Twelve writers: 960 records a second when nothing is broken, several times what must get
# through while the chain stands still a third of the time.
DEFAULT_LOAD: Final = Load(calls=20, pace_ms=250)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """When, at which certified height, and how many records a client was told are final."""

    at_s: float
    height: int
    records: int


class Writers:
    """A context manager; `acknowledged` grows with each `follow`."""

    def __init__(self, folder: DevnetFolder, journal: Path, load: Load) -> None:
        self.journal = journal
        self.acknowledged: list[Acknowledgement] = []
        self.others: Counter[str] = Counter()
        self._read_to = 0
        journal.touch()
        self._process = subprocess.Popen(  # noqa: S603 - a list of our own words, no shell
            [
                *(sys.executable, "-m", "devnet.faults.writer", str(folder.path), str(journal)),
                *(str(load.calls), str(load.pace_ms)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=child_environment(),
        )

    def __enter__(self) -> Self:
        """They write already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the writers after what each has under way: they stop when their input ends."""
        try:
            counts, _ = self._process.communicate("", timeout=_STOP_TIMEOUT_S)
            self.others.update(json.loads(counts or "{}"))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            self.others["writers did not end"] += 1
        self.follow()

    def follow(self) -> None:
        """Read what was acknowledged since the last time."""
        for one, end in read_lines(self.journal, start=self._read_to):
            self._read_to = end
            self.acknowledged.append(
                Acknowledgement(at_s=one.at_s, height=one.height, records=len(one.call_ids))
            )
