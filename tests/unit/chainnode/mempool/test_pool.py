"""The pool is bounded, knows each submission once, and gives every key its turn."""

import pytest

from chainnode.errors import ConfigurationError
from chainnode.mempool import Mempool, PoolLimits, PoolRefusal, PoolRefusalCode
from tests.unit.chainnode.mempool.waiting import digests, waiting

PLENTY = 10**9


def pool_with(*names: str, limits: PoolLimits | None = None) -> Mempool:
    pool = Mempool(limits or PoolLimits())
    for name in names:
        assert pool.add(waiting(name))
    return pool


def names_taken(pool: Mempool, bytes_max: int = PLENTY, overhead_bytes: int = 0) -> list[str]:
    taken = pool.take(bytes_max=bytes_max, overhead_bytes=overhead_bytes)
    return [one.digest.decode() for one in taken]


def test_a_batch_takes_turns_over_keys_and_first_come_first_served_within_one() -> None:
    pool = pool_with("a1", "a2", "a3", "b1", "c1", "c2")
    assert names_taken(pool) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_the_next_batch_goes_on_with_the_key_whose_turn_it_is() -> None:
    pool = pool_with("a1", "a2", "a3", "b1", "b2", "c1")
    assert names_taken(pool, 200) == ["a1", "b1"]
    assert names_taken(pool, 200) == ["c1", "a2"]
    assert names_taken(pool, 200) == ["b2", "a3"]
    assert not pool.has_unsealed


def test_one_key_with_thousands_does_not_delay_the_one_of_another() -> None:
    pool = pool_with(*(f"a{number:04}" for number in range(2_000)), "b1")
    assert "b1" in names_taken(pool, 500)


def test_a_large_one_that_does_not_fit_any_more_is_first_in_the_next_batch() -> None:
    pool = pool_with("a1", "c1")
    pool.add(waiting("b1", size=900))
    pool.add(waiting("b2"))
    pool.add(waiting("d1"))
    # Nothing of its key overtakes it, others may.
    assert names_taken(pool, 1_000) == ["a1", "c1", "d1"]
    pool.add(waiting("a2"))
    assert names_taken(pool, 1_000) == ["b1", "a2"]
    assert names_taken(pool, 1_000) == ["b2"]


def test_a_batch_is_filled_to_its_last_byte_and_not_beyond() -> None:
    pool = pool_with("a1", "b1", "c1")
    assert names_taken(pool, 314, overhead_bytes=5) == ["a1", "b1"]
    pool.unseal_all()
    assert names_taken(pool, 315, overhead_bytes=5) == ["c1", "a1", "b1"]


def test_what_was_taken_is_not_offered_again_until_the_view_changes() -> None:
    pool = pool_with("a1", "a2", "b1")
    assert names_taken(pool, 100) == ["a1"]
    assert names_taken(pool) == ["b1", "a2"]
    assert names_taken(pool) == []
    pool.unseal_all()
    pool.unseal_all()
    assert names_taken(pool) == ["a1", "b1", "a2"]


def test_unsealed_ones_stand_before_later_ones_of_their_key() -> None:
    pool = pool_with("a1", "a2")
    names_taken(pool)
    pool.add(waiting("a3"))
    pool.unseal_all()
    assert names_taken(pool) == ["a1", "a2", "a3"]


def test_the_same_submission_waits_once() -> None:
    pool = pool_with("a1")
    assert not pool.add(waiting("a1"))
    names_taken(pool)
    assert not pool.add(waiting("a1"))
    assert (len(pool), pool.bytes_held, pool.has_unsealed) == (1, 100, False)


def test_an_executed_one_is_watched_until_certified_and_never_offered_again() -> None:
    pool = pool_with("a1", "a2")
    pool.executed(digests("a1"), block_time_ms=0)
    pool.unseal_all()
    assert pool.oldest == b"a1"
    assert not pool.add(waiting("a1"))
    assert names_taken(pool) == ["a2"]
    pool.remove(digests("a1"))
    assert pool.oldest == b"a2"
    assert b"a1" not in pool


def test_the_oldest_is_the_first_that_came_whether_sealed_or_not() -> None:
    pool = Mempool()
    assert pool.oldest is None
    for name in ("b1", "a1"):
        pool.add(waiting(name))
    names_taken(pool)
    assert pool.oldest == b"b1"
    pool.remove(digests("b1", "unknown"))
    assert pool.oldest == b"a1"
    pool.remove(digests("a1"))
    assert (pool.oldest, len(pool), pool.bytes_held) == (None, 0, 0)


