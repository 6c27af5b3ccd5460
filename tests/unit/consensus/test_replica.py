import copy
from dataclasses import replace

import pytest

from consensus.effects import Send, Timer
from consensus.errors import InvalidMessage, NotRestored
from consensus.events import Waiting
from consensus.messages import Message, Prepare
from consensus.replica import Replica
from consensus.types import Epoch, ReplicaId, SequenceNumber, View
from tests.simulation.stubs import ENCODER, GuardedSigner
from tests.unit.consensus.group import (
    NOW_MS,
    Subject,
    batch,
    checkpoint,
    commit,
    config,
    header,
    make_guard,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    restored_at,
    stable,
    status,
    view_change,
)


def test_restored_must_come_first() -> None:
    replica = Replica(config(), encoder=ENCODER, signer=GuardedSigner(ReplicaId(1), make_guard(1)))

    with pytest.raises(NotRestored):
        replica.step(Waiting(oldest=None, now_ms=NOW_MS))


def test_restored_must_not_come_again() -> None:
    with pytest.raises(NotRestored):
        Subject(1).step(restored_at())


REFUSED: list[tuple[str, Message]] = [
    ("other epoch", replace(commit(2), epoch=Epoch(3))),
    ("a stranger", replace(commit(2), sender=ReplicaId(9))),
    ("proposal of a backup", pre_prepare(2, sender=2)),
    ("proposal without body", pre_prepare(2, digest=batch(2).digest)),
    ("proposal from another time", pre_prepare(2, body=batch(2, time_ms=1))),
    ("PREPARE of the primary", prepare(0)),
    ("invalid wish", view_change(2, certificates=[prepared(1, view=1)])),
    ("invalid NEW-VIEW", replace(new_view(4), view_changes=())),
]


@pytest.mark.parametrize(("name", "message"), REFUSED, ids=[one[0] for one in REFUSED])
def test_refused_message_leaves_the_state_as_it_was(name: str, message: Message) -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2), commit(3)).wait_for(4)
    untouched = copy.deepcopy(backup.replica)

    with pytest.raises(InvalidMessage):
        backup.receive(message)

    assert backup.replica.describe() == untouched.describe(), name
    assert backup.replica.restatement() == untouched.restatement()
    assert repr(_memory(backup.replica)) == repr(_memory(untouched))


def _memory(replica: Replica) -> object:
    state = replica._state  # noqa: SLF001 (the claim is about all of it)
    slots = [vars(slot) | {"_membership": None} for slot in state.log.slots()]
    return slots, state.view_changes, state.outbox.drain(), state.heard_ms, state.sightings


def test_own_message_that_comes_back_tells_nothing() -> None:
    backup = Subject(1, is_wary=True).remember_nothing().receive(pre_prepare())
    (vote,) = backup.broadcasts(Prepare)

    assert backup.receive(vote).effects == ()


def test_relayed_message_counts_for_its_signer() -> None:
    """The core never learns which connection a message came from."""
    backup = Subject(1).receive(pre_prepare(), commit(3), commit(2), commit(0))

    assert backup.replica.last_committed == 1


def test_equal_events_give_equal_effects() -> None:
    def effects() -> list[object]:
        backup = Subject(2)
        script: list[Message] = [pre_prepare(), prepare(3), commit(0), commit(3), status(0)]
        steps = [backup.receive(one).effects for one in script]
        return [*steps, backup.leave().effects, backup.receive(view_change(0)).effects]

    assert effects() == effects()


def test_questions_are_answered_from_the_state() -> None:
    backup = Subject(1).receive(pre_prepare(), prepare(2)).decide(1)

    replica = backup.replica
    assert (replica.view, replica.status, replica.is_primary) == (0, "normal", False)
    assert (replica.low_watermark, replica.last_executed, replica.last_committed) == (0, 0, 1)
    assert replica.in_flight == 1
    assert replica.batch_of(SequenceNumber(1), batch(1).digest) == batch(1)
    assert replica.batch_of(SequenceNumber(2), batch(1).digest) is None


# Description


def test_description_names_the_replicas_whose_votes_are_missing() -> None:
    backup = Subject(1).receive(pre_prepare(), commit(3))

    (slot,) = backup.replica.describe().slots

    assert slot.missing_prepares == (2, 3)
    assert slot.missing_commits == (0, 1, 2)
    assert slot.batch_digest == batch(1).digest
    assert slot.has_body
    assert not slot.is_prepared
    assert not slot.is_committed


def test_description_of_a_slot_that_only_votes_are_known_of() -> None:
    (slot,) = Subject(1).receive(prepare(2)).replica.describe().slots

    assert slot.batch_digest is None
    assert not slot.has_body


def test_description_of_a_decided_slot_whose_body_is_missing() -> None:
    (slot,) = Subject(1).decide(1).replica.describe().slots

    assert slot.is_committed
    assert not slot.has_body


def test_description_names_whose_checkpoints_are_missing() -> None:
    backup = Subject(1).receive(pre_prepare()).decide(1)
    assert backup.replica.describe().missing_checkpoints == ()

    backup.execute(1).receive(checkpoint(2), checkpoint(3, digest=batch(9).digest))
    assert backup.replica.describe().missing_checkpoints == (0, 3)
    assert backup.replica.describe().checkpoint_digests == (
        (1, header(1)),
        (2, header(1)),
        (3, batch(9).digest),
    )

    backup.receive(checkpoint(0))
    assert backup.replica.describe().missing_checkpoints == ()
    assert backup.replica.describe().checkpoint_digests == ()


def test_description_of_a_view_change_names_who_has_not_asked_for_it() -> None:
    backup = Subject(3).leave()
    assert backup.replica.describe().missing_view_changes == (0, 1, 2)
    assert backup.replica.describe().awaits_new_view_of is None

    backup.receive(view_change(0), view_change(2))
    assert backup.replica.describe().missing_view_changes == (1,)
    assert backup.replica.describe().awaits_new_view_of == 1


def test_description_tells_what_each_peer_last_said() -> None:
    backup = Subject(1, is_wary=True)
    backup.receive(status(0, view=2, executed=7), now_ms=NOW_MS + 5)
    backup.receive(view_change(3, 4))

    peers = {one.replica_id: one for one in backup.replica.describe().peers}

    assert sorted(peers) == [0, 2, 3]
    assert (peers[0].view, peers[0].executed, peers[0].heard_ms) == (2, 7, NOW_MS + 5)
    assert (peers[2].view, peers[2].heard_ms) == (None, None)
    assert (peers[3].view, peers[3].wanted_view) == (None, 4)


def test_description_of_state_transfer_names_the_target() -> None:
    backup = Subject(1).receive(view_change(0, base=stable(9)))

    assert backup.replica.describe().state_target == 9


def test_answers_go_to_the_member_that_needs_them() -> None:
    backup = Subject(1).receive(pre_prepare(), status(3))

    assert {one.to for one in backup.of(Send)} == {3}


def test_every_standing_timer_runs_again_after_it_expired() -> None:
    backup = Subject(1)

    for timer in (Timer.IDLE, Timer.STATUS):
        assert backup.expire(timer).is_running(timer)


def test_view_of_a_replica_is_that_of_its_last_promise() -> None:
    assert Subject(2).leave().replica.view == View(1)
    assert header(1) != header(2)
