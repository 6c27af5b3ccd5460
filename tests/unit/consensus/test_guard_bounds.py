"""The edges of what the guard remembers: a mistake by one there would let a second vote out."""

import pytest

from consensus.codec import signed_content, slot_of
from consensus.errors import ConflictingVote, ForgottenVote
from tests.simulation.stubs import CHAIN_ID, ENCODER
from tests.unit.consensus.group import (
    batch,
    checkpoint,
    make_guard,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    stable,
    view_change,
)
from tests.unit.consensus.remembering import recalled, sign_with

OTHER = batch(77).digest


def test_entries_of_a_new_view_in_the_log_are_votes_of_its_primary() -> None:
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))
    announced = new_view(1, changes=changes)
    guard = make_guard(1)

    guard.restore([view_change(1, 1), announced])

    assert recalled(guard, announced.pre_prepares[0]) is not None
    with pytest.raises(ConflictingVote):
        recalled(guard, pre_prepare(1, view=1, digest=OTHER))


def test_backup_of_a_view_that_is_being_announced_votes_on_nothing_stable() -> None:
    guard = make_guard(2)
    sign_with(guard, view_change(2, 1))
    guard.note_records([stable(1)])

    with pytest.raises(ForgottenVote):
        recalled(guard, prepare(2, 1, view=1))


def test_nothing_stable_is_proposed_after_the_new_view_that_left_it_out() -> None:
    guard = make_guard(1)
    sign_with(guard, view_change(1, 1))
    guard.note_records([stable(1)])
    sign_with(guard, new_view(1))

    with pytest.raises(ForgottenVote):
        recalled(guard, pre_prepare(1, view=1))


def test_checkpoint_is_remembered_in_later_views_of_higher_number() -> None:
    guard = make_guard(0)
    guard.note_checkpoint(checkpoint(0, 3))
    sign_with(guard, view_change(0, 5))

    assert recalled(guard, checkpoint(0, 3)) is not None
    with pytest.raises(ForgottenVote):
        recalled(guard, checkpoint(0, 2))


def test_vote_on_the_very_sequence_that_became_stable_is_forgotten() -> None:
    guard = make_guard(1)
    sign_with(guard, prepare(1, 3))

    guard.note_records([stable(3)])

    assert guard.size == 0
    with pytest.raises(ForgottenVote):
        recalled(guard, prepare(1, 3))


def test_memory_that_never_spoke_misses_any_wish_of_ours() -> None:
    wish = view_change(2, 1)
    content = signed_content(wish, chain_id=CHAIN_ID, encoder=ENCODER)

    assert make_guard(2).is_missing(slot=slot_of(wish), content=content)


@pytest.mark.parametrize(("floor", "newest"), [(5, 3), (3, 5), (5, 5)])
def test_header_above_the_stable_and_the_newest_one_is_missing(floor: int, newest: int) -> None:
    guard = make_guard(2)
    guard.note_records([checkpoint(2, newest), stable(floor), prepare(2, 9)])

    for height, is_missing in ((5, False), (6, True)):
        header = checkpoint(2, height)
        content = signed_content(header, chain_id=CHAIN_ID, encoder=ENCODER)
        assert guard.is_missing(slot=slot_of(header), content=content) is is_missing


def test_headers_above_the_stable_one_are_known_and_below_it_only_the_newest() -> None:
    guard = make_guard(2)
    guard.restore([*(checkpoint(2, one) for one in (3, 4, 5, 6)), stable(4)])

    for known in (5, 6):
        assert recalled(guard, checkpoint(2, known)) == checkpoint(2, known).signature
    for forgotten in (3, 4):
        with pytest.raises(ForgottenVote):
            recalled(guard, checkpoint(2, forgotten))
    guard.note_records([stable(6)])
    assert recalled(guard, checkpoint(2, 6)) == checkpoint(2, 6).signature
    assert guard.size == 1


def test_of_headers_that_were_certified_before_we_signed_them_only_the_newest_is_known() -> None:
    guard = make_guard(2)
    guard.note_records([stable(9)])

    for height in (6, 7, 8):
        sign_with(guard, checkpoint(2, height))
        assert guard.size == 1


def test_no_life_signs_a_second_header_for_a_height_that_the_vote_log_names() -> None:
    guard = make_guard(2)
    guard.restore([checkpoint(2, 3), checkpoint(2, 4)])

    assert recalled(guard, checkpoint(2, 3)) == checkpoint(2, 3).signature
    for height in (3, 4):
        with pytest.raises(ConflictingVote):
            recalled(guard, checkpoint(2, height, digest=OTHER))
    assert recalled(guard, checkpoint(2, 5)) is None
