import pytest

from consensus.effects import (
    Equivocated,
    Execute,
    FetchState,
    Persist,
    Stabilized,
    StartTimer,
    Timer,
)
from consensus.errors import Diverged, ExecutionOutOfOrder
from consensus.events import Synced
from consensus.messages import Checkpoint, StableCheckpoint, Status
from consensus.types import SequenceNumber
from tests.unit.consensus.group import (
    NOW_MS,
    TIMEOUT_MS,
    WINDOW,
    Subject,
    batch,
    checkpoint,
    commit,
    header,
    new_view,
    pre_prepare,
    stable,
    view_change,
)

OTHER = batch(77).digest


def _ready(*sequences: int) -> Subject:
    """Sequences that are decided and handed to execution."""
    backup = Subject(1)
    for one in sequences:
        backup.receive(pre_prepare(one)).decide(one)
    return backup


def _certify(backup: Subject, height: int, *, digest: bytes | None = None) -> Subject:
    return backup.receive(*(checkpoint(one, height, digest=digest) for one in (0, 2, 3)))


def _synced(height: int, *, base: int | None = None, digest: bytes | None = None) -> Synced:
    return Synced(
        stable=stable(base or height),
        executed=SequenceNumber(height),
        header_digest=header(height) if digest is None else digest,  # type: ignore[arg-type]  # a digest
        time_ms=NOW_MS,
        now_ms=NOW_MS,
    )


def test_block_reported_twice_changes_nothing() -> None:
    backup = _ready(1).execute(1)

    assert backup.execute(1).effects == ()


@pytest.mark.parametrize("sequence", [2, 3])
def test_block_that_was_not_asked_for_stops_everything(sequence: int) -> None:
    with pytest.raises(ExecutionOutOfOrder):
        _ready(1).execute(sequence)


def test_block_before_its_predecessor_stops_everything() -> None:
    with pytest.raises(ExecutionOutOfOrder) as caught:
        _ready(1, 2).execute(2)

    assert (caught.value.expected, caught.value.actual) == (1, 2)


def test_certificate_is_durable_before_it_is_shown() -> None:
    backup = _certify(_ready(1).execute(1), 1)

    assert [type(one) for one in backup.effects[:2]] == [Persist, Stabilized]
    assert backup.persisted(StableCheckpoint) == [stable(1)]


def test_certificate_may_come_before_our_own_execution_ends() -> None:
    backup = _certify(_ready(1), 1)
    assert backup.replica.low_watermark == 1
    assert backup.of(FetchState) == []

    assert backup.execute(1).broadcasts(Checkpoint) == [checkpoint(1, 1)]


def test_lower_height_is_certified_too_after_a_later_one_became_stable() -> None:
    backup = _ready(1, 2).execute(1).execute(2)
    _certify(backup, 2)

    backup.receive(checkpoint(0, 1), checkpoint(2, 1))

    (shown,) = backup.of(Stabilized)
    assert shown.stable.height == 1
    assert backup.replica.low_watermark == 2
    assert backup.persisted(StableCheckpoint) == []


def test_height_is_certified_once() -> None:
    backup = _certify(_ready(1).execute(1), 1)

    assert _certify(backup, 1).of(Stabilized) == []


def test_contradictory_checkpoint_is_reported_and_not_counted() -> None:
    backup = _ready(1).execute(1).receive(checkpoint(0, digest=OTHER), checkpoint(0))

    assert len(backup.of(Equivocated)) == 1
    assert backup.receive(checkpoint(2)).of(Stabilized) == []


def test_late_replica_uses_a_certificate_with_the_signature_of_a_liar_that_lied_to_it_first() -> (
    None
):
    late = Subject(1).receive(checkpoint(2, digest=OTHER))
    certificate = (checkpoint(0), checkpoint(2), checkpoint(3))

    late.receive(*certificate)
    assert late.of(Stabilized) == []
    late.receive(*certificate)

    (stabilized,) = late.of(Stabilized)
    assert [replica for replica, _ in stabilized.stable.signatures] == [0, 2, 3]


def test_execution_that_differs_from_a_certified_header_stops_everything() -> None:
    backup = _certify(_ready(1), 1)

    with pytest.raises(Diverged) as caught:
        backup.execute(1, digest=OTHER)

    assert (caught.value.height, caught.value.own, caught.value.certified) == (1, OTHER, header(1))


def test_certificate_that_differs_from_our_execution_stops_everything() -> None:
    backup = _ready(1).execute(1, digest=OTHER)

    with pytest.raises(Diverged) as caught:
        _certify(backup, 1)

    assert caught.value.own.hex() in str(caught.value)
    assert caught.value.certified.hex() in str(caught.value)


def test_certificate_in_a_view_change_is_adopted() -> None:
    backup = Subject(1)

    backup.receive(view_change(2, base=stable(3)))

    assert backup.replica.low_watermark == 3
    assert backup.replica.stable == stable(3)


def test_older_certificate_in_a_view_change_changes_nothing() -> None:
    backup = Subject(1).receive(view_change(2, base=stable(3)))

    backup.receive(view_change(3, base=stable(2)))

    assert backup.replica.low_watermark == 3


# State transfer


