import pytest

from consensus.codec import signed_content, slot_of
from consensus.errors import ConflictingVote, ForgottenVote
from consensus.guard import VoteGuard
from consensus.messages import Message
from consensus.types import Epoch, ReplicaId
from tests.simulation.stubs import CHAIN_ID, ENCODER
from tests.unit.consensus.group import (
    batch,
    checkpoint,
    commit,
    make_guard,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    stable,
    status,
    view_change,
)
from tests.unit.consensus.remembering import recalled, sign_with

OTHER = batch(77).digest


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pre_prepare(), pre_prepare(digest=OTHER)),
        (prepare(0, view=1), prepare(0, view=1, digest=OTHER)),
        (commit(0), commit(0, digest=OTHER)),
        (checkpoint(0), checkpoint(0, digest=OTHER)),
        (view_change(0), view_change(0, base=stable(1))),
        (new_view(4), new_view(4, changes=[view_change(one, 4) for one in (0, 1, 3)])),
    ],
    ids=lambda one: type(one).__name__,
)
def test_second_different_content_for_a_slot_is_refused(first: Message, second: Message) -> None:
    guard = make_guard(0)
    sign_with(guard, first)

    assert recalled(guard, first) == first.signature
    with pytest.raises(ConflictingVote):
        recalled(guard, second)


def test_status_is_no_promise() -> None:
    guard = make_guard(0)
    sign_with(guard, status(0))

    assert recalled(guard, status(0)) is None
    assert recalled(guard, status(0, view=3)) is None


@pytest.mark.parametrize("vote", [pre_prepare(2), prepare(0, 2), commit(0, 2)])
def test_votes_up_to_the_stable_checkpoint_are_refused(vote: Message) -> None:
    guard = make_guard(0)
    guard.note_records([stable(2)])

    with pytest.raises(ForgottenVote) as caught:
        recalled(guard, vote)
    assert caught.value.floor == 3


def test_vote_just_above_the_stable_checkpoint_is_allowed() -> None:
    guard = make_guard(0)
    guard.note_records([stable(2), stable(1)])

    assert recalled(guard, commit(0, 3)) is None


@pytest.mark.parametrize(
    "message",
    [
        pre_prepare(view=4),
        prepare(0, view=4),
        commit(0, view=4),
        view_change(0, 4),
        new_view(4),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nothing_of_a_view_that_was_left_is_signed(message: Message) -> None:
    guard = make_guard(0)
    sign_with(guard, view_change(0, 5))

    with pytest.raises(ForgottenVote):
        recalled(guard, message)


def test_entering_a_view_without_an_own_wish_binds_too() -> None:
    guard = make_guard(0)
    guard.note_records([new_view(1)])

    with pytest.raises(ForgottenVote):
        recalled(guard, commit(0))


@pytest.mark.parametrize("leader", [0, 1])
def test_a_wish_for_a_view_is_not_signed_anew_once_the_view_was_entered(leader: int) -> None:
    guard = make_guard(leader)
    guard.note_records([new_view(1), new_view(4)])

    with pytest.raises(ForgottenVote):
        recalled(guard, view_change(leader, 4))
    assert recalled(guard, view_change(leader, 5)) is None


def test_checkpoints_go_up_only() -> None:
    guard = make_guard(0)
    guard.note_checkpoint(checkpoint(0, 5))

    assert recalled(guard, checkpoint(0, 5)) is not None
    assert recalled(guard, checkpoint(0, 6)) is None
    with pytest.raises(ForgottenVote):
        recalled(guard, checkpoint(0, 4))


def test_checkpoint_is_signed_also_below_the_stable_one() -> None:
    guard = make_guard(0)
    guard.note_records([stable(9)])

    assert recalled(guard, checkpoint(0, 8)) is None


def test_slot_of_another_epoch_is_refused() -> None:
    guard = VoteGuard(replica_id=ReplicaId(0), epoch=Epoch(1), chain_id=CHAIN_ID, encoder=ENCODER)

    with pytest.raises(ForgottenVote):
        recalled(guard, commit(0))


def test_guard_is_rebuilt_from_the_records() -> None:
    guard = make_guard(1)
    guard.note_records(
        [
            pre_prepare(1),  # the primary's, not ours
            prepare(1, 1),
            prepared(1),
            commit(1, 1),
            view_change(1, 4),
            new_view(5),
            prepare(1, 1, view=6, digest=OTHER),
        ]
    )

    assert guard.voted_view == 5
    with pytest.raises(ConflictingVote):
        recalled(guard, prepare(1, 1, view=6))
    with pytest.raises(ForgottenVote):
        recalled(guard, commit(1, 1))


def _announce(guard: VoteGuard) -> None:
    """Replica 1 leads view 1 and re-proposes sequence 1, which is stable here by now."""
    sign_with(guard, view_change(1, 1))
    guard.note_records([stable(1)])


def test_new_primary_may_re_propose_what_is_stable_here_but_not_in_its_quorum() -> None:
    guard = make_guard(1)
    _announce(guard)

    sign_with(guard, pre_prepare(1, view=1))
    with pytest.raises(ConflictingVote):
        recalled(guard, pre_prepare(1, view=1, digest=OTHER))


def test_no_second_entry_follows_the_new_view_that_contains_the_first() -> None:
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))
    announced = new_view(1, changes=changes)
    guard = make_guard(1)
    _announce(guard)
    for entry in announced.pre_prepares:
        sign_with(guard, entry)
    sign_with(guard, announced)

    restarted = make_guard(1)
    restarted.note_records([view_change(1, 1), stable(1), announced])

    for one in (guard, restarted):
        with pytest.raises(ConflictingVote):
            recalled(one, pre_prepare(1, view=1, digest=OTHER))


