"""Planted mistakes: `make sim-planted` hunts them all, some of every sort are hunted here."""

import json
import subprocess
import sys

import pytest

from tests.simulation.hunt import hunt
from tests.simulation.planted import ALL, Planted, planted

# Each found within a few runs, by another oracle.
QUICK = (
    "quorum 2f+1 where n is not 3f+1",
    "commit with f+1",
    "execute with gaps",
    "view change ignores P",
    "lead a view with f+1 wishes",
    "persist nothing",
    "stable with f+1",
    "VIEW-CHANGE is sent once",
)


def test_at_least_forty_mistakes_are_planted_and_none_twice() -> None:
    names = [one.name for one in ALL]

    assert len(names) >= 40
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("bug", [one for one in ALL if one.name in QUICK], ids=lambda one: one.name)
def test_a_planted_mistake_is_found(bug: Planted) -> None:
    assert hunt(bug, seeds=600) is not None, f"survived: {bug.name}"


@pytest.mark.parametrize("bug", ALL, ids=lambda one: one.name)
def test_a_planted_mistake_replaces_what_is_there_and_leaves_no_trace(bug: Planted) -> None:
    before = [vars(owner)[name] for owner, name, _ in bug.patches]

    with planted(bug):
        during = [vars(owner)[name] for owner, name, _ in bug.patches]

    assert all(one is not other for one, other in zip(before, during, strict=True))
    assert [vars(owner)[name] for owner, name, _ in bug.patches] == before


def test_the_hunt_prints_a_summary_as_its_last_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.hunt", "--name", "persist nothing"],
        capture_output=True,
        text=True,
        check=True,
    )

    summary = json.loads(done.stdout.splitlines()[-1])

    assert summary["planted"] == summary["killed"] == 1
    assert summary["runs"]["persist nothing"] >= 1


def test_a_hunt_that_finds_nothing_fails() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.simulation.hunt",
            "--name",
            "the lowest view",
            "--seeds",
            "1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["survivors"] == [
        "the lowest view wins in NEW-VIEW"
    ]