def test_small_gap_is_given_two_ticks_to_close() -> None:
    backup = _certify(Subject(1), 1)
    assert backup.of(FetchState) == []

    assert backup.expire(Timer.STATUS).of(FetchState) == []
    (fetch,) = backup.expire(Timer.STATUS).of(FetchState)
    assert fetch.target == stable(1, signers=(0, 2, 3))


def test_gap_that_closes_by_itself_needs_no_state_transfer() -> None:
    backup = _certify(_ready(1), 1).expire(Timer.STATUS).execute(1)

    for _ in range(3):
        assert backup.expire(Timer.STATUS).of(FetchState) == []


def test_gap_beyond_the_window_is_closed_at_once() -> None:
    backup = _certify(Subject(1), WINDOW + 1)

    assert [one.target.height for one in backup.of(FetchState)] == [WINDOW + 1]


def test_state_is_asked_for_once() -> None:
    backup = _certify(Subject(1), WINDOW + 1)

    assert _certify(backup, WINDOW + 2).of(FetchState) == []
    for _ in range(3):
        assert backup.expire(Timer.STATUS).of(FetchState) == []


def test_state_transfer_waits_for_what_is_being_executed() -> None:
    backup = _certify(_ready(1), WINDOW + 2)
    assert backup.of(FetchState) == []

    assert len(backup.execute(1).of(FetchState)) == 1


def test_nothing_executes_during_state_transfer_and_the_rest_goes_on_after_it() -> None:
    far = WINDOW + 1
    backup = _certify(Subject(1), far)
    backup.receive(pre_prepare(far + 1)).decide(far + 1)
    assert backup.of(Execute) == []

    backup.step(_synced(far))

    assert [one.sequence for one in backup.of(Execute)] == [far + 1]
    assert backup.replica.last_executed == far


def test_what_is_decided_during_state_transfer_waits_for_its_end() -> None:
    backup = _certify(Subject(1).receive(pre_prepare(1)), WINDOW + 1)
    assert len(backup.of(FetchState)) == 1

    backup.decide(1)
    assert backup.of(Execute) == []


def test_what_became_stable_during_state_transfer_and_was_missed_is_fetched_at_once() -> None:
    backup = _certify(_certify(Subject(1), WINDOW + 1), WINDOW + 3)

    (fetch,) = backup.step(_synced(WINDOW + 1)).of(FetchState)

    assert fetch.target.height == WINDOW + 3


def test_what_is_decided_here_after_state_transfer_is_executed_and_not_fetched() -> None:
    far = WINDOW + 1
    backup = _certify(Subject(1), far)
    backup.receive(pre_prepare(far + 1)).decide(far + 1)
    _certify(backup, far + 1)

    backup.step(_synced(far))

    assert [one.sequence for one in backup.of(Execute)] == [far + 1]
    assert backup.of(FetchState) == []


def test_transferred_headers_are_not_signed() -> None:
    backup = _certify(Subject(1), WINDOW + 1)

    assert backup.step(_synced(WINDOW + 1)).broadcasts(Checkpoint) == []


def test_transfer_may_bring_more_than_was_asked_for() -> None:
    backup = _certify(Subject(1), WINDOW + 1)

    backup.step(_synced(WINDOW + 3, base=WINDOW + 1))

    assert backup.replica.last_executed == WINDOW + 3
    assert backup.replica.low_watermark == WINDOW + 1


def test_transfer_of_less_than_what_is_here_does_not_move_back() -> None:
    backup = _certify(Subject(1), WINDOW + 1).step(_synced(WINDOW + 1))

    backup.step(_synced(2))

    assert backup.replica.last_executed == WINDOW + 1
    assert backup.replica.low_watermark == WINDOW + 1


def test_transferred_header_that_differs_from_the_certified_one_stops_everything() -> None:
    backup = _certify(Subject(1), WINDOW + 1)

    with pytest.raises(Diverged):
        backup.step(_synced(WINDOW + 1, digest=OTHER))


def test_f_plus_one_far_checkpoints_start_the_search_once_a_tick_and_are_no_target() -> None:
    far = 3 * WINDOW
    backup = Subject(1)
    assert backup.receive(checkpoint(0, far)).broadcasts(Status) == []

    backup.receive(checkpoint(2, far + 1))
    assert len(backup.broadcasts(Status)) == 1
    assert backup.of(FetchState) == []

    assert backup.receive(checkpoint(2, far + 2)).broadcasts(Status) == []
    backup.expire(Timer.STATUS)
    assert len(backup.receive(checkpoint(2, far + 3)).broadcasts(Status)) == 1


def test_learner_sends_no_checkpoint() -> None:
    learner = Subject(1, may_vote=False).receive(pre_prepare(), commit(0), commit(2), commit(3))

    assert learner.execute(1).broadcasts(Checkpoint) == []


def test_decision_of_an_earlier_view_does_not_make_the_replica_patient() -> None:
    backup = Subject(3).receive(pre_prepare()).leave()
    backup.receive(view_change(0), view_change(2), new_view()).decide(1).execute(1)

    (timer,) = [one for one in backup.wait_for(5).of(StartTimer) if one.timer is Timer.REQUEST]

    assert timer.duration_ms == 2 * TIMEOUT_MS
