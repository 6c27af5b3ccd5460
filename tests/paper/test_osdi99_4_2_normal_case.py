"""OSDI '99 §4.2: one test per claim of the normal case."""

from consensus.effects import Execute, Persist
from consensus.messages import Commit, Message, Prepare, PrePrepare
from tests.unit.consensus.group import (
    WINDOW,
    Subject,
    batch,
    commit,
    pre_prepare,
    prepare,
)
from tests.unit.consensus.whole_group import Group


def test_primary_assigns_consecutive_sequence_numbers_in_the_order_of_requests() -> None:
    primary = Subject(0)

    assigned = [primary.submit(one).broadcasts(PrePrepare)[0] for one in (7, 8, 9)]

    assert [one.sequence for one in assigned] == [1, 2, 3]
    assert [one.batch_digest for one in assigned] == [batch(one).digest for one in (7, 8, 9)]


def test_backup_accepts_one_proposal_for_each_view_and_sequence_number() -> None:
    backup = Subject(1).receive(pre_prepare(1))
    assert backup.broadcasts(Prepare)[0].batch_digest == batch(1).digest

    backup.receive(pre_prepare(1, body=batch(2)))

    assert backup.broadcasts(Prepare) == []


def test_backup_accepts_a_proposal_only_in_the_view_it_is_in() -> None:
    backup = Subject(1)

    backup.receive(pre_prepare(1, view=4))

    assert backup.effects == ()


def test_backup_accepts_a_proposal_only_between_the_watermarks() -> None:
    backup = Subject(1)

    assert backup.receive(pre_prepare(2 * WINDOW + 1)).effects == ()
    assert backup.receive(pre_prepare(2 * WINDOW)).broadcasts(Prepare) != []


def test_backup_that_accepts_logs_proposal_and_prepare_and_multicasts_prepare() -> None:
    backup = Subject(1).receive(pre_prepare(1))

    (persisted,) = backup.of(Persist)
    assert [type(one) for one in persisted.records] == [PrePrepare, Prepare]
    assert backup.effects.index(persisted) == 0
    assert len(backup.broadcasts(Prepare)) == 1


def test_backup_is_prepared_with_the_proposal_and_2f_prepares_of_different_backups() -> None:
    backup = Subject(1).receive(pre_prepare(1))

    assert backup.receive(prepare(2), prepare(2)).broadcasts(Commit) != []
    assert backup.receive(prepare(3)).broadcasts(Commit) == []


def test_prepares_for_another_view_sequence_or_digest_do_not_make_a_backup_prepared() -> None:
    backup = Subject(1).receive(pre_prepare(1))

    backup.receive(prepare(2, 2), prepare(3, digest=batch(9).digest), prepare(2, view=4))

    assert backup.broadcasts(Commit) == []


def test_replica_sends_commit_when_prepared_and_logs_the_certificate_first() -> None:
    backup = Subject(1).receive(pre_prepare(1)).receive(prepare(2))

    assert [type(one).__name__ for one in backup.effects] == ["Persist", "Broadcast"]
    (persisted,) = backup.of(Persist)
    assert [type(one).__name__ for one in persisted.records] == ["PreparedCertificate", "Commit"]


def test_batch_is_committed_local_with_a_quorum_of_commits() -> None:
    backup = Subject(1).receive(pre_prepare(1), prepare(2))

    assert backup.receive(commit(0)).of(Execute) == []
    assert backup.receive(commit(3)).of(Execute) == [Execute(sequence=1, batch=batch(1))]  # type: ignore[arg-type]  # a literal


def test_commits_are_accepted_before_the_replica_is_prepared() -> None:
    backup = Subject(1).receive(commit(0), commit(2), commit(3))

    assert backup.receive(pre_prepare(1)).of(Execute) != []


def test_batches_execute_in_the_order_of_their_sequence_numbers() -> None:
    backup = Subject(1).receive(pre_prepare(1), pre_prepare(2))

    assert backup.decide(2).of(Execute) == []
    assert [one.sequence for one in backup.decide(1).of(Execute)] == [1, 2]


def test_all_correct_replicas_agree_on_the_order_of_concurrent_proposals() -> None:
    group = Group(4)
    for number in (5, 6, 7):
        group.submit(0, number)

    group.deliver()

    assert group.heights() == [3, 3, 3, 3]
    assert len(group.tips()) == 1


def test_two_different_batches_cannot_both_be_prepared_in_one_view() -> None:
    group = Group(4)
    group.submit(0, 1)
    twin = pre_prepare(1, body=batch(2))

    def equivocate(_sender: int, receiver: int, message: Message) -> bool:
        """The primary tells replica 3 something else."""
        if isinstance(message, PrePrepare) and receiver == 3 and message != twin:
            group.queue.append((0, 3, twin))
            return False
        return True

    group.deliver(equivocate)

    assert group.heights()[:3] == [1, 1, 1]
    assert len(group.tips()) == 1
