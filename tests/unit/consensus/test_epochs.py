"""Epochs as values, and as part of a replica's settings."""

from dataclasses import replace

import pytest

from consensus.epochs import EpochEnd, EpochStart, NextEpoch, require_next_epoch
from consensus.errors import InvalidEpochChange, InvalidReplicaConfig
from consensus.types import Epoch, ReplicaId, SequenceNumber, Window
from tests.unit.consensus.group import WINDOW, config, membership, stable


def announced(*, epoch: int = 1, size: int = 5, first: int = 9) -> NextEpoch:
    return NextEpoch(membership=membership(size, epoch=epoch), first=SequenceNumber(first))


def require(next_epoch: NextEpoch, *, executed: int = 1) -> None:
    require_next_epoch(
        next_epoch,
        epoch=Epoch(0),
        size=4,
        window=Window(size=WINDOW),
        executed=SequenceNumber(executed),
    )


def test_a_change_takes_effect_two_windows_after_it_was_executed() -> None:
    require(announced(first=1 + 2 * WINDOW))

    assert announced(first=9).last_before == 8


@pytest.mark.parametrize("executed", range(1, 9))
def test_a_pending_change_may_be_told_until_the_last_block_before_it(executed: int) -> None:
    require(announced(first=9), executed=executed)


@pytest.mark.parametrize(
    ("next_epoch", "executed"),
    [
        (announced(epoch=0), 1),
        (announced(epoch=2), 1),
        (announced(size=6), 1),
        (announced(first=10), 1),
        (announced(first=9), 9),
    ],
    ids=["this epoch", "the one after", "two members more", "too far", "over already"],
)
def test_a_change_that_execution_cannot_rightly_announce_is_refused(
    next_epoch: NextEpoch, executed: int
) -> None:
    with pytest.raises(InvalidEpochChange):
        require(next_epoch, executed=executed)


@pytest.mark.parametrize("size", [4, 5, 6])
def test_members_come_and_go_one_at_a_time_and_may_stay_the_same(size: int) -> None:
    require_next_epoch(
        announced(size=size),
        epoch=Epoch(0),
        size=5,
        window=Window(size=WINDOW),
        executed=SequenceNumber(1),
    )


def test_the_end_of_an_epoch_is_certified_by_its_own_members() -> None:
    with pytest.raises(InvalidEpochChange) as caught:
        EpochEnd(membership=membership(4, epoch=1), stable=stable(8))

    assert (caught.value.expected, caught.value.actual) == ("1", "0")


def test_an_epoch_begins_where_the_newest_one_before_it_ended() -> None:
    end = EpochEnd(membership=membership(), stable=stable(8))
    settings = replace(config(), membership=membership(5, epoch=1), past=(end,))

    assert settings.start == EpochStart(base=end, settled=SequenceNumber(8))
    assert settings.start.below_first == 8
    assert config().start.below_first == 0


def test_epochs_before_this_one_ascend() -> None:
    end = EpochEnd(membership=membership(), stable=stable(8))

    with pytest.raises(InvalidEpochChange):
        replace(config(), past=(end,))


def test_whoever_is_no_member_follows_and_does_not_vote() -> None:
    outsider = replace(config(may_vote=False), replica_id=ReplicaId(7))

    assert outsider.replica_id == 7
    with pytest.raises(InvalidReplicaConfig):
        replace(outsider, may_vote=True)
