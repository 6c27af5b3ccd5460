from dataclasses import replace

import pytest

from consensus.effects import (
    Broadcast,
    EnteredView,
    Equivocated,
    FetchState,
    Persist,
    Send,
    StartTimer,
    Timer,
)
from consensus.errors import RefusedMessage
from consensus.events import Synced, TimerExpired
from consensus.messages import NewView, Prepare, PrePrepare, ViewChange
from consensus.types import SequenceNumber
from tests.unit.consensus.group import (
    CAP_MS,
    NOW_MS,
    WINDOW,
    Subject,
    checkpoint,
    commit,
    header,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    signed,
    stable,
    view_change,
)


def _from(*senders: int, view: int = 1) -> tuple[ViewChange, ...]:
    return tuple(view_change(one, view) for one in senders)


def _behind(base: int) -> NewView:
    """A view that starts at a checkpoint which the replica does not have."""
    changes = tuple(
        view_change(one, base=stable(base), certificates=[prepared(base + 1)]) for one in (0, 1, 3)
    )
    return new_view(changes=changes)


def _synced(height: int) -> Synced:
    return Synced(
        stable=stable(height),
        executed=SequenceNumber(height),
        header_digest=header(height),
        time_ms=NOW_MS,
        now_ms=NOW_MS,
    )


# Asking


def test_promise_is_durable_before_it_is_sent() -> None:
    backup = Subject(2).leave()

    (persist,) = backup.of(Persist)
    (broadcast,) = [one for one in backup.of(Broadcast) if isinstance(one.message, ViewChange)]
    assert backup.effects.index(persist) < backup.effects.index(broadcast)
    assert persist.records == (broadcast.message,)


def test_certificate_of_an_earlier_view_survives_views_that_achieve_nothing() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).leave()
    backup.receive(*_from(0, 3))
    backup.receive(new_view(changes=_from(0, 1, 3)))

    (wish,) = backup.leave().broadcasts(ViewChange)

    assert wish.new_view == 2
    assert [(one.view, one.sequence) for one in wish.prepared] == [(0, 1)]


def test_certificates_up_to_the_stable_checkpoint_are_left_out() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1), pre_prepare(2), prepare(1, 2))
    backup.receive(*(checkpoint(one) for one in (0, 1, 3)))

    (wish,) = backup.leave().broadcasts(ViewChange)

    assert wish.stable.height == 1
    assert [one.sequence for one in wish.prepared] == [2]


def test_late_request_timeout_during_a_view_change_means_nothing() -> None:
    backup = Subject(2).wait_for(1)
    queued = backup.generations[Timer.REQUEST]
    backup.receive(*_from(0, 3))
    assert backup.replica.view == 1

    backup.step(TimerExpired(timer=Timer.REQUEST, generation=queued, now_ms=NOW_MS))

    assert backup.effects == ()


# Hearing


def test_only_the_highest_wish_of_a_sender_counts() -> None:
    backup = Subject(3).receive(view_change(0, 4), view_change(0, 2), view_change(2, 2))

    (wish,) = backup.broadcasts(ViewChange)
    assert wish.new_view == 2
    peers = {one.replica_id: one.wanted_view for one in backup.replica.describe().peers}
    assert peers == {0: 4, 1: None, 2: 2}


def test_wish_for_the_running_view_is_not_kept() -> None:
    backup = Subject(2).receive(new_view())

    backup.receive(view_change(3, 1))

    assert {one.wanted_view for one in backup.replica.describe().peers} == {None}


def test_two_different_wishes_for_one_view_are_evidence() -> None:
    backup = Subject(3)
    second = view_change(0, 1, base=stable(2))

    backup.receive(view_change(0, 1), view_change(0, 1))
    assert backup.of(Equivocated) == []
    backup.receive(second)

    assert backup.of(Equivocated) == [Equivocated(first=view_change(0, 1), second=second)]


