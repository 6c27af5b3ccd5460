"""Healthy, degraded or halted, and because of whom."""

import pytest

from chainnode.cli.health import LAG_BLOCKS, Health, NodeAnswer, judge

_NAMES = ("police", "civil", "housing", "data", "labour", "health", "education")


def _answers(
    count: int = 4, *, silent: int = 0, state: str = "running", height: int = 9
) -> list[NodeAnswer]:
    return [
        NodeAnswer(name=name, title=f"局{number}", api="http://x", problem="connection refused")
        if number < silent
        else NodeAnswer(
            name=name,
            title=f"局{number}",
            api="http://x",
            consensus={"state": state, "height": height, "halted_because": None},
        )
        for number, name in enumerate(_NAMES[:count])
    ]


@pytest.mark.parametrize(
    ("count", "silent", "health"),
    [
        (4, 0, Health.HEALTHY),
        (4, 1, Health.DEGRADED),
        (4, 2, Health.HALTED),
        (4, 4, Health.HALTED),
        (5, 1, Health.DEGRADED),
        (5, 2, Health.HALTED),
        (7, 2, Health.DEGRADED),
        (7, 3, Health.HALTED),
    ],
)
def test_a_network_runs_while_a_quorum_votes(count: int, silent: int, health: Health) -> None:
    assert judge(_answers(count, silent=silent), size=count).health is health


def test_a_halt_names_who_is_silent_and_the_missing_quorum() -> None:
    judgement = judge(_answers(silent=2), size=4)

    because = " ".join(one.en for one in judgement.because)
    assert "局0 (police) is silent: connection refused" in because
    assert "civil" in because
    assert "housing" not in because
    assert "2 of 4 replicas vote, 3 are needed" in because
    assert all(one.zh for one in judgement.because)


def test_a_node_that_does_not_vote_counts_as_missing() -> None:
    answers = [*_answers()[:2], *_answers(state="syncing")[2:]]

    judgement = judge(answers, size=4)

    assert judgement.health is Health.HALTED
    assert any("does not vote: syncing" in one.en for one in judgement.because)


def test_a_replica_that_was_not_asked_is_not_blamed() -> None:
    assert judge(_answers()[:1], size=4).health is Health.HEALTHY


def test_a_halt_that_only_one_node_reports_is_its_own() -> None:
    answers = _answers()
    answers[0] = NodeAnswer(
        name="police",
        title="局0",
        api="x",
        consensus={"state": "running", "halted_because": {"reason": "no pre-prepare"}},
    )

    one = judge(answers, size=4)
    two = judge([answers[0], answers[0], *answers[2:]], size=4)

    assert one.health is Health.DEGRADED
    assert "no pre-prepare" in one.because[0].en
    assert two.health is Health.HALTED


def test_a_node_far_behind_is_named() -> None:
    answers = [*_answers(height=100)[:3], *_answers(height=99 - LAG_BLOCKS)[3:]]

    judgement = judge(answers, size=4)

    assert judgement.health is Health.DEGRADED
    assert [one.en for one in judgement.because] == [
        f"局3 (data) is {LAG_BLOCKS + 1} blocks behind"
    ]


@pytest.mark.parametrize("value", [None, "9", True, -1.5, [], {}])
def test_a_height_that_is_no_integer_is_no_height(value: object) -> None:
    answer = NodeAnswer(name="a", title="a", api="x", consensus={"height": value})

    assert answer.height is None


def test_exit_codes_are_those_of_the_contract() -> None:
    assert [one.exit_code for one in Health] == [0, 1, 3]
