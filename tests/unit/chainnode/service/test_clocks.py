"""Whose clock is wrong."""

import pytest

from chainnode.service.clocks import clocks_off

_MINUTE = 60_000


@pytest.mark.parametrize(
    ("offsets", "off"),
    [
        ({1: 40, 2: -40, 3: 0}, ()),
        ({1: 4 * _MINUTE, 2: 0, 3: -20}, ((1, 4 * _MINUTE),)),
        ({1: 0, 2: 30, 3: -2 * _MINUTE}, ((3, -2 * _MINUTE),)),
        # All others agree that it is ours.
        (dict.fromkeys((1, 2, 3), -3 * _MINUTE), ((0, 3 * _MINUTE),)),
        ({1: None, 2: None, 3: None}, ()),
        ({1: 2**63, 2: 10, 3: 0}, ((1, 2**63),)),
    ],
)
def test_a_clock_far_from_the_median_is_named(
    offsets: dict[int, int | None], off: tuple[tuple[int, int], ...]
) -> None:
    assert clocks_off(offsets, own=0, drift_ms=5_000) == off


def test_a_clock_is_off_only_beyond_the_drift_that_proposals_may_have() -> None:
    at_the_bound = clocks_off({1: 0, 2: 0, 3: 5_000}, own=0, drift_ms=5_000)
    assert at_the_bound == ()
    assert clocks_off({1: 0, 2: 0, 3: 5_001}, own=0, drift_ms=5_000) == ((3, 5_001),)


def test_two_liars_of_seven_do_not_move_the_reference() -> None:
    offsets: dict[int, int | None] = {1: 10, 2: 20, 3: 30, 4: 40, 5: 10**9, 6: 10**9}
    assert [one for one, _ in clocks_off(offsets, own=0, drift_ms=5_000)] == [5, 6]