def test_wish_for_a_view_that_runs_is_answered_with_its_new_view_once_a_tick() -> None:
    announced = new_view(2, changes=_from(0, 1, 3, view=2))
    backup = Subject(2).receive(*_from(0, 1, 3, view=2))
    backup.receive(view_change(0, 2))
    assert announced.view == backup.replica.view

    backup.receive(view_change(1, 1))
    assert len(backup.sends(NewView)) == 1
    assert backup.receive(view_change(1, 1)).effects == ()

    backup.expire(Timer.STATUS)
    (answer,) = backup.receive(view_change(1, 1)).of(Send)
    assert answer.to == 1


def test_replica_below_a_quorum_but_with_one_elsewhere_starts_the_timer() -> None:
    """A, B want view 1; C went on to view 2: nobody has a quorum for one view."""
    backup = Subject(0).leave().receive(view_change(2, 1))
    assert not backup.is_running(Timer.NEW_VIEW)

    backup.receive(view_change(3, 2))

    assert backup.is_running(Timer.NEW_VIEW)


def test_more_wishes_do_not_restart_the_timer() -> None:
    backup = Subject(0).leave().receive(*_from(2, 3))

    assert backup.receive(view_change(1)).of(StartTimer) == []


def test_primary_that_keeps_silent_is_passed_over() -> None:
    backup = Subject(0).leave().receive(*_from(2, 3))

    (wish,) = backup.expire(Timer.NEW_VIEW).broadcasts(ViewChange)

    assert wish.new_view == 2


# Leading


def test_new_view_and_its_entries_are_durable_before_they_are_sent() -> None:
    primary = Subject(1).leave()
    primary.receive(view_change(0, certificates=[prepared(2)]), view_change(3))

    (announced,) = primary.broadcasts(NewView)
    assert primary.persisted(NewView) == [announced]
    assert isinstance(primary.effects[0], Persist)
    assert [one.sequence for one in announced.pre_prepares] == [1, 2]
    assert all(one.signature == signed(one).signature for one in announced.pre_prepares)


def test_new_primary_goes_on_after_what_it_re_proposed() -> None:
    primary = Subject(1).leave()
    primary.receive(view_change(0, certificates=[prepared(2)]), view_change(3))

    (proposal,) = primary.submit(9).broadcasts(PrePrepare)

    assert (proposal.view, proposal.sequence) == (1, 3)


def test_new_view_is_announced_once() -> None:
    primary = Subject(1).leave().receive(*_from(0, 3))

    assert primary.receive(view_change(2)).broadcasts(NewView) == []


def test_learner_leads_nothing() -> None:
    learner = Subject(1, may_vote=False)

    learner.receive(*_from(0, 2, 3))

    assert learner.effects == ()


# Entering


def test_new_view_is_accepted_without_an_own_wish() -> None:
    backup = Subject(3).receive(new_view(5, changes=_from(0, 1, 2, view=5)))

    assert (backup.replica.view, backup.replica.status) == (5, "normal")


def test_new_view_of_a_view_that_was_given_up_is_ignored() -> None:
    backup = Subject(3).leave().receive(*_from(0, 2, view=3))
    assert backup.replica.view == 3

    assert backup.receive(new_view(2, changes=_from(0, 1, 2, view=2))).effects == ()


def test_entering_stops_the_timers_of_the_view_change_and_drops_served_wishes() -> None:
    backup = Subject(3).leave().receive(*_from(0, 2))
    assert backup.is_running(Timer.NEW_VIEW)

    backup.receive(new_view())

    assert not backup.is_running(Timer.NEW_VIEW)
    assert not backup.is_running(Timer.RETRANSMIT)
    assert backup.is_running(Timer.REQUEST)
    assert [one.view for one in backup.of(EnteredView)] == [1]


def test_wish_for_a_later_view_survives_entering() -> None:
    backup = Subject(3).receive(view_change(0, 2), new_view())

    peers = {one.replica_id: one.wanted_view for one in backup.replica.describe().peers}
    assert peers[0] == 2


def test_invalid_new_view_of_the_awaited_primary_moves_on_to_the_next_view() -> None:
    backup = Subject(3).leave()
    invalid = replace(new_view(), view_changes=_from(0, 1))

    (wish,) = backup.receive(invalid).broadcasts(ViewChange)

    assert wish.new_view == 2


