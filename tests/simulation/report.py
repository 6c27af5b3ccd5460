"""What many runs showed together, as one line of JSON, and what is missing in it."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation import bias, byzantine, clock, crash, disk, faults, network
from tests.simulation.cluster import Outcome
from tests.simulation.options import Options

# From so many runs on every kind of fault must have happened.
COMPLETE_FROM = 2_000
BIASED_SHARE_MIN = 0.6
_NAMED = ("view_changes", "restarts", "byzantine_schedules")


def expected_counters() -> tuple[str, ...]:
    """Name everything that a large number of runs must have met at least once."""
    modules = (bias, byzantine, clock, crash, disk, faults, network)
    return tuple(name for module in modules for name in module.COUNTERS)


@dataclass(slots=True)
class Report:
    """Sums of outcomes; the order in which they are added does not matter."""

    schedules: int = 0
    deliveries: int = 0
    spent_s: float = 0.0
    violations: int = 0
    counters: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome, options: Options) -> None:
        self.schedules += 1
        self.deliveries += outcome.deliveries
        self.violations += outcome.violation is not None
        self.counters.update(outcome.counters)
        self.counters["byzantine_schedules"] += bool(options.vices)
        self.counters[f"group_of_{options.size}"] += 1
        for vice in options.vices.values():
            self.counters[f"vice_{vice.value}"] += 1

    def merge(self, other: "Report") -> None:
        self.schedules += other.schedules
        self.deliveries += other.deliveries
        self.spent_s += other.spent_s
        self.violations += other.violations
        self.counters.update(other.counters)

    @property
    def biased_share(self) -> float:
        """Share of the directed runs that carried a prepared slot through two view changes."""
        return self.counters["biased_carried_twice"] / max(1, self.counters["biased_schedules"])

    def missing(self) -> tuple[str, ...]:
        """Name what should have happened in so many runs and did not."""
        if self.schedules < COMPLETE_FROM:
            return ()
        absent = [f"{one} = 0" for one in expected_counters() if not self.counters[one]]
        if self.biased_share < BIASED_SHARE_MIN:
            absent.append(f"biased_share = {self.biased_share:.3f} < {BIASED_SHARE_MIN}")
        return tuple(absent)

    def summary(self) -> dict[str, object]:
        """Return what the last line of a run says."""
        rest = {name: self.counters[name] for name in sorted(self.counters) if name not in _NAMED}
        return {
            "schedules": self.schedules,
            "deliveries": self.deliveries,
            "deliveries_per_s_core": round(self.deliveries / max(self.spent_s, 1e-9)),
            "view_changes": self.counters["view_changes"],
            "restarts": self.counters["restarts"],
            "byzantine_schedules": self.counters["byzantine_schedules"],
            "biased_schedules": self.counters["biased_schedules"],
            "biased_share": round(self.biased_share, 3),
            "violations": self.violations,
            "counters": rest,
        }
