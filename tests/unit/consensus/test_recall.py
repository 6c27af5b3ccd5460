"""Before it votes, a replica asks what it signed before; what it forgot ends its voting."""

from dataclasses import replace

import pytest

from consensus.effects import (
    Broadcast,
    BuildBatch,
    EnteredView,
    Execute,
    FetchState,
    Record,
    Send,
    Timer,
    VotingEnded,
)
from consensus.errors import RefusedMessage
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Promise,
    Recall,
    Recollection,
    ViewChange,
)
from consensus.recall import RECALLS_PER_TICK_MAX
from consensus.types import Membership
from tests.unit.consensus.group import (
    WINDOW,
    Subject,
    checkpoint,
    commit,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    recall,
    recollection,
    restored_at,
    stable,
    status,
    view_change,
)
from tests.unit.consensus.remembering import asking

OTHER_NONCE = bytes(32)


def _promises(subject: Subject) -> list[Message]:
    """List what was sent that binds the sender."""
    sent = [one.message for one in subject.effects if isinstance(one, Broadcast | Send)]
    return [one for one in sent if isinstance(one, Promise) and one.sender == subject.me]


# Asking


def test_replica_asks_all_others_before_it_votes() -> None:
    backup = asking()

    assert backup.broadcasts(Recall) == [recall(1)]
    assert not backup.replica.may_vote
    assert backup.receive(pre_prepare(), prepare(2), prepare(3)).of(Broadcast) == []


@pytest.mark.parametrize("size", [4, 5, 6, 7, 10, 31])
def test_as_many_must_answer_as_make_a_quorum_with_us(size: int) -> None:
    group = Membership(epoch=restored_at().stable.epoch, size=size)
    backup = asking(size=size)
    peers = [one for one in range(size) if one != 1]

    backup.receive(*(recollection(one, 1) for one in peers[: group.quorum - 2]))
    assert not backup.replica.may_vote
    backup.receive(recollection(peers[group.quorum - 2], 1))

    assert backup.replica.may_vote
    assert group.weak_quorum <= group.witnesses <= size - 1 - group.max_faulty


def test_answer_counts_once_for_each_peer_and_only_for_this_life() -> None:
    backup = asking()

    backup.receive(
        recollection(0, 1),
        recollection(0, 1),
        recollection(2, 1, nonce=OTHER_NONCE),
        recollection(2, 3),
    )
    assert not backup.replica.may_vote

    assert backup.receive(recollection(2, 1)).replica.may_vote


def test_who_ends_voting_while_it_asks_goes_on_as_a_learner_in_its_view() -> None:
    learner = asking().receive(recollection(0, 1, checkpoint(1, 3)))

    assert len(learner.of(VotingEnded)) == 1
    assert [one.view for one in learner.of(EnteredView)] == [0]
    assert learner.receive(recollection(2, 1)).of(EnteredView) == []


def test_who_ends_voting_while_it_asks_in_a_view_change_enters_no_view() -> None:
    learner = asking(records=[view_change(1, 2)]).receive(recollection(0, 1, checkpoint(1, 3)))

    assert len(learner.of(VotingEnded)) == 1
    assert learner.of(EnteredView) == []


def test_who_ends_voting_later_is_in_its_view_already() -> None:
    learner = asking().remember_nothing().receive(checkpoint(1, 3))

    assert len(learner.of(VotingEnded)) == 1
    assert learner.of(EnteredView) == []


def test_question_is_repeated_each_tick_until_it_is_answered() -> None:
    backup = asking()

    assert backup.expire(Timer.STATUS).broadcasts(Recall) == [recall(1)]
    backup.remember_nothing()
    assert backup.expire(Timer.STATUS).broadcasts(Recall) == []


def test_late_answer_changes_nothing_any_more() -> None:
    backup = asking().remember_nothing()

    assert backup.receive(recollection(3, 1)).effects == ()


def test_learner_does_not_ask() -> None:
    learner = Subject(1, may_vote=False)

    assert learner.broadcasts(Recall) == []
    assert [one.view for one in learner.of(EnteredView)] == [0]


# What waits for the answers


def test_vote_that_became_due_meanwhile_is_cast_after_the_answers() -> None:
    backup = asking().receive(pre_prepare(), prepare(2), prepare(3))

    assert [type(one) for one in _promises(backup.remember_nothing())] == [Prepare, Commit]


