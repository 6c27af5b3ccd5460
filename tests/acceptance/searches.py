"""What a search through schedules, mistakes or mutants must have seen before it counts."""

from typing import Any

SCHEDULES = 20_000
DELIVERIES_PER_S_CORE_MIN = 25_000
BIASED_SHARE_MIN = 0.6
PLANTED_MIN = 40
PLANTED_RUNS_MAX = 5_000
MUTANTS_SHARE_MIN = 0.9
# The runs of a search that found nothing bound the chance of what it looks for: p < 3/N.
RULE_OF_THREE = 3


def bound_of(schedules: int) -> float:
    """Return the bound on the chance of a violation per schedule after that many clean ones."""
    return RULE_OF_THREE / schedules


def require_clean(report: dict[str, Any]) -> None:
    """Check the last line of the simulator: everything ran, happened, and violated nothing."""
    assert report["violations"] == 0
    assert report["schedules"] == SCHEDULES
    for name in ("deliveries", "view_changes", "restarts", "byzantine_schedules"):
        assert report[name] > 0, name
    never = [name for name, count in report["counters"].items() if count == 0]
    assert never == []
