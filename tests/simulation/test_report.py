"""What a long run says at its end, how it replays and shrinks what failed."""

import json
import subprocess
import sys
from dataclasses import replace
from types import MappingProxyType

import pytest

from tests.simulation.byzantine import Vice
from tests.simulation.cluster import Outcome
from tests.simulation.options import changed_options, options_of, with_changes
from tests.simulation.report import COMPLETE_FROM, Report, expected_counters
from tests.simulation.shares import run_seeds
from tests.simulation.shrink import shrink


def _full_report(schedules: int = COMPLETE_FROM) -> Report:
    report = Report(schedules=schedules)
    report.counters.update(dict.fromkeys(expected_counters(), 1))
    return report


def test_fault_that_never_happened_is_named() -> None:
    report = _full_report()
    assert report.missing() == ()

    report.counters["bridges"] = 0

    assert report.missing() == ("bridges = 0",)


def test_few_schedules_need_not_be_complete() -> None:
    assert Report(schedules=COMPLETE_FROM - 1).missing() == ()


def test_directed_runs_that_do_not_get_through_are_named() -> None:
    report = _full_report()
    report.counters.update({"biased_schedules": 99})

    assert report.missing() == ("biased_share = 0.010 < 0.6",)


def test_counters_of_outcomes_add_up() -> None:
    report = Report()
    options = options_of(1)
    for _ in range(2):
        outcome = Outcome(seed=1, deliveries=5)
        outcome.counters["restarts"] = 3
        report.add(outcome, options)
    total = Report()
    total.merge(report)

    assert total.summary()["deliveries"] == 10
    assert total.summary()["restarts"] == 6
    assert total.summary()["violations"] == 0


@pytest.mark.parametrize("seed", range(30))
def test_changed_options_replay_the_same_run(seed: int) -> None:
    options = replace(
        options_of(seed), drop=0.125, vices=MappingProxyType({1: Vice.LIAR}), fragile=(2,)
    )

    assert with_changes(options_of(seed), changed_options(seed, options)) == options
    assert changed_options(seed, options_of(seed)) == "{}"


@pytest.mark.parametrize("text", ["[]", '{"unheard_of": 1}'])
def test_unknown_options_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a JSON object"):
        with_changes(options_of(0), text)


def test_shrinking_leaves_only_what_the_failure_needs() -> None:
    options = replace(
        options_of(3),
        size=7,
        vices=MappingProxyType({0: Vice.LIAR, 1: Vice.SILENT}),
        crashes=5,
        splits=2,
        skew_max_ms=400,
    )

    smallest = shrink(options, fails=lambda one: one.crashes > 1 and 0 in one.vices)

    assert (smallest.crashes, dict(smallest.vices)) == (2, {0: Vice.LIAR})
    assert (smallest.size, smallest.splits, smallest.skew_max_ms, smallest.drop) == (4, 0, 0, 0)
    assert smallest.requests == 1


def test_shares_of_several_processes_sum_up_to_those_of_one() -> None:
    def total(jobs: int) -> Report:
        report = Report()
        for share in run_seeds(40, 60, jobs=jobs, changes="{}"):
            report.merge(share.report)
        return replace(report, spent_s=0.0)

    assert total(2) == total(1)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_a_summary_as_its_last_line() -> None:
    done = _command("--seeds", "3", "--first", "7")

    summary = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == 0
    assert summary["schedules"] == 3
    assert summary["violations"] == 0
    assert summary["deliveries"] > 0


def test_the_command_replays_and_shrinks_what_fails() -> None:
    twins = '{"size": 4, "vices": {"0": "twins", "1": "twins"}, "twins_split": 1.0}'
    done = _command("--seeds", "40", "--options", twins, "--jobs", "1")
    lines = done.stdout.splitlines()

    assert done.returncode == 1
    assert any(line.startswith("VIOLATION agreement") for line in lines)
    replay = next(line for line in lines if line.startswith("make sim SEED="))
    seed = replay.split()[2].removeprefix("SEED=")
    changes = replay.partition("OPTIONS=")[2].strip("'")
    again = _command("--seeds", "1", "--first", seed, "--options", changes, "--no-shrink")
    assert again.returncode == 1
    assert any(line.startswith("smaller: make sim SEED=") for line in lines)
