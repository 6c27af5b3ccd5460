"""What consensus must show; `make accept NAME=consensus` prints the figures."""

import pytest

from devnet.faults.plan import Fault
from devnet.faults.report import Report
from tests.acceptance.faults import broken_for_a_minute

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
    assert report.audit.lost == 0
    assert report.audit.records > 0
    assert report.audit.receipts_proven == NODES * report.audit.submissions
    assert report.audit.records_proven == NODES * report.audit.records


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
