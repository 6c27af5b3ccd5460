"""What the verifiable index costs: the figures of docs/adr/0017-verifiable-index.md.

`python -m benchmarks.bench_index [--keys N] [--hash sm3|sha256] [--records N]` prints one JSON
object a line: advances of several sizes over an index of N keys in LevelDB (hashes and CPU time a
record), rebuilding at start, memory, the log and the index together as both grow, and how long
an event loop in the same process waits for its turn while an index advances on another thread.
All compared figures are of one run; CPU time is that of the thread that works.
"""

import argparse
import asyncio
import contextlib
import functools
import gc
import hashlib
import json
import os
import platform
import resource
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import uvloop

from benchmarks.bench_map import SUITES
from chainnode.execution.index_advance import advanced
from chainnode.ledger import keyspace
from chainnode.ledger.bucket_map import BucketMap, bucket_number
from chainnode.ledger.log import log_changes
from chainnode.ledger.merkle import Frontier, Hash, hash_leaf
from chainnode.ledger.store import Snapshot, Store
from chainnode.ledger.stored_map import StoredMap
from chainnode.ledger.trails import EMPTY_TRAIL, encode_trail, grown
from chainnode.ledger.types import Header, Rest
from chainnode.ledger.waiting import Waiting
from chainnode.process import return_freed_memory, spare_what_lives, tune_interpreter
from chainnode.suites import suite_named

BITS = 20
SLOT = 0
ROUNDS = 3
ADVANCES = (10, 1_000, 10_000)
COLD_KEYS = (1, 3, 5)
GROWTH = (10_000, 100_000, 1_000_000)
BLOCK_RECORDS = 1_000
ENTRY_BYTES = 290
PEOPLE = 100_000
_US = 1_000_000
_MS = 1_000
_NS = 1_000_000_000
_TICK_S = 0.001


@dataclass(slots=True)
class Counted:
    """A hash that counts its calls."""

    h: Hash
    calls: int = 0

    def __call__(self, data: bytes) -> bytes:
        """Hash."""
        self.calls += 1
        return self.h(data)


@dataclass(slots=True)
class Index:
    """An index in a store, and the one thread that advances it."""

    store: Store
    map: StoredMap
    h: Hash
    source: Snapshot = field(init=False)

    def __post_init__(self) -> None:
        """Look at what is there."""
        self.source = self.store.snapshot()

    def advance(self, waiting: Waiting, others: Iterator[tuple[bytes, bytes | None]]) -> None:
        """Do all that a block does for the index, in one synchronous write with `others`."""
        changes = advanced(self.h, waiting, lambda key: self.map.value(key, self.source))
        update = self.map.update(changes, self.source)
        self.map.stage(update)
        self.store.write(chain(others, self.map.changes(update)), sync=True)
        self.map.commit()
        self.source = self.store.snapshot()


def filled(store: Store, h: Hash, keys: int) -> bytes:
    """Write an index of keys with one row each; return its root."""
    rows: dict[int, list[bytes]] = {}
    for first in range(0, keys, BLOCK_RECORDS):
        changes: list[tuple[bytes, bytes | None]] = []
        for _ in range(min(BLOCK_RECORDS, keys - first)):
            key_digest = secrets.token_bytes(32)
            trail = encode_trail(grown(h, EMPTY_TRAIL, [key_digest]))
            changes.append((keyspace.INDEX.value(SLOT, key_digest), trail))
            bucket = bucket_number(key_digest, BITS)
            rows.setdefault(bucket, []).append(key_digest + h(trail))
        store.write(changes, sync=False)
    buckets = {bucket: b"".join(sorted(one)) for bucket, one in rows.items()}
    store.write(
        ((keyspace.INDEX.bucket(SLOT, one), content) for one, content in buckets.items()),
        sync=True,
    )
    tree = BucketMap(h, bits=BITS)
    tree.load(buckets.items())
    return tree.root


def rebuilt(store: Store, h: Hash, root: bytes) -> StoredMap:
    """Rebuild the index as a start does."""
    zero = bytes(32)
    rest = Rest(
        log_root=zero,
        records_root=zero,
        index_root=root,
        state_root=zero,
        receipts_root=zero,
        members_digest=zero,
        next_members_digest=zero,
    )
    return StoredMap.rebuild(store, h, keys=keyspace.INDEX, bits=BITS, tip=_Tip(rest), slot=SLOT)


