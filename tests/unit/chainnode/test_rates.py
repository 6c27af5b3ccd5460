"""Buckets that fill with time, and are forgotten when there are too many."""

import pytest

from chainnode.errors import ConfigurationError
from chainnode.rates import Buckets, Rate


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(Rate(per_second=10, burst=5))
    assert buckets.wait_s("a", 5, now_s=1_000.0) == 0
    buckets.take("a", 5, now_s=1_000.0)
    assert buckets.wait_s("a", 1, now_s=1_000.0) == 1
    assert buckets.wait_s("a", 5, now_s=9_000.0) == 0
    buckets.take("a", 5, now_s=9_000.0)
    assert buckets.wait_s("a", 1, now_s=9_000.05) == 1


def test_more_than_a_burst_leaves_a_debt() -> None:
    buckets = Buckets(Rate(per_second=10, burst=5))
    assert buckets.wait_s("a", 25, now_s=0.0) == 0
    buckets.take("a", 25, now_s=0.0)
    assert buckets.wait_s("a", 5, now_s=0.0) == 3


def test_a_refusal_is_charged_down_to_a_debt_of_one_burst() -> None:
    buckets = Buckets(Rate(per_second=1, burst=5))
    buckets.charge("a", 100, now_s=0.0)
    assert buckets.level("a", now_s=0.0) == -5
    buckets.take("b", 20, now_s=0.0)
    buckets.charge("b", 1, now_s=0.0)
    assert buckets.level("b", now_s=0.0) == -15


def test_askers_have_buckets_of_their_own() -> None:
    buckets = Buckets(Rate(per_second=1, burst=1))
    buckets.take("a", 1, now_s=0.0)
    assert buckets.wait_s("b", 1, now_s=0.0) == 0


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1)])
def test_a_rate_that_is_none_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ConfigurationError):
        Rate(per_second=per_second, burst=burst)


def test_of_too_many_names_the_longest_unused_is_forgotten() -> None:
    buckets = Buckets(Rate(per_second=1, burst=1), names_max=2)
    for name in ("a", "b", "a", "c"):
        buckets.charge(name, 1, now_s=0.0)
    assert len(buckets) == 2
    assert [buckets.level(name, now_s=0.0) for name in "abc"] == [-1, 1, 0]
