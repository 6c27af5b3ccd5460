"""Submissions over HTTP: final only with proof, a time-out is unknown, nothing is doubled."""

import asyncio
import json
import threading
from typing import TYPE_CHECKING

import pytest

from chainnode.client import (
    AsyncClient,
    CannotDecide,
    Client,
    Final,
    NodeLied,
    NodeRefused,
    NodeUnreachable,
    Refused,
    Unknown,
)
from chainnode.client.exchange import Answer, Exchange, Pause
from chainnode.client.memory import HeightMemory
from chainnode.client.results import Outcome
from chainnode.client.session import Session
from chainnode.client.submitting import RETRY_PAUSE_S, settle_signed
from chainnode.errors import ConfigurationError
from chainnode.submission import Call, rejoin_submission, sign_submission
from chainnode.verify.evidence import verify_receipt_evidence
from contracts.schemas.codes import Code
from tests.builders_evidence import TIME_MS, SyntheticChain
from tests.little_node import LittleChain, LittleNode
from tests.mutations import mutations

if TYPE_CHECKING:
    from chainnode.verify.strict_json import JsonObject

CALL = Call(action="record", public=b"\x91\xa1x", private=b"")


def submissions(node: LittleNode) -> int:
    return sum(one.startswith("POST /v1/submissions") for one in node.seen)


def test_a_final_submission_carries_evidence_that_others_can_check(
    client: Client, evidence: SyntheticChain
) -> None:
    outcome = client.submit("access", [CALL, CALL])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted
    assert [one.position for one in outcome.calls] == [0, 1]
    assert outcome.height == 13
    facts = verify_receipt_evidence(outcome.evidence, evidence.trust)
    assert facts.header.height == 13


