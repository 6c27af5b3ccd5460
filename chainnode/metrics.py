"""Counters of a node in the Prometheus text format; read when asked, never pushed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One figure now; `labels` tells figures of one name apart. Names have no `kunlian_`."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str]
    is_counter: bool


def gauge(name: str, help_text: str, value: float, **labels: str) -> Reading:
    """Return a figure that may fall."""
    return Reading(name=name, help=help_text, value=value, labels=labels, is_counter=False)


def counter(name: str, help_text: str, value: float, **labels: str) -> Reading:
    """Return a figure that only rises while the process lives."""
    return Reading(name=name, help=help_text, value=value, labels=labels, is_counter=True)


class NodeMetrics:
    """Renders what `read` says at the moment of the question."""

    def __init__(self, read: Callable[[], Iterator[Reading]]) -> None:
        self._read = read
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self) -> tuple[bytes, str]:
        """Return the text and its media type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        """Group the readings by name (the registry's interface)."""
        families: dict[str, Metric] = {}
        for one in self._read():
            family = families.get(one.name)
            if family is None:
                kind = CounterMetricFamily if one.is_counter else GaugeMetricFamily
                family = kind(f"kunlian_{one.name}", one.help, labels=tuple(one.labels))
                families[one.name] = family
            family.add_metric(tuple(one.labels.values()), one.value)  # type: ignore[attr-defined]  # both kinds have it
        yield from families.values()
