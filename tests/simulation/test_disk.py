"""The simulated disk loses what a real one loses, and is opened by the rule of production."""

from collections import Counter

import pytest

from consensus.effects import Record
from consensus.types import SequenceNumber
from tests.simulation.disk import Disk
from tests.simulation.options import stream
from tests.unit.consensus.group import batch, commit, pre_prepare, prepare, prepared, stable

WRITE: tuple[Record, ...] = (prepared(1), commit(2, 1))


def _disk_with_one_vote() -> Disk:
    disk = Disk(counters=Counter())
    disk.write_votes((pre_prepare(1), prepare(1, 1)))
    disk.sync_votes()
    return disk


def _left_after_a_power_cut(seed: int, *, tearing: bool = False, reordering: bool = False) -> Disk:
    disk = _disk_with_one_vote()
    disk.write_votes(WRITE)
    disk.lose_power(stream(seed, "disk"), tearing=tearing, reordering=reordering)
    return disk


def test_what_was_synced_survives_every_power_cut() -> None:
    for seed in range(50):
        disk = _left_after_a_power_cut(seed, tearing=True)
        assert disk.open().records[:2] == (pre_prepare(1), prepare(1, 1))
        assert disk.open().may_vote


def test_what_was_not_synced_is_there_or_half_there_or_not() -> None:
    lengths = {len(_left_after_a_power_cut(seed, tearing=True).votes) for seed in range(50)}

    assert lengths == {2, 3, 4}


def test_nothing_is_torn_on_a_disk_that_does_not_tear() -> None:
    lengths = {len(_left_after_a_power_cut(seed).votes) for seed in range(50)}

    assert lengths == {2, 4}


def test_record_behind_a_hole_ends_voting_for_good() -> None:
    disk = _left_after_a_power_cut(1, reordering=True)

    assert not disk.open().may_vote
    assert disk.open().records == ()


def test_killed_process_leaves_a_prefix_of_its_last_write() -> None:
    lengths = set()
    for seed in range(50):
        disk = _disk_with_one_vote()
        disk.write_votes(WRITE)
        disk.lose_process(stream(seed, "disk"))
        lengths.add(len(disk.votes))
        assert disk.open().may_vote

    assert lengths == {2, 3, 4}


def test_rotten_vote_log_is_never_believed_again() -> None:
    disk = _disk_with_one_vote()
    disk.rot_votes()

    assert not disk.open().may_vote
    disk.write_votes(WRITE)
    disk.sync_votes()
    assert not disk.open().may_vote


def test_vote_log_that_is_shorter_than_the_ledger_says_ends_voting() -> None:
    disk = _disk_with_one_vote()
    disk.write_block(disk.ledger.build(SequenceNumber(1), batch(1)), None)
    disk.sync_block()
    del disk.votes[1:]

    assert not disk.open().may_vote


def test_vote_log_that_was_rotated_after_the_block_is_believed() -> None:
    disk = _disk_with_one_vote()
    disk.write_block(disk.ledger.build(SequenceNumber(1), batch(1)), None)
    disk.sync_block()
    disk.write_segment((stable(1),))
    disk.sync_votes()

    assert disk.open().records == (stable(1),)


@pytest.mark.parametrize("seed", range(20))
def test_block_and_its_state_survive_together_or_not_at_all(seed: int) -> None:
    disk = _disk_with_one_vote()
    block = disk.ledger.build(SequenceNumber(1), batch(7))
    disk.write_block(block, None)

    disk.lose_power(stream(seed, "disk"), tearing=True, reordering=True)

    assert disk.ledger.executed == ({7} if disk.ledger.height else set())


def test_block_that_rots_takes_all_later_ones_with_it() -> None:
    disk = _disk_with_one_vote()
    for number in (1, 2, 3):
        disk.write_block(disk.ledger.build(SequenceNumber(number), batch(number)), None)
        disk.sync_block()

    disk.rot_block(stream(1, "disk"))

    assert disk.ledger.height < 3
    assert disk.ledger.executed == set(range(1, disk.ledger.height + 1))
