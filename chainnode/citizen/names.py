"""What departments and items are called: proven rows of the state, kept for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from chainnode.client import AsyncClient, CannotDecide
from contracts.schemas.catalog import ITEMS
from contracts.schemas.members import ORGANISATIONS

# Names change rarely; an old one for some minutes harms nobody.
KEPT_S: Final = 600.0
_NAMES_MAX: Final = 10_000
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names for one answer; an id stands for itself where the ledger has none."""

    organisations: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)

    def organisation(self, organisation: str) -> str:
        """Return what an organisation is called."""
        return self.organisations.get(organisation) or organisation

    def item(self, item: str) -> str:
        """Return what an item is called."""
        return self.items.get(item) or item


class NameBook:
    """Reads names, with their proofs, once in a while. Belongs to one event loop."""

    def __init__(self, client: AsyncClient, *, now_s: Callable[[], float]) -> None:
        self._client = client
        self._now_s = now_s
        self._kept: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def names(self, *, organisations: Iterable[str], items: Iterable[str]) -> Names:
        """Return the names of these; what no node proves stands for itself."""
        wanted = [("organisation", one) for one in sorted(set(organisations)) if one]
        wanted += [("item", one) for one in sorted(set(items)) if one]
        found = await asyncio.gather(*(self._name(*one) for one in wanted))
        named = dict(zip(wanted, found, strict=True))
        return Names(
            organisations={one: name for (kind, one), name in named.items() if kind != "item"},
            items={one: name for (kind, one), name in named.items() if kind == "item"},
        )

    async def _name(self, kind: str, value: str) -> str:
        kept = self._kept.get((kind, value))
        if kept is not None and self._now_s() - kept[1] < KEPT_S:
            return kept[0]
        async with self._slots:
            try:
                name = await self._read(kind, value)
            except (CannotDecide, ValueError):
                return ""
        self._kept[(kind, value)] = (name, self._now_s())
        while len(self._kept) > _NAMES_MAX:
            self._kept.popitem(last=False)
        return name

    async def _read(self, kind: str, value: str) -> str:
        if kind == "item":
            item = (await self._client.state(ITEMS, value)).row
            return "" if item is None else item.title
        row = (await self._client.state(ORGANISATIONS, value)).row
        return "" if row is None else row.name
