"""Every oracle can speak: each is shown one thing that must never happen."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from consensus.effects import (
    Effect,
    EnteredView,
    Equivocated,
    Execute,
    Persist,
    Send,
    Stabilized,
)
from consensus.messages import Checkpoint, Message
from consensus.types import Membership, ReplicaId, SequenceNumber
from tests.simulation.checkers import Oracles, Violation, fair_quorum
from tests.simulation.checkers.memory import check_memory
from tests.simulation.cluster import Cluster
from tests.simulation.disk import Block, Ledger
from tests.simulation.node import Node
from tests.simulation.options import options_of
from tests.unit.consensus.group import (
    batch,
    checkpoint,
    commit,
    membership,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    signed,
    stable,
    view_change,
)


class Group:
    """Four correct nodes that do and say what a test wants, and the oracles that watch."""

    def __init__(self, *, submitted: Callable[[int], bool] = lambda _: True) -> None:
        self.oracles = Oracles(size=4, correct=frozenset(range(4)), is_submitted=submitted)
        self.ledgers = [Ledger() for _ in range(4)]
        self.low_watermark = 0
        self.now_ms = 0

    def _node(self, index: int) -> Node:
        disk = SimpleNamespace(ledger=self.ledgers[index], is_older_copy=False)
        shown = SimpleNamespace(
            index=index,
            replica_id=index,
            lives=1,
            disk=disk,
            replica=SimpleNamespace(low_watermark=self.low_watermark),
            config=SimpleNamespace(window=4),
            local=SimpleNamespace(clock=SimpleNamespace(now_ms=self.now_ms)),
        )
        return cast("Node", shown)

    def decide(self, sequence: int, number: int) -> "Group":
        for index in range(3):
            self.say(index, commit(index, sequence, digest=batch(number).digest))
        return self

    def say(self, index: int, *messages: Message) -> "Group":
        for one in messages:
            self.oracles.on_send(self._node(index), one)
        return self

    def do(self, index: int, *effects: Effect) -> "Group":
        for one in effects:
            self.oracles.on_effect(self._node(index), one)
        return self

    def append(self, index: int, number: int) -> Block:
        ledger = self.ledgers[index]
        block = ledger.build(SequenceNumber(ledger.height + 1), batch(number))
        ledger.append(block, None)
        self.oracles.on_block(self._node(index), block)
        return block

    def compute(self, index: int, *headers: Checkpoint) -> None:
        """Let a node have executed blocks with these headers."""
        for one in headers:
            block = SimpleNamespace(height=one.height, header_digest=one.header_digest)
            self.oracles.note_computed(self._node(index), cast("Block", block))

    def restart(self, index: int) -> None:
        self.oracles.on_start(self._node(index))


def _execute(sequence: int, number: int) -> Execute:
    return Execute(sequence=SequenceNumber(sequence), batch=batch(number))


@pytest.mark.parametrize("size", range(4, 32))
def test_quorum_of_the_oracles_is_that_of_the_core(size: int) -> None:
    assert fair_quorum(size) == Membership(epoch=membership().epoch, size=size).quorum


def test_two_batches_for_one_sequence_are_seen() -> None:
    with pytest.raises(Violation, match="two batches"):
        Group().decide(1, 1).do(0, _execute(1, 1)).do(1, _execute(1, 2))


def test_execution_with_a_gap_is_seen() -> None:
    with pytest.raises(Violation, match="executes 2, expected 1"):
        Group().do(0, _execute(2, 1))


def test_execution_for_the_second_time_is_seen() -> None:
    with pytest.raises(Violation, match="executes 1, expected 2"):
        Group().decide(1, 1).do(0, _execute(1, 1), _execute(1, 1))


def test_two_headers_for_one_height_are_seen() -> None:
    group = Group()
    group.append(0, 1)

    with pytest.raises(Violation, match="two headers"):
        group.append(1, 2)


def test_block_out_of_order_is_seen() -> None:
    group = Group()
    block = group.append(0, 1)

    with pytest.raises(Violation, match="out of order"):
        group.oracles.on_block(cast("Node", SimpleNamespace(index=0)), block)


def test_request_that_nobody_submitted_is_seen() -> None:
    with pytest.raises(Violation, match="nobody submitted request 7"):
        Group(submitted=lambda request: request != 7).append(0, 7)


def test_request_that_is_executed_twice_is_seen() -> None:
    group = Group()
    group.append(0, 1)
    group.ledgers[0].executed.clear()

    with pytest.raises(Violation, match="executed twice"):
        group.append(0, 1)


def test_acknowledged_block_that_too_few_hold_is_seen() -> None:
    group = Group()
    for index in (0, 1):
        group.append(index, 1)

    with pytest.raises(Violation, match="durable on 2 only"):
        group.do(0, Stabilized(stable=stable(1)))


def test_acknowledged_block_that_a_crash_takes_away_is_seen() -> None:
    group = Group()
    for index in (0, 1, 2):
        group.append(index, 1)
    group.do(0, Stabilized(stable=stable(1)))
    group.ledgers[2].cut(0)

    with pytest.raises(Violation, match="durable on 2 only"):
        group.restart(2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (prepare(1), prepare(1, digest=batch(9).digest)),
        (commit(1), commit(1, digest=batch(9).digest)),
        (checkpoint(1), checkpoint(1, digest=batch(9).digest)),
        (pre_prepare(1, view=1), pre_prepare(1, view=1, body=batch(9))),
        (view_change(1), view_change(1, certificates=[prepared(1)])),
        (
            new_view(),
            new_view(changes=[view_change(one, certificates=[prepared(1)]) for one in (0, 1, 2)]),
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_second_different_vote_for_a_slot_is_seen(first: Message, second: Message) -> None:
    group = Group().do(1, EnteredView(view=1))
    group.compute(1, *(one for one in (first, second) if isinstance(one, Checkpoint)))
    group.say(1, first, first)

    with pytest.raises(Violation, match="contradicts itself"):
        group.say(1, second)


def test_header_that_its_signer_did_not_compute_is_seen() -> None:
    group = Group()
    block = group.append(1, 1)
    group.ledgers[2].append(block, None)
    group.restart(2)
    own = [checkpoint(one, 1, digest=block.header_digest) for one in range(4)]

    group.say(1, own[1]).say(2, own[2])

    with pytest.raises(Violation, match="did not compute"):
        group.say(3, own[3])


def test_vote_in_a_view_that_was_left_is_seen() -> None:
    with pytest.raises(Violation, match="votes in view 0 it left"):
        Group().say(1, view_change(1), prepare(1))


def test_vote_in_a_view_that_was_not_entered_is_seen() -> None:
    with pytest.raises(Violation, match="votes in view 1 it did not enter"):
        Group().say(1, prepare(1, view=1))


def test_vote_in_a_view_that_was_entered_is_not_blamed() -> None:
    Group().do(2, EnteredView(view=1)).say(2, prepare(2, view=1))


def test_vote_beyond_two_windows_is_seen() -> None:
    group = Group().say(1, prepare(1, 8))

    with pytest.raises(Violation, match="votes on 9 outside its window"):
        group.say(1, prepare(1, 9))


def test_watermark_that_goes_back_is_seen() -> None:
    group = Group()
    group.low_watermark = 3
    group.say(1, prepare(1, 4))
    group.low_watermark = 2

    with pytest.raises(Violation, match="moves its watermark back to 2"):
        group.say(1, prepare(1, 5))


def test_execution_of_what_no_quorum_committed_is_seen() -> None:
    group = Group()
    for index in (0, 1):
        group.say(index, commit(index, 1))

    with pytest.raises(Violation, match="executes 1, which no quorum committed"):
        group.do(0, _execute(1, 1))


def test_answers_without_limit_are_seen() -> None:
    group = Group()
    answer = Send(to=ReplicaId(2), message=prepare(1))

    def ask_often() -> None:
        for moment in range(50):
            group.now_ms = moment
            group.do(1, answer)

    with pytest.raises(Violation, match="answers replica 2"):
        ask_often()


def test_member_that_faulty_ones_moved_is_seen() -> None:
    with pytest.raises(Violation, match="faulty members moved 1 to view 2"):
        Group().say(1, view_change(1, 2))


def test_forged_signature_is_seen() -> None:
    forged = signed(prepare(2))
    object.__setattr__(forged, "sender", ReplicaId(1))

    with pytest.raises(Violation, match="bad signature"):
        Group().say(1, forged)


def test_certificate_with_too_few_signers_is_seen() -> None:
    thin = stable(1)
    object.__setattr__(thin, "signatures", thin.signatures[:2])

    with pytest.raises(Violation, match="certificate 1 has signers"):
        Group().do(0, Stabilized(stable=thin))


def test_prepared_certificate_that_its_primary_completes_is_seen() -> None:
    with pytest.raises(Violation, match="prepared certificate 1"):
        Group().do(0, Persist(records=(prepared(1, signers=(0, 1)),)))


def test_two_certified_headers_for_one_height_are_seen() -> None:
    group = Group()
    for index in range(4):
        group.append(index, 1)
    group.do(0, Stabilized(stable=stable(1)))

    with pytest.raises(Violation, match="two certified headers"):
        group.do(1, Stabilized(stable=stable(1, digest=batch(9).digest)))


def test_new_view_without_a_quorum_is_seen() -> None:
    with pytest.raises(Violation, match="without a quorum"):
        Group().say(1, new_view(changes=[view_change(0), view_change(1)]))


def test_new_view_that_leaves_something_out_is_seen() -> None:
    changes = [view_change(one, certificates=[prepared(1)]) for one in (0, 1, 2)]
    incomplete = signed(replace(new_view(changes=changes), pre_prepares=()))

    with pytest.raises(Violation, match="NEW-VIEW 1 proposes"):
        Group().do(0, Persist(records=(incomplete,)))


def test_later_view_that_forgets_what_a_quorum_committed_is_seen() -> None:
    group = Group()
    for index in (0, 1, 2):
        group.say(index, commit(index, 1))

    with pytest.raises(Violation, match="view 1 forgets sequence 1 of view 0"):
        group.do(3, Persist(records=(new_view(),)))


def test_other_batch_that_is_prepared_after_a_commit_is_seen() -> None:
    group = Group()
    for index in (0, 1, 2):
        group.say(index, commit(index, 1))

    with pytest.raises(Violation, match="something else is prepared in view 1"):
        group.do(3, Persist(records=(prepared(1, view=1, digest=batch(9).digest),)))


def test_two_quorums_that_commit_differently_are_seen() -> None:
    group = Group()
    other = [commit(sender, 1, view=1, digest=batch(9).digest) for sender in (1, 2, 3)]
    for one in (*(commit(sender, 1) for sender in (0, 1, 2)), *other[:2]):
        group.oracles.on_lie(one)

    with pytest.raises(Violation, match="committed twice"):
        group.oracles.on_lie(other[2])


def test_accusation_of_a_correct_member_is_seen() -> None:
    pair = (commit(2), commit(2, digest=batch(9).digest))

    with pytest.raises(Violation, match="replica 2 is accused"):
        Group().do(0, Equivocated(first=pair[0], second=pair[1]))


def test_accusation_with_a_forged_signature_is_seen() -> None:
    forged = replace(commit(2), signature=commit(3).signature)

    with pytest.raises(Violation, match="bad signature of 2"):
        Group().do(0, Equivocated(first=forged, second=commit(2)))


def test_container_that_outgrows_its_limit_is_seen() -> None:
    cluster = Cluster(1, options_of(1))
    node = cluster.correct[0]
    node.start()
    state = vars(node.replica)["_state"]
    state.answered.update({ReplicaId(one): True for one in range(200)})

    with pytest.raises(Violation, match="keeps 200 in answered"):
        check_memory(node)
