"""Questions to the audit log: recorded first, each row proven, never called complete."""

import contextlib
import itertools

import pytest

from chainnode.client import (
    AsyncClient,
    CannotDecide,
    Client,
    InvalidCall,
    NodeLied,
    NodeRefused,
    QuestionNotRecorded,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.codes import Code
from contracts.schemas.index_kinds import IndexKind
from tests.builders_evidence import (
    GENESIS_MS,
    OTHER_SUBJECT,
    POLICE,
    SUBJECT,
    TIME_MS,
    SyntheticChain,
)
from tests.little_node import LittleChain, LittleNode
from tests.mutations import mutations

PURPOSE = "citizen asked who saw the record"


def test_each_row_is_proven_and_the_answer_is_never_called_complete(
    client: Client, nodes: list[LittleNode]
) -> None:
    for node in nodes:
        node.alter = lambda path, told: {**told, "complete": True} if "audit" in path else told
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert [one.position for one in answer.items] == [1, 3, 5, 7, 9]
    assert all(one.call is not None for one in answer.items)
    assert (answer.complete, answer.incomplete_because) == (False, "NOT_PROVEN")
    assert answer.question.is_accepted


def test_the_reason_why_it_is_not_complete_is_passed_on(client: Client) -> None:
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert (answer.complete, answer.incomplete_because) == (False, "NO_INDEX")


def test_no_subject_stands_in_a_url(client: Client, nodes: list[LittleNode]) -> None:
    client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    lines = [one for node in nodes for one in node.seen]
    assert any(one.startswith("POST /audit?question=") for one in lines)
    assert not any(SUBJECT.hex() in one or PURPOSE[:7] in one for one in lines)


def test_a_question_is_on_the_chain_before_its_answer_is_asked_for(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    order = [one.split("?")[0] for one in nodes[1].seen + nodes[0].seen + nodes[2].seen]
    assert order.index("POST /v1/submissions") < order.index("POST /audit")
    assert len(chain.executed) == 1


def test_values_may_be_texts_and_none_means_any_of_the_kind(
    client: Client, nodes: list[LittleNode]
) -> None:
    for node in nodes:
        node.chain.rows = (0, 1, 2)
    named = client.question(IndexKind.REQUESTER, [POLICE], purpose=PURPOSE)
    every = client.question(IndexKind.REQUESTER, [], purpose=PURPOSE)
    assert len(named.items) == len(every.items) == 3
    with pytest.raises(CannotDecide):
        client.question(IndexKind.ITEM, [], purpose=PURPOSE)


@pytest.mark.parametrize("purpose", ["", "  \n"])
def test_a_question_without_a_purpose_is_not_asked(
    client: Client, nodes: list[LittleNode], purpose: str
) -> None:
    with pytest.raises(InvalidCall, match="PURPOSE_MISSING"):
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=purpose)
    assert not any(one.seen for one in nodes)


def test_a_refused_question_gets_no_answer(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    chain.refuse_with, chain.refusals_left = Code.KEY_NOT_VALID, 1
    with pytest.raises(QuestionNotRecorded, match="KEY_NOT_VALID"):
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert not any("audit" in one for node in nodes for one in node.seen)


def test_a_question_that_is_not_final_in_time_gets_no_answer(
    client: Client, nodes: list[LittleNode]
) -> None:
    for node in nodes:
        node.pending = True
    with pytest.raises(QuestionNotRecorded, match="unknown"):
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE, wait_s=0)


@pytest.mark.parametrize(
    ("what", "rows", "period"),
    [
        ("another subject's row", (1, 2), (0, 0)),
        ("a row before the period", (1, 3), (GENESIS_MS + 4000, 0)),
        ("a row after the period", (1, 3), (0, GENESIS_MS + 4000)),
        ("rows out of order", (3, 1), (0, 0)),
        ("a row twice", (1, 1), (0, 0)),
    ],
)
def test_genuine_rows_that_were_not_asked_for_are_a_lie(
    client: Client,
    nodes: list[LittleNode],
    what: str,
    rows: tuple[int, ...],
    period: tuple[int, int],
) -> None:
    nodes[0].chain.rows = rows
    with pytest.raises(CannotDecide) as refusal:
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE, period=period)
    lies = [one for one in refusal.value.reports if isinstance(one, NodeLied)]
    assert {one.node for one in lies} == {one.url for one in nodes}, what
    assert {one.check for one in lies} <= {"question", "order"}


