from consensus.effects import FetchBatch, Send, Timer
from consensus.messages import Checkpoint, Commit, NewView, Prepare, PrePrepare, Status
from consensus.normal_case import FETCHES_MAX
from consensus.status_exchange import (
    ANSWERS_PER_TICK_MAX,
    BODIES_PER_ANSWER_MAX,
    OUTDATED_ANSWERS_PER_TICK_MAX,
)
from tests.unit.consensus.group import (
    Subject,
    checkpoint,
    commit,
    new_view,
    pre_prepare,
    prepare,
    status,
    view_change,
)


def _advanced() -> Subject:
    """Backup 1: sequence 1 stable, 2 executed, 3 prepared, 4 accepted."""
    backup = Subject(1)
    for one in (1, 2):
        backup.receive(pre_prepare(one), prepare(2, one)).decide(one).execute(one)
    backup.receive(checkpoint(0, 1), checkpoint(2, 1))
    return backup.receive(pre_prepare(3), prepare(2, 3), pre_prepare(4)).expire(Timer.STATUS)


def test_status_says_how_far_we_are() -> None:
    backup = _advanced()

    assert backup.broadcasts(Status) == [
        status(1, stable_height=1, prepared_to=3, committed=2, executed=2)
    ]
    assert backup.is_running(Timer.STATUS)


def test_status_names_the_view_that_was_entered_last() -> None:
    backup = Subject(1).leave().expire(Timer.STATUS)

    assert [one.view for one in backup.broadcasts(Status)] == [0]


def test_peer_that_lacks_everything_gets_exactly_what_we_have() -> None:
    backup = _advanced().receive(status(3))

    assert [(one.sender, one.height) for one in backup.sends(Checkpoint)] == [
        (0, 1),
        (1, 1),
        (2, 1),
        (1, 2),
    ]
    assert [one.sequence for one in backup.sends(Prepare)] == [2, 3, 4]
    assert [one.sequence for one in backup.sends(Commit)] == [2, 3]
    assert backup.sends(PrePrepare) == []
    assert {one.to for one in backup.of(Send)} == {3}


def test_peer_that_has_everything_gets_nothing() -> None:
    backup = _advanced()

    backup.receive(status(3, stable_height=2, prepared_to=4, committed=4, executed=4))

    assert backup.effects == ()


def test_peer_that_prepared_gets_commits_only() -> None:
    backup = _advanced()

    backup.receive(status(3, stable_height=2, prepared_to=4, committed=2))

    assert [type(one.message) for one in backup.of(Send)] == [Commit]


def test_one_status_is_answered_once_between_two_ticks() -> None:
    backup = _advanced().receive(status(3))

    assert backup.receive(status(3)).effects == ()
    assert backup.receive(status(2)).effects != ()
    assert backup.expire(Timer.STATUS).receive(status(3)).effects != ()


def test_peer_that_comes_further_is_answered_again_before_the_next_tick() -> None:
    backup = _advanced()

    assert all(backup.receive(status(3, prepared_to=one)).effects for one in range(3))


def test_answers_between_two_ticks_are_few() -> None:
    backup = _advanced()
    statuses = [status(3, prepared_to=0, committed=one % 2, executed=one) for one in range(9)]

    answered = [one for one in statuses if backup.receive(one).effects]

    assert len(answered) == ANSWERS_PER_TICK_MAX


def test_old_status_that_is_repeated_takes_no_answer_from_a_new_one() -> None:
    backup = _advanced().receive(status(3, executed=1)).expire(Timer.STATUS)
    old = [status(3, prepared_to=one) for one in range(ANSWERS_PER_TICK_MAX + 2)]

    answered = [one for one in old if backup.receive(one).effects]

    assert len(answered) == OUTDATED_ANSWERS_PER_TICK_MAX
    assert backup.receive(status(3, executed=1)).effects != ()
    assert backup.receive(status(3, executed=2)).effects != ()


def test_old_wish_that_is_repeated_takes_no_answer_from_a_status() -> None:
    backup = Subject(2).receive(new_view(), pre_prepare(1, view=1))

    backup.receive(view_change(3, 1))
    assert [type(one.message) for one in backup.of(Send)] == [NewView]
    assert backup.receive(view_change(3, 1)).effects == ()

    backup.receive(status(3, view=1))
    assert [type(one.message) for one in backup.of(Send)] == [Prepare]


def test_peer_is_known_by_the_furthest_that_it_said() -> None:
    backup = _advanced().receive(status(3, view=4, executed=7), status(3, executed=2))

    (peer,) = (one for one in backup.replica.describe().peers if one.replica_id == 3)
    assert (peer.view, peer.executed) == (4, 7)


def test_primary_repeats_its_proposals_with_their_bodies_and_not_too_many() -> None:
    primary = Subject(0)
    for one in range(1, BODIES_PER_ANSWER_MAX + 1):
        primary.submit(one)

    primary.receive(status(3))

    assert [one.sequence for one in primary.sends(PrePrepare)] == [1, 2, 3, 4]
    assert all(one.batch is not None for one in primary.sends(PrePrepare))
    assert primary.sends(Prepare) == []


def test_entries_of_new_view_travel_with_it() -> None:
    primary = Subject(1).leave()
    primary.receive(*new_view().view_changes[::2])

    primary.receive(status(3))

    assert len(primary.sends(NewView)) == 1
    assert primary.sends(PrePrepare) == []


def test_primary_does_not_repeat_proposals_it_never_made() -> None:
    primary = Subject(0).receive(prepare(1, 1))

    assert primary.receive(status(3)).effects == ()


def test_peer_in_an_older_view_gets_the_new_view_and_no_votes() -> None:
    backup = Subject(2).receive(new_view(), pre_prepare(1, view=1))

    backup.receive(status(3))

    assert [type(one.message) for one in backup.of(Send)] == [NewView]


def test_replica_that_left_its_view_repeats_no_votes_of_it() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).leave()

    assert backup.receive(status(3)).effects == ()


def test_votes_of_an_older_view_are_not_repeated_in_a_later_one() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).receive(new_view())

    backup.receive(status(3, view=1))

    assert backup.sends(Prepare) == []
    assert backup.sends(Commit) == []


def test_bodies_that_are_missing_are_asked_for_again_and_not_too_many() -> None:
    backup = Subject(1)
    for one in range(1, 7):
        backup.receive(*(commit(other, one) for other in (0, 2, 3)))

    asked = backup.expire(Timer.STATUS).of(FetchBatch)

    assert [one.sequence for one in asked] == list(range(1, FETCHES_MAX + 1))


def test_learner_neither_asks_nor_answers() -> None:
    learner = Subject(1, may_vote=False).receive(pre_prepare())

    assert learner.receive(status(3)).effects == ()
    assert learner.expire(Timer.STATUS).broadcasts(Status) == []
