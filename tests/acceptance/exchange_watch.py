"""What a watcher sees of gaps without asking: `/metrics` and `/v1/stream` of every node."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from chainnode.client import ChainEvent
from chainnode.verify.evidence import RecordFacts
from tests.acceptance.exchange_site import Exchange
from tests.acceptance.waiting import until

_READ_S = 10.0
# Deadline, idle block, and the index behind them.
_QUIET_S = 60.0
GAP_EVENTS = ("unmatched", "matched", "mismatched")


@dataclass(slots=True)
class NodeWatch:
    """One node's stream, followed from now on in a thread of its own."""

    exchange: Exchange
    api: str
    events: list[ChainEvent] = field(default_factory=list)
    ends: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Collect events until told to end; an idle chain has a block every few seconds."""
        with self.exchange.job.client(self.api) as client:
            for event in client.follow():
                self.events.append(event)
                if self.ends.is_set():
                    return

    def gaps(self, call_id: bytes) -> list[ChainEvent]:
        """Return what the ledger itself said of a call, in order."""
        told = [one for one in tuple(self.events) if one.name in GAP_EVENTS]
        return [one for one in told if one.data["call_id"] == call_id.hex()]

    def only_gap(self, call_id: bytes) -> ChainEvent:
        """Return the one thing that the ledger said of a call."""
        (event,) = self.gaps(call_id)
        return event

    def proven(self, event: ChainEvent) -> RecordFacts:
        """Fetch the proof of an event from the same node, and check it."""
        with self.exchange.job.client(self.api) as client:
            return client.proven(event)

    def figures(self) -> Mapping[str, float]:
        """Read the figures of the exchange on this node."""
        return figures_of(self.api)

    def figure(self, name: str, **labels: str) -> float:
        """Return one figure; what was never counted is 0."""
        inner = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
        return self.figures().get(f"{name}{{{inner}}}", 0.0)

    @property
    def height(self) -> int:
        """The newest block that was told."""
        return self.events[-1].height if self.events else 0


@contextmanager
def watching(exchange: Exchange) -> Iterator[list[NodeWatch]]:
    """Follow every node, beginning when nothing waits for its deadline."""
    apis = exchange.kun.apis
    until(
        lambda: all(figures_of(one)["deadlines_pending"] == 0 for one in apis),
        timeout_s=_QUIET_S,
        what="no call that waits for its deadline",
    )
    nodes = [NodeWatch(exchange, api) for api in apis]
    threads = [threading.Thread(target=one.follow, daemon=True) for one in nodes]
    for one in threads:
        one.start()
    try:
        until(lambda: all(one.height for one in nodes), timeout_s=_READ_S, what="a first block")
        yield nodes
    finally:
        for node in nodes:
            node.ends.set()
        for one in threads:
            one.join(_READ_S)


def figures_of(api: str) -> dict[str, float]:
    """Return the figures of the exchange by name and labels."""
    answer = httpx.get(f"{api}/metrics", timeout=_READ_S, trust_env=False)
    assert answer.status_code == httpx.codes.OK, answer.text
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    prefix = "kunlian_exchange_"
    return {
        name.removeprefix(prefix): float(value)
        for name, _, value in lines
        if name.startswith(prefix)
    }