def test_nothing_is_promised_while_others_leave_the_view_and_then_it_follows() -> None:
    backup = asking(2)
    backup.receive(view_change(0, 3), view_change(3, 3))
    assert _promises(backup) == []
    assert backup.replica.view == 0

    (wish,) = backup.remember_nothing().broadcasts(ViewChange)

    assert wish.new_view == 3


def test_view_that_was_announced_meanwhile_is_voted_in() -> None:
    changes = tuple(
        view_change(one, certificates=[prepared(1, signers=[1, 3])]) for one in (0, 1, 3)
    )
    backup = asking(2).receive(new_view(changes=changes))
    assert _promises(backup) == []

    assert [one.view for one in backup.remember_nothing().broadcasts(Prepare)] == [1]


def test_primary_that_may_lead_waits_for_the_answers() -> None:
    primary = asking(1, records=[view_change(1, 1)])
    primary.receive(view_change(0, 1), view_change(2, 1))
    assert _promises(primary) == []

    assert len(primary.remember_nothing().broadcasts(NewView)) == 1


def test_primary_that_owes_a_block_asks_for_it_after_the_answers() -> None:
    primary = asking(0)
    assert primary.expire(Timer.IDLE).of(BuildBatch) == []
    assert primary.submit().of(Broadcast) == []

    assert len(primary.remember_nothing().of(BuildBatch)) == 1


def test_committed_batch_is_executed_after_the_answers_with_our_checkpoint() -> None:
    backup = asking().receive(pre_prepare()).decide(1)
    assert backup.of(Execute) == []

    assert [one.sequence for one in backup.remember_nothing().of(Execute)] == [1]


def test_committed_batch_is_executed_also_while_the_view_changes() -> None:
    backup = asking(2, records=[pre_prepare(), view_change(2, 1)]).decide(1)
    assert backup.of(Execute) == []

    assert [one.sequence for one in backup.remember_nothing().of(Execute)] == [1]


def test_state_transfer_does_not_wait_for_the_answers() -> None:
    """Whoever lags behind a change of members must catch up before anybody can answer it."""
    backup = asking()

    backup.receive(*(checkpoint(one, 3 * WINDOW) for one in (0, 2, 3)))

    assert [one.target.height for one in backup.of(FetchState)] == [3 * WINDOW]


def test_checkpoints_above_the_stable_one_are_sent_again_after_the_answers() -> None:
    own = [checkpoint(1, one) for one in (2, 3, 4)]
    backup = asking(executed=4, own=own, base=stable(2))
    assert backup.broadcasts(Checkpoint) == []

    assert backup.remember_nothing().broadcasts(Checkpoint) == own[1:]
    (*_, again) = backup.receive(status(3, stable_height=2)).sends(Checkpoint)
    assert again == own[-1]


def test_newest_checkpoint_is_sent_again_even_if_it_is_stable() -> None:
    own = checkpoint(1, 2)

    backup = asking(executed=2, own=[own], base=stable(2)).remember_nothing()

    assert backup.broadcasts(Checkpoint) == [own]


def test_wish_of_an_earlier_life_is_repeated_after_the_answers() -> None:
    wish = view_change(2, 1)
    backup = asking(2, records=[wish])
    assert _promises(backup) == []

    assert backup.remember_nothing().broadcasts(ViewChange) == [wish]


# Answering


def _answer(subject: Subject, asker: int, *, nonce: bytes = OTHER_NONCE) -> tuple[Promise, ...]:
    (answer,) = subject.receive(recall(asker, nonce=nonce)).sends(Recollection)
    assert (answer.asker, answer.nonce, answer.sender) == (asker, nonce, subject.me)
    return answer.messages


def test_peer_shows_every_vote_of_the_asker_on_an_open_sequence() -> None:
    backup = Subject(1).receive(pre_prepare(1), pre_prepare(2), prepare(2), commit(2), commit(0))

    assert _answer(backup, 2) == (prepare(2), commit(2))
    assert [type(one) for one in _answer(backup, 0)] == [PrePrepare, Commit, PrePrepare]
    assert all(one.batch is None for one in _answer_again(backup) if isinstance(one, PrePrepare))
    assert _answer(backup, 3) == ()


def _answer_again(backup: Subject) -> tuple[Promise, ...]:
    return _answer(backup, 0, nonce=bytes([7]) * 32)


