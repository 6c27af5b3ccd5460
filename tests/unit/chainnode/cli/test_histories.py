"""Sentences about pruned and arriving histories, whatever a node claims."""

import pytest

from chainnode.cli.answers import NodeAnswer
from chainnode.cli.histories import history_notes


def notes(**consensus: object) -> list[str]:
    answer = NodeAnswer(name="n1", title="Tax", api="http://n1", consensus=consensus)
    return [one.en for one in history_notes([answer])]


def test_a_node_that_serves_everything_needs_no_word() -> None:
    history = {"snapshot_height": None, "serves_from_height": 0, "bodies_from_height": 0}
    assert notes(history=history, transfer=None) == []


def test_a_snapshot_and_pruned_bodies_are_told() -> None:
    history = {"snapshot_height": 70, "serves_from_height": 70, "bodies_from_height": 71}
    assert notes(history=history) == [
        "Tax (n1) was synced by snapshot at height 70, serves records from there"
    ]
    assert notes(history={**history, "bodies_from_height": 200})[1:] == [
        "Tax (n1) keeps bodies from height 200"
    ]
    assert notes(history={"snapshot_height": None, "bodies_from_height": 9}) == [
        "Tax (n1) keeps bodies from height 9"
    ]


def test_progress_is_told_for_blocks_and_for_snapshots() -> None:
    assert notes(transfer={"target_height": 9, "snapshot": None}) == [
        "Tax (n1) is catching up by blocks to height 9"
    ]
    snapshot = {"height": 9, "parts_done": 64, "parts": 256}
    assert notes(transfer={"target_height": 9, "snapshot": snapshot}) == [
        "Tax (n1) is fetching the snapshot of height 9: 25 %"
    ]


@pytest.mark.parametrize("junk", [7, "x", [], {}, {"target_height": "9"}, {"snapshot": 4}, None])
def test_junk_says_nothing(junk: object) -> None:
    assert notes(history=junk, transfer=junk) == []


def test_a_snapshot_of_no_parts_is_read_as_blocks() -> None:
    told = notes(transfer={"target_height": 9, "snapshot": {"height": 9, "parts_done": 1}})
    assert told == ["Tax (n1) is catching up by blocks to height 9"]
