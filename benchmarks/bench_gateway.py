"""What a gateway adds to a call, beside a bare fdatasync: `python -m benchmarks.bench_gateway`.

In turn, some calls of each kind in a row, in one process on one disk: 700 bytes written with
fdatasync; a small FastAPI service called without a server; the same service behind the gateway
whose spool costs nothing, to tell signatures from disks; behind one with a real spool, durable
before the answer leaves; and behind one that keeps the messages of its calls as well. Latency as
p50, p99 and worst; CPU of the whole process. The last line of each suite is JSON. With `--row 1`
each call finds the caches of the processor as four others left them.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.gateway_world import calling, request_of, running_world, service
from chainnode.gateway import Spool, SpoolLimits
from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.core import Gateway
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.kept import SECRET_BYTES, KeptCalls
from chainnode.gateway.messages import HttpRequest
from tests.builders_gateway import CHAIN_ID, World

PAYLOAD_BYTES: Final = 700
SPOOL_BYTES: Final = 1 << 30
ENTRIES_MAX: Final = 1_000_000
_WARM_UP: Final = 100


@dataclass(slots=True)
class Kind:
    """One way to answer a call, and how long each took."""

    name: str
    work: Callable[[HttpRequest], Awaitable[None]]
    seconds: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    async def once(self, request: HttpRequest) -> None:
        """Do it once and note what it took."""
        start, cpu = time.perf_counter(), time.process_time()
        await self.work(request)
        self.seconds.append(time.perf_counter() - start)
        self.cpu_s += time.process_time() - cpu

    def forget(self) -> None:
        """Begin to measure."""
        self.seconds.clear()
        self.cpu_s = 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU of the process for one call."""
        return self.cpu_s / len(self.seconds) * 1e3

    def at_ms(self, share: float) -> float:
        """Return a quantile."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3

    def line(self) -> str:
        """Return the figures as one line."""
        return (
            f"{self.name:30}  p50 {self.at_ms(0.5):6.3f} ms  p99 {self.at_ms(0.99):6.3f} ms"
            f"  worst {self.at_ms(1.0):6.2f} ms  CPU {self.cpu_ms:.3f} ms"
        )


class Bare:
    """Writes to the end of a file, each with its fdatasync."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._length = 0

    async def write(self, _request: HttpRequest) -> None:
        """Write as much as a half has."""
        os.pwrite(self._descriptor, bytes(PAYLOAD_BYTES), self._length)
        self._length += PAYLOAD_BYTES
        os.fdatasync(self._descriptor)


def wrapped(gateway: Gateway) -> GatewayMiddleware:
    """Return the service behind a gateway."""
    return GatewayMiddleware(service(), opener=lambda: contextlib.nullcontext(gateway))


def kinds_of(world: World, folder: Path, spool: Spool, kept_spool: Spool) -> dict[str, Kind]:
    """Return what is measured, in its order."""
    kept = HalfEntries(
        chain_id=CHAIN_ID,
        kept=KeptCalls(folder / "kept", suite=world.suite, secret=bytes(SECRET_BYTES)),
    )
    works = {
        "bare pwrite, fdatasync": Bare(folder / "bare").write,
        "service alone": calling(service()),
        "gateway, spool in memory": calling(wrapped(world.new_gateway())),
        "gateway, spool on disk": calling(wrapped(world.new_gateway(queue=spool))),
        "the same, messages kept": calling(
            wrapped(world.new_gateway(queue=kept_spool, half_entries=kept))
        ),
    }
    return {name: Kind(name, work) for name, work in works.items()}


def opened(path: Path) -> Spool:
    """Return a spool that takes more than the benchmark puts."""
    limits = SpoolLimits(entries_max=ENTRIES_MAX, bytes_max=SPOOL_BYTES)
    return Spool.open(path, chain_id=CHAIN_ID, limits=limits)


def figures_of(suite: str, kinds: dict[str, Kind]) -> dict[str, object]:
    """Return what the gateway adds to the service, and how that stands to a bare fdatasync."""
    bare, alone, _, whole, _ = kinds.values()
    p99_added, p99_bare = whole.at_ms(0.99) - alone.at_ms(0.99), bare.at_ms(0.99)
    return {
        "suite": suite,
        "calls": len(whole.seconds),
        "cpu_ms_added": round(whole.cpu_ms - alone.cpu_ms, 3),
        "p50_ms_added": round(whole.at_ms(0.5) - alone.at_ms(0.5), 3),
        "p99_ms_added": round(p99_added, 3),
        "p99_ms_bare_fdatasync": round(p99_bare, 3),
        "p99_of_fdatasync": round(p99_added / p99_bare, 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python"
        f" {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
    }


async def measure(folder: Path, suite: str, *, count: int, row: int) -> None:
    """Print one line for each kind, and what the gateway adds as JSON."""
    world = await running_world(suite)
    spools = opened(folder / "spool"), opened(folder / "kept-spool")
    kinds = kinds_of(world, folder, *spools)
    is_warm = False
    for first in range(0, _WARM_UP + count, row):
        if first >= _WARM_UP and not is_warm:
            is_warm = True
            for kind in kinds.values():
                kind.forget()
        requests = [request_of(world, first + one) for one in range(row)]
        for kind in kinds.values():
            for request in requests:
                await kind.once(request)
    for spool in spools:
        await spool.close()
    for kind in kinds.values():
        print(f"{suite:4}  {kind.line()}")
    print(json.dumps(figures_of(suite, kinds)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="calls of each kind")
    parser.add_argument("--row", type=int, default=25, help="calls of one kind in a row")
    parser.add_argument("--suite", choices=["intl", "sm"], action="append")
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary one")
    arguments = parser.parse_args()
    for suite in arguments.suite or ["intl", "sm"]:
        with (
            tempfile.TemporaryDirectory(dir=arguments.folder) as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(measure(Path(folder), suite, count=arguments.count, row=arguments.row))


if __name__ == "__main__":
    main()
