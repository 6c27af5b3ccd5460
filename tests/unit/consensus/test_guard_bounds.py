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


def test_header_of_a_sequence_that_was_voted_on_in_this_life_is_not_missing() -> None:
    guard = make_guard(2)
    sign_with(guard, prepare(2, 5))

    for height, is_missing in ((5, False), (6, True)):
        header = checkpoint(2, height)
        content = signed_content(header, chain_id=CHAIN_ID, encoder=ENCODER)
        assert guard.is_missing(slot=slot_of(header), content=content) is is_missing
