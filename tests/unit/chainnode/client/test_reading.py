"""Rows of the state over HTTP: proven, absent by proof, new enough, or nothing at all."""

from collections.abc import Iterator

import pytest

from chainnode.client import (
    AsyncClient,
    CannotDecide,
    Client,
    NodeBehind,
    NodeLied,
    NodeRefused,
)
from chainnode.submission import key_id
from chainnode.verify import verify_evidence
from chainnode.verify.evidence import STATE_KEYS_MAX, StateFacts
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.certificates import CERTIFICATES, FILES
from contracts.schemas.members import KEYS, ORGANISATIONS, OrganisationRow
from contracts.schemas.state import Row, Table
from tests.builders_evidence import POLICE, TIME_MS, SyntheticChain, sample
from tests.little_node import Alter, LittleNode
from tests.mutations import mutations

IDENTIFIER = sample("valid").identifier


class OtherRow(Row, frozen=True):
    """A row of two integers, which no organisation is."""

    one: int
    two: int


# The same state key as that of organisations, and another row behind it.
MISREAD = Table(ORGANISATIONS.contract, ORGANISATIONS.collection, OtherRow)


def always(document: JsonObject) -> Alter:
    """Let a node say this, whatever it is asked."""
    return lambda _path, _told: document


@pytest.fixture
def alone(nodes: list[LittleNode], evidence: SyntheticChain) -> Iterator[Client]:
    """Yield a client that knows the first node only."""
    with Client([nodes[0].url], evidence.trust, now_ms=lambda: TIME_MS) as opened:
        yield opened


def test_a_row_comes_with_the_header_and_evidence_that_others_can_check(
    client: Client, evidence: SyntheticChain
) -> None:
    found = client.state(ORGANISATIONS, POLICE)
    assert isinstance(found.row, OrganisationRow)
    assert found.row == ORGANISATIONS.decode(evidence.values[ORGANISATIONS.key(POLICE)])
    assert found.header.height == 12
    assert found.reports == ()
    facts = verify_evidence(found.evidence, evidence.trust)
    assert isinstance(facts, StateFacts)
    assert facts.values == {ORGANISATIONS.key(POLICE): ORGANISATIONS.encode(found.row)}


def test_a_row_that_is_not_there_is_proven_absent(client: Client) -> None:
    assert client.catalog_item("no such item").row is None
    assert client.grant("no such grant").row is None
    assert client.key(bytes(20)).row is None
    assert client.state(FILES, bytes(32)).row is None


def test_only_the_state_key_leaves_the_machine(client: Client, nodes: list[LittleNode]) -> None:
    client.state(CERTIFICATES, IDENTIFIER)
    assert nodes[0].seen == [f"GET /v1/state/{CERTIFICATES.key(IDENTIFIER).hex()}"]


