"""A record with its author is the one that was asked for, or a node is named."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chainnode.client import AsyncClient, CannotDecide, Client, NodeLied, NodeRefused
from chainnode.verify import BlockRecordFacts, RecordFacts, Trust, verify_evidence
from chainnode.verify.errors import OlderThanPinned
from chainnode.verify.forms import RecordPlace
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import TIME_MS
from tests.builders_trails import CALLS_PER_BLOCK, IndexedChain, indexed_chain
from tests.little_node import LittleChain, LittleNode, little_nodes

POSITION = 18
BOTH = pytest.mark.parametrize("place", [RecordPlace.LOG, RecordPlace.BLOCK])


@pytest.fixture(scope="module", params=["sm", "intl"])
def evidence(request: pytest.FixtureRequest) -> IndexedChain:
    return indexed_chain(str(request.param))


@pytest.fixture
def nodes(evidence: IndexedChain) -> Iterator[list[LittleNode]]:
    with little_nodes(LittleChain(evidence), 3) as running:
        yield running


@pytest.fixture
def client(nodes: list[LittleNode], evidence: IndexedChain) -> Iterator[Client]:
    with opened(nodes, evidence.trust) as client:
        yield client


def opened(nodes: list[LittleNode], trust: Trust) -> Client:
    return Client([one.url for one in nodes], trust, now_ms=lambda: TIME_MS)


def test_a_record_in_the_log_comes_with_the_key_that_signed_it(
    client: Client, evidence: IndexedChain
) -> None:
    facts, told = client.authored_record(POSITION)
    assert isinstance(facts, RecordFacts)
    assert facts.position == POSITION
    assert facts.author is not None
    assert facts.author.public_key == evidence.client_key.public_key
    assert verify_evidence(told, evidence.trust) == facts


def test_a_record_in_its_block_is_the_one_at_this_position(
    client: Client, evidence: IndexedChain
) -> None:
    facts, told = client.authored_record(POSITION, place=RecordPlace.BLOCK)
    assert isinstance(facts, BlockRecordFacts)
    assert facts.header.height == POSITION // CALLS_PER_BLOCK + 1
    assert facts.call == evidence.calls[POSITION]
    assert verify_evidence(told, evidence.trust) == facts


@BOTH
def test_both_clients_decide_alike(
    nodes: list[LittleNode], evidence: IndexedChain, client: Client, place: RecordPlace
) -> None:
    async def ask() -> JsonObject:
        urls = [one.url for one in nodes]
        async with AsyncClient(urls, evidence.trust, now_ms=lambda: TIME_MS) as other:
            return (await other.authored_record(POSITION, place=place))[1]

    assert asyncio.run(ask())["entry"] == client.authored_record(POSITION, place=place)[1]["entry"]


def altering(nodes: list[LittleNode], changed: JsonObject) -> None:
    """Let all but the last node answer with something else."""
    for node in nodes[:-1]:
        node.alter = lambda path, told: {**told, **changed} if path.endswith("/authored") else told


@BOTH
def test_a_node_that_has_pruned_the_submission_is_passed_over(
    client: Client, nodes: list[LittleNode], place: RecordPlace
) -> None:
    altering(nodes, {"authorship": []})
    facts, _told = client.authored_record(POSITION, place=place)
    assert facts.author is not None


@BOTH
def test_where_no_node_has_kept_the_submission_it_is_said(
    client: Client, nodes: list[LittleNode], place: RecordPlace
) -> None:
    altering([*nodes, nodes[0]], {"authorship": []})
    with pytest.raises(CannotDecide, match="AUTHOR_NOT_KEPT") as refusal:
        client.authored_record(POSITION, place=place)
    assert {type(one) for one in refusal.value.reports} == {NodeRefused}


@pytest.mark.parametrize("shown", ["another record", "the other place", "another author"])
@BOTH
def test_a_node_that_shows_something_else_is_named(
    nodes: list[LittleNode], evidence: IndexedChain, place: RecordPlace, shown: str
) -> None:
    in_block = place is RecordPlace.BLOCK
    lie = {
        # In the block form no position is proven: a genuine record of the same block may come.
        "another record": evidence.authored_record(POSITION + 1, in_block=in_block),
        "the other place": evidence.authored_record(POSITION, in_block=not in_block),
        "another author": {
            **evidence.authored_record(POSITION, in_block=in_block),
            "authorship": evidence.authored_record(POSITION + 1)["authorship"],
        },
    }[shown]
    altering([*nodes, nodes[0]], lie)
    with opened(nodes, evidence.trust) as client, pytest.raises(CannotDecide) as refusal:
        client.authored_record(POSITION, place=place)
    lies = [one for one in refusal.value.reports if isinstance(one, NodeLied)]
    assert {one.node for one in lies} == {one.url for one in nodes}
    assert {one.check for one in lies} == {"authorship" if shown == "another author" else "record"}


def test_a_block_below_the_pinned_one_is_refused_and_no_node_is_called_a_liar(
    nodes: list[LittleNode], evidence: IndexedChain
) -> None:
    pinned = replace(evidence.trust.checkpoint, height=POSITION // CALLS_PER_BLOCK + 2)
    trust = replace(evidence.trust, checkpoint=pinned)
    with opened(nodes, trust) as client:
        assert isinstance(client.authored_record(POSITION)[0], RecordFacts)
        with pytest.raises(OlderThanPinned, match="genesis file"):
            client.authored_record(POSITION, place=RecordPlace.BLOCK)
