"""An answer is complete because its proofs say so, and never because a node does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chainnode.client import CannotDecide, Client, NodeLied, NodeRefused
from contracts.schemas.index_kinds import IndexKind
from tests.builders_evidence import GENESIS_MS, OTHER_SUBJECT, SUBJECT, TIME_MS
from tests.builders_trails import IndexedChain, Shown, indexed_chain, positions_of
from tests.little_node import LittleChain, LittleNode, little_nodes

PURPOSE = "citizen asked who saw the record"
AS_OF_MS = GENESIS_MS + 11_000


@pytest.fixture(scope="module", params=["sm", "intl"])
def evidence(request: pytest.FixtureRequest) -> IndexedChain:
    return indexed_chain(str(request.param))


@pytest.fixture
def nodes(evidence: IndexedChain) -> Iterator[list[LittleNode]]:
    with little_nodes(LittleChain(evidence), 3) as running:
        yield running


@pytest.fixture
def client(nodes: list[LittleNode], evidence: IndexedChain) -> Iterator[Client]:
    urls = [one.url for one in nodes]
    with Client(urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as opened:
        yield opened


def test_an_answer_with_the_whole_trail_is_complete(client: Client, evidence: IndexedChain) -> None:
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert answer.complete
    assert (answer.complete_to_ms, answer.incomplete_because) == (AS_OF_MS, "")
    assert [one.position for one in answer.items] == positions_of(evidence, SUBJECT)
    assert all(one.call is not None for one in answer.items)


def test_an_answer_is_complete_with_its_last_page_and_not_before(
    client: Client, nodes: list[LittleNode], evidence: IndexedChain
) -> None:
    for node in nodes:
        node.page_rows = 6
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    for pages in (1, 2, 3):
        assert (answer.complete, answer.incomplete_because) == (False, "MORE_PAGES")
        assert len(answer.items) == 6 * pages
        answer = client.next_page(answer)
    assert answer.complete
    assert [one.position for one in answer.items] == positions_of(evidence, SUBJECT)


def test_a_period_that_is_not_over_is_not_complete(client: Client, nodes: list[LittleNode]) -> None:
    for node in nodes:
        node.alter = lambda _path, told: (
            {**told, "complete": False, "incomplete_because": "NOT_COVERED_YET"}
            if "evidence" in told
            else told
        )
    answer = client.question(
        IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE, period=(0, AS_OF_MS + 1)
    )
    assert (answer.complete, answer.incomplete_because) == (False, "NOT_COVERED_YET")
    assert answer.complete_to_ms == AS_OF_MS


Told = dict[str, Any]


def edited(change: Callable[[list[Any]], list[Any]]) -> Callable[[Told, IndexedChain], Told]:
    """Change the rows of an answer, entries and bodies alike, and leave the proof."""

    def edit(told: Told, _chain: IndexedChain) -> Told:
        trail = told["evidence"]["trails"][0]
        changed = {name: change(trail[name]) for name in ("entries", "bodies")}
        evidence = {**told["evidence"], "trails": [{**trail, **changed}]}
        return {**told, "evidence": evidence}

    return edit


def shown_instead(shown: Shown) -> Callable[[Told, IndexedChain], Told]:
    """Show another run of rows, with a proof of its own that is genuine."""

    def replaced(told: Told, chain: IndexedChain) -> Told:
        return {**told, "evidence": {**told["evidence"], "trails": trails_of(chain, shown)}}

    return replaced


def trails_of(chain: IndexedChain, shown: Shown) -> Any:  # noqa: ANN401 - JSON as it travels
    return chain.trail(shown)["trails"]


def edited_bodies(told: Told, _chain: IndexedChain) -> Told:
    trail = told["evidence"]["trails"][0]
    bodies = trail["bodies"]
    changed = {**trail, "bodies": [bodies[1], *bodies[1:]]}
    return {**told, "evidence": {**told["evidence"], "trails": [changed]}}


LIES: dict[str, tuple[str, Callable[[Told, IndexedChain], Told]]] = {
    "the first row dropped": ("entries", edited(lambda rows: rows[1:])),
    "the last row dropped": ("entries", edited(lambda rows: rows[:-1])),
    "a row added": ("entries", edited(lambda rows: [*rows, rows[-1]])),
    "two rows swapped": ("entries", edited(lambda rows: [rows[1], rows[0], *rows[2:]])),
    "a row changed for another": ("entries", edited(lambda rows: [rows[1], *rows[1:]])),
    "a body changed for another": ("body", edited_bodies),
    "the first row left out, with a proof of the rest": (
        "complete",
        shown_instead(Shown(subject=SUBJECT, start=1, with_bodies=True)),
    ),
    "the last row left out, with a proof of the rest": (
        "complete",
        shown_instead(Shown(subject=SUBJECT, stop=19, with_bodies=True)),
    ),
    "the trail of another subject": (
        "question",
        shown_instead(Shown(subject=OTHER_SUBJECT, with_bodies=True)),
    ),
    "an answer to another question": (
        "question",
        lambda told, _: {**told, "question": {**told["question"], "digest": "sm3:00"}},
    ),
    "another period": (
        "period",
        lambda told, _: {**told, "evidence": {**told["evidence"], "from_ms": 1}},
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_node_that_lies_is_named_and_the_next_one_is_asked(
    client: Client, nodes: list[LittleNode], evidence: IndexedChain, name: str
) -> None:
    check, lie = LIES[name]
    for node in nodes[1:]:
        node.alter = lambda path, told: lie(told, evidence) if path == "/audit" else told
    nodes[0].problem, nodes[0].problem_at = (503, "BUSY"), "/v1/submissions"
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert answer.complete
    liars = {one.node: one.check for one in answer.reports if isinstance(one, NodeLied)}
    assert liars
    assert set(liars) <= {nodes[1].url, nodes[2].url}
    assert set(liars.values()) == {check}


@pytest.mark.parametrize("name", LIES)
def test_where_all_nodes_lie_there_is_no_answer(
    client: Client, nodes: list[LittleNode], evidence: IndexedChain, name: str
) -> None:
    check, lie = LIES[name]
    for node in nodes:
        node.alter = lambda path, told: lie(told, evidence) if path == "/audit" else told
    with pytest.raises(CannotDecide) as caught:
        client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    liars = {one.node for one in caught.value.reports if isinstance(one, NodeLied)}
    assert liars == {node.url for node in nodes}
    checks = {one.check for one in caught.value.reports if isinstance(one, NodeLied)}
    assert checks == {check}


def test_a_node_that_says_it_cannot_prove_is_passed_over(
    client: Client, nodes: list[LittleNode]
) -> None:
    def damaged(path: str, told: Told) -> Told:
        if path != "/audit":
            return told
        because = {"complete": False, "incomplete_because": "AUDIT_STORE_DIFFERS"}
        return {**told, **because, "evidence": None}

    for node in nodes[1:]:
        node.alter = damaged
    nodes[0].problem, nodes[0].problem_at = (503, "BUSY"), "/v1/submissions"
    answer = client.question(IndexKind.SUBJECT, [SUBJECT], purpose=PURPOSE)
    assert answer.complete
    told = {one.code for one in answer.reports if isinstance(one, NodeRefused)}
    assert "AUDIT_STORE_DIFFERS" in told


def test_a_cursor_after_no_rows_is_refused(client: Client, nodes: list[LittleNode]) -> None:
    for node in nodes:
        node.alter = lambda path, told: {**told, "next_cursor": "0"} if path == "/audit" else told
    with pytest.raises(CannotDecide):
        client.question(IndexKind.SUBJECT, [b"\x00" * 32], purpose=PURPOSE)
