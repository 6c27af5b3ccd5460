"""The figures of a run: recoveries, stalls within the tolerance, what is late, what must not be."""

import json
from collections import Counter
from itertools import islice

import pytest

from consensus.types import Epoch, Membership
from devnet.faults.audit import Audit
from devnet.faults.cluster import Usage
from devnet.faults.load import Acknowledgement
from devnet.faults.plan import Step, steps
from devnet.faults.report import Recovery, Report, longest_gap, within_tolerance

PLAN = list(islice(steps(1, Membership(epoch=Epoch(0), size=4)), 30))
WITHIN = next(one for one in PLAN if not one.is_beyond)
BEYOND = next(one for one in PLAN if one.is_beyond)


def recovery(step: Step, *, began_s: float, recovery_s: float | None = 1.0) -> Recovery:
    return Recovery(
        step=step,
        victims=("police",),
        began_s=began_s,
        healed_at_s=began_s + 2,
        recovery_s=recovery_s,
        in_step_s=None,
    )


def acknowledged(*times: float) -> list[Acknowledgement]:
    return [Acknowledgement(at_s=one, height=1, records=10) for one in times]


def test_the_longest_gap_counts_both_ends_of_the_period_and_nothing_outside() -> None:
    assert longest_gap([0.0, 11.0, 12.0, 30.0], 10.0, 20.0) == 8.0
    assert longest_gap([], 10.0, 20.0) == 10.0
    assert longest_gap([14.0, 15.0], 10.0, 16.0) == 4.0


def test_steps_beyond_the_tolerance_are_cut_out_up_to_their_recovery() -> None:
    found = within_tolerance(
        [recovery(WITHIN, began_s=1), recovery(BEYOND, began_s=5), recovery(WITHIN, began_s=9)],
        period=(0.0, 20.0),
    )
    assert found == [(0.0, 5), (8.0, 20.0)]


def test_a_stall_beyond_the_tolerance_is_none_within_it() -> None:
    report = Report(seed=1, bound_s=5.0)
    report.add_round(
        [recovery(BEYOND, began_s=2)],
        acknowledged(0.5, 1.0, 1.5, 5.0, 5.5),
        Counter(),
        period=(0.0, 6.0),
    )
    assert report.longest_stall_s == 3.5
    assert report.longest_stall_within_s == 0.5


@pytest.mark.parametrize(
    ("recovery_s", "late", "violations"), [(5.0, 0, 0), (5.1, 1, 0), (None, 0, 1)]
)
def test_late_progress_is_late_and_none_at_all_must_not_be(
    recovery_s: float | None, late: int, violations: int
) -> None:
    report = Report(seed=1, bound_s=5.0)
    report.add_round(
        [recovery(WITHIN, began_s=2, recovery_s=recovery_s)],
        acknowledged(1.0),
        Counter(),
        period=(0.0, 6.0),
    )
    assert (len(report.late), len(report.violations)) == (late, violations)


def test_what_an_audit_finds_must_not_be() -> None:
    report = Report(seed=1, bound_s=5.0)
    report.add_audit(Audit(submissions=3, lost=1, faults=["a node does not prove it"]))
    assert report.violations == ["a node does not prove it"]
    assert report.document()["lost"] == 1


def test_usage_keeps_the_first_the_last_and_the_greatest_reading() -> None:
    report = Report(seed=1, bound_s=5.0)
    for rss_kib, descriptors in ((100, 5), (300, 9), (200, 7)):
        report.add_usage({"police": Usage(rss_kib=rss_kib, descriptors=descriptors)})
    seen = report.usage["police"]
    assert (seen.rss_first_kib, seen.rss_last_kib, seen.rss_max_kib) == (100, 200, 300)
    assert (seen.descriptors_last, seen.descriptors_max) == (7, 9)


def test_the_document_is_one_line_of_json_with_rates_over_the_time_under_faults() -> None:
    report = Report(seed=1, bound_s=5.0)
    report.add_round(
        [recovery(WITHIN, began_s=2), recovery(BEYOND, began_s=20)],
        acknowledged(1.0),
        Counter({"Unknown": 2}),
        period=(0.0, 30.0),
    )
    report.add_audit(Audit(submissions=60, records=6000))
    document = json.loads(json.dumps(report.document()))
    assert document["duration_s"] == 30.0
    assert document["records_per_s"] == 200.0
    assert document["strikes"] == WITHIN.strikes + BEYOND.strikes
    assert document["strikes_per_minute"] == 2 * document["strikes"]
    assert document["recovery_s"] == {"p50": 1.0, "max": 1.0}
    assert document["not_acknowledged"] == {"Unknown": 2}
