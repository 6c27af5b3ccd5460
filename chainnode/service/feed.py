"""What the chain tells, block after block, to any number of readers. Beside the loop, bounded.

Nothing is read before somebody asks. Readers pull: each holds one page at a time, so that a slow
one costs nothing but its place, and none is handed the same twice or a gap. Blocks are read by one
thread, a few at a time, which then rests as long as it has worked; pages of the newest blocks are
made once for all readers.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

import msgspec

from chainnode.event_ids import EXPECTED, InvalidEventId, Place
from chainnode.ledger.chain import Ledger
from chainnode.ledger.errors import Pruned
from chainnode.service.block_events import events_of, oldest_told
from chainnode.service.errors import Refused
from chainnode.verify.strict_json import JsonObject

# One visit of the thread: some 30 ms of work.
_HEIGHTS_PER_STEP = 64
_ENTRIES_PER_STEP = 2048
# Pages that are kept for the readers that come behind.
_KEPT_BYTES_MAX = 8 * 1024 * 1024
# What a node says of itself is looked at this often.
NEWS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All events of one block as they leave; `ends` says where each of them ends."""

    height: int
    frames: bytes = field(repr=False)
    ends: tuple[int, ...] = field(repr=False)

    @property
    def last(self) -> Place:
        """The last event."""
        return Place(self.height, len(self.ends) - 1)

    def after(self, place: Place) -> bytes:
        """Return the events that a reader lacks."""
        if place.height < self.height:
            return self.frames
        return self.frames[self.ends[place.number] :]


class Describable(Protocol):
    """What a node says of itself."""

    def describe(self) -> JsonObject:
        """Return the body of `/v1/consensus`."""
        ...


class Growth(Protocol):
    """How one waits for the chain."""

    async def __call__(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until a condition holds that changes with the chain alone."""
        ...


class Feed:
    """Pages by height, and what the node says of itself. Loop thread only."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        h: Callable[[bytes], bytes],
        status: Describable,
        wait_grown: Growth,
    ) -> None:
        self._ledger = ledger
        self._h = h
        self._status = status
        self._wait_grown = wait_grown
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._reading = asyncio.Lock()
        self._kept: OrderedDict[int, Page] = OrderedDict()
        self._kept_bytes = 0
        self._news = b""
        self._news_at_s = float("-inf")
        self.closed = asyncio.Event()

    @property
    def newest(self) -> int:
        """The newest height that is told: its block is final."""
        return self._ledger.certified_height

    @property
    def kept_bytes(self) -> int:
        """Bytes of the pages that are kept."""
        return self._kept_bytes

    @property
    def oldest(self) -> int:
        """The lowest height whose events are here."""
        return oldest_told(self._ledger)

    async def start(self, told: str | None) -> Place:
        """Return where a reader goes on who has all up to the event `told`; None: from now on.

        Raises:
            Refused: `INVALID_EVENT_ID`; `EVENT_AHEAD`, this node is not there yet;
                `CATCHING_UP`, it has nothing to tell yet.
            Pruned: this node cannot say any more what came after.

        """
        if told is None:
            return await self._end_of(self.newest)
        try:
            place = Place.parse(told)
        except InvalidEventId as error:
            raise Refused("INVALID_EVENT_ID", expected=EXPECTED, actual=error.actual) from error
        if place.height > self.newest:
            raise Refused(
                "EVENT_AHEAD", expected=f"an event up to height {self.newest}", actual=told
            )
        if place == Place(0) and self.oldest == 1:
            return place
        if place.height < self.oldest:
            raise Pruned(what="height", asked=place.height, oldest=self.oldest)
        last = (await self.page(place.height)).last
        if place > last:
            raise Refused("INVALID_EVENT_ID", expected=f"an event up to {last}", actual=told)
        return place

    async def page(self, height: int) -> Page:
        """Return the events of a certified block.

        Raises:
            Pruned: they are not here any more.

        """
        if height not in self._kept:
            async with self._reading:
                if height not in self._kept:
                    return await self._read(height)
        self._kept.move_to_end(height)
        return self._kept[height]

    async def grown(self, height: int, *, timeout_s: float) -> bool:
        """Wait until there is a certified block above a height; tell whether there is."""
        return await self._wait_grown(lambda: self.newest > height, timeout_s=timeout_s)

    def news(self) -> bytes:
        """Return what the node says of itself now, as an event without an id."""
        now_s = time.monotonic()
        if now_s - self._news_at_s >= NEWS_S:
            data = msgspec.json.encode(_short(self._status.describe()))
            self._news = b"event: node\ndata: %s\n\n" % data
            self._news_at_s = now_s
        return self._news

    def close(self) -> None:
        """Let every reader go, and wait for the block in work: the ledger is closed after this."""
        self.closed.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _end_of(self, height: int) -> Place:
        if height == 0:
            return Place(0)
        if height < self.oldest:
            raise Refused("CATCHING_UP", expected="a block above the snapshot", actual="none yet")
        return (await self.page(height)).last

    async def _read(self, height: int) -> Page:
        began_s = time.monotonic()
        loop = asyncio.get_running_loop()
        pages = await loop.run_in_executor(self._thread, self._pages, height, self.newest)
        # Oldest last: the one that is asked for is surely kept longest.
        for page in reversed(pages):
            self._keep(page)
        await asyncio.sleep(time.monotonic() - began_s)
        return pages[0]

    def _pages(self, height: int, newest: int) -> list[Page]:
        """Make the page of a height, and of some that follow."""
        pages = [self._page(height)]
        size = len(self._ledger.positions(height))
        for following in range(height + 1, min(newest, height + _HEIGHTS_PER_STEP - 1) + 1):
            size += len(self._ledger.positions(following))
            if size > _ENTRIES_PER_STEP:
                break
            pages.append(self._page(following))
        return pages

    def _page(self, height: int) -> Page:
        frames = [one.frame for one in events_of(self._ledger, height, h=self._h)]
        ends = tuple(accumulate(len(one) for one in frames))
        return Page(height=height, frames=b"".join(frames), ends=ends)

    def _keep(self, page: Page) -> None:
        if page.height in self._kept:
            return
        self._kept[page.height] = page
        self._kept_bytes += len(page.frames)
        while self._kept_bytes > _KEPT_BYTES_MAX:
            _, gone = self._kept.popitem(last=False)
            self._kept_bytes -= len(gone.frames)


def _short(told: JsonObject) -> JsonObject:
    """Return what of `/v1/consensus` operators want to see at once when it changes."""
    halted = told["halted_because"]
    names = ("node", "org", "state", "role", "epoch", "view", "view_status", "primary")
    return {
        **{name: told[name] for name in names},
        "halted_because": halted["reason"] if isinstance(halted, dict) else None,
        "voting_stopped_because": told["voting_stopped_because"],
        "findings": told["findings"],
    }
