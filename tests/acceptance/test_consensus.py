"""What consensus must show; `make accept NAME=consensus` prints the figures."""

import json
import sys
from pathlib import Path

import pytest

from devnet.faults.plan import Fault
from devnet.faults.report import Report
from tests.acceptance.faults import broken_for_a_minute
from tests.acceptance.searches import (
    BIASED_SHARE_MIN,
    DELIVERIES_PER_S_CORE_MIN,
    MUTANTS_SHARE_MIN,
    PLANTED_MIN,
    PLANTED_RUNS_MAX,
    SCHEDULES,
    bound_of,
    require_clean,
)
from tests.acceptance.targets import last_line_of, output_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RECORDS_PER_SECOND_MIN = 200
STRIKES_PER_MINUTE_MIN = 20
NODES = 4
# Ten times what a node of the devnet holds at rest would be a leak within a minute.
RSS_KIB_MAX = 512 * 1024
DESCRIPTORS_MAX = 256


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A real cluster, a minute under load and faults, then audited."""
    return broken_for_a_minute(tmp_path_factory.mktemp("faults") / "devnet")


def test_a_real_cluster_writes_on_while_it_is_broken_twenty_times_a_minute(report: Report) -> None:
    assert report.records_per_s >= RECORDS_PER_SECOND_MIN
    assert report.strikes_per_minute >= STRIKES_PER_MINUTE_MIN


def test_the_faults_really_changed_the_traffic(report: Report) -> None:
    kinds = {one.step.fault for one in report.recoveries}
    assert {Fault.KILL, Fault.PAUSE, Fault.CUT} <= kinds
    assert any(one.step.is_beyond for one in report.recoveries)
    assert report.effects["reset"] > 0
    assert report.effects["swallowed_bytes"] > 0


def test_every_acknowledged_record_is_proven_on_all_four_nodes(report: Report) -> None:
    """A receipt proves all records of its submission; one of them is also fetched by itself."""
    assert report.audit.lost == 0
    assert report.audit.records > 0
    assert report.audit.receipts_proven == NODES * report.audit.submissions
    assert report.audit.records_proven == NODES * report.audit.submissions


def test_every_healing_is_followed_by_progress_within_the_bound(report: Report) -> None:
    assert report.bound_s == 5.0
    assert report.recoveries
    assert report.late == []


def test_nodes_hold_one_chain_none_ended_by_itself_and_none_is_accused(report: Report) -> None:
    assert report.audit.headers_compared > 0
    assert report.violations == []


def test_memory_and_descriptors_stay_bounded(report: Report) -> None:
    assert len(report.usage) == NODES
    for usage in report.usage.values():
        assert 0 < usage.rss_max_kib < RSS_KIB_MAX
        assert 0 < usage.descriptors_max < DESCRIPTORS_MAX


def test_twenty_thousand_schedules_violate_nothing_and_every_fault_happened() -> None:
    report = last_line_of("sim", f"SEEDS={SCHEDULES}", timeout_s=1_200)
    require_clean(report)
    assert report["biased_share"] >= BIASED_SHARE_MIN
    assert report["deliveries_per_s_core"] >= DELIVERIES_PER_S_CORE_MIN
    print(f"· a violation has a chance below {bound_of(SCHEDULES):.5f} per schedule")  # noqa: T201 - a figure of the closing note


def test_every_planted_mistake_is_killed_by_the_general_oracles() -> None:
    report = last_line_of("sim-planted", timeout_s=1_200)
    assert report["planted"] >= PLANTED_MIN
    assert report["killed"] == report["planted"] == len(report["runs"])
    assert max(report["runs"].values()) <= PLANTED_RUNS_MAX


def test_the_bounded_search_visits_every_state_and_finds_no_violation() -> None:
    report = last_line_of("sim-exhaustive", timeout_s=900)
    assert report["violations"] == 0
    assert report["states"] > 0


def test_mutants_of_quorums_certificates_and_new_views_are_killed() -> None:
    report = last_line_of("mutants", timeout_s=1_800)
    assert report["share"] >= MUTANTS_SHARE_MIN
    assert report["mutants"] > 0


_TRACES = """
from tests.simulation.cluster import run_seed
for seed in range(100):
    print(seed, run_seed(seed).trace)
"""


def test_one_seed_has_one_trace_under_every_hash_seed() -> None:
    traces = {
        tuple(output_of(sys.executable, "-c", _TRACES, timeout_s=300, PYTHONHASHSEED=hash_seed))
        for hash_seed in ("0", "1", "2")
    }
    (trace,) = traces
    assert len(trace) == 100


def test_the_core_is_covered_to_the_last_branch_and_fits_on_a_desk(tmp_path: Path) -> None:
    shown = tmp_path / "coverage.json"
    folders = ("tests/unit/consensus", "tests/paper", "tests/scenarios", "tests/property/consensus")
    output_of(
        *(sys.executable, "-m", "pytest", "-q", *folders),
        *("--cov=consensus", "--cov-branch", f"--cov-report=json:{shown}"),
        timeout_s=600,
    )
    totals = json.loads(shown.read_text("utf-8"))["totals"]
    print(f"· coverage of consensus/: {totals['percent_covered']} %")  # noqa: T201 - a figure of the closing note
    assert totals["missing_lines"] == totals["missing_branches"] == 0
