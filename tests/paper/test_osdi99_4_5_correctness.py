"""OSDI '99 §4.5: one test per claim of safety and liveness; §5.3 on lagging replicas."""

import pytest

from consensus.effects import FetchState, StartTimer, Timer
from consensus.messages import Message, ViewChange
from consensus.types import Membership
from tests.unit.consensus.group import (
    CAP_MS,
    TIMEOUT_MS,
    WINDOW,
    Subject,
    checkpoint,
    membership,
    new_view,
    pre_prepare,
    view_change,
)
from tests.unit.consensus.whole_group import Group


@pytest.mark.parametrize("size", range(4, 32))
def test_any_two_quorums_share_an_honest_replica_and_one_can_form_without_the_faulty(
    size: int,
) -> None:
    group = membership(size)

    assert 2 * group.quorum - size >= group.max_faulty + 1
    assert group.quorum <= size - group.max_faulty
    assert 3 * group.max_faulty < size


@pytest.mark.parametrize(
    ("size", "quorum"), [(4, 3), (5, 4), (6, 4), (7, 5), (8, 6), (9, 6), (10, 7)]
)
def test_quorum_is_that_of_the_table(size: int, quorum: int) -> None:
    assert membership(size).quorum == quorum


@pytest.mark.parametrize("size", [4, 5, 6, 7])
def test_group_of_any_size_commits_with_its_faulty_members_silent(size: int) -> None:
    group = Group(size)
    silent = set(range(size - membership(size).max_faulty, size))

    def are_heard(sender: int, receiver: int, _message: Message) -> bool:
        return not silent & {sender, receiver}

    group.submit(0)
    group.deliver(are_heard)

    assert [one for one in group.heights() if one] == [1] * (size - len(silent))


def test_replica_joins_a_view_change_that_f_plus_1_others_ask_for() -> None:
    backup = Subject(3)

    assert backup.receive(view_change(0, 1)).broadcasts(ViewChange) == []
    (message,) = backup.receive(view_change(2, 1)).broadcasts(ViewChange)
    assert message.new_view == 1


def test_replica_follows_to_a_view_that_at_least_one_honest_replica_wants() -> None:
    backup = Subject(3)

    backup.receive(view_change(0, 2**50), view_change(2, 3))

    (message,) = backup.broadcasts(ViewChange)
    assert message.new_view == 3


def test_faulty_replicas_alone_move_nobody() -> None:
    backup = Subject(6, size=7)

    backup.receive(view_change(0, 2**50), view_change(1, 2**50))

    assert backup.effects == ()
    assert backup.replica.view == 0


def test_timer_for_new_view_starts_once_a_quorum_asks_for_it() -> None:
    backup = Subject(3).leave()

    backup.receive(view_change(0))
    assert not backup.is_running(Timer.NEW_VIEW)
    backup.receive(view_change(2))

    assert backup.is_running(Timer.NEW_VIEW)


def test_replica_waits_twice_as_long_for_each_next_view_up_to_a_cap() -> None:
    backup = Subject(0).leave()
    durations = []
    for view in (1, 2, 3, 5):  # replica 0 leads view 4 itself
        backup.receive(view_change(2, view), view_change(3, view))
        durations += [
            one.duration_ms for one in backup.of(StartTimer) if one.timer is Timer.NEW_VIEW
        ]
        backup.expire(Timer.NEW_VIEW)

    assert durations == [TIMEOUT_MS, 2 * TIMEOUT_MS, 4 * TIMEOUT_MS, CAP_MS]
    assert CAP_MS < 8 * TIMEOUT_MS


def test_time_out_is_short_again_after_a_batch_executed_in_the_new_view() -> None:
    backup = Subject(3).leave().receive(view_change(0), view_change(2), new_view())
    assert _request_timeout(backup) == 2 * TIMEOUT_MS

    backup.receive(pre_prepare(1, view=1)).decide(1, view=1).execute(1)
    backup.wait_for(5)

    assert _request_timeout(backup) == TIMEOUT_MS


def _request_timeout(subject: Subject) -> int:
    (started,) = [one for one in subject.of(StartTimer) if one.timer is Timer.REQUEST]
    return started.duration_ms


def test_replica_that_fell_behind_the_window_fetches_the_certified_state() -> None:
    far = 3 * WINDOW
    backup = Subject(3)

    backup.receive(checkpoint(0, far), checkpoint(1, far))
    assert backup.of(FetchState) == []
    backup.receive(checkpoint(2, far))

    (fetch,) = backup.of(FetchState)
    assert fetch.target.height == far


def test_group_smaller_than_four_is_refused_since_it_tolerates_no_fault() -> None:
    with pytest.raises(Exception, match="at least 4"):
        Membership(epoch=membership().epoch, size=3)
