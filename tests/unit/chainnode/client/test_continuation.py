"""A newer block must continue the log of the one that was remembered, where a node proves it."""

from collections.abc import Iterator
from typing import Any

import pytest

from chainnode.client import CannotDecide, Client
from tests.builders_evidence import TIME_MS
from tests.builders_trails import IndexedChain, indexed_chain
from tests.little_node import LittleChain, LittleNode, little_nodes

OLDER = 5


@pytest.fixture
def evidence() -> IndexedChain:
    return indexed_chain("intl")


@pytest.fixture
def nodes(evidence: IndexedChain) -> Iterator[list[LittleNode]]:
    with little_nodes(LittleChain(evidence), 2) as running:
        yield running


@pytest.fixture
def client(nodes: list[LittleNode], evidence: IndexedChain) -> Iterator[Client]:
    urls = [one.url for one in nodes]
    with Client(urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as opened:
        for node in nodes:
            node.header = evidence.header_at(OLDER)
        opened.header_latest()
        for node in nodes:
            node.header = None
        yield opened


def asked(nodes: list[LittleNode]) -> list[str]:
    return [line for node in nodes for line in node.seen if "consistency" in line]


def test_a_newer_header_is_held_against_the_one_before(
    client: Client, nodes: list[LittleNode]
) -> None:
    newest = client.header_latest()
    assert newest.height > OLDER
    assert asked(nodes) == [f"GET /v1/consistency?from={OLDER}&to={newest.height}"]


def test_a_node_that_does_not_hand_the_proof_out_is_no_reason_to_stop(
    client: Client, nodes: list[LittleNode]
) -> None:
    for node in nodes:
        node.problem, node.problem_at = (404, "NOT_FOUND"), "/v1/consistency"
    assert client.header_latest().height > OLDER


def test_a_proof_that_does_not_hold_is_named_and_nothing_is_believed(
    client: Client, nodes: list[LittleNode]
) -> None:
    def broken(path: str, told: Any) -> Any:  # noqa: ANN401 - the answer as it came
        if path != "/v1/consistency":
            return told
        return {**told, "path": [bytes(32).hex(), *told["path"][1:]]}

    for node in nodes:
        node.alter = broken
    with pytest.raises(CannotDecide, match="consistency"):
        client.header_latest()


def test_a_proof_about_another_block_is_none(
    client: Client, nodes: list[LittleNode], evidence: IndexedChain
) -> None:
    def other(path: str, told: Any) -> Any:  # noqa: ANN401 - the answer as it came
        return evidence.consistency(OLDER + 1) if path == "/v1/consistency" else told

    for node in nodes:
        node.alter = other
    with pytest.raises(CannotDecide, match="consistency"):
        client.header_latest()
