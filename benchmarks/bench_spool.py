"""What a put into the spool costs beside a bare fdatasync: `python benchmarks/bench_spool.py`.

All kinds write the same 700 bytes in turn, in one run on one disk, so that what else the disk
does falls on all alike: a bare pwrite with fdatasync, SQLite (write-ahead log, synchronous
FULL), LevelDB (synchronous batches), frames of `chainnode.segments` written as they come, and
the whole `Spool.put` from an event loop. Latency as p50, p99 and worst; CPU of the process.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import plyvel

from chainnode.gateway import Spool, SpoolEntry, SpoolLimits
from chainnode.segments.frames import CHAIN_START, encode_frame
from chainnode.submission import Call
from contracts.schemas.access import Side

# A half with its reasons, as the demo makes them.
PAYLOAD_BYTES = 700
CHAIN_ID = bytes(32)


@dataclass(slots=True)
class Kind:
    """One way to keep a half, and how long each took."""

    name: str
    work: Callable[[int], Awaitable[object]]
    seconds: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    async def once(self, number: int) -> None:
        """Do it once and note what it took."""
        start, cpu = time.perf_counter(), time.process_time()
        await self.work(number)
        self.seconds.append(time.perf_counter() - start)
        self.cpu_s += time.process_time() - cpu

    def line(self) -> str:
        """Return the figures as one line."""
        ordered = sorted(self.seconds)
        count = len(ordered)
        p50, p99 = ordered[count // 2], ordered[min(count - 1, count * 99 // 100)]
        return (
            f"{self.name:32}  p50 {p50 * 1e3:6.3f} ms  p99 {p99 * 1e3:6.3f} ms"
            f"  worst {ordered[-1] * 1e3:6.2f} ms  CPU {self.cpu_s / count * 1e3:.3f} ms"
        )


class Appended:
    """Writes to the end of a file, each with its fdatasync."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._length = 0
        self._chain = CHAIN_START

    async def bare(self, _number: int) -> None:
        """Write plain bytes."""
        self._write(bytes(PAYLOAD_BYTES))

    async def framed(self, _number: int) -> None:
        """Write a chained frame."""
        frame, self._chain = encode_frame(os.urandom(PAYLOAD_BYTES), previous=self._chain)
        self._write(frame)

    def _write(self, data: bytes) -> None:
        os.pwrite(self._descriptor, data, self._length)
        self._length += len(data)
        os.fdatasync(self._descriptor)


class Sqlite:
    """A table with the identity as a unique key, as a spool would need it."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(
            "CREATE TABLE spool (id INTEGER PRIMARY KEY, identity BLOB UNIQUE, content BLOB)"
        )

    async def put(self, number: int) -> None:
        """Insert a row in a transaction of its own."""
        identity, content = number.to_bytes(48), os.urandom(PAYLOAD_BYTES)
        self._database.execute(
            "INSERT INTO spool (identity, content) VALUES (?, ?)", (identity, content)
        )


def entry(number: int) -> SpoolEntry:
    """Make a half of the usual size."""
    return SpoolEntry(
        requester="11999900MBK000031C",
        provider="11999900MBK000015N",
        call_id=number.to_bytes(16),
        side=Side.PROVIDER,
        calls=(Call(action="record", public=os.urandom(500), private=os.urandom(200)),),
        made_ms=number,
    )


async def measure(folder: Path, *, count: int, together: int) -> None:
    """Print one line for each kind, then many puts at once."""
    bare, framed, sqlite = Appended(folder / "a"), Appended(folder / "b"), Sqlite(folder / "c")
    level = plyvel.DB(str(folder / "d"), create_if_missing=True)
    spool = Spool.open(folder / "e", chain_id=CHAIN_ID, limits=SpoolLimits(bytes_max=1 << 30))

    async def level_put(number: int) -> None:
        level.put(number.to_bytes(48), os.urandom(PAYLOAD_BYTES), sync=True)

    kinds = [
        Kind("bare pwrite, fdatasync", bare.bare),
        Kind("frames of chainnode.segments", framed.framed),
        Kind("SQLite, WAL, synchronous FULL", sqlite.put),
        Kind("LevelDB, sync", level_put),
        Kind("Spool.put", lambda number: spool.put(entry(number))),
    ]
    for number in range(count):
        for kind in kinds:
            await kind.once(number)
    for kind in kinds:
        print(kind.line())
    start = time.perf_counter()
    for first in range(count, 2 * count, together):
        await asyncio.gather(*(spool.put(entry(first + one)) for one in range(together)))
    rate = count / (time.perf_counter() - start)
    print(f"{f'Spool.put, {together} at once':32}  {rate:,.0f} puts/s")
    await spool.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        asyncio.run(measure(Path(folder), count=arguments.count, together=arguments.together))


if __name__ == "__main__":
    main()
