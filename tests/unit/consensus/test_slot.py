import pytest

from consensus.errors import ConflictingCertificates
from consensus.messages import NULL_BATCH
from consensus.slot import BODIES_MAX, Slot
from consensus.types import NULL_BATCH_DIGEST, SequenceNumber, View
from tests.unit.consensus.group import (
    batch,
    commit,
    membership,
    pre_prepare,
    prepare,
    prepared,
)

OTHER = batch(77).digest


def _slot(size: int = 4) -> Slot:
    return Slot(SequenceNumber(1), membership=membership(size))


def _slot_with_votes() -> Slot:
    slot = _slot()
    slot.accept(pre_prepare())
    slot.add_prepare(prepare(1))
    slot.add_prepare(prepare(2))
    return slot


def test_vote_counts_once_for_each_sender() -> None:
    slot = _slot()
    slot.accept(pre_prepare())

    slot.add_prepare(prepare(1))
    slot.add_prepare(prepare(1))

    assert not slot.is_prepared(View(0))


def test_first_vote_of_a_view_wins_and_the_second_is_returned_as_evidence() -> None:
    slot = _slot()

    assert slot.add_prepare(prepare(1)) is None
    assert slot.add_prepare(prepare(1, digest=OTHER)) == prepare(1)
    assert slot.add_commit(commit(1)) is None
    assert slot.add_commit(commit(1, digest=OTHER)) == commit(1)
    assert slot.prepares[prepare(1).sender] == prepare(1)


def test_vote_of_a_later_view_replaces_that_of_an_earlier_one_and_not_the_reverse() -> None:
    slot = _slot()

    slot.add_prepare(prepare(1, view=2, digest=OTHER))
    assert slot.add_prepare(prepare(1)) is None
    assert slot.prepares[prepare(1).sender].view == 2

    slot.add_prepare(prepare(1, view=3))
    assert slot.prepares[prepare(1).sender].view == 3


def test_slot_is_prepared_in_exactly_the_view_of_its_votes() -> None:
    slot = _slot_with_votes()

    assert slot.is_prepared(View(0))
    assert not slot.is_prepared(View(1))


def test_votes_of_a_later_view_count_once_its_proposal_is_accepted() -> None:
    slot = _slot()
    slot.add_prepare(prepare(2, view=1))
    slot.add_prepare(prepare(3, view=1))
    assert not slot.is_prepared(View(1))

    slot.accept(pre_prepare(view=1))

    assert slot.is_prepared(View(1))


def test_prepared_certificate_stays_when_a_later_view_proposes_something_else() -> None:
    slot = _slot_with_votes()
    slot.prepared = slot.certificate_in(View(0))

    slot.accept(pre_prepare(view=1, digest=OTHER))

    assert slot.prepared == prepared(1)
    assert slot.certificate_in(View(0)) == prepared(1)
    assert not slot.is_prepared(View(1))


def test_commits_decide_without_a_proposal() -> None:
    slot = _slot()

    for one in (0, 2, 3):
        slot.add_commit(commit(one))

    assert slot.is_committed_local
    assert slot.committed_batch is None
    assert slot.missing_body(View(0)) == batch().digest


def test_decision_stays_when_more_commits_come() -> None:
    slot = _slot()
    for one in (0, 1, 2):
        slot.add_commit(commit(one))
    decided = slot.committed

    slot.add_commit(commit(3))

    assert slot.committed == decided


def test_commits_of_different_digests_or_views_do_not_add_up() -> None:
    slot = _slot()

    for vote in (commit(0), commit(1, digest=OTHER), commit(2, view=1), commit(3)):
        slot.add_commit(vote)

    assert not slot.is_committed_local


def test_same_decision_in_a_later_view_changes_nothing() -> None:
    slot = _slot()
    for view in (0, 4):
        for one in (0, 1, 2):
            slot.add_commit(commit(one, view=view))

    assert slot.committed is not None
    assert slot.committed.view == 0


def test_two_quorums_that_decide_differently_stop_everything() -> None:
    slot = _slot()
    for one in (0, 1, 2):
        slot.add_commit(commit(one))
    slot.add_commit(commit(0, view=4, digest=OTHER))
    slot.add_commit(commit(1, view=4, digest=OTHER))

    with pytest.raises(ConflictingCertificates):
        slot.add_commit(commit(2, view=4, digest=OTHER))


def test_body_of_the_null_batch_is_always_here() -> None:
    slot = _slot()
    slot.accept(pre_prepare(view=1, digest=NULL_BATCH_DIGEST))

    assert slot.batch_of(NULL_BATCH_DIGEST) == NULL_BATCH
    assert slot.missing_body(View(1)) is None
    assert slot.proposals == {}


def test_re_proposal_keeps_the_body_that_is_here() -> None:
    slot = _slot_with_votes()

    slot.accept(pre_prepare(view=1, digest=batch().digest))

    assert slot.batch_of(batch().digest) == batch()
    assert slot.proposals[batch().digest].view == 1


def test_fetched_body_completes_the_proposal_that_waits_for_it() -> None:
    slot = _slot()
    slot.accept(pre_prepare(view=1, digest=batch().digest))
    assert slot.missing_body(View(1)) == batch().digest

    completed = slot.keep_body(batch())

    assert completed == pre_prepare(view=1, body=batch())
    assert slot.missing_body(View(1)) is None


def test_fetched_body_of_a_decision_is_kept_beside_another_proposal() -> None:
    slot = _slot()
    slot.accept(pre_prepare(body=batch(77)))
    for one in (0, 2, 3):
        slot.add_commit(commit(one, view=4))

    assert slot.keep_body(batch(1)) is None
    assert slot.committed_batch == batch(1)
    assert slot.batch_of(batch(5).digest) is None


def test_bodies_of_a_slot_are_bounded_and_the_needed_ones_stay() -> None:
    slot = _slot_with_votes()
    slot.prepared = slot.certificate_in(View(0))

    for view in range(1, 3 * BODIES_MAX):
        slot.accept(pre_prepare(view=view, body=batch(100 + view)))

    assert len(slot.proposals) == BODIES_MAX
    assert slot.batch_of(batch().digest) is not None
    assert slot.batch_of(batch(100 + 3 * BODIES_MAX - 1).digest) is not None
    assert slot.batch_of(batch(101).digest) is None