@pytest.mark.parametrize(
    "invalid",
    [
        replace(new_view(), view_changes=_from(0, 1)),
        replace(new_view(9, changes=_from(0, 1, 2, view=9)), view_changes=()),
    ],
    ids=["of the running view", "of a later view"],
)
def test_other_invalid_new_view_moves_nobody(invalid: NewView) -> None:
    backup = Subject(3).receive(new_view())

    with pytest.raises(RefusedMessage):
        backup.receive(invalid)
    assert (backup.replica.view, backup.replica.status) == (1, "normal")


def test_invalid_new_view_of_somebody_else_does_not_discredit_the_primary() -> None:
    backup = Subject(3).leave()

    with pytest.raises(RefusedMessage):
        backup.receive(replace(new_view(), sender=view_change(2).sender))
    assert backup.replica.view == 1


def test_second_new_view_for_a_view_is_evidence() -> None:
    backup = Subject(3).receive(new_view(changes=_from(0, 1, 2)))
    second = new_view(changes=_from(0, 1, 2, 3))

    assert backup.receive(new_view(changes=_from(0, 1, 2))).effects == ()
    assert len(backup.receive(second).of(Equivocated)) == 1


def test_replica_behind_the_start_of_the_view_fetches_state_first_and_enters_then() -> None:
    backup = Subject(2).receive(_behind(2))
    assert backup.replica.status == "view_change"
    assert [one.target.height for one in backup.of(FetchState)] == [2]
    assert backup.broadcasts(Prepare) == []
    assert len(backup.persisted(NewView)) == 1

    backup.step(_synced(2))

    assert backup.replica.status == "normal"
    assert [one.sequence for one in backup.broadcasts(Prepare)] == [3]


def test_replica_that_executes_up_to_the_start_of_the_view_enters_without_transfer() -> None:
    backup = Subject(2).receive(pre_prepare(1), pre_prepare(2)).decide(1).decide(2)
    backup.receive(_behind(2))
    assert backup.of(FetchState) == []

    backup.execute(1)
    assert backup.replica.status == "view_change"
    backup.execute(2)

    assert backup.replica.status == "normal"


def test_second_valid_new_view_changes_nothing_while_state_is_fetched() -> None:
    backup = Subject(2).receive(_behind(2))

    assert backup.receive(_behind(2)).effects == ()
    with pytest.raises(RefusedMessage):
        backup.receive(replace(_behind(2), view_changes=()))


def test_primary_that_is_behind_announces_its_view_and_enters_it_later() -> None:
    primary = Subject(1).leave()
    primary.receive(view_change(0, base=stable(2)), view_change(3))
    assert len(primary.broadcasts(NewView)) == 1
    assert not primary.replica.may_propose

    primary.step(_synced(2))

    assert primary.replica.may_propose


# Repeating


def test_wish_is_repeated_ever_more_seldom_until_the_view_is_announced() -> None:
    backup = Subject(0).leave()
    (wish,) = backup.broadcasts(ViewChange)
    pauses = []
    for _ in range(20):
        backup.expire(Timer.RETRANSMIT)
        assert backup.broadcasts(ViewChange) == [wish]
        pauses += [one.duration_ms for one in backup.of(StartTimer)]

    assert pauses[:4] == [1_000, 2_000, 4_000, 8_000]
    assert max(pauses) == CAP_MS


def test_replicas_do_not_repeat_in_step() -> None:
    pauses = set()
    for one in range(4):
        started = Subject(one).leave().of(StartTimer)
        pauses |= {effect.duration_ms for effect in started if effect.timer is Timer.RETRANSMIT}

    assert len(pauses) == 4


def test_commits_of_the_old_view_still_decide_during_a_view_change() -> None:
    backup = Subject(3).receive(pre_prepare()).leave()

    backup.receive(commit(0), commit(1), commit(2))

    assert backup.replica.last_committed == 1


def test_view_far_beyond_the_window_of_numbers_is_followed_by_nobody() -> None:
    backup = Subject(3).receive(view_change(0, 2**53 - 1))

    assert backup.effects == ()


def test_checkpoint_window_of_the_new_view_is_adopted() -> None:
    backup = Subject(2).receive(_behind(WINDOW))

    assert backup.replica.low_watermark == WINDOW
