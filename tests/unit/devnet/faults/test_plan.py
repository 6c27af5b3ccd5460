"""The schedule of faults: repeatable, complete, and never more faulty than it says."""

from itertools import islice

import pytest

from consensus.types import Epoch, Membership
from devnet.faults.plan import Fault, Step, steps

SEEDS = range(20)


def plan(seed: int, *, count: int = 60, size: int = 4) -> list[Step]:
    return list(islice(steps(seed, Membership(epoch=Epoch(0), size=size)), count))


def test_a_seed_repeats_its_plan_and_another_one_makes_another() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


@pytest.mark.parametrize("size", [4, 5, 7])
def test_within_the_tolerance_never_more_than_max_faulty_are_hit(size: int) -> None:
    max_faulty = (size - 1) // 3
    for seed in SEEDS:
        for step in plan(seed, size=size):
            assert len(set(step.victims)) == len(step.victims)
            assert set(step.victims) <= set(range(size))
            assert (len(step.victims) > max_faulty) is step.is_beyond


def test_every_kind_of_fault_comes_before_any_comes_twice() -> None:
    for seed in SEEDS:
        within = [step.fault for step in plan(seed) if not step.is_beyond]
        assert set(within[: len(Fault)]) == set(Fault)
        beyond = [step for step in plan(seed) if step.is_beyond][:10]
        assert {len(one.victims) for one in beyond} == {2, 4}
        assert len({(one.fault, len(one.victims)) for one in beyond}) == 10


def test_the_primary_is_hit_more_often_than_the_last_of_its_successors() -> None:
    hit = [step.victims for seed in SEEDS for step in plan(seed) if not step.is_beyond]
    assert hit.count((0,)) > hit.count((3,)) > 0


@pytest.mark.parametrize(
    ("fault", "strikes"),
    [(Fault.KILL, 2), (Fault.STORM, 4), (Fault.PAUSE, 2), (Fault.CUT, 1), (Fault.DELAY, 0)],
)
def test_kills_and_pauses_count_for_each_victim_and_a_partition_once(
    fault: Fault, strikes: int
) -> None:
    step = Step(
        number=0,
        fault=fault,
        victims=(0, 1),
        is_beyond=True,
        calm_s=0,
        duration_s=0,
        delay_s=0,
        bytes_per_s=0,
        resets_lossy=True,
    )
    assert step.strikes == strikes
