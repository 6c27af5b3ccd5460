"""Headers diverge, a record ends the epoch, the next one executes what it keeps. Checklist B9."""

from dataclasses import replace

import pytest

from consensus.codec import record_from_plain, record_to_plain
from consensus.effects import BuildBatch, Execute, FetchState, HeadersDiverged, Timer
from consensus.epochs import EpochEnd
from consensus.errors import ConflictingVote, ForgottenVote, InvalidEpochChange, InvalidShape
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Prepare,
    PrePrepare,
    RecoveryPromise,
    Status,
    ViewChange,
)
from consensus.recovery_record import RecoveryRecord
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature
from tests.simulation.stubs import CHAIN_ID, ENCODER, open_batch
from tests.unit.consensus.group import (
    Subject,
    batch,
    checkpoint,
    commit,
    config,
    header,
    make_guard,
    membership,
    new_view,
    pre_prepare,
    prepared,
    restored_at,
    signed,
    stable,
    status,
    view_change,
)

OTHER = header(99)
BASE = EpochEnd(membership=membership(), stable=stable(4))
KEPT = (batch(5), batch(6))
LAST = 6
RECORD = RecoveryRecord(
    chain_id=CHAIN_ID,
    epoch=Epoch(0),
    base_epoch=Epoch(0),
    height=Height(4),
    header_digest=header(4),
    batches=tuple(one.digest for one in KEPT),
    members_digest=header(0),
)
CONTENT = RECORD.signed_content(encoder=ENCODER)
PROMISE = RecoveryPromise(
    epoch=Epoch(0), sender=ReplicaId(1), content=CONTENT, signature=Signature(bytes(64))
)


def executed_one(replica_id: int = 1) -> Subject:
    return Subject(replica_id).receive(pre_prepare(1)).decide(1).execute(1)


def split() -> Subject:
    """Two replicas computed one header, two another one: no quorum of three is left."""
    return executed_one().receive(
        checkpoint(0, 1), checkpoint(2, 1, digest=OTHER), checkpoint(3, 1, digest=OTHER)
    )


# Divergence


def test_headers_that_no_quorum_can_sign_any_more_halt_the_replica() -> None:
    backup = split()

    (effect,) = backup.of(HeadersDiverged)
    assert effect.height == 1
    assert [(one.sender, one.header_digest) for one in effect.checkpoints] == [
        (0, header(1)),
        (1, header(1)),
        (2, OTHER),
        (3, OTHER),
    ]
    assert not backup.replica.may_vote


def test_a_halt_shows_the_digest_of_each_replica() -> None:
    described = split().replica.describe()

    assert described.split_at == 1
    assert dict(described.checkpoint_digests) == {0: header(1), 1: header(1), 2: OTHER, 3: OTHER}


def test_a_halted_replica_votes_on_nothing_and_blames_no_primary() -> None:
    backup = split().wait_for(7)

    assert not backup.is_running(Timer.REQUEST)
    backup.receive(pre_prepare(2), commit(0, 2), commit(2, 2))
    assert backup.broadcasts(Prepare) == []
    assert backup.broadcasts(Commit) == []
    backup.receive(view_change(2), view_change(3))
    assert backup.broadcasts(ViewChange) == []


def test_a_halted_replica_still_says_what_it_signed() -> None:
    backup = split()

    assert len(backup.expire(Timer.STATUS).broadcasts(Status)) == 1
    assert [one.height for one in backup.receive(status(2)).sends(Checkpoint)] == [1]


def test_divergence_is_told_once() -> None:
    backup = split()

    backup.receive(pre_prepare(2)).decide(2)
    backup.receive(checkpoint(2, 2, digest=OTHER), checkpoint(3, 2, digest=OTHER))

    assert backup.of(HeadersDiverged) == []


def test_the_first_height_that_diverged_is_shown_also_if_its_votes_come_last() -> None:
    backup = executed_one().receive(pre_prepare(2)).decide(2).execute(2)

    for height in (2, 1):
        others = (checkpoint(one, height, digest=OTHER) for one in (2, 3))
        backup.receive(checkpoint(0, height), *others)

        assert [one.height for one in backup.of(HeadersDiverged)] == [height]
        assert backup.replica.describe().split_at == height


@pytest.mark.parametrize("digest", [OTHER, header(1)], ids=["a liar", "nobody"])
def test_a_liar_alone_halts_nobody(digest: Digest) -> None:
    backup = executed_one().receive(checkpoint(2, 1, digest=digest), checkpoint(0, 1))

    assert backup.of(HeadersDiverged) == []
    assert backup.replica.may_vote


def test_votes_below_a_stable_height_halt_nobody() -> None:
    backup = Subject(1).receive(*(checkpoint(one, 2) for one in (0, 2, 3)))

    backup.receive(
        checkpoint(0, 1), checkpoint(2, 1, digest=OTHER), checkpoint(3, 1, digest=header(98))
    )

    assert backup.replica.describe().split_at is None


# The promise


def test_the_record_names_where_the_epoch_ends_and_what_goes_on() -> None:
    assert (RECORD.next_epoch, RECORD.last_height, RECORD.slot) == (1, LAST, ("recovery", 0))
    assert replace(RECORD, batches=()).signed_content(encoder=ENCODER) != CONTENT


