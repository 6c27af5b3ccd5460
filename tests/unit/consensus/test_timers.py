from dataclasses import replace

import pytest

from consensus.effects import BuildBatch, StartTimer, Timer
from consensus.events import Executed, Synced, TimerExpired
from consensus.messages import Status, ViewChange
from consensus.types import SequenceNumber
from tests.unit.consensus.group import (
    NOW_MS,
    WINDOW,
    Subject,
    checkpoint,
    header,
    pre_prepare,
    prepare,
    restored_at,
    stable,
    view_change,
)

# An idle block is due after 5 s here; what execution asks for and what the timer then counts.
DUTIES = pytest.mark.parametrize(
    ("in_ms", "counted_ms"),
    [(None, 5_000), (1_000, 1_000), (5_000, 5_000), (5_001, 5_000), (1, 1), (0, 1), (-7, 1)],
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


# The duty to propose although nothing waits


def _idle_ms(subject: Subject) -> list[int]:
    return [one.duration_ms for one in subject.of(StartTimer) if one.timer is Timer.IDLE]


def _executed(subject: Subject, *, in_ms: int | None = None) -> Subject:
    """Let the first block be executed, after which another one is due."""
    proposed = subject if subject.me == 0 else subject.receive(pre_prepare())
    return proposed.decide(1).step(
        Executed(
            sequence=SequenceNumber(1),
            header_digest=header(1),
            time_ms=NOW_MS,
            checkpoint=None,
            now_ms=NOW_MS,
            next_block_in_ms=in_ms,
        )
    )


@DUTIES
def test_a_block_that_is_due_sooner_than_the_idle_one_is_counted_to(
    in_ms: int | None, counted_ms: int
) -> None:
    assert _idle_ms(_executed(Subject(1), in_ms=in_ms)) == [counted_ms]


@DUTIES
def test_state_transfer_tells_what_is_due_as_well(in_ms: int | None, counted_ms: int) -> None:
    backup = Subject(1)
    backup.receive(*(checkpoint(one, WINDOW + 1) for one in (0, 2, 3)))

    backup.step(
        Synced(
            stable=stable(WINDOW + 1),
            executed=SequenceNumber(WINDOW + 1),
            header_digest=header(WINDOW + 1),
            time_ms=NOW_MS,
            now_ms=NOW_MS,
            next_block_in_ms=in_ms,
        )
    )

    assert _idle_ms(backup) == [counted_ms]


@DUTIES
def test_a_restart_counts_to_what_was_due(in_ms: int | None, counted_ms: int) -> None:
    restored = replace(restored_at(), next_block_in_ms=in_ms)

    assert _idle_ms(Subject(1, restored=restored)) == [counted_ms]


def test_the_primary_owes_the_due_block_and_backups_watch_that() -> None:
    primary = _executed(Subject(0).submit(1), in_ms=1_000).expire(Timer.IDLE)
    assert len(primary.of(BuildBatch)) == 1

    backup = _executed(Subject(1), in_ms=1_000).expire(Timer.IDLE)

    assert backup.of(BuildBatch) == []
    assert backup.is_running(Timer.REQUEST)
    assert len(backup.expire(Timer.REQUEST).broadcasts(ViewChange)) == 1
    assert len(backup.receive(view_change(0), view_change(2)).of(BuildBatch)) == 1


def test_the_duty_goes_on_at_the_pace_of_idle_blocks_while_no_block_comes() -> None:
    backup = _executed(Subject(1), in_ms=1_000)

    assert _idle_ms(backup.expire(Timer.IDLE)) == [5_000]


def test_the_next_block_counts_anew() -> None:
    backup = _executed(Subject(1), in_ms=1_000).expire(Timer.IDLE)

    backup.receive(pre_prepare(2)).decide(2).execute(2)

    assert _idle_ms(backup) == [5_000]
    assert not backup.is_running(Timer.REQUEST)
