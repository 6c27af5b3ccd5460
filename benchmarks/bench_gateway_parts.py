"""Where a gateway's CPU goes, part by part: `python -m benchmarks.bench_gateway_parts`.

Each part is done alone, many times in a row, with what a call of `bench_gateway` gives it, so
the caches of the processor are warm: the parts add up to less than a call. The median counts.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import uvloop

from benchmarks.gateway_world import PEOPLE, calling, request_of, running_world, service
from chainnode.exchange import commitment, decode_call, decode_reason, request_fields, whole_body
from chainnode.exchange.headers import CALL_HEADER
from chainnode.gateway import Spool, SpoolEntry, SpoolLimits
from chainnode.gateway.guard import refuse_personal_text
from chainnode.gateway.messages import HttpRequest
from chainnode.gateway.recording import OpenCall
from chainnode.gateway.releasing import release
from chainnode.gateway.selectors import RequestParts, subjects_of
from tests.builders_gateway import CHAIN_ID, FIELDS, NAME, SEX, World, json_answer

Part: TypeAlias = Callable[[int], Awaitable[object] | object]

_CALL: Final = CALL_HEADER.lower()
_BODY: Final = json_answer().body


async def cpu_us(part: Part, *, count: int) -> float:
    """Return the CPU of the process for doing a part once."""
    spent = []
    for number in range(count):
        start = time.process_time_ns()
        done = part(number)
        if isinstance(done, Awaitable):
            await done
        spent.append(time.process_time_ns() - start)
    return statistics.median(spent) / 1000


def request_parts(world: World, requests: list[HttpRequest]) -> dict[str, Part]:
    """Return what is done with a request."""
    suite, request = world.suite, requests[0]
    header, body = decode_call(request.header(_CALL) or ""), whole_body(suite.digest, request.body)
    reason = decode_reason(request.singles())
    fields = request_fields(
        method=request.method, target=request.target, reasons=reason.texts(), body=body
    )
    parts = RequestParts(path="/v1/people", query="x=1", headers=request.headers, body=request.body)
    content = bytes(300)
    signature = world.requester_key.sign(content)
    public_key = world.requester_key.public_key
    return {
        "headers of the call": lambda _: (
            decode_call(request.header(_CALL) or ""),
            decode_reason(request.singles()),
        ),
        "fields and commitment of the request": lambda _: commitment(
            suite.digest,
            seed=header.seed,
            fields=request_fields(method="POST", target="/", reasons=reason.texts(), body=body),
        ),
        "commitment alone": lambda _: commitment(suite.digest, seed=header.seed, fields=fields),
        "signature verified": lambda _: suite.verify(
            public_key=public_key, signature=signature, content=content
        ),
        "guard of reasons": lambda _: refuse_personal_text(reason.texts()),
        "subjects found": lambda _: subjects_of(world.service.subjects, parts),
        "token at hand": lambda number: world.tokens.tokens("111", (PEOPLE[number % 300],)),
        "signature made": lambda _: world.provider_key.sign(content),
        "answer cut to its fields": lambda _: release(
            _BODY, given=NAME | SEX, item_fields=FIELDS, field_of={}
        ),
    }


async def call_parts(
    world: World, requests: list[HttpRequest], folder: Path
) -> tuple[dict[str, Part], Spool]:
    """Return the steps of whole calls; each call goes once through each."""
    gateway = world.new_gateway()
    admitted: list[OpenCall] = []

    async def admit(number: int) -> None:
        call = await gateway.admit(requests[number])
        if not isinstance(call, OpenCall):
            raise TypeError("expected a call that is let through")
        admitted.append(call)

    limits = SpoolLimits(entries_max=1_000_000, bytes_max=1 << 30)
    spool = Spool.open(folder / "spool", chain_id=CHAIN_ID, limits=limits)
    whole = calling(service())

    def entry(number: int) -> SpoolEntry:
        found: SpoolEntry = world.queue.entries[number]
        return found

    return {
        "the service alone": lambda number: whole(requests[number]),
        "admit: all before the service": admit,
        "answer: all after it, without disk": lambda number: gateway.answer(
            admitted[number], json_answer()
        ),
        "put into the spool, with its fdatasync": lambda number: spool.put(entry(number)),
    }, spool


async def measure(folder: Path, suite: str, *, count: int) -> None:
    """Print a line for each part."""
    world = await running_world(suite)
    requests = [request_of(world, number) for number in range(count)]
    for name, part in request_parts(world, requests).items():
        print(f"{suite:4}  {name:40} {await cpu_us(part, count=count):7.1f} us")
    steps, spool = await call_parts(world, requests, folder)
    for name, part in steps.items():
        print(f"{suite:4}  {name:40} {await cpu_us(part, count=count):7.1f} us")
    await spool.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--suite", choices=["intl", "sm"], action="append")
    arguments = parser.parse_args()
    for suite in arguments.suite or ["intl", "sm"]:
        with (
            tempfile.TemporaryDirectory() as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(measure(Path(folder), suite, count=arguments.count))


if __name__ == "__main__":
    main()
