"""The end of an epoch, the start of the next, and those who are late. Checklist I1–I3."""

from dataclasses import replace
from typing import TypeVar

import pytest

from consensus.codec import checkpoints_of, signed_messages
from consensus.effects import BuildBatch, EpochEnded, FetchState, Send, StopTimer, Timer
from consensus.epochs import EpochEnd, NextEpoch
from consensus.errors import ForgottenVote, InvalidEpochChange, RefusedMessage
from consensus.events import Synced
from consensus.messages import (
    Checkpoint,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.replica import ReplicaConfig
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber
from tests.unit.consensus.group import (
    NOW_MS,
    TIMEOUT_MS,
    Subject,
    batch,
    checkpoint,
    commit,
    config,
    header,
    membership,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    restored_at,
    signed,
    stable,
    status,
    view_change,
)

# Executed at 1 with a window of 4: the epoch ends with block 8.
CHANGE = NextEpoch(membership=membership(5, epoch=1), first=SequenceNumber(9))
LAST = 8
OLD_END = EpochEnd(membership=membership(), stable=stable(LAST))

AnyMessage = TypeVar("AnyMessage", bound=Message)


def ending(replica_id: int = 1, *, executed: int = 1) -> Subject:
    """A replica that knows of the change; all up to `executed` is stable."""
    return Subject(
        replica_id,
        restored=restored_at(executed, base=stable(executed), next_epoch=CHANGE),
    )


def settings_of_epoch_1(replica_id: int = 1, *, may_vote: bool = True) -> ReplicaConfig:
    return replace(
        config(replica_id, size=5, may_vote=may_vote),
        membership=membership(5, epoch=1),
        past=(OLD_END,),
    )


def reborn(replica_id: int = 1, *, may_vote: bool = True, **restored: object) -> Subject:
    """The replica of epoch 1, which begins above block 8."""
    first = restored_at(LAST, base=OLD_END.stable)
    return Subject(
        replica_id,
        settings=settings_of_epoch_1(replica_id, may_vote=may_vote),
        restored=replace(first, **restored),  # type: ignore[arg-type]  # fields of Restored
    )


def later(message: AnyMessage) -> AnyMessage:
    """The same message, said in epoch 1."""
    return signed(replace(message, epoch=Epoch(1)))


def wish(sender: int, base: StableCheckpoint = OLD_END.stable) -> ViewChange:
    return later(view_change(sender, base=base))


# The end


def test_nobody_votes_on_a_sequence_of_the_next_epoch() -> None:
    backup = ending(executed=3)

    backup.receive(pre_prepare(LAST), pre_prepare(LAST + 1))

    assert [one.sequence for one in backup.broadcasts(Prepare)] == [LAST]


def test_nobody_votes_two_windows_above_what_it_executed() -> None:
    backup = Subject(1).receive(*(checkpoint(one, 6) for one in (0, 2, 3)))

    backup.receive(pre_prepare(9))
    assert backup.broadcasts(Prepare) == []

    backup.receive(pre_prepare(8))
    assert [one.sequence for one in backup.broadcasts(Prepare)] == [8]


def test_primary_proposes_up_to_the_end_and_not_beyond() -> None:
    primary = ending(0, executed=LAST - 1)

    primary.submit(1)
    assert [one.sequence for one in primary.broadcasts(PrePrepare)] == [LAST]

    assert not primary.replica.may_propose
    assert primary.submit(2).broadcasts(PrePrepare) == []


def test_primary_owes_the_rest_of_the_epoch_at_once_and_asks_once_for_each_block() -> None:
    primary = Subject(0)
    primary.submit(1).decide(1)

    primary.execute(1, next_epoch=CHANGE)
    assert len(primary.of(BuildBatch)) == 1

    assert primary.receive(checkpoint(2, 1)).of(BuildBatch) == []
    primary.submit(2)
    assert primary.of(BuildBatch) == []
    primary.decide(2).execute(2, next_epoch=CHANGE)
    assert len(primary.of(BuildBatch)) == 1


def test_backups_watch_that_the_epoch_is_filled_and_each_block_is_progress() -> None:
    backup = Subject(1).receive(pre_prepare(1)).decide(1)

    backup.execute(1, next_epoch=CHANGE)
    assert backup.is_running(Timer.REQUEST)
    generation = backup.generations[Timer.REQUEST]

    backup.receive(pre_prepare(2)).decide(2).execute(2, next_epoch=CHANGE)
    assert backup.generations[Timer.REQUEST] > generation

    assert backup.expire(Timer.REQUEST).broadcasts(ViewChange) != []


def test_progress_of_the_epoch_is_none_of_the_submission_that_waits() -> None:
    backup = Subject(1).receive(pre_prepare(1)).decide(1).wait_for(7)
    generation = backup.generations[Timer.REQUEST]

    backup.execute(1, next_epoch=CHANGE)

    assert backup.generations[Timer.REQUEST] == generation


def test_a_decided_end_lacks_checkpoints_and_not_another_primary() -> None:
    backup = ending(executed=LAST - 1).receive(pre_prepare(LAST)).decide(LAST)
    backup.execute(LAST, next_epoch=CHANGE)

    backup.expire(Timer.REQUEST)

    assert backup.broadcasts(ViewChange) == []
    assert len(backup.broadcasts(Status)) == 1


def test_the_epoch_ends_when_its_last_block_is_durable_here_and_stable() -> None:
    backup = ending(executed=LAST - 1).receive(pre_prepare(LAST)).decide(LAST)
    assert backup.of(EpochEnded) == []

    backup.execute(LAST, next_epoch=CHANGE)
    assert backup.of(EpochEnded) == []
    assert not backup.replica.is_over

    backup.receive(checkpoint(2, LAST), checkpoint(3, LAST))
    (ended,) = backup.of(EpochEnded)
    assert (ended.stable.height, ended.next_epoch) == (LAST, CHANGE)
    assert backup.effects[-1] is ended
    assert backup.persisted(StableCheckpoint) == [ended.stable]
    assert backup.replica.is_over
    assert backup.generations == {}


def test_a_stable_end_waits_for_our_own_block() -> None:
    backup = ending(executed=LAST - 1)
    backup.receive(*(checkpoint(one, LAST) for one in (0, 2, 3)))
    assert backup.of(EpochEnded) == []

    backup.decide(LAST).fetch(batch(LAST)).execute(LAST, next_epoch=CHANGE)

    assert len(backup.of(EpochEnded)) == 1


def test_nothing_happens_after_the_end() -> None:
    backup = ending(executed=LAST)
    assert backup.of(EpochEnded) != []

    assert backup.receive(pre_prepare(LAST), commit(3, LAST)).wait_for(7).effects == ()
    assert not backup.replica.may_propose


def test_restart_at_the_end_ends_again() -> None:
    backup = Subject(
        1,
        restored=restored_at(
            LAST, base=stable(LAST - 1), records=(stable(LAST),), next_epoch=CHANGE
        ),
    )

    assert len(backup.of(EpochEnded)) == 1
    assert {one.timer for one in backup.of(StopTimer)} >= {Timer.STATUS, Timer.IDLE}


def test_execution_that_forgets_or_changes_what_it_announced_stops_everything() -> None:
    forgetful = ending().receive(pre_prepare(2)).decide(2)

    with pytest.raises(InvalidEpochChange):
        forgetful.execute(2)
    with pytest.raises(InvalidEpochChange):
        forgetful.execute(2, next_epoch=replace(CHANGE, first=SequenceNumber(8)))


def _transfer(backup: Subject, height: int, next_epoch: NextEpoch | None) -> Subject:
    return backup.step(
        Synced(
            stable=stable(height),
            executed=SequenceNumber(height),
            header_digest=header(height),
            time_ms=NOW_MS,
            now_ms=NOW_MS,
            next_epoch=next_epoch,
        )
    )


def test_state_transfer_to_the_end_ends_the_epoch() -> None:
    laggard = Subject(1).receive(*(checkpoint(one, LAST) for one in (0, 2, 3)))
    assert len(laggard.of(FetchState)) == 1

    assert len(_transfer(laggard, LAST, CHANGE).of(EpochEnded)) == 1


def test_state_transfer_beyond_the_epoch_stops_everything() -> None:
    laggard = Subject(1).receive(*(checkpoint(one, LAST) for one in (0, 2, 3)))

    with pytest.raises(InvalidEpochChange):
        _transfer(laggard, LAST + 1, CHANGE)


def test_description_says_in_which_epoch_and_where_it_ends() -> None:
    described = ending().replica.describe()

    assert (described.epoch, described.epoch_last) == (0, LAST)
    assert Subject(1).replica.describe().epoch_last is None


# The start


def test_the_next_epoch_begins_in_view_0_with_its_own_quorum_and_primary() -> None:
    primary = reborn(0)

    assert (primary.replica.view, primary.replica.low_watermark) == (0, LAST)
    assert primary.replica.describe().quorum == 4
    primary.submit(1)
    assert [(one.epoch, one.sequence) for one in primary.broadcasts(PrePrepare)] == [(1, LAST + 1)]


def test_nothing_that_was_promised_in_an_earlier_epoch_binds() -> None:
    old = (
        stable(LAST),
        pre_prepare(LAST),
        prepare(1, LAST),
        view_change(1, 3, base=stable(LAST - 1)),
        new_view(2),
    )

    backup = reborn(records=old, checkpoints=(checkpoint(1, LAST),))

    assert backup.replica.view == 0
    assert backup.broadcasts(ViewChange) == []
    assert backup.broadcasts(Checkpoint) == []
    assert backup.guard.size == 0
    backup.guard.note_checkpoint(checkpoint(1, LAST))
    assert backup.guard.size == 0


def test_restart_in_the_next_epoch_keeps_what_binds_there() -> None:
    first = reborn().receive(later(pre_prepare(LAST + 1)))

    again = reborn(records=tuple(first.records))

    assert again.replica.restatement() == first.replica.restatement()
    assert again.replica.restatement()[0] == OLD_END.stable
    assert [one.sequence for one in again.broadcasts(Prepare)] == []


def test_the_guard_signs_nothing_of_an_earlier_epoch() -> None:
    with pytest.raises(ForgottenVote):
        reborn().guard.recall(slot=("prepare", 0, 0, LAST + 1), content=b"late")


@pytest.mark.parametrize(
    "restored",
    [{"executed": SequenceNumber(LAST - 1)}, {"stable": stable(LAST - 1)}],
    ids=["not executed", "not certified"],
)
def test_nobody_counts_before_it_stands_on_the_base(restored: dict[str, object]) -> None:
    with pytest.raises(InvalidEpochChange):
        reborn(**restored)  # type: ignore[arg-type]  # fields of Restored


def test_view_change_and_new_view_may_rest_on_the_base_that_the_old_members_signed() -> None:
    backup = reborn(2)
    wishes = [wish(one) for one in (0, 1, 3, 4)]

    backup.receive(*wishes[:2])
    assert [one.new_view for one in backup.broadcasts(ViewChange)] == [1]
    assert backup.broadcasts(ViewChange)[0].stable == OLD_END.stable

    announcement = replace(
        new_view(1, changes=wishes, proposals=(), size=5), epoch=Epoch(1), pre_prepares=()
    )
    backup.receive(signed(announcement))
    assert backup.replica.status == "normal"
    assert backup.replica.view == 1


def _certificate_of_epoch_1(height: int) -> StableCheckpoint:
    parts = tuple(later(checkpoint(one, height)) for one in range(4))
    signatures = tuple((one.sender, one.signature) for one in parts)
    return replace(stable(height), epoch=Epoch(1), signatures=signatures)


def test_a_certificate_of_this_epoch_binds_above_the_base() -> None:
    reborn(2).receive(wish(0, _certificate_of_epoch_1(LAST + 1)))


@pytest.mark.parametrize(
    "base",
    [
        stable(LAST - 1),
        stable(LAST + 1),
        stable(LAST, digest=header(5)),
        replace(OLD_END.stable, signatures=OLD_END.stable.signatures[:2]),
        replace(OLD_END.stable, epoch=Epoch(1)),
        _certificate_of_epoch_1(LAST),
        _certificate_of_epoch_1(LAST - 1),
        replace(stable(LAST + 1), epoch=Epoch(1)),
        replace(stable(0, signers=(0, 1, 2)), height=Height(0), signatures=()),
    ],
    ids=[
        "old, below the base",
        "old, above the base",
        "another header",
        "too few old members",
        "the base under the new number",
        "the base signed by the new members",
        "below the base",
        "the old quorum above the base",
        "genesis",
    ],
)
def test_no_other_certificate_of_an_earlier_epoch_binds(base: StableCheckpoint) -> None:
    backup = reborn(2)

    with pytest.raises(RefusedMessage):
        backup.receive(wish(0, base))


def test_prepared_certificates_of_an_earlier_epoch_refuse_the_whole_wish() -> None:
    old = view_change(0, base=OLD_END.stable, certificates=(prepared(LAST + 1),))

    with pytest.raises(RefusedMessage):
        reborn(2).receive(later(old))


def test_each_part_of_a_wish_is_named_with_its_own_epoch() -> None:
    parts = signed_messages(wish(0), size=5)

    assert [one.epoch for one in parts] == [1, 0, 0, 0]


# Those who are late


def test_a_replica_in_an_earlier_epoch_is_told_how_that_one_ended() -> None:
    backup = reborn(3).receive(status(1, stable_height=5))

    sent = backup.of(Send)
    assert [one.to for one in sent] == [1, 1, 1]
    assert tuple(one.message for one in sent) == checkpoints_of(OLD_END.stable)


def test_each_laggard_is_told_once_between_two_ticks() -> None:
    backup = reborn(3).receive(status(1), status(1), status(0))
    assert [one.to for one in backup.of(Send)] == [1, 1, 1, 0, 0, 0]

    backup.expire(Timer.STATUS)
    assert len(backup.receive(status(1)).of(Send)) == 3


def test_a_laggard_with_our_own_number_is_somebody_else() -> None:
    assert len(reborn(3).receive(status(3)).of(Send)) == 3


def test_who_has_the_end_already_is_told_nothing() -> None:
    assert reborn(3).receive(status(1, stable_height=LAST)).effects == ()


def test_a_learner_tells_nobody() -> None:
    assert reborn(3, may_vote=False).receive(status(1)).effects == ()


@pytest.mark.parametrize(
    "message",
    [
        checkpoint(1, LAST + 1),
        commit(1, LAST + 1),
        view_change(1),
        replace(status(1), sender=ReplicaId(4)),
        replace(status(1), epoch=Epoch(2)),
        replace(pre_prepare(LAST + 1), epoch=Epoch(2)),
    ],
    ids=["vote", "commit", "wish", "no member then", "later status", "later proposal"],
)
def test_nothing_else_of_another_epoch_counts(message: Message) -> None:
    backup = reborn(3)

    with pytest.raises(RefusedMessage) as caught:
        backup.receive(message)

    assert caught.value.what == "epoch"


def test_members_of_several_epochs_ago_are_told_the_end_of_theirs() -> None:
    second = EpochEnd(membership=membership(5, epoch=1), stable=_certificate_of_epoch_1(20))
    settings = replace(config(1), membership=membership(4, epoch=2), past=(OLD_END, second))
    backup = Subject(1, settings=settings, restored=restored_at(20, base=second.stable))

    told = backup.receive(status(2)).sends(Checkpoint)
    assert {one.height for one in told} == {LAST}

    told = backup.receive(later(status(2))).sends(Checkpoint)
    assert {one.height for one in told} == {20}


def test_a_peer_of_this_epoch_is_sent_no_vote_of_an_earlier_one() -> None:
    assert reborn(3).receive(later(status(1, stable_height=0))).sends(Checkpoint) == []


def test_a_late_replica_reaches_the_next_epoch_by_what_it_is_told() -> None:
    laggard = Subject(2)
    helper = reborn(3)

    asked = laggard.expire(Timer.STATUS).broadcasts(Status)
    told = helper.receive(*asked).sends(Checkpoint)
    laggard.receive(*told)
    laggard.expire(Timer.STATUS)
    laggard.expire(Timer.STATUS)

    assert laggard.replica.low_watermark == LAST
    assert len(_transfer(laggard, LAST, CHANGE).of(EpochEnded)) == 1


def test_a_view_that_was_changed_in_the_old_epoch_costs_no_patience_in_the_new_one() -> None:
    backup = reborn(2).wait_for(1)

    assert backup.is_running(Timer.REQUEST)
    started = [one for one in backup.effects if getattr(one, "timer", None) is Timer.REQUEST]
    assert [one.duration_ms for one in started] == [TIMEOUT_MS]  # type: ignore[union-attr]  # StartTimer
    assert NewView not in {type(one) for one in backup.replica.restatement()}


def test_a_batch_of_the_old_epoch_is_offered_anew() -> None:
    primary = reborn(0)

    primary.submit(7)

    (proposed,) = primary.broadcasts(PrePrepare)
    assert proposed.batch_digest == batch(7).digest
    assert Digest(proposed.batch_digest) != bytes(32)
