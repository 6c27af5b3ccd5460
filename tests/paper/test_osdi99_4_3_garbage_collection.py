"""OSDI '99 §4.3: one test per claim of checkpoints and garbage collection."""

from consensus.effects import Stabilized
from consensus.messages import Checkpoint, PrePrepare, StableCheckpoint
from tests.unit.consensus.group import (
    WINDOW,
    Subject,
    checkpoint,
    new_view,
    pre_prepare,
    prepare,
    view_change,
)


def _executed_once() -> Subject:
    return Subject(1).receive(pre_prepare(1), prepare(2)).decide(1).execute(1)


def test_replica_multicasts_a_checkpoint_with_the_digest_of_its_state_after_executing() -> None:
    backup = _executed_once()

    assert backup.broadcasts(Checkpoint) == [checkpoint(1, 1)]


def test_checkpoint_is_stable_with_matching_messages_of_a_quorum_own_included() -> None:
    backup = _executed_once()

    assert backup.receive(checkpoint(0)).of(Stabilized) == []
    (stabilized,) = backup.receive(checkpoint(2)).of(Stabilized)
    assert [replica for replica, _ in stabilized.stable.signatures] == [0, 1, 2]


def test_proof_of_stability_is_logged_before_anything_is_discarded() -> None:
    backup = _executed_once().receive(checkpoint(0), checkpoint(2))

    assert len(backup.persisted(StableCheckpoint)) == 1


def test_messages_up_to_the_stable_checkpoint_are_discarded() -> None:
    backup = _executed_once().receive(checkpoint(0), checkpoint(2))

    # Of our own CHECKPOINTs the newest stays: a later life must not sign another header (ours).
    assert backup.replica.restatement() == (backup.replica.stable, checkpoint(1))


def test_stable_checkpoint_moves_both_watermarks() -> None:
    backup = _executed_once()
    assert backup.replica.describe().high_watermark == 2 * WINDOW

    backup.receive(checkpoint(0), checkpoint(2))

    assert backup.replica.low_watermark == 1
    assert backup.replica.describe().high_watermark == 1 + 2 * WINDOW


def test_faulty_primary_cannot_exhaust_the_space_of_sequence_numbers() -> None:
    backup = Subject(1)

    backup.receive(pre_prepare(2**53 - 1))

    assert backup.effects == ()
    assert backup.replica.describe().slots == ()


def test_primary_without_stable_checkpoint_stops_assigning_at_the_end_of_its_window() -> None:
    primary = Subject(0)

    assigned = [primary.submit(one).broadcasts(PrePrepare) for one in range(1, WINDOW + 2)]

    assert [len(one) for one in assigned] == [1] * WINDOW + [0]


def test_signatures_of_different_views_over_one_checkpoint_add_up() -> None:
    backup = _executed_once().receive(checkpoint(0))

    backup.receive(new_view(2, changes=tuple(view_change(one, 2) for one in (0, 2, 3))))
    assert backup.replica.view == 2
    backup.receive(checkpoint(2))

    assert [one.stable.height for one in backup.of(Stabilized)] == [1]
