"""A message that we signed and do not know ends our voting; a whole memory lacks nothing."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from consensus.effects import (
    Broadcast,
    Execute,
    Record,
    Send,
    Timer,
    VotingEnded,
)
from consensus.errors import RefusedMessage
from consensus.events import Executed
from consensus.messages import (
    Checkpoint,
    Message,
    Prepare,
    PrePrepare,
    Promise,
)
from consensus.types import SequenceNumber
from tests.unit.consensus.group import (
    NOW_MS,
    Subject,
    batch,
    checkpoint,
    commit,
    header,
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

# Forgetting


def _said_in_view_0(me: int) -> Iterator[Promise]:
    yield prepare(me)
    yield commit(me)
    yield checkpoint(me)
    yield view_change(me, 1)


NEWER = [*_said_in_view_0(2), pre_prepare(sender=2, view=2, digest=batch(1).digest), new_view(2)]


@pytest.mark.parametrize("newer", NEWER, ids=lambda one: type(one).__name__)
def test_message_that_we_signed_and_do_not_know_ends_our_voting(newer: Promise) -> None:
    backup = asking(2).receive(recollection(0, 2, newer))

    assert backup.of(VotingEnded) == [VotingEnded(promise=newer)]
    assert not backup.replica.may_vote
    backup.remember_nothing()
    assert not backup.replica.may_vote


@pytest.mark.parametrize("newer", NEWER, ids=lambda one: type(one).__name__)
def test_it_ends_our_voting_at_any_time_and_whoever_shows_it(newer: Promise) -> None:
    backup = asking(2).remember_nothing()
    assert backup.replica.may_vote

    assert backup.receive(newer).of(VotingEnded) == [VotingEnded(promise=newer)]


def _in_a_wish() -> Message:
    return view_change(0, 1, base=stable(3))


def _in_a_certificate() -> Message:
    return view_change(0, 2, certificates=[prepared(1)])


def _in_an_announcement() -> Message:
    return new_view(1, changes=[view_change(one, 1) for one in (0, 1, 2)])


@pytest.mark.parametrize("shown", [_in_a_wish, _in_a_certificate, _in_an_announcement])
def test_what_others_carry_of_us_counts_too(shown: Callable[[], Message]) -> None:
    backup = asking(2).remember_nothing()

    (ended,) = backup.receive(shown()).of(VotingEnded)

    assert ended.promise.sender == 2


def test_refused_message_says_nothing_about_our_memory() -> None:
    backup = asking(2).remember_nothing()
    refused = view_change(0, 2, certificates=[prepared(1), prepared(1)])

    with pytest.raises(RefusedMessage):
        backup.receive(refused)

    assert backup.replica.may_vote


def test_invalid_announcement_says_nothing_about_our_memory() -> None:
    """Its nested signatures were not checked."""
    backup = asking(2, records=[view_change(2, 1)]).remember_nothing()
    changes = [view_change(0, 1), view_change(2, 1, base=stable(1)), view_change(3, 1)]

    backup.receive(
        new_view(1, changes=changes, proposals=[pre_prepare(9, view=1, digest=bytes(32))])
    )

    assert backup.replica.may_vote


def test_who_has_forgotten_follows_and_signs_nothing_any_more() -> None:
    backup = asking(2).receive(pre_prepare(), prepare(1), prepare(3))
    backup.wait_for(1).decide(1)
    assert backup.receive(recollection(0, 2, commit(2, 5))).of(VotingEnded)

    assert [one.sequence for one in backup.of(Execute)] == [1]
    later = backup.execute(1).effects
    for timer in (Timer.STATUS, Timer.IDLE):
        later += backup.expire(timer).effects
    later += backup.receive(view_change(0, 3), view_change(3, 3), recall(3), status(3)).effects
    later += backup.receive(pre_prepare(2)).effects

    assert not [one for one in later if isinstance(one, Broadcast | Send)]
    assert not backup.is_running(Timer.REQUEST)
    assert backup.persisted(PrePrepare) == []


def test_checkpoint_of_a_block_in_work_is_not_sent_after_voting_ended() -> None:
    backup = asking(2).remember_nothing().receive(pre_prepare()).decide(1)
    backup.receive(commit(2, 5))

    backup.step(
        Executed(
            sequence=SequenceNumber(1),
            header_digest=header(1),
            time_ms=NOW_MS,
            checkpoint=checkpoint(2),
            now_ms=NOW_MS,
        )
    )

    assert backup.replica.last_executed == 1
    assert backup.broadcasts(Checkpoint) == []


# Not forgetting


def _in_view_0() -> Subject:
    return Subject(2).receive(pre_prepare(1), prepare(1), prepare(3), pre_prepare(2)).decide(1)


def _beyond_a_checkpoint() -> Subject:
    subject = _in_view_0().execute(1)
    return subject.receive(checkpoint(0), checkpoint(1), pre_prepare(3), prepare(1, 3))


def _in_a_view_change() -> Subject:
    return _beyond_a_checkpoint().leave()


def _as_backup_of_view_1() -> Subject:
    changes = tuple(view_change(one, certificates=[prepared(1)]) for one in (0, 1, 3))
    return _in_view_0().leave().receive(new_view(changes=changes), prepare(0, view=1))


def _as_primary_of_view_2() -> Subject:
    subject = _as_backup_of_view_1().leave().receive(view_change(0, 2), view_change(3, 2))
    return subject.submit(7).receive(*(prepare(one, 2, view=2) for one in (0, 1, 3)))


SITUATIONS = [
    _in_view_0,
    _beyond_a_checkpoint,
    _in_a_view_change,
    _as_backup_of_view_1,
    _as_primary_of_view_2,
]


def _restarted(before: Subject, records: Sequence[Record]) -> Subject:
    height = before.replica.last_executed
    own = [checkpoint(2, one) for one in range(1, height + 1)]
    restored = restored_at(height, records=records, own=own)
    return Subject(2, restored=restored, is_wary=True)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("is_restated", [False, True])
def test_nothing_that_was_ever_sent_is_missing_in_a_whole_memory(
    situation: Callable[[], Subject], *, is_restated: bool
) -> None:
    before = situation()
    sent = list(before.promised)
    records = before.replica.restatement() if is_restated else before.records

    again = _restarted(before, records).receive(*sent)

    assert {type(one) for one in sent} >= {Prepare}
    assert again.of(VotingEnded) == []
    assert again.remember_nothing().receive(*sent).of(VotingEnded) == []


@pytest.mark.parametrize("situation", SITUATIONS[1:])
def test_older_copy_of_the_vote_log_is_noticed_by_what_was_sent_after_it(
    situation: Callable[[], Subject],
) -> None:
    before = situation()

    again = _restarted(_in_view_0(), before.records[:1]).receive(*before.promised)

    assert again.of(VotingEnded) != []


def test_others_may_lead_us_further_without_hiding_what_we_forgot() -> None:
    backup = asking(2).receive(new_view(4, changes=[view_change(one, 4) for one in (0, 1, 3)]))
    assert backup.replica.view == 4

    assert backup.receive(recollection(0, 2, view_change(2, 3))).of(VotingEnded) != []


def test_ledger_that_is_behind_its_vote_log_is_no_reason_to_stop_voting() -> None:
    """Lost blocks are executed again; what was signed of them lies in the vote log as well."""
    records: list[Record] = [pre_prepare(1), prepare(2), commit(2), checkpoint(2, 1)]

    backup = asking(2, records=records).receive(recollection(0, 2, checkpoint(2, 1)))

    assert backup.of(VotingEnded) == []
    assert backup.receive(recollection(3, 2, checkpoint(2, 2))).of(VotingEnded) != []


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("rotated", [False, True])
def test_a_ledger_that_was_set_aside_is_no_lost_memory_also_after_a_promise(
    *, leaves: bool, rotated: bool
) -> None:
    before = Subject(1).receive(pre_prepare(1), prepare(2), prepare(3)).decide(1).execute(1)
    (own,) = before.broadcasts(Checkpoint)
    if leaves:
        before.leave()
    records = before.replica.restatement() if rotated else tuple(before.records)

    again = Subject(1, restored=restored_at(0, records=records), is_wary=True)
    again.receive(recollection(0, 1, own))

    assert again.of(VotingEnded) == []