def test_a_submission_expires_after_the_last_block_that_may_execute_it() -> None:
    pool = Mempool()
    pool.add(waiting("a1", valid_until_ms=1_000))
    pool.add(waiting("a2", valid_until_ms=2_000))
    pool.executed((), block_time_ms=1_000)
    assert b"a1" in pool
    pool.executed((), block_time_ms=1_001)
    assert b"a1" not in pool
    assert names_taken(pool) == ["a2"]


def test_sealed_ones_expire_and_executed_ones_wait_for_their_certificate() -> None:
    pool = Mempool()
    for name in ("a1", "a2"):
        pool.add(waiting(name, valid_until_ms=1_000))
    names_taken(pool)
    pool.executed(digests("a2"), block_time_ms=5_000)
    assert (b"a1" in pool, b"a2" in pool) == (False, True)
    pool.remove(digests("a2"))
    assert len(pool) == 0


def test_one_that_was_removed_may_come_again() -> None:
    pool = pool_with("a1")
    pool.executed(digests("a1"), block_time_ms=0)
    pool.remove(digests("a1"))
    assert pool.add(waiting("a1"))
    assert names_taken(pool) == ["a1"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (PoolLimits(count_max=3), PoolRefusalCode.POOL_FULL),
        (PoolLimits(bytes_max=300), PoolRefusalCode.POOL_FULL),
        (PoolLimits(bytes_max=399), PoolRefusalCode.POOL_FULL),
        (PoolLimits(key_count_max=3), PoolRefusalCode.KEY_QUOTA),
        (PoolLimits(key_bytes_max=300), PoolRefusalCode.KEY_QUOTA),
        (PoolLimits(key_bytes_max=399), PoolRefusalCode.KEY_QUOTA),
    ],
)
def test_one_too_many_is_refused_with_a_reason_and_a_hint_and_leaves_the_pool_as_it_was(
    limits: PoolLimits, code: PoolRefusalCode
) -> None:
    pool = pool_with("a1", "a2", "a3", limits=limits)
    with pytest.raises(PoolRefusal) as caught:
        pool.add(waiting("a4"))
    assert caught.value.code is code
    assert caught.value.retry_after_ms > 0
    assert "3 and 300 waiting, 100 bytes more" in str(caught.value)
    assert names_taken(pool) == ["a1", "a2", "a3"]

    pool.remove(digests("a1"))
    assert pool.add(waiting("a4"))


def test_the_quota_of_one_key_leaves_room_for_another() -> None:
    pool = pool_with("a1", "a2", limits=PoolLimits(key_count_max=2))
    with pytest.raises(PoolRefusal):
        pool.add(waiting("a3"))
    assert pool.add(waiting("b1"))


def test_a_first_submission_over_the_quota_leaves_no_trace_of_its_key() -> None:
    pool = Mempool(PoolLimits(key_bytes_max=99))
    with pytest.raises(PoolRefusal):
        pool.add(waiting("a1"))
    assert (len(pool), pool.bytes_held, pool.has_unsealed, pool.oldest) == (0, 0, False, None)
    pool.unseal_all()
    assert names_taken(pool) == []


def test_limits_below_one_are_refused_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        PoolLimits(count_max=0, key_bytes_max=-1)
    assert str(caught.value) == (
        "mempool: count_max: expected ≥ 1, got 0; key_bytes_max: expected ≥ 1, got -1"
    )


def test_what_waits_is_listed_oldest_first_without_what_a_block_holds() -> None:
    pool = pool_with("a1", "b1", "a2")
    pool.executed(digests("b1"), block_time_ms=0)

    assert [one.digest for one in pool.waiting(10)] == [*digests("a1", "a2")]
    assert [one.digest for one in pool.waiting(1)] == [*digests("a1")]


def test_what_expires_by_the_clock_leaves_although_no_block_comes() -> None:
    pool = pool_with()
    pool.add(waiting("a1", valid_until_ms=5))
    pool.add(waiting("b1", valid_until_ms=6))

    pool.expire(6)

    assert [one.digest for one in pool.waiting(10)] == [*digests("b1")]
    assert pool.oldest == digests("b1")[0]
