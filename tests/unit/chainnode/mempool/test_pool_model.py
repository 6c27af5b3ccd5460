"""The pool against a model of plain lists, over random histories."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chainnode.mempool import Mempool, PoolLimits, PoolRefusal, PoolRefusalCode
from chainnode.mempool import pool as pool_module
from tests.unit.chainnode.mempool.waiting import digests, waiting

LIMITS = PoolLimits(count_max=10, bytes_max=600, key_count_max=5, key_bytes_max=350)
NAMES = st.builds(lambda key, number: f"{key}{number}", st.sampled_from("abc"), st.integers(0, 6))
SOME_NAMES = st.lists(NAMES, max_size=4)


@dataclass
class Row:
    """One waiting submission in the model."""

    name: str
    size: int
    valid_until_ms: int
    state: str = "fresh"

    @property
    def key(self) -> str:
        return self.name[0]


class PoolAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pool = Mempool(LIMITS)
        self.rows: list[Row] = []
        self.turns: list[str] = []
        self.validity_ms: dict[str, int] = {}
        self.time_ms = 0

    def fresh_of(self, key: str) -> list[Row]:
        return [row for row in self.rows if row.key == key and row.state == "fresh"]

    def settle_turns(self) -> None:
        """Forget keys without anything fresh; new ones queue in order of arrival."""
        self.turns = [key for key in self.turns if self.fresh_of(key)]
        for row in self.rows:
            if row.state == "fresh" and row.key not in self.turns:
                self.turns.append(row.key)

    @rule(name=NAMES, size=st.integers(1, 200), validity_ms=st.integers(0, 30))
    def add(self, name: str, size: int, validity_ms: int) -> None:
        # A digest binds until when it is valid: what comes again is valid as long as before.
        valid_until_ms = self.validity_ms.setdefault(name, self.time_ms + validity_ms)
        row = Row(name=name, size=size, valid_until_ms=valid_until_ms)
        submission = waiting(name, size=size, valid_until_ms=row.valid_until_ms)
        own = [one for one in self.rows if one.key == row.key]
        if any(one.name == name for one in self.rows):
            assert not self.pool.add(submission)
        elif len(own) == 5 or sum(one.size for one in own) + size > 350:
            with pytest.raises(PoolRefusal) as caught:
                self.pool.add(submission)
            assert caught.value.code is PoolRefusalCode.KEY_QUOTA
        elif len(self.rows) == 10 or sum(one.size for one in self.rows) + size > 600:
            with pytest.raises(PoolRefusal) as caught:
                self.pool.add(submission)
            assert caught.value.code is PoolRefusalCode.POOL_FULL
        else:
            assert self.pool.add(submission)
            self.rows.append(row)
        self.settle_turns()

    @rule(bytes_max=st.integers(0, 500), overhead_bytes=st.integers(0, 9))
    def take(self, bytes_max: int, overhead_bytes: int) -> None:
        expected: list[Row] = []
        left, turn = bytes_max, list(self.turns)
        while turn:
            served = []
            for key in turn:
                first = self.fresh_of(key)[0]
                if first.size + overhead_bytes <= left:
                    left -= first.size + overhead_bytes
                    first.state = "sealed"
                    expected.append(first)
                    self.turns.remove(key)
                    if self.fresh_of(key):
                        self.turns.append(key)
                        served.append(key)
            turn = served
        taken = self.pool.take(bytes_max=bytes_max, overhead_bytes=overhead_bytes)
        assert [one.digest for one in taken] == list(digests(*(row.name for row in expected)))
        assert sum(len(one.encoded) + overhead_bytes for one in taken) <= bytes_max

    @rule()
    def unseal_all(self) -> None:
        self.pool.unseal_all()
        for row in self.rows:
            if row.state == "sealed":
                row.state = "fresh"
        self.settle_turns()

    @rule(names=SOME_NAMES, later_ms=st.integers(0, 10))
    def executed(self, names: list[str], later_ms: int) -> None:
        self.time_ms += later_ms
        self.pool.executed(digests(*names), block_time_ms=self.time_ms)
        for row in self.rows:
            if row.name in names:
                row.state = "executed"
        self.rows = [
            row
            for row in self.rows
            if row.state == "executed" or row.valid_until_ms >= self.time_ms
        ]
        self.settle_turns()

    @rule(names=SOME_NAMES)
    def remove(self, names: list[str]) -> None:
        self.pool.remove(digests(*names))
        self.rows = [row for row in self.rows if row.name not in names]
        self.settle_turns()

    @invariant()
    def agrees(self) -> None:
        assert len(self.pool) == len(self.rows) <= 10
        assert self.pool.bytes_held == sum(row.size for row in self.rows) <= 600
        oldest = digests(*(row.name for row in self.rows[:1]))
        assert self.pool.oldest == (oldest[0] if oldest else None)
        assert self.pool.has_unsealed == any(row.state == "fresh" for row in self.rows)
        assert all(digest in self.pool for digest in digests(*(row.name for row in self.rows)))


TestPoolAgainstModel = PoolAgainstModel.TestCase


def test_the_memory_of_what_came_and_went_is_given_back() -> None:
    pool = Mempool()
    rounds = 4 * pool_module._HEAP_SLACK  # noqa: SLF001 - the bound under test has no other door
    for number in range(rounds):
        pool.add(waiting(f"a{number}", valid_until_ms=10**9))
        pool.remove(digests(f"a{number}"))
    assert len(pool._expiries) <= pool_module._HEAP_SLACK + 1  # noqa: SLF001 - as above
