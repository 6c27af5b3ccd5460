"""What a gateway adds to a call, beside a bare fdatasync: `python -m benchmarks.bench_gateway`.

In turn, in one process on one disk: 700 bytes written with fdatasync; a small FastAPI service
called without a server; the same service behind the gateway, with real signatures and a real
spool that is durable before the answer leaves; and the same under another gateway whose spool
costs nothing, to tell signatures from disks. Rows of the ledger and tokens are those that a
running gateway remembers. Latency as p50, p99 and worst; CPU of the whole process. The last line
of each suite is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request

from chainnode.gateway import Spool, SpoolLimits
from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.connections import Application, Message
from chainnode.gateway.core import Gateway
from chainnode.gateway.messages import HttpRequest
from tests.builders_gateway import CHAIN_ID, World, with_grant

PAYLOAD_BYTES: Final = 700
SPOOL_BYTES: Final = 1 << 30
_WARM_UP: Final = 50


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


def service() -> FastAPI:
    """Return a service that reads JSON and answers with JSON."""
    app = FastAPI()

    @app.post("/v1/people")
    async def person(request: Request) -> dict[str, str]:
        await request.json()
        return {"name": "样例居民", "sex": "1", "address": "虚构市样例路1号"}

    return app


def calling(app: Application) -> Callable[[HttpRequest], Awaitable[None]]:
    """Return what carries a request to an application and takes its whole answer."""

    async def call(request: HttpRequest) -> None:
        path, _, query = request.target.partition("?")
        scope: Message = {
            "type": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in request.headers],
        }
        parts: Iterator[Message] = iter(
            [{"type": "http.request", "body": request.body, "more_body": False}]
        )
        statuses: list[int] = []

        async def receive() -> Message:
            part = next(parts, None)
            return part if part is not None else await asyncio.Future()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await asyncio.sleep(0)

        await app(scope, receive, send)
        if statuses != [200]:
            raise RuntimeError(f"expected an answer with status 200, got {statuses}")

    return call


def wrapped(gateway: Gateway) -> GatewayMiddleware:
    """Return the service behind a gateway."""
    return GatewayMiddleware(service(), opener=lambda: contextlib.nullcontext(gateway))


async def measure(folder: Path, suite: str, *, count: int) -> None:
    """Print one line for each kind, and what the gateway adds as JSON."""
    world = World(suite)
    with_grant(world, quota=0)
    spool = Spool.open(
        folder / "spool", chain_id=CHAIN_ID, limits=SpoolLimits(bytes_max=SPOOL_BYTES)
    )
    bare = Kind("bare pwrite, fdatasync", Bare(folder / "bare").write)
    alone = Kind("service alone", calling(service()))
    free = Kind("gateway, spool in memory", calling(wrapped(world.new_gateway())))
    whole = Kind("gateway, spool on disk", calling(wrapped(world.new_gateway(queue=spool))))
    kinds = (bare, alone, free, whole)
    for number in range(_WARM_UP + count):
        if number == _WARM_UP:
            for kind in kinds:
                kind.forget()
        _, request = world.signed()
        for kind in kinds:
            await kind.once(request)
    await spool.close()
    for kind in kinds:
        print(f"{suite:4}  {kind.line()}")
    figures = {
        "suite": suite,
        "calls": count,
        "cpu_ms_added": round(whole.cpu_ms - alone.cpu_ms, 3),
        "p50_ms_added": round(whole.at_ms(0.5) - alone.at_ms(0.5), 3),
        "p99_ms_added": round(whole.at_ms(0.99) - alone.at_ms(0.99), 3),
        "p99_ms_bare_fdatasync": round(bare.at_ms(0.99), 3),
        "p99_of_fdatasync": round((whole.at_ms(0.99) - alone.at_ms(0.99)) / bare.at_ms(0.99), 2),
    }
    print(json.dumps(figures))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--suite", choices=["intl", "sm"], action="append")
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary one")
    arguments = parser.parse_args()
    for suite in arguments.suite or ["intl", "sm"]:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            asyncio.run(measure(Path(folder), suite, count=arguments.count))


if __name__ == "__main__":
    main()
