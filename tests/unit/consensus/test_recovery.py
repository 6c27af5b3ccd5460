from collections.abc import Callable

import pytest

from consensus.effects import EnteredView, Execute, FetchState, Record, Timer
from consensus.errors import Diverged
from consensus.events import Restored, Synced
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.types import SequenceNumber
from tests.unit.consensus.group import (
    NOW_MS,
    WINDOW,
    Subject,
    batch,
    checkpoint,
    commit,
    header,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    restored_at,
    stable,
    view_change,
)

OTHER = batch(77).digest


def _restart(subject: Subject, *, executed: int = 0) -> Subject:
    """Start again from what was written; `executed` blocks are in the ledger."""
    own = [checkpoint(subject.me, executed)] if executed else []
    event = restored_at(executed, records=subject.records, own=own)
    return Subject(subject.me, restored=event)


def _announced() -> NewView:
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))
    return new_view(changes=changes)


def test_first_start_enters_view_0_and_starts_the_standing_timers() -> None:
    backup = Subject(1)

    assert [one.view for one in backup.of(EnteredView)] == [0]
    assert backup.is_running(Timer.IDLE)
    assert backup.is_running(Timer.STATUS)
    assert len(backup.broadcasts(Status)) == 2


def test_restart_repeats_the_newest_checkpoint() -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2)).decide(1).execute(1)

    again = _restart(backup, executed=1)

    assert again.broadcasts(Checkpoint) == [checkpoint(1)]
    assert again.replica.last_executed == 1


def test_restart_restores_votes_so_that_the_same_bytes_are_sent_again() -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2))
    sent = [*backup.persisted(Prepare), *backup.broadcasts(Commit)]

    again = _restart(backup).receive(prepare(2))
    again.receive(commit(0), commit(2))

    assert again.replica.last_committed == 1
    assert [one for one in again.replica.restatement() if one in sent] == sent
    assert again.broadcasts(Commit) == []


def test_restart_restores_a_view_change_that_never_finished() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).leave()
    (wish,) = backup.broadcasts(ViewChange)

    again = _restart(backup)

    assert (again.replica.view, again.replica.status) == (1, "view_change")
    assert again.broadcasts(ViewChange) == [wish]
    assert again.is_running(Timer.RETRANSMIT)
    assert again.receive(pre_prepare(2)).broadcasts(Prepare) == []


def test_restart_restores_certificates_of_earlier_views() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1)).leave()
    backup.receive(new_view(changes=tuple(view_change(one) for one in (0, 1, 3))))

    (wish,) = _restart(backup).leave().broadcasts(ViewChange)

    assert [(one.view, one.sequence) for one in wish.prepared] == [(0, 1)]


def test_certificate_of_a_later_view_is_not_replaced_by_an_earlier_one() -> None:
    records: list[Record] = [prepared(1, view=2), prepared(1, view=0)]

    (wish,) = Subject(1, restored=restored_at(records=records)).leave().broadcasts(ViewChange)

    assert [one.view for one in wish.prepared] == [2]


def test_restart_restores_an_entered_view_and_what_was_said_in_it() -> None:
    backup = Subject(2).receive(_announced())

    again = _restart(backup)

    assert (again.replica.view, again.replica.status) == (1, "normal")
    assert [one.view for one in again.of(EnteredView)] == [1]
    assert again.broadcasts(Prepare) == []


def test_vote_whose_record_was_torn_away_is_cast_after_the_restart() -> None:
    backup = Subject(2).receive(_announced())
    backup.records = [one for one in backup.records if not isinstance(one, Prepare)]

    again = _restart(backup)

    assert [one.sequence for one in again.broadcasts(Prepare)] == [1]
    assert len(again.persisted(Prepare)) == 1


def test_commit_whose_record_was_torn_away_is_cast_after_the_restart() -> None:
    backup = Subject(2).receive(pre_prepare(), prepare(1))
    backup.records = [one for one in backup.records if not isinstance(one, Commit)]

    assert len(_restart(backup).broadcasts(Commit)) == 1


