"""What `kun node inspect-votes` says still binds."""

from dataclasses import replace

from chainnode.vote_report import summary_of
from consensus.types import Epoch
from tests.unit.consensus.group import new_view, prepare, stable, view_change


def test_what_was_promised_in_an_earlier_epoch_binds_nobody() -> None:
    old = (view_change(2, 7), new_view(7), prepare(2, 9), stable(3))
    base = stable(8)
    own = replace(prepare(2, 11), epoch=Epoch(1))

    summary = summary_of((*old, base, own), 2)

    assert summary == {
        "epoch": 1,
        "voted_view": 0,
        "entered_view": 0,
        "stable_height": 0,
        "voted_sequences": [11],
        "prepared_sequences": [],
        "records": 6,
    }


def test_an_empty_log_binds_to_nothing() -> None:
    assert summary_of([], 2)["epoch"] == 0
