from consensus.log import Log
from consensus.types import SequenceNumber, View, Window
from tests.unit.consensus.group import (
    GENESIS,
    WINDOW,
    batch,
    commit,
    membership,
    pre_prepare,
    prepare,
    stable,
)


def _log() -> Log:
    return Log(membership=membership(), window=Window(size=WINDOW), stable=GENESIS)


def _decide(log: Log, sequence: int) -> None:
    slot = log.slot(SequenceNumber(sequence))
    slot.accept(pre_prepare(sequence))
    for one in (0, 1, 2):
        slot.add_commit(commit(one, sequence))


def _sequences(log: Log) -> list[int]:
    return [slot.sequence for slot in log.slots()]


def test_slots_are_listed_in_order() -> None:
    log = _log()
    for sequence in (5, 2, 7):
        log.slot(SequenceNumber(sequence))

    assert _sequences(log) == [2, 5, 7]


def test_slot_is_forgotten_once_it_is_both_stable_and_executed() -> None:
    log = _log()
    for sequence in (1, 2, 3):
        _decide(log, sequence)

    log.stand_on(stable(2))
    log.collect()
    assert _sequences(log) == [1, 2, 3]

    log.executed = SequenceNumber(1)
    log.collect()
    assert _sequences(log) == [2, 3]

    log.executed = SequenceNumber(3)
    log.collect()
    assert _sequences(log) == [3]


def test_slots_two_windows_below_the_checkpoint_are_left_to_state_transfer() -> None:
    log = _log()
    for sequence in (1, 2, 3):
        log.slot(SequenceNumber(sequence))

    log.stand_on(stable(2 * WINDOW + 2))
    log.collect()

    assert _sequences(log) == [3]
    assert not log.is_open(SequenceNumber(2))
    assert log.is_open(SequenceNumber(3))
    assert not log.is_votable(SequenceNumber(3))


def test_committed_stops_at_the_first_gap() -> None:
    log = _log()
    for sequence in (1, 2, 4):
        _decide(log, sequence)

    assert log.committed == 2


def test_prepared_counts_from_the_checkpoint_and_in_one_view_only() -> None:
    log = _log()
    for sequence in (1, 2):
        slot = log.slot(SequenceNumber(sequence))
        slot.accept(pre_prepare(sequence))
        for one in (1, 2):
            slot.add_prepare(prepare(one, sequence))
    log.executed = SequenceNumber(2)

    assert log.prepared_in(View(0)) == 2
    assert log.prepared_in(View(1)) == 0


def test_next_batch_is_the_one_after_what_was_handed_over() -> None:
    log = _log()
    assert log.next_batch is None
    _decide(log, 2)
    assert log.next_batch is None
    _decide(log, 1)

    assert log.next_batch == batch(1)
    log.handed = SequenceNumber(1)
    assert log.next_batch == batch(2)


def test_replica_is_behind_when_a_quorum_is_further_than_what_it_executes() -> None:
    log = _log()
    log.stand_on(stable(2))

    assert log.is_behind
    log.handed = SequenceNumber(2)
    assert not log.is_behind
