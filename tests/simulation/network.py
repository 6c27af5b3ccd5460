"""The simulated network: drops, delays, duplicates, reorders, clogs, and parts the group.

Every link is a fault of its own kind; a healed network is reliable and quick. One message in
a hundred travels as bytes, through the codecs of the core and of the node.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import TypeAlias

from consensus.messages import Message
from tests.simulation.clock import Clock
from tests.simulation.travel import through_the_codec

Link: TypeAlias = tuple[int, int]
Deliver: TypeAlias = Callable[[int, Message], None]

HEALED_DELAY_MS = 5
# What must have happened in a large number of runs.
COUNTERS = (
    "net_dropped",
    "net_duplicated",
    "net_reordered",
    "net_cut",
    "net_clogged",
    "net_burst",
    "net_lost_on_bad_link",
    "net_through_codec",
)


class Network:
    """Carries messages between nodes, named by their index in the cluster."""

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        deliver: Deliver,
        drop: float,
        duplicate: float,
        delay_max_ms: int,
        codec_share: float,
        counters: Counter[str],
    ) -> None:
        self._clock = clock
        self._random = random.random
        self._deliver = deliver
        self._drop = drop
        self._repeat = drop + duplicate
        self._delay_max_ms = delay_max_ms
        self._codec_from = 1.0 - codec_share
        self._counters = counters
        # How often each link is cut at the moment: partitions may overlap.
        self._cuts: dict[Link, int] = {}
        self._clogged: dict[Link, list[Message]] = {}
        self._losses: dict[Link, float] = {}
        self._latest: dict[Link, int] = {}

    # What happens to links

    def cut(self, links: Iterable[Link]) -> None:
        for link in links:
            self._cuts[link] = self._cuts.get(link, 0) + 1

    def mend(self, links: Iterable[Link]) -> None:
        for link in links:
            left = self._cuts.get(link, 0) - 1
            if left > 0:
                self._cuts[link] = left
            else:
                self._cuts.pop(link, None)

    def clog(self, link: Link) -> None:
        """Hold everything back on `link` until `release`."""
        self._clogged.setdefault(link, [])

    def release(self, link: Link) -> None:
        """Let everything that was held back arrive at once."""
        held = self._clogged.pop(link, None)
        if held:
            self._counters["net_burst"] += 1
            for message in held:
                self._clock.after(0, self._deliver, link[1], message)

    def lose_on(self, link: Link, share: float) -> None:
        """Lose this share of what `link` carries, beside what is lost everywhere."""
        self._losses[link] = share

    def heal(self) -> None:
        self._drop = self._repeat = 0.0
        self._delay_max_ms = HEALED_DELAY_MS
        self._cuts.clear()
        self._losses.clear()
        for link in list(self._clogged):
            self.release(link)

    def is_open(self, sender: int, receiver: int) -> bool:
        link = (sender, receiver)
        return link not in self._cuts and link not in self._clogged

    # Messages

    def carry(self, sender: int, receivers: Iterable[int], message: Message) -> None:
        """Take `message` to each of `receivers`, or lose it on the way."""
        chance_of, drop, repeat = self._random, self._drop, self._repeat
        has_trouble = bool(self._cuts or self._losses or self._clogged)
        for receiver in receivers:
            chance = chance_of()
            if chance < drop:
                self._counters["net_dropped"] += 1
                continue
            link = (sender, receiver)
            carried = message
            if chance > self._codec_from:
                carried = through_the_codec(message)
                self._counters["net_through_codec"] += 1
            if has_trouble and self._is_stopped(link, carried):
                continue
            if chance < repeat:
                self._counters["net_duplicated"] += 1
                self._send(link, carried)
            self._send(link, carried)

    def _is_stopped(self, link: Link, message: Message) -> bool:
        if link in self._cuts:
            self._counters["net_cut"] += 1
            return True
        if self._random() < self._losses.get(link, 0.0):
            self._counters["net_lost_on_bad_link"] += 1
            return True
        held = self._clogged.get(link)
        if held is not None:
            self._counters["net_clogged"] += 1
            held.append(message)
            return True
        return False

    def _send(self, link: Link, message: Message) -> None:
        delay_ms = int(self._random() * self._delay_max_ms)
        arrives_ms = self._clock.now_ms + delay_ms
        if arrives_ms < self._latest.get(link, 0):
            self._counters["net_reordered"] += 1
        else:
            self._latest[link] = arrives_ms
        self._clock.after(delay_ms, self._deliver, link[1], message)
