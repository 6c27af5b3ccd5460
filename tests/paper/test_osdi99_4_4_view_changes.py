"""OSDI '99 §4.4: one test per claim of view changes."""

from itertools import permutations

from consensus.effects import EnteredView, Execute, Timer
from consensus.messages import (
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
)
from consensus.new_view import new_view_proposals
from consensus.types import NULL_BATCH_DIGEST, View
from tests.unit.consensus.group import (
    Subject,
    batch,
    membership,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    stable,
    view_change,
)
from tests.unit.consensus.whole_group import Group


def test_backup_starts_a_view_change_when_a_request_waits_too_long() -> None:
    backup = Subject(1).wait_for(1)

    backup.expire(Timer.REQUEST)

    (message,) = backup.broadcasts(ViewChange)
    assert message.new_view == 1
    assert backup.replica.status == "view_change"


def test_backup_in_a_view_change_takes_part_in_no_earlier_view() -> None:
    backup = Subject(2).receive(pre_prepare(1)).leave()

    backup.receive(pre_prepare(2), prepare(1), prepare(3))

    assert backup.broadcasts(Prepare) == []
    assert backup.broadcasts(Commit) == []


def test_view_change_carries_the_stable_checkpoint_and_what_is_prepared_above_it() -> None:
    backup = Subject(2).receive(pre_prepare(1), pre_prepare(2), prepare(1), prepare(3))

    (message,) = backup.leave().broadcasts(ViewChange)

    assert message.stable.height == 0
    assert [one.sequence for one in message.prepared] == [1]
    assert message.prepared[0].prepares == prepared(1, signers=(1, 2)).prepares


def test_new_primary_announces_the_view_with_a_quorum_of_view_changes() -> None:
    primary = Subject(1).leave()

    assert primary.receive(view_change(0)).broadcasts(NewView) == []
    (message,) = primary.receive(view_change(2)).broadcasts(NewView)
    assert [one.sender for one in message.view_changes] == [0, 1, 2]


def test_new_view_starts_at_the_latest_stable_checkpoint_of_the_quorum() -> None:
    changes = (
        view_change(0, base=stable(2), certificates=[prepared(3)]),
        view_change(2, certificates=[prepared(1), prepared(2)]),
        view_change(3),
    )

    proposals = new_view_proposals(View(1), changes, membership=membership())

    assert [one.sequence for one in proposals] == [3]


def test_new_view_keeps_the_batch_prepared_in_the_highest_view() -> None:
    old, new = batch(10).digest, batch(11).digest
    changes = (
        view_change(0, 3, certificates=[prepared(1, view=0, digest=old)]),
        view_change(2, 3, certificates=[prepared(1, view=2, digest=new)]),
        view_change(3, 3, certificates=[prepared(1, view=1, digest=old)]),
    )

    (proposal,) = new_view_proposals(View(3), changes, membership=membership())

    assert proposal.batch_digest == new


def test_new_view_fills_holes_with_null_batches_up_to_the_highest_prepared_sequence() -> None:
    changes = (
        view_change(0, certificates=[prepared(2)]),
        view_change(2, certificates=[prepared(5)]),
        view_change(3),
    )

    proposals = new_view_proposals(View(1), changes, membership=membership())

    assert [one.sequence for one in proposals] == [1, 2, 3, 4, 5]
    holes = [one.sequence for one in proposals if one.batch_digest == NULL_BATCH_DIGEST]
    assert holes == [1, 3, 4]


def test_new_view_does_not_depend_on_the_order_of_the_view_changes() -> None:
    changes = (
        view_change(0, 2, base=stable(1), certificates=[prepared(2), prepared(4, view=1)]),
        view_change(2, 2, certificates=[prepared(1), prepared(2, view=1)]),
        view_change(3, 2, base=stable(2)),
    )

    results = {
        new_view_proposals(View(2), one, membership=membership()) for one in permutations(changes)
    }

    assert len(results) == 1


def test_backup_enters_the_view_and_prepares_what_is_re_proposed() -> None:
    backup = Subject(2)
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))

    backup.receive(new_view(changes=changes))

    assert [one.view for one in backup.of(EnteredView)] == [1]
    (vote,) = backup.broadcasts(Prepare)
    assert (vote.view, vote.sequence, vote.batch_digest) == (1, 1, batch(1).digest)


def test_what_was_executed_before_is_agreed_on_again_but_not_executed_again() -> None:
    backup = Subject(2).receive(pre_prepare(1), prepare(1)).decide(1).execute(1)
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))

    backup.receive(new_view(changes=changes))
    assert len(backup.broadcasts(Prepare)) == 1
    backup.decide(1, view=1)

    assert backup.of(Execute) == []


def test_batch_that_committed_anywhere_survives_the_view_change() -> None:
    group = Group(4)
    group.submit(0, 1)

    def only_replica_3_commits(_sender: int, receiver: int, message: Message) -> bool:
        return not isinstance(message, Commit) or receiver == 3

    group.deliver(only_replica_3_commits)
    assert group.heights() == [0, 0, 0, 1]

    group.time_out(0, 1, 2)
    group.deliver(lambda sender, receiver, _message: 3 not in (sender, receiver))

    assert group.heights() == [1, 1, 1, 1]
    assert len(group.tips()) == 1


def test_batch_survives_two_view_changes_in_a_row_of_which_the_first_achieves_nothing() -> None:
    group = Group(4)
    group.submit(0, 1)
    group.deliver(lambda _from, to, message: not isinstance(message, Commit) or to == 3)
    assert group.heights() == [0, 0, 0, 1]

    def without_3(sender: int, receiver: int, _message: Message) -> bool:
        return 3 not in (sender, receiver)

    group.time_out(0, 1, 2)
    group.deliver(
        lambda sender, receiver, message: (
            without_3(sender, receiver, message) and not isinstance(message, Prepare)
        )
    )
    group.time_out(0, 1, 2)
    group.deliver(without_3)

    assert group.members[0].view == 2
    assert group.heights() == [1, 1, 1, 1]
    assert len(group.tips()) == 1


def test_group_of_four_goes_on_with_a_silent_primary() -> None:
    group = Group(4)
    group.time_out(1, 2, 3)
    group.deliver(lambda sender, receiver, _message: 0 not in (sender, receiver))

    group.submit(1, 1)
    group.deliver(lambda sender, receiver, _message: 0 not in (sender, receiver))

    assert group.heights() == [0, 1, 1, 1]


def test_primary_of_the_old_view_proposes_nothing_after_it_left() -> None:
    primary = Subject(0).leave()

    assert not primary.replica.may_propose
    assert primary.submit().broadcasts(PrePrepare) == []
