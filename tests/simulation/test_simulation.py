"""The main test of the core: many seeded schedules, general oracles."""

import os
import subprocess
import sys

import pytest

from tests.simulation.cluster import options_of, run_seed
from tests.simulation.report import BIASED_SHARE_MIN

FAST_SEEDS = 200
SLOW_SEEDS = 3_000


def _assert_clean(first: int, count: int) -> None:
    for seed in range(first, first + count):
        outcome = run_seed(seed)
        assert outcome.violation is None, f"{outcome.violation}\nmake sim SEED={seed}"


@pytest.mark.parametrize("part", range(4))
def test_no_oracle_speaks_in_the_default_schedules(part: int) -> None:
    share = FAST_SEEDS // 4
    _assert_clean(part * share, share)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(6))
def test_no_oracle_speaks_in_many_more_schedules(part: int) -> None:
    share = SLOW_SEEDS // 6
    _assert_clean(10_000 + part * share, share)


# Each of these broke the core once.
@pytest.mark.parametrize(
    "seed",
    [
        0,
    ],
)
def test_no_oracle_speaks_in_schedules_that_once_failed(seed: int) -> None:
    _assert_clean(seed, 1)


def test_the_default_schedules_really_contain_the_faults() -> None:
    outcomes = [run_seed(seed) for seed in range(60)]

    for counter in ("crashes", "restarts", "splits", "power_cuts", "rotations"):
        assert sum(one.counters[counter] for one in outcomes) > 0, counter
    for counter in ("view_changes", "equivocations", "batches_fetched", "state_transfers"):
        assert sum(one.counters[counter] for one in outcomes) > 0, counter


def test_directed_runs_carry_prepared_slots_through_two_view_changes() -> None:
    directed = [seed for seed in range(400) if options_of(seed).biased][:25]

    carried = sum(run_seed(seed).counters["biased_carried_twice"] for seed in directed)

    assert carried >= BIASED_SHARE_MIN * len(directed)


def test_the_same_seed_gives_the_same_trace() -> None:
    assert run_seed(5).trace == run_seed(5).trace
    assert run_seed(5).trace != run_seed(6).trace


def _run_under(hash_seed: str, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109 (a string is needed)
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_trace_does_not_depend_on_the_hash_seed(hash_seed: str) -> None:
    program = (
        "from tests.simulation.cluster import run_seed\n"
        "print([run_seed(seed).trace for seed in range(20)])"
    )

    assert _run_under(hash_seed, program) == _run_under("0", program)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_no_byte_of_a_message_depends_on_the_hash_seed(hash_seed: str) -> None:
    program = (
        "from dataclasses import replace\n"
        "from tests.simulation import travel\n"
        "from tests.simulation.cluster import options_of, run_seed\n"
        "sent, encode = [], travel.encode_message\n"
        "travel.encode_message = lambda one: sent.append(encode(one)) or sent[-1]\n"
        "for seed in range(6):\n"
        "    run_seed(seed, options=replace(options_of(seed), codec_share=1.1))\n"
        "print(len(sent), b''.join(sent).hex())"
    )

    assert _run_under(hash_seed, program) == _run_under("0", program)
