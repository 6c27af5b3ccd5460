"""Collects the effects of one step and puts them into the order in which they must happen."""

from consensus.effects import Broadcast, Effect, Persist, Record, Send, StartTimer, StopTimer, Timer
from consensus.messages import Message
from consensus.types import ReplicaId


class Outbox:
    """One `Persist` for all records of a step comes first: nothing leaves before it is durable.

    One write and one sync a step (checklist G1). Also knows which timers run: only the newest
    generation of a timer that was not stopped may act.
    """

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._effects: list[Effect] = []
        self._generations: dict[Timer, int] = {}
        self._running: dict[Timer, bool] = {}

    def persist(self, *records: Record) -> None:
        """Make `records` durable before any effect of this step."""
        self._records.extend(records)

    def emit(self, effect: Effect) -> None:
        """Add an effect after those of this step so far."""
        self._effects.append(effect)

    def broadcast(self, message: Message) -> None:
        """Send to all other replicas."""
        self._effects.append(Broadcast(message=message))

    def send(self, to: ReplicaId, message: Message) -> None:
        """Send to one replica."""
        self._effects.append(Send(to=to, message=message))

    def start_timer(self, timer: Timer, duration_ms: int) -> None:
        """Start or replace a timer."""
        generation = self._generations.get(timer, 0) + 1
        self._generations[timer] = generation
        self._running[timer] = True
        self.emit(StartTimer(timer=timer, generation=generation, duration_ms=duration_ms))

    def stop_timer(self, timer: Timer) -> None:
        """Stop a timer if it runs."""
        if self.is_running(timer):
            self._running[timer] = False
            self.emit(StopTimer(timer=timer))

    def is_running(self, timer: Timer) -> bool:
        """Tell whether the timer was started and neither stopped nor expired."""
        return self._running.get(timer, False)

    def consume_expiry(self, timer: Timer, generation: int) -> bool:
        """Tell whether an expiry is current; it is so once."""
        if not self.is_running(timer) or self._generations[timer] != generation:
            return False
        self._running[timer] = False
        return True

    def drain(self) -> tuple[Effect, ...]:
        """Return the effects of the step, in order, and start the next one empty."""
        persist = (Persist(records=tuple(self._records)),) if self._records else ()
        effects = (*persist, *self._effects)
        self._records, self._effects = [], []
        return effects