def test_a_node_that_proves_another_row_is_named_and_the_next_one_is_asked(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    other = KEYS.key(key_id(evidence.suite, evidence.client_key.public_key))
    asked = ORGANISATIONS.key(POLICE)
    lies: tuple[list[bytes], ...] = ([other], [asked, other], [])
    for lie in lies:
        nodes[0].alter = always(evidence.state(lie))
        nodes[0].seen.clear()
        with Client([one.url for one in nodes], evidence.trust, now_ms=lambda: TIME_MS) as fresh:
            found = fresh.state(ORGANISATIONS, POLICE)
        assert found.row is not None
        assert len(nodes[0].seen) == 1


def test_the_liar_is_named_with_its_check(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    nodes[0].alter = always(evidence.state([KEYS.key(bytes(20))]))
    found = client.state(ORGANISATIONS, POLICE)
    assert [(type(one), one.node) for one in found.reports] == [(NodeLied, nodes[0].url)]
    assert isinstance(found.reports[0], NodeLied)
    assert found.reports[0].check == "items"


def test_a_row_is_not_hidden_behind_a_proof_of_nothing(
    alone: Client, nodes: list[LittleNode]
) -> None:
    def hide(_path: str, told: JsonObject) -> JsonObject:
        items = told["items"]
        assert isinstance(items, list)
        assert isinstance(items[0], dict)
        return {**told, "items": [{**items[0], "value": None}]}

    nodes[0].alter = hide
    with pytest.raises(CannotDecide):
        alone.state(ORGANISATIONS, POLICE)


def test_no_forged_field_of_an_answer_is_believed(
    alone: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    truth = evidence.values[ORGANISATIONS.key(POLICE)]
    honest = evidence.state([ORGANISATIONS.key(POLICE)], anchor=nodes[0].chain.anchor())
    # Every change is tried offline (tests of `verify`); over HTTP a sample of them.
    for _, forged in list(mutations(honest))[::40]:
        nodes[0].alter = always(forged)
        try:
            found = alone.state(ORGANISATIONS, POLICE)
        except CannotDecide:
            continue
        assert found.row is not None
        assert ORGANISATIONS.encode(found.row) == truth


def test_a_header_older_than_one_seen_before_or_than_allowed_is_passed_over(
    alone: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    assert alone.state(ORGANISATIONS, POLICE).row is not None
    nodes[0].header = evidence.header(height=11)
    with pytest.raises(CannotDecide) as refused:
        alone.state(ORGANISATIONS, POLICE)
    assert {type(one) for one in refused.value.reports} == {NodeBehind}

    later = [TIME_MS + 301_000]
    with Client([nodes[1].url], evidence.trust, now_ms=lambda: later[0]) as client:
        with pytest.raises(CannotDecide) as too_old:
            client.state(ORGANISATIONS, POLICE)
        assert {type(one) for one in too_old.value.reports} == {NodeBehind}
        assert client.state(ORGANISATIONS, POLICE, max_age_ms=301_000).row is not None


def test_a_proven_row_of_another_shape_is_no_answer(alone: Client) -> None:
    with pytest.raises(CannotDecide) as refused:
        alone.state(MISREAD, POLICE)
    (report,) = refused.value.reports
    assert isinstance(report, NodeLied)
    assert report.check == "state"


def test_a_key_that_no_state_has_is_not_asked_for(client: Client, nodes: list[LittleNode]) -> None:
    with pytest.raises(ValueError, match="at most 1024 bytes"):
        client.state(ORGANISATIONS, "x" * 1024)
    assert not any(one.seen for one in nodes)


def test_a_node_without_this_door_is_passed_over(client: Client, nodes: list[LittleNode]) -> None:
    nodes[0].problem = (404, "NOT_FOUND")
    found = client.state(ORGANISATIONS, POLICE)
    assert found.row is not None
    assert [type(one) for one in found.reports] == [NodeRefused]


def test_many_rows_come_by_name_with_few_requests_and_each_once(
    client: Client, nodes: list[LittleNode]
) -> None:
    strangers = [f"nobody {number}" for number in range(2 * STATE_KEYS_MAX)]
    found = client.states(ORGANISATIONS, [POLICE, *strangers, POLICE])
    assert list(found) == [POLICE, *strangers]
    assert found[POLICE].row == client.state(ORGANISATIONS, POLICE).row
    assert all(found[one].row is None for one in strangers)
    assert len(nodes[0].seen) == 3 + 1


def test_no_request_names_more_than_a_node_reads(client: Client, nodes: list[LittleNode]) -> None:
    long = [f"{number}{'x' * 900}" for number in range(6)]
    assert set(client.states(ORGANISATIONS, long)) == set(long)
    assert len(nodes[0].seen) == 2
    assert client.states(ORGANISATIONS, []) == {}


def test_a_node_that_leaves_one_of_many_rows_out_is_named(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    nodes[0].alter = always(evidence.state([ORGANISATIONS.key(POLICE)]))
    with Client([one.url for one in nodes], evidence.trust, now_ms=lambda: TIME_MS) as fresh:
        found = fresh.states(ORGANISATIONS, [POLICE, "nobody"])
    assert [type(one) for one in found["nobody"].reports] == [NodeLied]


async def test_the_asynchronous_client_reads_alike(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    urls = [one.url for one in nodes]
    own = key_id(evidence.suite, evidence.client_key.public_key)
    async with AsyncClient(urls, evidence.trust, now_ms=lambda: TIME_MS) as client:
        assert (await client.state(ORGANISATIONS, POLICE)).row is not None
        assert (await client.key(own)).row == client_row(evidence, own)
        assert (await client.catalog_item("none")).row is None
        assert (await client.grant("none")).row is None
        assert set(await client.states(ORGANISATIONS, [POLICE])) == {POLICE}


def client_row(evidence: SyntheticChain, own: bytes) -> object:
    value = evidence.values.get(KEYS.key(own))
    return None if value is None else KEYS.decode(value)
