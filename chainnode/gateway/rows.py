"""Proven rows of the ledger, remembered for a short while, so that calls need not wait for them.

A row younger than `fresh_ms` is used as it is. An older one is used as well, up to
`age_ms_max`, while a new proof is fetched behind it; beyond that the call waits for the proof.
So a revoked grant is refused at most `age_ms_max` after a node told of it, also when no node
answers: then nothing is released any more. A node that lags or lies can hide it for as long as
its newest block is younger than `block_age_ms_max`, and no longer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, cast

from chainnode.client.reading import StateRow
from chainnode.client.reports import CannotDecide
from chainnode.errors import ConfigurationError
from chainnode.gateway.ports import Proven, RowsUnavailable
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from contracts.schemas.access import USED
from contracts.schemas.catalog import ITEMS, ItemRow
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.state import Part, Table

RowT = TypeVar("RowT")

FRESH_MS_DEFAULT: Final = 2_000
AGE_MS_MAX_DEFAULT: Final = 10_000
# Keys, grants and items that one gateway sees within some seconds.
ROWS_MAX: Final = 8_192
FETCH_TIMEOUT_S: Final = 5.0


class StateReader(Protocol):
    """Reads proven rows; `chainnode.client.AsyncClient` is one."""

    async def state(self, table: Table[RowT], *parts: Part, max_age_ms: int) -> StateRow[RowT]:
        """Return a row, or the proof that there is none, of a block that is not older."""
        ...


@dataclass(slots=True)
class _Held(Generic[RowT]):
    row: RowT | None
    height: int
    fetched_ms: int


class CachedRows:
    """`LedgerRows` over a client; belongs to one event loop. Close it."""

    def __init__(
        self,
        reader: StateReader,
        *,
        now_ms: Callable[[], int],
        fresh_ms: int = FRESH_MS_DEFAULT,
        age_ms_max: int = AGE_MS_MAX_DEFAULT,
        block_age_ms_max: int = ONLINE_MAX_AGE_MS_DEFAULT,
    ) -> None:
        if not 0 <= fresh_ms <= age_ms_max:
            raise ConfigurationError(
                f"rows: expected fresh_ms ≤ age_ms_max, got {fresh_ms} and {age_ms_max}"
            )
        self._reader = reader
        self._now_ms = now_ms
        self._fresh_ms = fresh_ms
        self._age_ms_max = age_ms_max
        self._block_age_ms_max = block_age_ms_max
        self._held: OrderedDict[bytes, _Held[object]] = OrderedDict()
        self._fetching: dict[bytes, asyncio.Task[_Held[object]]] = {}

    async def key(self, key_id: bytes) -> Proven[KeyRow]:
        """Return the row of a submission key."""
        return await self._row(KEYS, key_id)

    async def item(self, item: str) -> Proven[ItemRow]:
        """Return the row of a catalogue item."""
        return await self._row(ITEMS, item)

    async def grant(self, grant: str) -> Proven[GrantRow]:
        """Return the row of a grant."""
        return await self._row(GRANTS, grant)

    async def used(self, grant: str, day: int) -> Proven[int]:
        """Return how many permitted calls of this day the ledger has."""
        proven = await self._row(USED, grant, day)
        return Proven(row=proven.row.calls if proven.row else 0, height=proven.height)

    @property
    def under_way(self) -> tuple[asyncio.Task[_Held[object]], ...]:
        """Proofs that are being fetched."""
        return tuple(self._fetching.values())

    async def close(self) -> None:
        """Stop fetching."""
        tasks = self.under_way
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _row(self, table: Table[RowT], *parts: Part) -> Proven[RowT]:
        name = table.key(*parts)
        held = self._held.get(name)
        age_ms = self._now_ms() - held.fetched_ms if held else self._age_ms_max + 1
        if held is None or not 0 <= age_ms <= self._age_ms_max:
            held = await self._fetched(name, table, parts)
        elif age_ms > self._fresh_ms:
            self._fetch(name, table, parts)
        # What stands under a table's key was read by that table.
        return Proven(row=cast("RowT | None", held.row), height=held.height)

    async def _fetched(
        self, name: bytes, table: Table[RowT], parts: tuple[Part, ...]
    ) -> _Held[object]:
        task = self._fetch(name, table, parts)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                # Others wait for the same proof: whoever gives up first must not end it.
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise RowsUnavailable("no node proved a row in time") from error

    def _fetch(
        self, name: bytes, table: Table[RowT], parts: tuple[Part, ...]
    ) -> asyncio.Task[_Held[object]]:
        task = self._fetching.get(name)
        if task is None:
            task = asyncio.create_task(self._read(name, table, parts))
            self._fetching[name] = task
            task.add_done_callback(lambda done: self._fetch_ended(name, done))
        return task

    def _fetch_ended(self, name: bytes, task: asyncio.Task[_Held[object]]) -> None:
        del self._fetching[name]
        if not task.cancelled():
            # Whoever waits gets the error; a refresh in the background just did not happen.
            task.exception()

    async def _read(
        self, name: bytes, table: Table[RowT], parts: tuple[Part, ...]
    ) -> _Held[object]:
        asked_ms = self._now_ms()
        try:
            found = await self._reader.state(table, *parts, max_age_ms=self._block_age_ms_max)
        except (CannotDecide, ValueError) as error:
            raise RowsUnavailable(f"no node proved a row: {type(error).__name__}") from error
        held: _Held[object] = _Held(row=found.row, height=found.header.height, fetched_ms=asked_ms)
        self._held[name] = held
        self._held.move_to_end(name)
        while len(self._held) > ROWS_MAX:
            self._held.popitem(last=False)
        return held