class _Tip(Header):
    """A header of which only the roots are known."""

    def __init__(self, rest: Rest) -> None:
        object.__setattr__(self, "rest", rest)

    @property
    def height(self) -> int:
        """Height of the block."""
        return 0


def waiting_of(h: Hash, records: int, keys: Callable[[int], tuple[bytes, ...]]) -> Waiting:
    """Return what waits after some records."""
    leaves = [secrets.token_bytes(32) for _ in range(records)]
    return Waiting().extended(h, leaves, [keys(one) for one in range(records)], time_ms=1)


def cold(count: int) -> Callable[[int], tuple[bytes, ...]]:
    """Return keys that nothing carried before."""
    return lambda _record: tuple(b"\x01" + secrets.token_bytes(32) for _ in range(count))


def advances(index: Index, h: Hash) -> Iterator[Mapping[str, object]]:
    """Measure advances of all sizes."""
    for records in ADVANCES:
        for count in COLD_KEYS:
            cpu_s, calls = [], []
            for _ in range(ROUNDS):
                index.h = counted = Counted(h)
                index.map._h = counted  # noqa: SLF001 - what the map hashes is counted too
                index.map._tree._h = counted  # noqa: SLF001 - and its tree
                keys = [cold(count)(one) for one in range(records)]
                leaves = [secrets.token_bytes(32) for _ in range(records)]
                gc.collect()
                started = time.thread_time()
                waiting = Waiting().extended(counted, leaves, keys, time_ms=1)
                index.advance(waiting, iter(()))
                cpu_s.append(time.thread_time() - started)
                calls.append(counted.calls)
            index.h = index.map._h = index.map._tree._h = h  # noqa: SLF001 - as it was
            yield {
                "advance_records": records,
                "cold_keys": count,
                "hashes_per_record": round(min(calls) / records, 1),
                "us_per_record": round(min(cpu_s) / records * _US, 1),
            }


def growth(store: Store, h: Hash, sizes: tuple[int, ...]) -> Iterator[Mapping[str, object]]:
    """Let log and index grow from nothing; measure the last blocks before each size.

    What a block of 1,000 adds to the index waits for 8,192 entries.
    """
    index = Index(store, rebuilt(store, h, BucketMap(h, bits=BITS).root), h)
    frontier, waiting, spent = Frontier(h), Waiting(), 0.0
    keys_of = mixed()
    for size in range(BLOCK_RECORDS, max(sizes) + 1, BLOCK_RECORDS):
        entries = [secrets.token_bytes(ENTRY_BYTES) for _ in range(BLOCK_RECORDS)]
        keys = [keys_of(one) for one in range(BLOCK_RECORDS)]
        started = time.thread_time()
        leaves = [hash_leaf(h, one) for one in entries]
        first = frontier.size
        nodes = frontier.extend(leaves)
        waiting = waiting.extended(h, leaves, keys, time_ms=1)
        changes = log_changes(first, entries, nodes)
        if waiting.is_due(1):
            index.advance(waiting, changes)
            waiting = Waiting(start=waiting.stop)
        else:
            store.write(changes, sync=True)
        spent += time.thread_time() - started
        if size in sizes:
            yield {"log_and_index_records": size, "us_per_record": round(spent / size * _US, 1)}


def loop_lag(work: Callable[[], None]) -> dict[str, object]:
    """Let a loop tick every millisecond while something runs on a thread; say how late it is.

    On a machine with other work the thread may hold the lock and not run. So beside the wall
    clock stands how much of each delay the thread was running: what is left on a quiet machine;
    and how much of that the loop did not wait for a processor, which threads of LevelDB may hold
    too: at most this is the interpreter lock's.
    """
    late: list[float] = []
    running: list[float] = []
    locked: list[float] = []

    async def ticking(thread: threading.Thread) -> None:
        thread.start()
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        with contextlib.suppress(OSError):
            while thread.is_alive():
                queued = queued_s()
                before, cpu = time.perf_counter(), time.clock_gettime(clock)
                await asyncio.sleep(_TICK_S)
                behind = max(0.0, time.perf_counter() - before - _TICK_S)
                ran = max(0.0, time.clock_gettime(clock) - cpu - _TICK_S)
                late.append(behind * _MS)
                running.append(min(behind, ran) * _MS)
                locked.append(max(0.0, min(behind - queued_s() + queued, ran)) * _MS)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ticking(threading.Thread(target=work)))
    return {
        "ticks": len(late),
        "late": quantiles(late),
        "late_running": quantiles(running),
        "late_locked": quantiles(locked),
    }