def test_nothing_that_is_stable_is_voted_on_after_a_restart() -> None:
    records: list[Record] = [pre_prepare(1), pre_prepare(2), stable(1)]

    backup = Subject(1, restored=restored_at(records=records))

    assert [one.sequence for one in backup.broadcasts(Prepare)] == [2]


def test_body_of_an_accepted_batch_survives_the_restart() -> None:
    again = _restart(Subject(1).receive(pre_prepare()))

    assert again.decide(1).of(Execute) == [Execute(sequence=SequenceNumber(1), batch=batch(1))]


def test_body_of_an_earlier_view_survives_the_restart() -> None:
    backup = Subject(2).receive(pre_prepare(), _announced())

    again = _restart(backup)

    assert again.replica.batch_of(SequenceNumber(1), batch(1).digest) == batch(1)


def test_newest_certificate_of_ledger_and_vote_log_counts() -> None:
    from_log = Subject(1, restored=restored_at(records=[stable(3), stable(2)]))
    from_ledger = Subject(1, restored=restored_at(3, records=[stable(2)], base=stable(3)))

    assert from_log.replica.low_watermark == 3
    assert from_ledger.replica.low_watermark == 3


def test_records_of_slots_that_are_over_are_skipped() -> None:
    records: list[Record] = [pre_prepare(1), prepare(1), stable(1), commit(1, 1)]

    backup = Subject(1, restored=restored_at(1, records=records, base=stable(1)))

    assert backup.replica.restatement() == (stable(1),)


def test_ledger_that_contradicts_the_certificate_stops_everything() -> None:
    with pytest.raises(Diverged):
        Subject(1, restored=restored_at(1, base=stable(1), digest=OTHER))


def test_vote_log_whose_certificate_contradicts_the_ledger_stops_everything() -> None:
    with pytest.raises(Diverged):
        Subject(1, restored=restored_at(1, records=[stable(1)], digest=OTHER))


def test_certificate_of_the_vote_log_for_the_tip_is_accepted() -> None:
    assert Subject(1, restored=restored_at(1, records=[stable(1)])).replica.low_watermark == 1


def test_view_that_was_announced_but_not_entered_is_entered_after_state_transfer() -> None:
    changes = tuple(view_change(one, base=stable(WINDOW)) for one in (0, 1, 3))
    backup = Subject(2).receive(new_view(changes=changes))
    assert backup.replica.status == "view_change"

    again = _restart(backup)

    assert again.replica.status == "view_change"
    assert len(again.of(FetchState)) == 1
    assert again.broadcasts(ViewChange) == []


def _with_a_ledger_below_the_start_of_its_view(replica_id: int, *said: Record) -> Subject:
    """It voted in view 1, which starts at block 2; then its blocks were given up."""
    changes = tuple(view_change(one, base=stable(2)) for one in (0, 1, 3))
    return Subject(replica_id, restored=restored_at(records=[new_view(changes=changes), *said]))


def _transferred(subject: Subject) -> Subject:
    return subject.step(
        Synced(
            stable=stable(2),
            executed=SequenceNumber(2),
            header_digest=header(2),
            time_ms=NOW_MS,
            now_ms=NOW_MS,
        )
    )


def test_own_proposal_binds_when_blocks_were_given_up_and_came_again() -> None:
    primary = _with_a_ledger_below_the_start_of_its_view(1, pre_prepare(3, view=1))
    assert primary.replica.status == "view_change"

    again = _transferred(primary).submit(9)

    assert [one.sequence for one in again.broadcasts(PrePrepare)] == [4]


def test_vote_that_is_due_is_cast_when_the_view_is_entered_again() -> None:
    backup = _with_a_ledger_below_the_start_of_its_view(2, pre_prepare(3, view=1))

    assert [one.sequence for one in _transferred(backup).broadcasts(Prepare)] == [3]