def test_nonces_are_counted_here_and_asked_for_once(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    for _ in range(4):
        assert isinstance(client.submit("access", [CALL]), Final)
    asked = [one for node in nodes for one in node.seen if "/v1/keys/" in one]
    assert len(asked) == 1
    assert chain.used_nonces == {0, 1, 2, 3}


def test_the_same_bytes_go_to_the_next_node(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    client.header_latest()
    nodes[1].pending = True
    nodes[2].alter = lambda path, document: b"?" if "submissions" in path else document
    outcome = client.submit("access", [CALL], wait_s=60)
    assert isinstance(outcome, Final)
    bodies = {body for node in nodes for body in node.bodies}
    assert len(bodies) == 1
    assert len(chain.executed) == 1


def test_a_proven_refusal_is_final_and_named(client: Client, chain: LittleChain) -> None:
    chain.refuse_with, chain.refusals_left = Code.KEY_NOT_VALID, 1
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert (outcome.code_name, outcome.is_accepted, outcome.calls) == ("KEY_NOT_VALID", False, ())


def test_a_nonce_that_somebody_else_used_is_signed_again_once(
    client: Client, chain: LittleChain
) -> None:
    assert isinstance(client.submit("access", [CALL]), Final)
    chain.used_nonces |= {1, 2, 3}
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted
    assert chain.used_nonces == {0, 1, 2, 3, 4}


def test_a_counter_that_ran_ahead_starts_again_where_the_chain_is(
    client: Client, chain: LittleChain, nodes: list[LittleNode]
) -> None:
    nodes[0].nonce_next = 2**40
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted
    assert chain.used_nonces == {0}
    assert not any("/v1/keys/" in one for one in nodes[0].seen[1:])


def test_a_nonce_refused_twice_is_told_not_tried_for_ever(
    client: Client, chain: LittleChain
) -> None:
    chain.refuse_with, chain.refusals_left = Code.NONCE_USED, 2
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert outcome.code_name == "NONCE_USED"
    assert len(chain.executed) == 2


def test_a_time_out_is_unknown_and_can_be_asked_again(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    unknown = unsettled(client, nodes)
    for node in nodes:
        node.pending = False
    outcome = client.ask_again(unknown)
    assert isinstance(outcome, Final)
    assert outcome.digest == unknown.digest
    assert len(chain.executed) == 1
    again = client.ask_again(unknown)
    assert isinstance(again, Final)
    assert again.evidence == outcome.evidence


def test_unreachable_nodes_leave_the_fate_unknown(
    evidence: SyntheticChain, nodes: list[LittleNode]
) -> None:
    urls = [nodes[0].url, "http://127.0.0.1:9"]
    with Client(urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as client:
        assert isinstance(client.submit("access", [CALL]), Final)
        nodes[0].problem = (503, "STARTING")
        outcome = client.submit("access", [CALL], wait_s=0.5)
    assert isinstance(outcome, Unknown)
    assert {type(one) for one in outcome.reports} == {NodeRefused, NodeUnreachable}


def test_a_refusal_at_the_door_needs_more_than_one_node_s_word(
    client: Client, nodes: list[LittleNode]
) -> None:
    assert isinstance(client.submit("access", [CALL]), Final)
    nodes[0].problem = (400, "MALFORMED")
    assert isinstance(client.submit("access", [CALL]), Final)
    nodes[1].problem = (403, "BAD_SIGNATURE")
    nodes[2].problem = (429, "POOL_FULL")
    outcome = client.submit("access", [CALL], wait_s=5)
    assert isinstance(outcome, Refused)
    codes = {one.code for one in outcome.reports if isinstance(one, NodeRefused)}
    assert {"MALFORMED", "BAD_SIGNATURE"} <= codes


def test_a_busy_node_is_not_a_refusal(client: Client, nodes: list[LittleNode]) -> None:
    assert isinstance(client.submit("access", [CALL]), Final)
    for node in nodes:
        node.problem = (429, "KEY_QUOTA")
    assert isinstance(client.submit("access", [CALL], wait_s=0.3), Unknown)


def unsettled(client: Client, nodes: list[LittleNode]) -> Unknown:
    """Submit while no node tells the outcome."""
    for node in nodes:
        node.pending = True
    unknown = client.submit("access", [CALL], wait_s=0)
    assert isinstance(unknown, Unknown)
    return unknown


def test_no_forged_receipt_is_final_and_the_forger_is_named(
    nodes: list[LittleNode], evidence: SyntheticChain, chain: LittleChain
) -> None:
    (node, *_) = nodes
    with Client([node.url], evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as client:
        unknown = unsettled(client, [node])
        honest: JsonObject = {"submissions": [chain.execute(unknown.submission)]}
        lies = 0
        for what, forged in list(mutations(honest))[::9]:
            node.alter = lambda _path, _document, forged=forged: forged  # type: ignore[misc]  # bound now
            outcome = client.ask_again(unknown, wait_s=0)
            if isinstance(outcome, Final):
                # What stands beside the evidence is not read at all.
                assert (outcome.code, outcome.height, len(outcome.calls)) == (0, 13, 1), what
            else:
                assert isinstance(outcome, Unknown), what
                assert any(isinstance(one, NodeLied) for one in outcome.reports), what
                lies += 1
        assert lies > 20


def test_a_genuine_receipt_of_another_submission_is_a_lie(
    client: Client, nodes: list[LittleNode]
) -> None:
    other = client.submit("access", [CALL])
    assert isinstance(other, Final)
    unknown = unsettled(client, nodes)
    told: JsonObject = {"status": "final", "evidence": other.evidence}
    for node in nodes:
        node.alter = lambda _path, _document: told
    outcome = client.ask_again(unknown, wait_s=0)
    assert isinstance(outcome, Unknown)
    assert {one.check for one in outcome.reports if isinstance(one, NodeLied)} == {"receipt"}


async def test_the_asynchronous_client_submits_alike(
    nodes: list[LittleNode], evidence: SyntheticChain, chain: LittleChain
) -> None:
    nodes[0].alter = lambda path, document: b"{}" if "submissions" in path else document
    urls = [one.url for one in nodes]
    async with AsyncClient(
        urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS
    ) as client:
        outcome = await client.submit("access", [CALL])
        assert isinstance(outcome, Final)
        facts, _ = await client.record(3)
        assert facts.position == 3
        assert (await client.header_latest()).height == chain.height
        assert len(await client.statuses()) == 3


def test_threads_that_share_a_client_never_use_a_nonce_twice(
    client: Client, chain: LittleChain
) -> None:
    outcomes: list[object] = []

    def work() -> None:
        outcomes.extend(client.submit("access", [CALL]) for _ in range(4))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(one, Final) and one.is_accepted for one in outcomes)
    assert chain.used_nonces == set(range(16))
    assert len(chain.executed) == 16


def test_without_a_key_nothing_is_signed(nodes: list[LittleNode], evidence: SyntheticChain) -> None:
    with Client([nodes[0].url], evidence.trust) as client, pytest.raises(ConfigurationError):
        client.submit("access", [CALL])


def test_when_nobody_tells_a_nonce_nothing_is_sent(client: Client, nodes: list[LittleNode]) -> None:
    for node in nodes:
        node.problem = (503, "STARTING")
    with pytest.raises(CannotDecide) as refusal:
        client.submit("access", [CALL])
    assert {one.node for one in refusal.value.reports} == {one.url for one in nodes}
    assert not any(node.bodies for node in nodes)


def test_an_unknown_key_is_left_to_the_chain_to_refuse_with_proof(
    client: Client, nodes: list[LittleNode], chain: LittleChain
) -> None:
    for node in nodes:
        node.problem, node.problem_at = (404, "NOT_FOUND"), "/v1/keys/"
    chain.refuse_with, chain.refusals_left = Code.UNKNOWN_KEY, 1
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert outcome.code_name == "UNKNOWN_KEY"


@pytest.mark.parametrize("nonce", ["x", -1, None, 2**60, True, 1.5])
def test_a_nonce_that_is_none_names_the_node_and_the_next_is_asked(
    client: Client, nodes: list[LittleNode], nonce: object
) -> None:
    told = json.dumps({"nonce_next": nonce}).encode()
    nodes[0].alter = lambda path, document: told if "keys" in path else document
    outcome = client.submit("access", [CALL])
    assert isinstance(outcome, Final)
    assert [one.node for one in outcome.reports] == [nodes[0].url]


@pytest.mark.parametrize(
    "url",
    ["", "ftp://host", "http://", "http://user:pw@host", "http://host?x=1", "http://host#f", "x"],
)
def test_a_node_address_must_be_a_plain_http_url(evidence: SyntheticChain, url: str) -> None:
    with pytest.raises(ConfigurationError):
        Client([url], evidence.trust)


def test_a_client_needs_different_nodes(evidence: SyntheticChain) -> None:
    with pytest.raises(ConfigurationError):
        Client([], evidence.trust)
    with pytest.raises(ConfigurationError):
        Client(["http://a", "http://a/"], evidence.trust)


def test_without_any_time_the_bytes_still_reach_a_node_that_takes_them(
    evidence: SyntheticChain, nodes: list[LittleNode]
) -> None:
    nodes[0].problem, nodes[0].problem_at = (503, "STARTING"), "/v1/submissions"
    urls = [nodes[0].url, "http://127.0.0.1:9", nodes[1].url]
    with Client(urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as client:
        assert isinstance(client.submit("access", [CALL], wait_s=0), Final)


def paused_after(evidence: SyntheticChain, patience: tuple[int, ...]) -> float:
    """Return how long a client rests when its nodes have asked for so much patience each."""
    session = Session(
        nodes=tuple(f"http://n{number}" for number in range(len(patience))),
        trust=evidence.trust,
        memory=HeightMemory(trust=evidence.trust),
    )
    submission = sign_submission(
        evidence.suite,
        evidence.client_key,
        chain_id=evidence.trust.chain_id,
        nonce=0,
        valid_until_ms=TIME_MS,
        contract="access",
        calls=[CALL],
    )
    plan = settle_signed(session, submission, wait_s=60)
    step = next(plan)
    for asked in patience:
        assert isinstance(step, Exchange)
        step = plan.send(Answer(status=429, body=b"{}", retry_after_s=asked))
    assert isinstance(step, Pause)
    return step.seconds


def test_a_client_waits_as_long_as_all_nodes_ask_for(evidence: SyntheticChain) -> None:
    assert paused_after(evidence, (7, 9, 8)) == 7
    assert paused_after(evidence, (7, 0, 8)) == RETRY_PAUSE_S
    assert paused_after(evidence, (0, 0, 0)) == RETRY_PAUSE_S


def test_what_was_signed_before_is_settled_by_its_bytes_alone(
    nodes: list[LittleNode], evidence: SyntheticChain, chain: LittleChain
) -> None:
    async def twice() -> tuple[Outcome, Outcome, int, bytes]:
        async with AsyncClient([one.url for one in nodes], evidence.trust) as client:
            key = evidence.client_key
            nonce = await client.nonce_next(key.public_key)
            submission = sign_submission(
                evidence.suite,
                key,
                chain_id=evidence.trust.chain_id,
                nonce=nonce,
                valid_until_ms=TIME_MS,
                contract="access",
                calls=[CALL, CALL],
            )
            first = await client.settle(submission)
            again = await client.settle(submission)
            facts = await client.receipt(submission.digest)
            return first, again, len(facts.receipt.calls), facts.receipt.submission_digest

    first, again, calls, digest = asyncio.run(twice())
    assert isinstance(first, Final)
    assert isinstance(again, Final)
    assert first.receipt == again.receipt
    assert (calls, digest) == (2, first.digest)
    assert len(chain.executed) == 1


def test_a_submission_is_built_again_from_its_parts(evidence: SyntheticChain) -> None:
    submission = sign_submission(
        evidence.suite,
        evidence.client_key,
        chain_id=evidence.trust.chain_id,
        nonce=5,
        valid_until_ms=TIME_MS,
        contract="access",
        calls=[CALL, CALL],
    )
    again = rejoin_submission(
        evidence.suite,
        chain_id=submission.chain_id,
        public_key=submission.public_key,
        nonce=submission.nonce,
        valid_until_ms=submission.valid_until_ms,
        contract=submission.contract,
        contract_version=submission.contract_version,
        calls=submission.calls,
        signature=submission.signature,
    )
    assert again == submission
