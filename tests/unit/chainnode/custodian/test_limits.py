"""Buckets that fill with time, and a memory of nonces that is bounded."""

import pytest

from chainnode.custodian import limits
from chainnode.custodian.limits import AsksSeen, Buckets, Rate
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.errors import ConfigurationError


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


def test_nonces_are_forgotten_when_their_ask_can_no_longer_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "_ASKS_MAX", 2)
    seen = AsksSeen(window_ms=10)
    seen.admit(b"k", b"1", at_ms=0, now_ms=0)
    seen.admit(b"k", b"2", at_ms=5, now_ms=5)
    with pytest.raises(AskRefused) as caught:
        seen.admit(b"k", b"3", at_ms=20, now_ms=20)
    assert caught.value.code is AskCode.BUSY
    seen.admit(b"k", b"3", at_ms=21, now_ms=21)
    with pytest.raises(AskRefused) as caught:
        seen.admit(b"k", b"1", at_ms=0, now_ms=0)
    assert caught.value.code is AskCode.CLOCK
