"""A program of housing that makes many calls, and can be killed; says each before and after.

`python -m tests.acceptance.exchange_requester SETTINGS URL GRANT PEOPLE SAID FIRST END`: makes the
calls numbered `FIRST` to `END` − 1, then brings what its spool holds onto the ledger until SIGTERM.
A line of `SAID` is a number and the status of its answer, 0 where none came; before the call is
made, a number, `-` and the call id.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx

from chainnode.gateway import AsyncCallTransport, CallIntent, new_call_id
from chainnode.gateway.calling.transports import EXTENSION
from chainnode.gateway.opening import open_caller
from chainnode.gateway.settings import read_settings
from devnet.departments import POLICE
from tests.acceptance.exchange_calls import REQUEST_ID, intent_for

AT_ONCE: Final = 16
# After a call without an answer its slot leaves the service time to come back.
PAUSE_S: Final = 0.5
_TIMEOUT_S: Final = 60.0


class Program:
    """All calls of one life of the process."""

    def __init__(self, http: httpx.AsyncClient, said: int, people: Sequence[str]) -> None:
        self._http = http
        self._said = said
        self._people = people

    async def call_all(self, numbers: Iterator[int], intent: CallIntent) -> None:
        """Make calls one after the other until the numbers are used up."""
        for number in numbers:
            call_id = new_call_id(time.time_ns() // 1_000_000)
            self._say(f"{number} - {call_id.hex()}\n")
            status = 0
            with suppress(httpx.TransportError):
                response = await self._http.post(
                    "/people",
                    json={"id_card": self._people[number % len(self._people)]},
                    headers={REQUEST_ID: call_id.hex()},
                    extensions={EXTENSION: replace(intent, call_id=call_id)},
                )
                status = response.status_code
            self._say(f"{number} {status}\n")
            if not httpx.codes.is_success(status):
                await asyncio.sleep(PAUSE_S)

    def _say(self, line: str) -> None:
        os.write(self._said, line.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one life of the process is for."""

    settings: Path
    url: str
    grant: str
    people: tuple[str, ...] = field(repr=False)
    said: int
    numbers: range


async def run(errand: Errand) -> None:
    """Call, then replay what the spool holds until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    numbers, intent = iter(errand.numbers), intent_for(errand.grant)
    async with open_caller(read_settings(errand.settings), provider=POLICE.organisation) as caller:
        transport = AsyncCallTransport(caller, intent)
        async with httpx.AsyncClient(
            transport=transport, base_url=errand.url, timeout=_TIMEOUT_S
        ) as http:
            program = Program(http, errand.said, errand.people)
            await asyncio.gather(*(program.call_all(numbers, intent) for _ in range(AT_ONCE)))
        await ended.wait()


def main(arguments: Sequence[str]) -> None:
    """Run from the command line."""
    settings, url, grant, people, said, first, end = arguments
    errand = Errand(
        settings=Path(settings),
        url=url,
        grant=grant,
        people=tuple(json.loads(Path(people).read_text("utf-8"))),
        said=os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        numbers=range(int(first), int(end)),
    )
    asyncio.run(run(errand))


if __name__ == "__main__":
    main(sys.argv[1:])
