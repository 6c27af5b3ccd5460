"""What a run has seen: recoveries, stalls, memory, and the JSON at its end."""

import itertools
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from devnet.faults.audit import Audit
from devnet.faults.cluster import Usage
from devnet.faults.load import Acknowledgement
from devnet.faults.plan import Step

_VIOLATIONS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A step and what followed it. Instants are of the machine's monotonic clock.

    `recovery_s` is from the healing to the first acknowledgement of a block that no node had
    then; None when it did not come while it was waited for.
    """

    step: Step
    victims: tuple[str, ...]
    began_s: float
    healed_at_s: float
    recovery_s: float | None
    in_step_s: float | None

    @property
    def line(self) -> str:
        """One line for people."""
        step = self.step
        kind = "beyond" if step.is_beyond else "within"
        after = [
            "-" if one is None else f"{one:.2f} s" for one in (self.recovery_s, self.in_step_s)
        ]
        return (
            f"{step.number:3} {kind} {step.fault.value:9} {'+'.join(self.victims)}"
            f" {self.healed_at_s - self.began_s:.2f} s; progress after {after[0]},"
            f" all in step after {after[1]}"
        )


@dataclass(slots=True)
class NodeUsage:
    """Memory and descriptors of one node over all its lives."""

    rss_first_kib: int = 0
    rss_last_kib: int = 0
    rss_max_kib: int = 0
    descriptors_last: int = 0
    descriptors_max: int = 0

    def add(self, seen: Usage) -> None:
        """Take one reading."""
        self.rss_first_kib = self.rss_first_kib or seen.rss_kib
        self.rss_last_kib, self.descriptors_last = seen.rss_kib, seen.descriptors
        self.rss_max_kib = max(self.rss_max_kib, seen.rss_kib)
        self.descriptors_max = max(self.descriptors_max, seen.descriptors)


@dataclass(slots=True)
class Report:
    """Grows during a run. `violations` must never be, `late` not on a quiet machine."""

    seed: int
    bound_s: float
    duration_s: float = 0.0
    recoveries: list[Recovery] = field(default_factory=list)
    longest_stall_s: float = 0.0
    longest_stall_within_s: float = 0.0
    not_acknowledged: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    usage: dict[str, NodeUsage] = field(default_factory=dict)
    audit: Audit = field(default_factory=Audit)
    late: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def add_round(
        self,
        recoveries: Sequence[Recovery],
        acknowledged: Sequence[Acknowledgement],
        others: Counter[str],
        *,
        period: tuple[float, float],
    ) -> None:
        """Take the steps of a round, and when what was acknowledged in it."""
        start_s, stop_s = period
        self.duration_s += stop_s - start_s
        self.recoveries += recoveries
        self.not_acknowledged.update(others)
        times = sorted(one.at_s for one in acknowledged)
        self.longest_stall_s = max(self.longest_stall_s, longest_gap(times, start_s, stop_s))
        for begin_s, end_s in within_tolerance(recoveries, period=period):
            gap_s = longest_gap(times, begin_s, end_s)
            self.longest_stall_within_s = max(self.longest_stall_within_s, gap_s)
        for one in recoveries:
            if one.recovery_s is None:
                self.violations.append(f"no progress: {one.line}")
            elif one.recovery_s > self.bound_s:
                self.late.append(f"no progress within {self.bound_s:g} s: {one.line}")

    def add_audit(self, audit: Audit) -> None:
        """Take what an audit found."""
        self.audit.add(audit)
        self.violations += audit.faults

    def add_usage(self, usage: Mapping[str, Usage]) -> None:
        """Take a reading of all nodes."""
        for name, seen in usage.items():
            self.usage.setdefault(name, NodeUsage()).add(seen)

    @property
    def strikes(self) -> int:
        """Kills, pauses and partitions."""
        return sum(one.step.strikes for one in self.recoveries)

    @property
    def records_per_s(self) -> float:
        """Acknowledged records a second, over the time under faults."""
        return self.audit.records / self.duration_s if self.duration_s else 0.0

    @property
    def strikes_per_minute(self) -> float:
        """Kills, pauses and partitions a minute."""
        return self.strikes * 60 / self.duration_s if self.duration_s else 0.0

    def document(self) -> dict[str, object]:
        """Return the JSON object of the last line."""
        faults = Counter(one.step.fault.value for one in self.recoveries)
        return {
            "seed": self.seed,
            "duration_s": round(self.duration_s, 1),
            "faults": dict(sorted(faults.items())),
            "beyond_tolerance": sum(one.step.is_beyond for one in self.recoveries),
            "strikes": self.strikes,
            "strikes_per_minute": round(self.strikes_per_minute, 1),
            "effects": dict(sorted(self.effects.items())),
            "records_acknowledged": self.audit.records,
            "records_per_s": round(self.records_per_s, 1),
            "not_acknowledged": dict(sorted(self.not_acknowledged.items())),
            "longest_stall_s": round(self.longest_stall_s, 2),
            "longest_stall_within_tolerance_s": round(self.longest_stall_within_s, 2),
            "recovery_bound_s": self.bound_s,
            "recovery_s": _spread(self._recoveries_s(is_beyond=True)),
            "recovery_within_tolerance_s": _spread(self._recoveries_s(is_beyond=False)),
            "lost": self.audit.lost,
            "receipts_proven": self.audit.receipts_proven,
            "records_proven": self.audit.records_proven,
            "headers_compared": self.audit.headers_compared,
            "nodes": {name: asdict(one) for name, one in sorted(self.usage.items())},
            "late": self.late[:_VIOLATIONS_SHOWN_MAX],
            "violations": self.violations[:_VIOLATIONS_SHOWN_MAX],
        }

    def _recoveries_s(self, *, is_beyond: bool) -> list[float]:
        return [
            one.recovery_s
            for one in self.recoveries
            if one.step.is_beyond is is_beyond and one.recovery_s is not None
        ]


def longest_gap(times: Sequence[float], start_s: float, stop_s: float) -> float:
    """Return the longest time between two instants within a period, its ends included."""
    inside = [one for one in times if start_s <= one <= stop_s]
    edges = [start_s, *inside, stop_s]
    return max(after - before for before, after in itertools.pairwise(edges))


def within_tolerance(
    recoveries: Sequence[Recovery], *, period: tuple[float, float]
) -> list[tuple[float, float]]:
    """Cut the steps beyond the tolerance out of a period, each up to its recovery."""
    begin_s, stop_s = period
    found = []
    for one in recoveries:
        if one.step.is_beyond:
            found.append((begin_s, one.began_s))
            begin_s = one.healed_at_s + (one.recovery_s or 0.0)
    return [*found, (begin_s, stop_s)]


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"p50": round(statistics.median(values), 2), "max": round(max(values), 2)}