def test_peer_shows_the_newest_checkpoint_wish_and_announcement_of_the_asker() -> None:
    announced = new_view(1)
    backup = Subject(2).receive(
        checkpoint(1, 1), checkpoint(1, 2), announced, view_change(0, 2), view_change(0, 3)
    )

    assert _answer(backup, 0) == (view_change(0, 3),)
    assert _answer(backup, 1) == (checkpoint(1, 2), view_change(1, 1), announced)


def test_peer_that_restarted_shows_what_its_certificates_carry() -> None:
    records: list[Record] = [prepared(3), stable(2)]
    backup = Subject(3, restored=restored_at(2, records=records, base=stable(2)))

    assert _answer(backup, 2) == (prepare(2, 3),)
    assert [type(one) for one in _answer(backup, 0)] == [PrePrepare]


def test_wish_is_remembered_after_its_view_was_entered() -> None:
    backup = Subject(2).receive(new_view(1), view_change(3, 1))

    assert _answer(backup, 3) == (view_change(3, 1),)


def test_votes_on_stable_sequences_are_not_shown() -> None:
    backup = Subject(1).receive(pre_prepare(1), commit(2, 1))
    backup.receive(*(checkpoint(one, 1) for one in (0, 2, 3)))

    (answer,) = backup.receive(recall(2)).sends(Recollection)

    assert answer.messages == (checkpoint(2, 1),)
    assert answer.stable == stable(1, signers=(0, 2, 3))


def test_peer_that_asks_itself_answers_and_asks_back_who_has_not_answered() -> None:
    backup = asking(1)

    backup.receive(recall(2))
    assert len(backup.sends(Recollection)) == 1
    assert backup.sends(Recall) == [recall(1)]

    backup.receive(recollection(3, 1), recall(3))
    assert backup.sends(Recall) == []


def test_learner_cannot_answer_since_it_signs_nothing() -> None:
    assert Subject(1, may_vote=False).receive(recall(2)).effects == ()


def test_question_is_answered_once_a_tick_and_old_ones_do_not_silence_the_new_one() -> None:
    backup = Subject(1)
    nonces = [bytes([one]) * 32 for one in range(RECALLS_PER_TICK_MAX + 1)]

    answers = [len(backup.receive(recall(2, nonce=one)).effects) for one in (*nonces, nonces[0])]

    assert answers == [1] * RECALLS_PER_TICK_MAX + [0, 0]
    assert len(backup.expire(Timer.STATUS).receive(recall(2)).sends(Recollection)) == 1


@pytest.mark.parametrize(
    "message",
    [
        recollection(0, 0),
        recollection(0, 4),
        recollection(0, 1, commit(2)),
        recollection(0, 1, *(commit(1, one) for one in range(1, 6 * WINDOW + 5))),
        recollection(0, 1, base=replace(stable(1), signatures=stable(1).signatures[:2])),
    ],
    ids=["of oneself", "of a stranger", "part of another", "too many", "unproven checkpoint"],
)
def test_answer_that_no_honest_member_gives_is_refused(message: Recollection) -> None:
    with pytest.raises(RefusedMessage):
        asking().receive(message)


def test_longest_answer_is_accepted() -> None:
    parts = [commit(1, one) for one in range(1, 6 * WINDOW + 4)]

    assert asking().receive(recollection(0, 1, *parts)).of(VotingEnded)


def test_what_is_stable_at_a_peer_is_not_voted_on_any_more() -> None:
    """The peer has forgotten what we said there, so that nobody could tell."""
    primary = asking(0)
    primary.receive(recollection(1, 0, base=stable(2, signers=(1, 2, 3))))
    primary.receive(recollection(2, 0))
    primary.submit()

    assert primary.replica.may_vote
    assert [one.sequence for one in primary.broadcasts(PrePrepare)] == [3]


def test_our_signature_in_the_certificate_of_a_peer_counts() -> None:
    backup = asking(2)

    (ended,) = backup.receive(recollection(1, 2, base=stable(4))).of(VotingEnded)

    assert ended.promise == checkpoint(2, 4)


def test_description_names_who_has_not_answered_yet() -> None:
    backup = asking()
    assert backup.replica.describe().missing_recollections == (0, 2, 3)

    assert backup.receive(recollection(2, 1)).replica.describe().missing_recollections == (0, 3)
    assert backup.remember_nothing().replica.describe().missing_recollections == ()
