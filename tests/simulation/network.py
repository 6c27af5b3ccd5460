"""The simulated network: drops, delays, duplicates, reorders, and parts the group.

Every link is a fault of its own kind; a healed network is reliable and quick. One message in
a hundred travels as plain tuples, through the codec.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from consensus.codec import message_from_plain, message_to_plain
from consensus.messages import Message
from tests.simulation.clock import Clock
from tests.simulation.stubs import open_batch

_CODEC_SHARE = 0.01
_HEALED_DELAY_MS = 5


@dataclass(slots=True)
class Weather:
    """How bad the links are."""

    drop: float
    duplicate: float
    delay_max_ms: int


class Network:
    """Carries messages between nodes, named by their index in the cluster."""

    def __init__(self, *, clock: Clock, random: Random, weather: Weather) -> None:
        self.weather = weather
        self.blocked: set[tuple[int, int]] = set()
        self.sent = 0
        self.dropped = 0
        self._clock = clock
        self._random = random

    def heal(self) -> None:
        self.weather = Weather(drop=0.0, duplicate=0.0, delay_max_ms=_HEALED_DELAY_MS)
        self.blocked.clear()

    def is_open(self, sender: int, receiver: int) -> bool:
        return (sender, receiver) not in self.blocked

    def carry(
        self, sender: int, receiver: int, message: Message, deliver: Callable[[Message], None]
    ) -> None:
        self.sent += 1
        weather = self.weather
        chance = self._random.random()
        if (sender, receiver) in self.blocked or chance < weather.drop:
            self.dropped += 1
            return
        if chance > 1 - _CODEC_SHARE:
            message = message_from_plain(message_to_plain(message), open_batch=open_batch)
        copies = 2 if self._random.random() < weather.duplicate else 1
        for _ in range(copies):
            delay_ms = int(self._random.random() * weather.delay_max_ms)
            self._clock.after(delay_ms, lambda: deliver(message))
