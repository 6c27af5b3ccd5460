"""Healthy, degraded or halted, and because of whom."""

from dataclasses import replace

import pytest

from chainnode.cli.answers import NodeAnswer
from chainnode.cli.health import LAG_BLOCKS, Health, judge

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


def test_the_next_step_in_a_halted_devnet_starts_its_nodes_by_name() -> None:
    halted = judge(_answers(silent=2), size=4, is_devnet=True).next_step
    assert halted is not None
    assert "kun devnet start police, kun devnet start civil" in halted.en
    down = judge(_answers(silent=4), size=4, is_devnet=True).next_step
    assert down is not None
    assert "kun devnet up" in down.zh
    assert judge(_answers(silent=1), size=4, is_devnet=True).next_step is None


def test_a_node_that_does_not_vote_counts_as_missing() -> None:
    answers = [*_answers()[:2], *_answers(state="syncing")[2:]]

    judgement = judge(answers, size=4)

    assert judgement.health is Health.HALTED
    assert any("does not vote: syncing" in one.en for one in judgement.because)


def test_a_node_that_stopped_voting_says_why_in_its_own_words() -> None:
    answers = _answers()
    reason = "an older copy: give this replica a new key\n" + 9_999 * "x"
    answers[3] = _with(answers[3], state="voting_stopped", voting_stopped_because=reason)

    (told,) = judge(answers, size=4).because

    assert "voting_stopped (an older copy: give this replica a new keyxxx" in told.en
    assert len(told.en) < 500
    assert "older copy" in told.zh


def test_an_audit_store_that_differed_degrades_the_network_and_says_where_to_read() -> None:
    answers = _answers()
    rows = [{"code": "AUDIT_STORE_DIFFERS", "count": 1}, {"code": "OTHER\n"}, "nonsense"]
    answers[1] = _with(answers[1], findings=rows)
    judgement = judge(answers, size=4)
    assert judgement.health is Health.DEGRADED
    first, second = judgement.because
    assert "audit store of 局1 (civil) differed" in first.en
    assert "审计库" in first.zh
    assert second.en.endswith("reports OTHER")


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


def test_a_node_that_makes_up_a_height_blames_nobody() -> None:
    answers = [*_answers(height=100)[:3], *_answers(height=1_000_000_000)[3:]]

    assert judge(answers, size=4).health is Health.HEALTHY


@pytest.mark.parametrize("value", [None, "9", True, -1.5, [], {}])
def test_a_height_that_is_no_integer_is_no_height(value: object) -> None:
    answer = NodeAnswer(name="a", title="a", api="x", consensus={"height": value})

    assert answer.height is None


def test_exit_codes_are_those_of_the_contract() -> None:
    assert [one.exit_code for one in Health] == [0, 1, 3]


def _with(answer: NodeAnswer, **fields: object) -> NodeAnswer:
    return replace(answer, consensus={**answer.consensus, **fields})


def _clock_row(replica: int = 2, ahead_ms: object = 240_000) -> dict[str, object]:
    return {"replica_id": replica, "name": f"局{replica}", "ahead_ms": ahead_ms}


def test_a_clock_that_more_nodes_than_may_lie_call_wrong_is_named() -> None:
    answers = _answers()
    once = [_with(answers[0], clocks_off=[_clock_row()]), *answers[1:]]
    twice = [*(_with(one, clocks_off=[_clock_row()]) for one in answers[:2]), *answers[2:]]

    assert judge(once, size=4).health is Health.HEALTHY
    judgement = judge(twice, size=4)
    assert judgement.health is Health.DEGRADED
    assert "the clock of 局2 is 4 min 0 s ahead, as 2 nodes say" in judgement.because[0].en
    assert "局2 的时钟快 4 min 0 s" in judgement.because[0].zh


