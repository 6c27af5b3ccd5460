from dataclasses import replace

import pytest

from consensus.effects import (
    BuildBatch,
    Equivocated,
    Execute,
    FetchBatch,
    Persist,
    Timer,
)
from consensus.errors import ConflictingCertificates, RefusedMessage
from consensus.messages import NULL_BATCH, Commit, Prepare, PrePrepare, ViewChange
from consensus.types import NULL_BATCH_DIGEST
from tests.unit.consensus.group import (
    DRIFT_MS,
    NOW_MS,
    WINDOW,
    Subject,
    batch,
    checkpoint,
    commit,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    view_change,
)

OTHER = batch(77).digest


def _changes(*certificates: object) -> tuple[ViewChange, ...]:
    return tuple(view_change(one, certificates=certificates) for one in (0, 1, 3))  # type: ignore[arg-type]  # certificates


# Proposing


def test_proposal_is_written_down_with_its_body_before_it_is_sent() -> None:
    primary = Subject(0).submit(7)

    assert primary.persisted(PrePrepare) == [pre_prepare(1, body=batch(7))]
    assert isinstance(primary.effects[0], Persist)
    assert primary.broadcasts(PrePrepare) == [pre_prepare(1, body=batch(7))]


def test_primary_sends_no_prepare() -> None:
    assert Subject(0).submit(7).broadcasts(Prepare) == []


def test_batch_offered_to_a_backup_is_ignored() -> None:
    backup = Subject(1)

    assert not backup.replica.may_propose
    assert backup.submit(7).effects == ()


@pytest.mark.parametrize("offset_ms", [-DRIFT_MS - 1, DRIFT_MS + 1])
def test_primary_does_not_propose_what_backups_would_refuse(offset_ms: int) -> None:
    assert Subject(0).submit(7, time_ms=NOW_MS + offset_ms).effects == ()


def test_primary_counts_its_proposals_in_flight() -> None:
    primary = Subject(0).submit(1).submit(2)

    assert primary.replica.in_flight == 2


def test_primary_is_prepared_by_the_backups_alone() -> None:
    primary = Subject(0).submit(1)

    assert primary.receive(prepare(1)).broadcasts(Commit) == []
    assert len(primary.receive(prepare(2)).broadcasts(Commit)) == 1


# Accepting


@pytest.mark.parametrize("offset_ms", [-DRIFT_MS, DRIFT_MS])
def test_fresh_proposal_within_the_drift_is_accepted(offset_ms: int) -> None:
    proposal = pre_prepare(body=batch(1, time_ms=NOW_MS + offset_ms))

    assert len(Subject(1).receive(proposal).broadcasts(Prepare)) == 1


@pytest.mark.parametrize("offset_ms", [-DRIFT_MS - 1, DRIFT_MS + 1])
def test_fresh_proposal_beyond_the_drift_is_refused(offset_ms: int) -> None:
    proposal = pre_prepare(body=batch(1, time_ms=NOW_MS + offset_ms))

    with pytest.raises(RefusedMessage, match="batch time"):
        Subject(1).receive(proposal)


def test_fresh_proposal_without_body_is_refused() -> None:
    with pytest.raises(RefusedMessage, match="a batch"):
        Subject(1).receive(pre_prepare(digest=batch().digest))


def test_repeated_proposal_changes_nothing() -> None:
    backup = Subject(1).receive(pre_prepare())

    assert backup.receive(pre_prepare(), pre_prepare(digest=batch().digest)).effects == ()


def test_re_proposal_of_a_new_view_is_accepted_however_old_its_time_is() -> None:
    ancient = batch(1, time_ms=NOW_MS - 100 * DRIFT_MS)
    changes = _changes(prepared(1, digest=ancient.digest))
    backup = Subject(2).receive(new_view(changes=changes))
    assert len(backup.broadcasts(Prepare)) == 1

    backup.receive(pre_prepare(1, view=1, body=ancient))

    assert backup.of(FetchBatch) == []
    assert backup.replica.batch_of(pre_prepare().sequence, ancient.digest) == ancient
    assert len(backup.persisted(PrePrepare)) == 1


def test_primary_that_proposes_twice_for_one_slot_is_reported_and_left() -> None:
    backup = Subject(1).receive(pre_prepare())
    second = pre_prepare(body=batch(9))

    backup.receive(second)

    (evidence,) = backup.of(Equivocated)
    assert (evidence.first, evidence.second) == (pre_prepare(), second)
    assert [one.new_view for one in backup.broadcasts(ViewChange)] == [1]


def test_learner_reports_an_equivocating_primary_and_stays() -> None:
    learner = Subject(1, may_vote=False).receive(pre_prepare(), pre_prepare(body=batch(9)))

    assert len(learner.of(Equivocated)) == 1
    assert learner.replica.status == "normal"


# Voting


def test_contradictory_prepare_is_reported_and_not_counted() -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2, digest=OTHER))

    backup.receive(prepare(2))

    assert backup.of(Equivocated) == [
        Equivocated(first=prepare(2, digest=OTHER), second=prepare(2))
    ]
    assert backup.broadcasts(Commit) == []


def test_contradictory_commit_is_reported_and_not_counted() -> None:
    backup = Subject(1).receive(pre_prepare(), commit(0), commit(2, digest=OTHER), commit(2))

    assert len(backup.of(Equivocated)) == 1
    assert backup.receive(commit(3)).of(Execute) == []


