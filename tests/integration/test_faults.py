"""A real cluster under a few faults: nothing acknowledged is lost, all nodes agree."""

import pytest

from devnet.faults.load import Load
from devnet.faults.report import Report
from devnet.faults.run import RunRequest, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NODES = 4
# Its first steps: links cut, a node that nobody hears, one paused, a power cut of all, the primary
# killed, and the primary in a hole from which only its own patience frees its links.
SEED = 88
STEPS = 6


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    load = Load(calls=5, pace_ms=250)
    return run(
        tmp_path_factory.mktemp("faults") / "devnet",
        RunRequest(seed=SEED, seconds=1.0, steps_min=STEPS, suite="intl", load=load),
    )


def test_what_was_acknowledged_under_faults_is_proven_on_every_node(report: Report) -> None:
    assert report.audit.submissions > 0
    assert report.audit.lost == 0
    assert report.audit.receipts_proven == NODES * report.audit.submissions
    assert report.audit.records_proven == NODES * report.audit.submissions


def test_the_chain_goes_on_after_every_healing_and_nobody_ends_or_is_accused(
    report: Report,
) -> None:
    assert len(report.recoveries) == STEPS
    assert any(one.step.is_beyond for one in report.recoveries)
    assert report.audit.headers_compared > 0
    assert report.violations == []


def test_each_node_is_measured(report: Report) -> None:
    assert len(report.usage) == NODES
    assert all(one.rss_max_kib > 0 and one.descriptors_max > 0 for one in report.usage.values())