def test_the_first_and_last_moment_of_a_period_are_its_own(
    client: Client, nodes: list[LittleNode]
) -> None:
    nodes[0].chain.rows = (3, 5)
    period = (GENESIS_MS + 4000, GENESIS_MS + 6001)
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE, period=period)
    assert len(answer.items) == 2


def test_no_forged_field_of_a_trail_is_believed_and_the_forger_is_named(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    (node, *_) = nodes
    node.chain.rows = (3,)
    with Client([node.url], evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as client:
        honest = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
        lies = 0
        for number in range(0, len(list(mutations(honest.pages[0]))), 13):
            node.alter = lambda path, told, number=number: (  # type: ignore[misc]  # bound now
                _nth_mutation(told, number) if "audit" in path else told
            )
            with contextlib.suppress(CannotDecide):
                told = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
                assert told.complete is False
                assert [one.entry for one in told.items] in ([], [honest.items[0].entry])
                continue
            lies += 1
        assert lies > 20


def _nth_mutation(told: JsonObject, number: int) -> JsonObject:
    return next(itertools.islice(mutations(told), number, None))[1]


def test_an_answer_to_another_question_is_a_lie(client: Client, nodes: list[LittleNode]) -> None:
    other: JsonObject = {"question": {"digest": "sm3:" + "00" * 32}}
    for node in nodes:
        node.alter = lambda path, told: {**told, **other} if "audit" in path else told
    with pytest.raises(CannotDecide):
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)


def test_an_answer_from_before_the_question_is_passed_over(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    nodes[0].header = evidence.header(height=12)
    nodes[0].alter = lambda path, told: {**told, "as_of_height": 12} if "audit" in path else told
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert answer.as_of_height == 13
    assert nodes[0].url in {one.node for one in answer.reports} or not any(
        "audit" in one for one in nodes[0].seen
    )


def test_pages_follow_each_other_at_one_height(client: Client, nodes: list[LittleNode]) -> None:
    pages = {None: ((1, 3), "13.3"), "13.3": ((5, 7), "13.7"), "13.7": ((9,), None)}
    for node in nodes:
        node.cursor_of_page = pages.__getitem__
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    while answer.next_cursor is not None:
        answer = client.next_page(answer)
    assert [one.position for one in answer.items] == [1, 3, 5, 7, 9]
    assert len(answer.pages) == 3
    assert client.next_page(answer) is answer


@pytest.mark.parametrize(
    "page",
    [((1,), None), ((), "13.9"), ((5, 3), None)],
    ids=["a row again", "a cursor without rows", "rows out of order"],
)
def test_a_second_page_that_does_not_go_on_is_a_lie(
    client: Client, nodes: list[LittleNode], page: tuple[tuple[int, ...], str | None]
) -> None:
    pages = {None: ((1, 3), "13.3"), "13.3": page}
    for node in nodes:
        node.cursor_of_page = pages.__getitem__
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    with pytest.raises(CannotDecide):
        client.next_page(answer)


def test_a_second_page_of_another_height_is_a_lie(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    pages: dict[str | None, tuple[tuple[int, ...], str | None]] = {
        None: ((1, 3), "13.3"),
        "13.3": ((5,), None),
    }
    for node in nodes:
        node.cursor_of_page = pages.__getitem__
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    chain.height += 1
    with pytest.raises(CannotDecide) as refusal:
        client.next_page(answer)
    lies = [one for one in refusal.value.reports if isinstance(one, NodeLied)]
    assert {one.check for one in lies} == {"as_of_height"}


def test_a_record_is_proven_at_the_position_that_was_asked_for(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    nodes[0].alter = lambda _path, _told: evidence.record(4)
    facts, shown = client.record(5)
    assert facts.position == 5
    assert facts.call == evidence.calls[5]
    assert shown["kind"] == "record"


def test_each_node_tells_its_own_status_or_why_not(client: Client, nodes: list[LittleNode]) -> None:
    nodes[1].problem = (503, "STARTING")
    told = client.statuses()
    assert [one.node for one in told] == [one.url for one in nodes]
    assert told[0].document == {"state": "running", "height": 12}
    assert isinstance(told[1].report, NodeRefused)


async def test_the_asynchronous_client_asks_alike(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    urls = [one.url for one in nodes]
    nodes[0].chain.rows = (2, 4)
    async with AsyncClient(
        urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS
    ) as client:
        answer = await client.question(IndexKind.SUBJECT, [OTHER_SUBJECT], purpose=PURPOSE)
        assert await client.next_page(answer) is answer
    assert [one.position for one in answer.items] == [2, 4]