@pytest.mark.parametrize(
    "rows",
    ["?", None, [7], [{}], [_clock_row(ahead_ms="4")], [_clock_row(), _clock_row()]],
)
def test_nonsense_about_clocks_and_repetitions_of_one_node_count_for_nothing(rows: object) -> None:
    answers = _answers()
    answers[0] = _with(answers[0], clocks_off=rows)

    assert judge(answers, size=4).health is Health.HEALTHY


def test_two_headers_at_one_height_are_shown_per_replica_with_what_to_do() -> None:
    digests = ("aa" * 32, "aa" * 32, "bb" * 32, "bb" * 32)
    halted = {"reason": "DIVERGED"}
    answers = [
        _with(one, header_digest=digest, halted_because=halted)
        for one, digest in zip(_answers(), digests, strict=True)
    ]

    judgement = judge(answers, size=4)

    told = " ".join(one.en for one in judgement.because)
    assert "headers differ at height 9: 局0 aaaaaaaaaaaa…, 局1 aaaaaaaaaaaa…" in told
    assert "局2 bbbbbbbbbbbb…, 局3 bbbbbbbbbbbb…" in told
    assert judgement.next_step is not None
    assert "delete no data" in judgement.next_step.en


def test_a_stopped_replica_is_shown_by_the_checkpoint_it_sent_before() -> None:
    row = {"name": "局3", "height": 9, "header_digest": "cc" * 32}
    answers = [
        _with(one, header_digest="aa" * 32, halted_because={"reason": "x", "digests": [row]})
        for one in _answers()
    ]
    answers[3] = NodeAnswer(name="data", title="局3", api="x", problem="connection refused")

    told = " ".join(one.en for one in judge(answers, size=4).because)

    assert "局3 cccccccccccc…" in told


def test_what_one_node_says_of_the_headers_of_others_is_not_repeated() -> None:
    rows = [{"name": f"局{one}", "height": 9, "header_digest": "dd" * 32} for one in (1, 2)]
    answers = [_with(one, header_digest="aa" * 32) for one in _answers()]
    answers[0] = _with(answers[0], halted_because={"reason": "DIVERGED", "digests": rows})

    told = " ".join(one.en for one in judge(answers, size=4).because)

    assert "headers differ" not in told


def test_one_false_header_does_not_change_what_is_to_be_done_in_a_halt() -> None:
    answers = _answers(silent=2)
    answers[2] = _with(answers[2], header_digest="aa" * 32)
    answers[3] = _with(answers[3], header_digest="bb" * 32, halted_because={"reason": "DIVERGED"})

    step = judge(answers, size=4).next_step

    assert step is not None
    assert "start their nodes" in step.en


@pytest.mark.parametrize("said", [[[]], {"a": 1}, [{"replica_id": {}}], "x" * 10**6])
def test_nothing_that_a_node_says_breaks_the_verdict_or_reaches_the_terminal_raw(
    said: object,
) -> None:
    evil = "\x1b[2J\n" + "x" * 10**6
    missing = {"vote": evil, "view": evil, "replicas": said}
    halted = {"reason": evil, "missing": missing, "silent": said, "digests": said}
    answers = [
        _with(
            one,
            state=evil,
            version=evil,
            header_digest=evil,
            clocks_off=said,
            voting_stopped_because=evil,
            halted_because=halted,
        )
        for one in _answers()
    ]

    told = [text for one in judge(answers, size=4).because for text in (one.zh, one.en)]

    assert told
    assert all(text.isprintable() for text in told)
    assert max(map(len, told)) < 2_000


def test_versions_are_compared_only_when_the_network_stands_still() -> None:
    answers = [_with(one, version=f"0.{number // 2}") for number, one in enumerate(_answers())]
    stopped = [_with(one, state="voting_stopped") for one in answers]

    assert judge(answers, size=4).health is Health.HEALTHY
    told = " ".join(one.en for one in judge(stopped, size=4).because)
    assert "software versions differ: 局0 0.0, 局1 0.0, 局2 0.1, 局3 0.1" in told
