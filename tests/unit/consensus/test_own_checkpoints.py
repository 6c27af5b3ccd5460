"""What we signed of our blocks is written down, so that no later life signs anything else (G2)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from consensus.effects import Persist, Record
from consensus.events import Synced
from consensus.messages import Checkpoint, StableCheckpoint
from consensus.types import Epoch, SequenceNumber
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
)
from tests.unit.consensus.remembering import asking

TIP = WINDOW + 1


def _executed_once() -> Subject:
    return Subject(1).receive(pre_prepare(), prepare(2)).decide(1).execute(1)


def _fetched(own: Checkpoint | None) -> Subject:
    """State transfer brought it to the tip; `own` is what execution signed last on the way."""
    backup = Subject(1).receive(*(checkpoint(one, TIP) for one in (0, 2, 3)))
    return backup.step(
        Synced(
            stable=stable(TIP),
            executed=SequenceNumber(TIP),
            header_digest=header(TIP),
            time_ms=NOW_MS,
            now_ms=NOW_MS,
            checkpoint=own,
        )
    )


def _checkpoints_in(records: Sequence[Record]) -> list[Checkpoint]:
    return [one for one in records if isinstance(one, Checkpoint)]


def test_our_checkpoint_is_in_the_vote_log_before_it_is_sent() -> None:
    backup = _executed_once()

    assert isinstance(backup.effects[0], Persist)
    assert backup.persisted(Checkpoint) == backup.broadcasts(Checkpoint) == [checkpoint(1)]


def test_what_only_the_ledger_knows_of_our_checkpoints_is_written_down_at_the_start() -> None:
    records: list[Record] = [pre_prepare(), checkpoint(1, 1)]

    again = asking(executed=2, records=records, own=[checkpoint(1, 1), checkpoint(1, 2)])

    assert again.persisted(Checkpoint) == [checkpoint(1, 2)]


def test_what_was_signed_of_lost_blocks_is_said_again() -> None:
    again = asking(records=_executed_once().records).remember_nothing()

    assert again.replica.last_executed == 0
    assert again.broadcasts(Checkpoint) == [checkpoint(1)]
    assert again.persisted(Checkpoint) == []


@pytest.mark.parametrize("is_stable", [False, True])
def test_a_new_segment_begins_with_our_checkpoints_above_the_stable_one_and_the_newest(
    *, is_stable: bool
) -> None:
    backup = _executed_once()
    if is_stable:
        backup.receive(checkpoint(0), checkpoint(2))
        assert backup.replica.stable.height == 1

    again = asking(records=backup.replica.restatement())

    assert _checkpoints_in(again.replica.restatement()) == [checkpoint(1)]


def test_the_newest_stays_however_far_the_group_went_on_without_us() -> None:
    backup = _executed_once()
    backup.receive(*(checkpoint(one, 3 * WINDOW) for one in (0, 2, 3)))

    records = backup.replica.restatement()

    assert _checkpoints_in(records) == [checkpoint(1)]
    assert next(one.height for one in records if isinstance(one, StableCheckpoint)) == 3 * WINDOW


def test_what_was_signed_during_state_transfer_is_written_down_and_not_sent() -> None:
    backup = _fetched(checkpoint(1, TIP))

    assert backup.persisted(Checkpoint) == [checkpoint(1, TIP)]
    assert backup.broadcasts(Checkpoint) == []


@pytest.mark.parametrize("own", [None, replace(checkpoint(1, TIP), epoch=Epoch(1))])
def test_state_transfer_without_a_signature_of_this_epoch_writes_none(
    own: Checkpoint | None,
) -> None:
    assert _fetched(own).persisted(Checkpoint) == []


def test_the_newest_is_written_once() -> None:
    backup = _fetched(checkpoint(1, TIP))

    backup.step(
        Synced(
            stable=stable(TIP),
            executed=SequenceNumber(TIP),
            header_digest=header(TIP),
            time_ms=NOW_MS,
            now_ms=NOW_MS,
            checkpoint=checkpoint(1, TIP),
        )
    )

    assert backup.persisted(Checkpoint) == []


def test_a_learner_writes_down_nothing_of_what_it_signed_before() -> None:
    learner = Subject(1, may_vote=False, restored=restored_at(1, own=[checkpoint(1)]))

    assert learner.persisted(Checkpoint) == []