def test_votes_of_a_view_that_waits_for_blocks_are_restated() -> None:
    said = (pre_prepare(3, view=1), prepare(2, 3, view=1))

    backup = _with_a_ledger_below_the_start_of_its_view(2, *said)

    assert backup.replica.restatement()[-2:] == said


def test_view_that_starts_above_our_own_certificate_is_restored_to_its_last_entry() -> None:
    """The checkpoint of the view moves the window first, as when it came."""
    last = 3 + 2 * WINDOW
    changes = tuple(
        view_change(one, base=stable(3), certificates=[prepared(last)]) for one in (0, 1, 3)
    )
    records: list[Record] = [new_view(changes=changes), stable(3)]

    primary = Subject(1, restored=restored_at(3, records=records))

    assert [one.sequence for one in primary.replica.describe().slots] == list(range(4, last + 1))


def test_stable_entries_of_a_restored_view_are_not_opened_again() -> None:
    records: list[Record] = [_announced(), stable(1)]
    before = Subject(2, restored=restored_at(records=records))
    after = Subject(2, restored=restored_at(1, records=[stable(1), _announced()], base=stable(1)))

    assert [one.sequence for one in before.replica.describe().slots] == [1]
    assert after.replica.describe().slots == ()


def test_older_view_records_do_not_bring_the_replica_back() -> None:
    records: list[Record] = [view_change(2, 5), new_view(), view_change(2, 3)]

    assert Subject(2, restored=restored_at(records=records)).replica.view == 5


# Restatement


def _in_normal_case() -> Subject:
    return Subject(2).receive(pre_prepare(1), prepare(1), pre_prepare(2))


def _in_a_later_view() -> Subject:
    subject = _in_normal_case().receive(_announced(), prepare(0, view=1))
    return subject.receive(pre_prepare(2, view=1, body=batch(8)))


def _in_a_view_change() -> Subject:
    return _in_a_later_view().leave()


def _while_fetching_state() -> Subject:
    changes = tuple(view_change(one, 3, base=stable(WINDOW)) for one in (0, 1, 3))
    return _in_a_later_view().receive(new_view(3, changes=changes))


@pytest.mark.parametrize(
    "situation", [_in_normal_case, _in_a_later_view, _in_a_view_change, _while_fetching_state]
)
def test_restatement_rebuilds_the_same_state(situation: Callable[[], Subject]) -> None:
    before = situation()
    restatement = before.replica.restatement()

    after = Subject(2, restored=restored_at(records=restatement))

    assert after.replica.restatement() == restatement
    assert after.replica.view == before.replica.view
    assert after.replica.status == before.replica.status
    assert after.broadcasts(Prepare) == []
    for number in (1, 2, 8):
        for sequence in map(SequenceNumber, (1, 2)):
            digest = batch(number).digest
            expected = before.replica.batch_of(sequence, digest)
            assert after.replica.batch_of(sequence, digest) == expected


def test_restatement_keeps_what_was_prepared_and_not_decided() -> None:
    before = Subject(2).receive(pre_prepare(), prepare(1), prepare(3))
    restatement = before.replica.restatement()

    after = Subject(2, restored=restored_at(records=restatement)).leave()

    (wish,) = after.broadcasts(ViewChange)
    assert [one.sequence for one in wish.prepared] == [1]


def test_restatement_begins_with_the_certificate_and_ends_with_the_promise() -> None:
    restatement = _in_a_view_change().replica.restatement()

    assert isinstance(restatement[0], StableCheckpoint)
    assert isinstance(restatement[-1], ViewChange)
    assert sum(isinstance(one, NewView) for one in restatement) == 1
    assert all(one.batch is not None for one in restatement if isinstance(one, PrePrepare))


def test_served_promise_is_not_restated() -> None:
    backup = Subject(2).leave().receive(new_view())

    assert [type(one) for one in backup.replica.restatement()] == [StableCheckpoint, NewView]


def test_restored_comes_with_the_time_of_the_ledger() -> None:
    assert isinstance(restored_at(1), Restored)