def test_memory_is_bounded_by_the_window() -> None:
    guard = make_guard(1)
    for sequence in range(1, 500):
        sign_with(guard, prepare(1, sequence))
        sign_with(guard, commit(1, sequence))
        sign_with(guard, checkpoint(1, sequence))
        guard.note_records([stable(max(1, sequence - 8))])

    assert guard.size <= 4 * 8 + 1


def test_refusal_names_the_slot() -> None:
    guard = make_guard(0)
    sign_with(guard, commit(0))

    with pytest.raises(ConflictingVote, match="commit 0 0 1"):
        recalled(guard, commit(0, digest=OTHER))


# What a whole memory would know


def _is_missing(guard: VoteGuard, message: Message) -> bool:
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
    return guard.is_missing(slot=slot_of(message), content=content)


def _in_view_2(*, replica_id: int = 2) -> VoteGuard:
    """It stands on block 3 and has voted for 4 and 5 in view 2."""
    guard = make_guard(replica_id)
    guard.restore(
        [view_change(2, 2), new_view(2), stable(3), pre_prepare(4, view=2), prepare(2, 5, view=2)]
    )
    guard.note_checkpoint(checkpoint(2, 3))
    return guard


@pytest.mark.parametrize(
    "message",
    [
        commit(2, 4, view=2),
        prepare(2, 6, view=2),
        prepare(2, 5, view=2, digest=OTHER),
        commit(2, 4, view=3),
        view_change(2, 2, base=stable(1)),
        view_change(2, 3),
        new_view(2, changes=[view_change(one, 2) for one in (0, 1, 3)]),
        new_view(6),
        checkpoint(2, 3, digest=OTHER),
        checkpoint(2, 4),
    ],
    ids=[
        "unknown vote",
        "vote beyond",
        "other vote",
        "later view",
        "other wish",
        "later wish",
        "other announcement",
        "later announcement",
        "other header",
        "later header",
    ],
)
def test_message_that_a_whole_memory_would_know_is_missing(message: Message) -> None:
    assert _is_missing(_in_view_2(), message)


@pytest.mark.parametrize(
    "message",
    [
        pre_prepare(4, view=2),
        prepare(2, 5, view=2),
        view_change(2, 2),
        new_view(2),
        checkpoint(2, 3),
        commit(2, 3, view=2),
        commit(2, 9, view=1),
        view_change(2, 1),
        checkpoint(2, 1),
        status(2, view=9),
    ],
    ids=[
        "known proposal",
        "known vote",
        "known wish",
        "known announcement",
        "known header",
        "stable sequence",
        "left view",
        "old wish",
        "old header",
        "no promise",
    ],
)
def test_message_that_is_known_or_was_forgotten_on_purpose_is_not_missing(message: Message) -> None:
    assert not _is_missing(_in_view_2(), message)


def test_wish_that_its_announcement_has_served_is_not_missing() -> None:
    guard = make_guard(3)
    guard.restore([new_view(2)])

    assert not _is_missing(guard, view_change(3, 2))


def test_announcement_of_a_view_that_we_only_asked_for_is_missing() -> None:
    guard = make_guard(2)
    guard.restore([view_change(2, 2)])

    assert _is_missing(guard, new_view(2))


def test_view_into_which_others_led_us_hides_nothing_until_we_speak_in_it() -> None:
    guard = make_guard(3)
    guard.restore([])
    guard.note_records([new_view(2)])
    assert _is_missing(guard, view_change(3, 1))

    sign_with(guard, prepare(3, view=2))
    assert not _is_missing(guard, view_change(3, 1))


def test_another_epoch_is_not_missing() -> None:
    message = view_change(2, 9)
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)

    assert not _in_view_2().is_missing(slot=("viewchange", 1, 9), content=content)
