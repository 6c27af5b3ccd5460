"""Members come and go while the network loses, the disks stop and somebody is away."""

from collections import Counter

import pytest

from consensus import epoch_switch
from consensus.log import Log
from consensus.messages import Message
from consensus.state import ReplicaState
from consensus.types import SequenceNumber
from tests.simulation.epoch_cluster import run_epochs

# What must have happened in a large number of runs.
COUNTERS = (
    "epochs_ended",
    "epochs_ended_in_a_later_view",
    "epochs_ended_with_one_down",
    "epoch_laggards_told",
    "epoch_other_refused",
    "crash_between_epochs",
    "crash_at_new_segment",
    "state_transfers",
    "view_changes",
    "restarts",
)


def run_all(first: int, count: int) -> Counter[str]:
    counters: Counter[str] = Counter()
    for seed in range(first, first + count):
        outcome = run_epochs(seed)
        assert outcome.violation is None, f"seed {seed}: {outcome.violation}"
        counters.update(outcome.counters)
    return counters


def is_found(seeds: int) -> bool:
    return any(run_epochs(seed).violation is not None for seed in range(seeds))


@pytest.mark.parametrize("part", range(2))
def test_no_oracle_speaks_while_members_change(part: int) -> None:
    run_all(part * 15, 15)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_oracle_speaks_in_many_more_schedules_and_all_troubles_really_came() -> None:
    counters = run_all(100, 400)
    assert [one for one in COUNTERS if not counters[one]] == []


def test_an_epoch_without_an_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def window_alone(log: Log) -> SequenceNumber:
        return log.window.top(log.low_watermark)

    monkeypatch.setattr(Log, "high_watermark", property(window_alone))
    assert is_found(10)


def test_an_epoch_that_nobody_fills_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: ReplicaState) -> None:
        """Leave it to the clients."""

    monkeypatch.setattr(epoch_switch, "fill_epoch", wait)
    assert is_found(10)


def test_a_group_that_forgets_its_laggards_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def stay_silent(_: ReplicaState, __: Message) -> None:
        """Answer nobody who is still in an earlier epoch."""

    monkeypatch.setattr(epoch_switch, "on_other_epoch", stay_silent)
    assert is_found(30)