def test_evidence_against_one_sender_is_bounded() -> None:
    backup = Subject(1)
    reported = 0
    for sequence in range(1, 2 * WINDOW + 1):
        backup.receive(commit(2, sequence), commit(2, sequence, digest=OTHER))
        reported += len(backup.of(Equivocated))

    assert reported == 4


def test_prepare_of_a_view_that_was_left_is_ignored() -> None:
    backup = Subject(2).leave()

    backup.receive(prepare(3))

    assert backup.replica.describe().slots == ()


def test_vote_below_or_above_the_window_is_ignored() -> None:
    backup = Subject(1)

    backup.receive(commit(2, 2 * WINDOW + 1), prepare(2, 2 * WINDOW + 1))

    assert backup.replica.describe().slots == ()


def test_commit_is_sent_once() -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2), prepare(3), prepare(3))

    assert len(backup.broadcasts(Commit)) == 1


def test_votes_that_came_before_their_view_count_when_it_is_entered() -> None:
    backup = Subject(2)
    certificate = prepared(1)
    backup.receive(prepare(0, view=1), prepare(3, view=1))

    backup.receive(new_view(changes=_changes(certificate)))

    assert [one.view for one in backup.broadcasts(Commit)] == [1]


# Executing


def test_decision_without_body_asks_for_it_once_and_executes_when_it_comes() -> None:
    backup = Subject(1).decide(1)
    assert backup.of(FetchBatch) == [
        FetchBatch(sequence=pre_prepare().sequence, digest=batch().digest)
    ]

    assert backup.receive(prepare(2)).of(FetchBatch) == []
    assert len(backup.fetch(batch(1)).of(Execute)) == 1


def test_fetched_body_that_nobody_waits_for_is_ignored() -> None:
    backup = Subject(1).decide(1).receive(commit(0, 2))

    assert backup.fetch(batch(5)).effects == ()


def test_null_batch_executes_without_a_body() -> None:
    backup = Subject(2).receive(new_view(changes=_changes(prepared(2))))

    votes = (commit(one, 1, view=1, digest=NULL_BATCH_DIGEST) for one in (0, 1, 3))
    (execute,) = backup.receive(*votes).of(Execute)

    assert execute.batch == NULL_BATCH


def test_nothing_executes_twice() -> None:
    backup = Subject(1).receive(pre_prepare()).decide(1)
    assert len(backup.of(Execute)) == 1

    assert backup.receive(commit(0), pre_prepare()).of(Execute) == []


def test_re_proposal_against_a_decision_stops_everything() -> None:
    backup = Subject(2).decide(1)

    with pytest.raises(ConflictingCertificates):
        backup.receive(new_view(changes=_changes(prepared(1, digest=OTHER))))


def test_entries_of_a_new_view_that_are_stable_here_need_no_vote() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).decide(1).execute(1)
    backup.receive(checkpoint(0), checkpoint(3))

    backup.receive(new_view(changes=_changes(prepared(1), prepared(2))))

    assert [one.sequence for one in backup.broadcasts(Prepare)] == [2]


# Learners


def test_learner_follows_decisions_and_signs_nothing() -> None:
    learner = Subject(1, may_vote=False)

    learner.receive(pre_prepare(), prepare(2), prepare(3)).decide(1)

    assert [type(one) for one in learner.effects] == [Execute]


def test_learner_enters_views_and_writes_no_vote_log() -> None:
    learner = Subject(2, may_vote=False)

    learner.receive(new_view(changes=_changes(prepared(1))))

    assert learner.replica.view == 1
    assert learner.of(Persist) == []
    assert learner.broadcasts(Prepare) == []


def test_learner_never_proposes() -> None:
    learner = Subject(0, may_vote=False)

    assert not learner.replica.may_propose
    assert learner.submit(1).effects == ()


# Idle blocks


def test_primary_is_asked_for_an_idle_block_when_nothing_happens() -> None:
    primary = Subject(0).expire(Timer.IDLE)

    assert len(primary.of(BuildBatch)) == 1
    assert primary.is_running(Timer.IDLE)


def test_no_idle_block_is_asked_for_while_a_block_is_on_its_way() -> None:
    assert Subject(0).submit(1).expire(Timer.IDLE).of(BuildBatch) == []


def test_backups_watch_the_duty_of_the_primary() -> None:
    backup = Subject(1).expire(Timer.IDLE)
    assert backup.of(BuildBatch) == []
    assert backup.is_running(Timer.REQUEST)

    backup.receive(pre_prepare()).decide(1).execute(1)

    assert not backup.is_running(Timer.REQUEST)


def test_new_primary_is_reminded_of_the_duty_of_the_old_one() -> None:
    primary = Subject(1).expire(Timer.IDLE).expire(Timer.REQUEST)

    primary.receive(view_change(0), view_change(2))

    assert len(primary.of(BuildBatch)) == 1


def test_batch_of_another_digest_never_reaches_a_waiting_slot() -> None:
    backup = Subject(2).receive(new_view(changes=_changes(prepared(1))))

    backup.receive(replace(pre_prepare(1, view=1, body=batch(1))))

    assert backup.replica.batch_of(pre_prepare().sequence, batch(1).digest) == batch(1)
