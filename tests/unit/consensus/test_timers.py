from consensus.effects import Timer
from consensus.events import TimerExpired
from consensus.messages import Status, ViewChange
from tests.unit.consensus.group import (
    NOW_MS,
    WINDOW,
    Subject,
    checkpoint,
    pre_prepare,
    prepare,
)


def _full_window() -> Subject:
    """Everything is decided and executed here, and no CHECKPOINT of others comes."""
    backup = Subject(1)
    for one in range(1, WINDOW + 1):
        backup.receive(pre_prepare(one), prepare(2, one)).decide(one).execute(one)
    return backup.wait_for(5)


def test_request_timer_runs_while_a_submission_waits() -> None:
    backup = Subject(1)
    assert not backup.is_running(Timer.REQUEST)

    assert backup.wait_for(1).is_running(Timer.REQUEST)
    assert not backup.wait_for(None).is_running(Timer.REQUEST)


def test_progress_of_others_does_not_restart_the_timer_of_the_oldest() -> None:
    backup = Subject(1).wait_for(1)
    before = backup.generations[Timer.REQUEST]

    backup.receive(pre_prepare()).decide(1).execute(1).wait_for(1)

    assert backup.generations[Timer.REQUEST] == before


def test_progress_of_the_oldest_restarts_the_timer() -> None:
    backup = Subject(1).wait_for(1)
    before = backup.generations[Timer.REQUEST]

    assert backup.wait_for(2).generations[Timer.REQUEST] == before + 1


def test_expiry_of_an_older_generation_is_ignored() -> None:
    backup = Subject(1).wait_for(1)
    stale = backup.generations[Timer.REQUEST]
    backup.wait_for(2)

    backup.step(TimerExpired(timer=Timer.REQUEST, generation=stale, now_ms=NOW_MS))

    assert backup.effects == ()


def test_expiry_that_was_queued_before_the_submission_was_served_is_ignored() -> None:
    backup = Subject(1).wait_for(1)
    queued = backup.generations[Timer.REQUEST]
    backup.wait_for(None)

    backup.step(TimerExpired(timer=Timer.REQUEST, generation=queued, now_ms=NOW_MS))

    assert backup.effects == ()


def test_learner_suspects_nobody() -> None:
    assert not Subject(1, may_vote=False).wait_for(1).is_running(Timer.REQUEST)


def test_full_window_of_decided_slots_asks_for_checkpoints_first() -> None:
    backup = _full_window().expire(Timer.REQUEST)

    assert len(backup.broadcasts(Status)) == 1
    assert backup.broadcasts(ViewChange) == []
    assert backup.is_running(Timer.REQUEST)


def test_view_changes_when_asking_for_checkpoints_did_not_help() -> None:
    backup = _full_window().expire(Timer.REQUEST).expire(Timer.REQUEST)

    assert len(backup.broadcasts(ViewChange)) == 1


def test_asking_starts_anew_after_the_window_moved() -> None:
    backup = _full_window().expire(Timer.REQUEST)
    backup.receive(checkpoint(0, 1), checkpoint(2, 1))
    backup.receive(pre_prepare(WINDOW + 1), prepare(2, WINDOW + 1)).decide(WINDOW + 1)

    assert backup.expire(Timer.REQUEST).broadcasts(ViewChange) == []


def test_primary_is_not_blamed_while_we_fetch_state() -> None:
    backup = Subject(1).wait_for(5)
    backup.receive(*(checkpoint(one, WINDOW + 1) for one in (0, 2, 3)))

    for _ in range(3):
        assert backup.expire(Timer.REQUEST).broadcasts(ViewChange) == []
