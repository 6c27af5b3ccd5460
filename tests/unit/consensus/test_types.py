import pytest

from consensus.errors import InvalidMembership, InvalidReplicaConfig
from consensus.types import (
    Epoch,
    Height,
    Membership,
    ReplicaId,
    SequenceNumber,
    View,
    Window,
    height_of,
    sequence_of,
)
from tests.unit.consensus.group import membership


def test_height_and_sequence_are_equal_in_value() -> None:
    assert sequence_of(Height(7)) == 7
    assert height_of(SequenceNumber(7)) == 7


def test_group_below_four_names_what_it_needs() -> None:
    with pytest.raises(InvalidMembership) as caught:
        Membership(epoch=Epoch(0), size=3)

    assert (caught.value.expected, caught.value.actual) == (4, 3)


def test_weak_quorum_is_one_more_than_the_faulty() -> None:
    assert [membership(size).weak_quorum for size in (4, 5, 6, 7, 10)] == [2, 2, 2, 3, 4]


def test_primaries_take_turns() -> None:
    assert [membership(5).primary(View(one)) for one in (0, 4, 5, 11)] == [0, 4, 0, 1]


@pytest.mark.parametrize(
    ("ids", "expected"), [((0, 3, 1), True), ((), True), ((1, 1), False), ((4,), False)]
)
def test_distinct_members_are_told_from_repeated_and_strange_ones(
    ids: tuple[int, ...], *, expected: bool
) -> None:
    assert membership().are_distinct_members(map(ReplicaId, ids)) is expected


def test_negative_id_is_no_member() -> None:
    assert not membership().is_member(ReplicaId(-1))


def test_window_of_one_is_refused() -> None:
    with pytest.raises(InvalidReplicaConfig, match="window"):
        Window(size=1)
    Window(size=2)


def test_one_replica_is_bound_by_three_votes_a_sequence_and_three_more() -> None:
    assert Window(size=4).promises_max == 3 * 8 + 3


@pytest.mark.parametrize(("size", "witnesses"), [(4, 2), (5, 3), (7, 4), (10, 6)])
def test_witnesses_complete_a_quorum_with_us(size: int, witnesses: int) -> None:
    assert membership(size).witnesses == witnesses


@pytest.mark.parametrize(
    ("sequence", "may_assign", "may_accept"),
    [(10, False, False), (11, True, True), (14, True, True), (15, False, True), (18, False, True)],
)
def test_primary_assigns_one_window_and_backup_accepts_two(
    sequence: int, *, may_assign: bool, may_accept: bool
) -> None:
    window, low = Window(size=4), SequenceNumber(10)

    assert window.may_assign(SequenceNumber(sequence), above=low) is may_assign
    assert window.may_accept(SequenceNumber(sequence), above=low) is may_accept


def test_nothing_above_two_windows_is_accepted() -> None:
    assert not Window(size=4).may_accept(SequenceNumber(19), above=SequenceNumber(10))