def queued_s() -> float:
    """Return how long this thread has waited for a processor so far."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / _NS


def quantiles(late_ms: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum."""
    ordered = sorted(late_ms)
    at = {"p50_ms": len(ordered) // 2, "p99_ms": int(len(ordered) * 0.99), "max_ms": -1}
    return {name: round(ordered[index], 2) for name, index in at.items()}


def without_lock() -> None:
    """Compute as long as an advance takes, without the interpreter lock: what the machine does."""
    block, stop = bytes(2**24), time.perf_counter() + 1.0
    while time.perf_counter() < stop:
        hashlib.sha256(block)


def lags(index: Index, h: Hash) -> Iterator[Mapping[str, object]]:
    """Compare an untouched interpreter with one that is set up as a node sets itself up.

    The control shows what of it is other work on this machine.
    """
    ballast = [(one, str(one)) for one in range(300_000)]
    for name in ("untouched", "as a node"):
        if name == "as a node":
            tune_interpreter()
            spare_what_lives()
        for _ in range(ROUNDS):
            yield {"loop": "control", **loop_lag(without_lock)}
            for keys in (mixed(), cold(5)):
                waiting = waiting_of(h, 10_000, keys)
                count = len(waiting.by_key())
                lag = loop_lag(functools.partial(index.advance, waiting, iter(())))
                yield {"loop": name, "advance_records": 10_000, "keys": count, **lag}
    del ballast


def mixed() -> Callable[[int], tuple[bytes, ...]]:
    """Return the keys of records about people of a city, of 42 departments and 4,699 items."""
    random = secrets.SystemRandom()
    return lambda _record: (
        b"\x01" + random.randrange(PEOPLE).to_bytes(32),
        b"\x02" + random.randrange(42).to_bytes(18),
        b"\x03" + random.randrange(42).to_bytes(18),
        b"\x04" + random.randrange(4699).to_bytes(18),
    )


def resident_mb() -> tuple[float, float]:
    """Return the memory that this process holds, and what it has mapped of files.

    LevelDB maps its tables: these are pages of the system's cache, which it takes back at will.
    """
    _, pages, mapped, *_ = map(int, Path("/proc/self/statm").read_text().split())
    page_mb = resource.getpagesize() / 1_000_000
    return (pages - mapped) * page_mb, mapped * page_mb


def added_mb(before: tuple[float, float]) -> dict[str, float]:
    """Return what both are more than they were."""
    gc.collect()
    held, mapped = (now - then for now, then in zip(resident_mb(), before, strict=True))
    return {"held_mb": round(held, 1), "mapped_mb": round(mapped, 1)}


def fill(path: Path, suite: str, keys: int) -> bytes:
    """Write an index into a new store (in a process of its own, which takes its garbage along)."""
    store = Store.open(path)
    try:
        return filled(store, suite_named(suite).digest, keys)
    finally:
        store.close()


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--hash", choices=SUITES, default="sm3")
    parser.add_argument("--records", type=int, default=max(GROWTH), help="0: no growth")
    arguments = parser.parse_args()
    h = suite_named(SUITES[arguments.hash]).digest
    show(
        cpus=os.cpu_count(),
        machine=platform.machine(),
        python=platform.python_version(),
        hash=arguments.hash,
        keys=arguments.keys,
        load=round(os.getloadavg()[0], 1),
    )
    with tempfile.TemporaryDirectory(prefix="kun-bench-") as folder:
        path = Path(folder) / "index"
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            root = pool.submit(fill, path, SUITES[arguments.hash], arguments.keys).result()
        return_freed_memory()
        before = resident_mb()
        store = Store.open(path)
        started = time.thread_time()
        index = Index(store, rebuilt(store, h, root), h)
        show(rebuild_s=round(time.thread_time() - started, 2), rebuilt=added_mb(before))
        for figures in advances(index, h):
            show(**figures)
        show(after_advances=added_mb(before))
        for figures in lags(index, h):
            show(**figures)
        store.close()
        sizes = tuple(one for one in GROWTH if one <= arguments.records)
        grown_store = Store.open(Path(folder) / "growth")
        for figures in growth(grown_store, h, sizes) if sizes else ():
            show(**figures)
        grown_store.close()


def show(**figures: object) -> None:
    """Print one object."""
    print(json.dumps(figures))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
