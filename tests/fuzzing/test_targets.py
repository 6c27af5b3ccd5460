"""The fuzzers begin behind the first checks, and their canary is where it should be."""

import pytest

from tests.fuzzing import canary
from tests.fuzzing.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_takes_its_own_seeds(target: Target) -> None:
    seeds = list(target.seeds())

    for seed in seeds:
        target.run(seed)

    assert seeds


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_refuses_noise_quietly(target: Target) -> None:
    for noise in (b"", bytes(40), b"\xff" * 40, bytes(range(256))):
        target.run(noise)


def test_the_canary_breaks_for_the_bytes_that_it_was_made_for() -> None:
    with pytest.raises(IndexError):
        canary.run(b"kun\x7f\xff")
