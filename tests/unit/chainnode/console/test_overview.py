"""How the group is judged from what its nodes say, whatever they say."""

import pytest

from chainnode.client import NodeStatus
from chainnode.console.chart import HEIGHT, WIDTH, bars
from chainnode.console.news import BlockNews
from chainnode.console.overview import Overview, overview
from chainnode.verify.strict_json import JsonObject

NODES = tuple(f"http://node-{one}" for one in range(4))
WELL: JsonObject = {
    "org": "A",
    "node": "police",
    "state": "running",
    "role": "backup",
    "height": 100,
    "view": 0,
    "version": "0.1.0",
    "halted_because": None,
    "findings": [],
}


def judged(*documents: JsonObject | None) -> Overview:
    answers = [
        None if one is None else NodeStatus(node=node, document=one, report=None)
        for node, one in zip(NODES, documents, strict=True)
    ]
    return overview(answers, nodes=NODES, names={"A": "公安局"}, size=4, proven_height=100)


def test_four_that_run_are_healthy() -> None:
    found = judged(WELL, WELL, WELL, WELL)

    assert (found.health, found.quorum, found.alarms) == ("healthy", 3, ())
    assert found.lines[0].name == "公安局"


def test_one_that_is_silent_degrades_and_two_halt() -> None:
    assert judged(WELL, WELL, WELL, None).health == "degraded"
    found = judged(WELL, WELL, None, None)
    assert found.health == "halted"
    assert found.alarms[0] == f"{NODES[2]}: NO_ANSWER"


def test_a_halt_is_believed_when_more_say_so_than_may_lie() -> None:
    halted = WELL | {"halted_because": {"reason": "DIVERGED"}}

    assert judged(halted, WELL, WELL, WELL).health == "degraded"
    assert judged(halted, halted, WELL, WELL).health == "halted"


def test_who_lags_or_votes_no_more_is_an_alarm() -> None:
    found = judged(WELL, WELL | {"height": 10}, WELL | {"state": "voting_stopped"}, WELL)

    assert found.alarms == ("公安局: VOTING_STOPPED", "公安局: −90")


def test_a_height_that_a_node_makes_up_blames_nobody_else() -> None:
    assert judged(WELL | {"height": 10**9}, WELL, WELL, WELL).alarms == ()


@pytest.mark.parametrize(
    "told",
    [
        {},
        {
            "org": 7,
            "node": [],
            "state": {},
            "role": 1,
            "height": "x",
            "view": True,
            "version": None,
        },
        {"halted_because": 7, "findings": 7},
        {"findings": [7, {"code": 7}, {}], "halted_because": {}},
        {"state": "x" * 1000, "node": "\u202e" * 1000},
    ],
)
def test_whatever_a_node_says_is_shown_bounded_or_not_at_all(told: JsonObject) -> None:
    found = judged(told, WELL, WELL, WELL)

    assert len(found.lines) == 4
    assert all(len(one.name) <= 80 for one in found.lines)
    assert found.lines[0].role == ""


def test_bars_fill_the_picture_and_none_is_invisible() -> None:
    found = bars([BlockNews(height=one, time_ms=0, records=one * 5) for one in range(3)])

    assert [one.height for one in found] == [1, HEIGHT // 2, HEIGHT]
    assert all(one.y + one.height == HEIGHT for one in found)
    assert found[-1].x + found[-1].width <= WIDTH
    assert bars([]) == ()