def test_a_replica_signs_one_recovery_record_for_an_epoch() -> None:
    guard = make_guard(1)
    assert guard.recall(slot=RECORD.slot, content=CONTENT) is None
    guard.remember(slot=RECORD.slot, content=CONTENT, signature=PROMISE.signature)

    assert guard.recall(slot=RECORD.slot, content=CONTENT) == PROMISE.signature
    with pytest.raises(ConflictingVote):
        guard.recall(slot=RECORD.slot, content=b"another")


@pytest.mark.parametrize(
    "slot", [("checkpoint", 0, 5), ("prepare", 0, 0, 5), ("viewchange", 0, 9)], ids=str
)
def test_nothing_of_an_epoch_is_signed_after_its_recovery_record(
    slot: tuple[str | int, ...],
) -> None:
    guard = make_guard(1)
    guard.restore([PROMISE])

    with pytest.raises(ForgottenVote):
        guard.recall(slot=slot, content=b"late")


def test_the_promise_survives_a_restart_and_a_new_segment() -> None:
    backup = Subject(1, restored=restored_at(records=(PROMISE,)))

    assert backup.replica.restatement()[-1] == PROMISE
    assert not backup.replica.may_vote
    assert backup.receive(pre_prepare(1)).broadcasts(Prepare) == []


def test_the_promise_is_stored_as_a_record_of_the_vote_log() -> None:
    plain = record_to_plain(PROMISE)

    assert record_from_plain(plain, open_batch=open_batch) == PROMISE
    with pytest.raises(InvalidShape):
        record_from_plain((plain[0], (0, 1, "text", bytes(64))), open_batch=open_batch)


# The epoch after it


def recovered(
    replica_id: int = 1,
    *,
    executed: int = 4,
    decided: tuple[Batch, ...] = KEPT,
) -> Subject:
    settings = replace(
        config(replica_id),
        membership=membership(4, epoch=1),
        past=(BASE,),
        settled=SequenceNumber(LAST),
    )
    first = restored_at(executed, base=BASE.stable)
    return Subject(replica_id, settings=settings, restored=replace(first, decided=decided))


def later(message: PrePrepare | Commit | ViewChange) -> PrePrepare | Commit | ViewChange:
    return signed(replace(message, epoch=Epoch(1)))


def test_the_kept_batches_are_executed_in_order_without_a_vote() -> None:
    backup = recovered()

    assert [(one.sequence, one.batch) for one in backup.of(Execute)] == [(5, KEPT[0]), (6, KEPT[1])]
    assert backup.replica.last_committed == LAST
    backup.execute(5).execute(6)
    assert [one.epoch for one in backup.broadcasts(Checkpoint)] == [1]


def test_voting_begins_above_what_the_record_decided() -> None:
    backup = recovered().receive(*(later(pre_prepare(one)) for one in (5, 6, 7)))

    assert [one.sequence for one in backup.broadcasts(Prepare)] == [7]
    primary = recovered(0).submit(7)
    assert [one.sequence for one in primary.broadcasts(PrePrepare)] == [7]
    assert primary.of(BuildBatch) == []


def test_no_vote_decides_otherwise_about_what_the_record_decided() -> None:
    backup = recovered()

    backup.receive(*(later(commit(one, 5, digest=OTHER)) for one in (0, 2, 3)))

    assert backup.of(Execute) == []
    assert backup.replica.describe().slots == ()


def test_a_new_view_begins_above_what_the_record_decided() -> None:
    backup = recovered(2)
    wishes = [later(view_change(one, base=BASE.stable)) for one in (0, 1, 3)]

    backup.receive(*wishes)
    announced = replace(
        new_view(1, changes=wishes, proposals=()),  # type: ignore[arg-type]  # view changes
        epoch=Epoch(1),
        pre_prepares=(),
    )
    backup.receive(signed(announced))

    assert backup.replica.status == "normal"
    assert backup.replica.view == 1


def test_a_wish_with_a_certificate_for_what_is_settled_is_refused() -> None:
    old = replace(prepared(5), epoch=Epoch(1))
    bad = later(replace(view_change(0, base=BASE.stable), prepared=(old,)))

    with pytest.raises(Exception, match="prepared set"):
        recovered(2).receive(bad)


def test_a_restart_executes_only_the_rest_of_the_kept_batches() -> None:
    backup = recovered(executed=5, decided=KEPT[1:])

    assert [one.sequence for one in backup.of(Execute)] == [6]
    assert recovered(executed=LAST, decided=()).of(Execute) == []


@pytest.mark.parametrize("decided", [KEPT[:1], (*KEPT, batch(7))], ids=["too few", "too many"])
def test_exactly_the_kept_batches_are_needed(decided: tuple[Batch, ...]) -> None:
    with pytest.raises(InvalidEpochChange):
        recovered(decided=decided)


def test_the_chain_goes_on_after_the_kept_batches() -> None:
    backup = recovered().execute(5).execute(6)

    for height in (5, 6):
        votes = (replace(checkpoint(one, height), epoch=Epoch(1)) for one in (0, 2, 3))
        backup.receive(*(signed(one) for one in votes))
    backup.receive(later(pre_prepare(7)), *(later(commit(one, 7)) for one in (0, 2, 3)))

    assert backup.replica.low_watermark == LAST
    assert [one.sequence for one in backup.of(Execute)] == [7]
    assert backup.of(FetchState) == []
