"""Four whole nodes: what a user sees of them while replicas stop, come back, lie and forget."""

import asyncio
import shutil
from pathlib import Path
from typing import cast

import httpx
import pytest

from chainnode.client import AsyncClient
from chainnode.driver.kinds import FrameKind
from chainnode.errors import StorageError
from chainnode.submission import Call, Submission
from chainnode.verify import verify_evidence
from chainnode.verify.evidence import verify_receipt_evidence, verify_record_evidence
from chainnode.verify.forms import RecordPlace
from chainnode.verify.header import verify_header
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import verify_trail_evidence
from chainnode.verify.trust import Trust
from contracts.schemas import access, audit
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import encode_part
from tests.builders import ORGANISATIONS, submission_of
from tests.integration.cluster.harness import (
    MEDIA_TYPE,
    START_MS,
    Cluster,
    running_cluster,
    until_document,
)
from tests.integration.p2p.harness import until
from tests.sites import calls_of
from tests.unit.contracts.builders import GROUNDED_QUESTION, changed
from tests.unit.contracts.halves import HALF

VALID_UNTIL_MS = START_MS + 300_000


def call_record(cluster: Cluster, nonce: int) -> Submission:
    """Return a call record that will be accepted."""
    half = changed(HALF, call_id=nonce.to_bytes(16), requester=ORGANISATIONS[0])
    return submission_of(
        cluster.genesis,
        nonce=nonce,
        contract=access.NAME,
        contract_version=access.VERSION,
        calls=[Call(action="record", public=encode_part(half))],
        valid_until_ms=VALID_UNTIL_MS,
    )


async def final(cluster: Cluster, replica_id: int, submission: Submission) -> JsonObject:
    """Submit, wait until this node can prove the outcome, check the evidence; return it."""
    response = await cluster.submit(replica_id, submission, wait_s=20)
    assert response.status_code in {200, 202}, response.text
    (outcome,) = response.json()["submissions"]
    if outcome["status"] == "pending":
        # The block is final, but its own certificate has to be fetched from a peer.
        outcome = await until_document(
            lambda: cluster.read(replica_id, f"/v1/submissions/{outcome['digest']}"),
            lambda document: document["status"] == "final",
            what="an outcome with evidence",
        )
    facts = verify_receipt_evidence(outcome["evidence"], cluster.trust)
    assert facts.receipt.submission_digest == submission.digest
    assert outcome["code_name"] == "ACCEPTED"
    return cast("JsonObject", outcome)


async def test_a_submission_to_any_node_becomes_final_at_all_with_one_header(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        outcomes = [await final(cluster, one, call_record(cluster, one)) for one in range(4)]
        height = cast("int", outcomes[-1]["height"])
        await cluster.until_height(height)

        for one in range(1, height + 1):
            assert len(cluster.header_digests(one)) == 1
        for replica_id in cluster.members:
            record = await cluster.read(replica_id, "/v1/records/3")
            assert verify_record_evidence(record, cluster.trust).entry.contract == "access"
            latest = await cluster.read(replica_id, "/v1/headers/latest")
            verify_header(latest["header"], latest["certificate"], cluster.trust)
            assert (await cluster.ask(replica_id, "GET", "/readyz")).status_code == 200


async def test_many_submissions_at_once_to_all_nodes_are_each_executed_once(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        submissions = [call_record(cluster, nonce) for nonce in range(60)]
        answers = await asyncio.gather(
            *(cluster.submit(replica_id, *submissions, wait_s=25) for replica_id in cluster.members)
        )
        assert {one.status_code for one in answers} == {200}
        outcomes = [one.json()["submissions"] for one in answers]
        assert len(outcomes[0]) == 60
        assert len({repr(sorted_heights(one)) for one in outcomes}) == 1
        await cluster.until_height(cluster.certified(0))
        assert {one.base.ledger.log_size for one in cluster.members.values()} == {60}
        for replica_id, member in cluster.members.items():
            text = (await cluster.ask(replica_id, "GET", "/metrics")).text
            assert "kunlian_pool_submissions 0.0" in text
            assert 'kunlian_requests_too_fast_total{door="reads"} 0.0' in text
            assert "kunlian_addresses_known 0.0" in text
            assert member.node.waiting_clients == 0


def sorted_heights(outcomes: list[JsonObject]) -> list[tuple[object, object]]:
    return [(one["digest"], one["height"]) for one in outcomes]


async def test_the_chain_goes_on_when_the_primary_stops_and_takes_it_back(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 1, call_record(cluster, 0))
        await cluster.stop(0)

        await final(cluster, 2, call_record(cluster, 1))
        view = cast("int", (await cluster.read(1, "/v1/consensus"))["view"])
        assert view >= 1

        await cluster.start(0)
        await cluster.until_height(cluster.certified(1), ids=[0])
        await final(cluster, 0, call_record(cluster, 2))
        assert {one.base.ledger.log_size for one in cluster.members.values()} >= {3}


async def test_all_stop_and_come_back_where_they_were(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        first = call_record(cluster, 0)
        before = await final(cluster, 0, first)
        await cluster.until_height(cast("int", before["height"]))
        await cluster.stop(0, 1, 2, 3)

        await cluster.start(0, 1, 2, 3)
        again = await final(cluster, 3, first)
        assert again["height"] == before["height"]
        await final(cluster, 2, call_record(cluster, 1))


async def test_without_a_quorum_nothing_is_final_and_everybody_says_why(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(2, 3)
        waiting = call_record(cluster, 1)
        assert (await cluster.submit(0, waiting, wait_s=0)).status_code == 202

        told = await until_document(
            lambda: cluster.read(0, "/v1/consensus"),
            lambda document: document["halted_because"] is not None,
            what="a reason",
        )
        halted = cast("JsonObject", told["halted_because"])
        assert halted["reason"] == "NO_QUORUM"
        silent = [one["replica_id"] for one in cast("list[JsonObject]", halted["silent"])]
        assert silent == [2, 3]
        assert (await cluster.ask(0, "GET", "/readyz")).status_code == 503

        await cluster.start(2)
        await final(cluster, 0, waiting)


async def test_a_replica_behind_its_window_fetches_what_it_missed_and_votes_again(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(3)
        for nonce in range(1, 2 * cluster.genesis.parameters.window + 8):
            await final(cluster, 0, call_record(cluster, nonce))
        height = cluster.certified(0)
        assert height > 2 * cluster.genesis.parameters.window

        await cluster.start(3)
        await cluster.until_height(height, ids=[3])
        assert len(cluster.header_digests(height)) == 1
        ledger = cluster.members[3].base.ledger
        unsigned = [one for one in range(1, height) if ledger.own_checkpoint(one) is None]
        assert unsigned == []

        await cluster.stop(1)
        outcome = await final(cluster, 3, call_record(cluster, 900))
        await until(
            lambda: ledger.own_checkpoint(cast("int", outcome["height"])) is not None,
            what="a vote of the late replica",
        )


async def test_a_replica_that_lost_its_votes_follows_the_chain_and_signs_nothing(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(3)
        shutil.rmtree(cluster.data_dir(3) / "votes")

        for restart in range(2):
            await cluster.start(3)
            outcome = await final(cluster, 3, call_record(cluster, 1 + restart))
            height = cast("int", outcome["height"])
            await cluster.until_height(height)
            told = await cluster.read(3, "/v1/consensus")
            assert (told["role"], told["state"]) == ("learner", "voting_stopped")
            assert told["voting_stopped_because"]
            assert cluster.members[3].base.ledger.own_checkpoint(height) is None
            for one in cluster.members.values():
                document = await cluster.read(0, f"/v1/headers/{height}")
                header = verify_header(document["header"], document["certificate"], cluster.trust)
                assert 3 not in header.signers
                assert one.base.ledger.certified_height >= height
            await cluster.stop(3)


async def test_an_older_copy_of_blocks_and_votes_together_makes_a_learner_that_says_why(
    tmp_path: Path,
) -> None:
    """Every check at home passes; only what peers hold of this key tells."""
    parts = ("votes", "ledger")
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(3)
        folder, backup = cluster.data_dir(3), tmp_path / "backup"
        for part in parts:
            shutil.copytree(folder / part, backup / part)
        await cluster.start(3)
        later = await final(cluster, 3, call_record(cluster, 1))
        ledger = cluster.members[3].base.ledger
        await until(
            lambda: ledger.own_checkpoint(cast("int", later["height"])) is not None,
            what="a vote after the backup",
        )
        await cluster.stop(3)

        for restart in range(2):
            for part in parts:
                shutil.rmtree(folder / part)
                shutil.copytree(backup / part, folder / part)
            await cluster.start(3)
            told = await until_document(
                lambda: cluster.read(3, "/v1/consensus"),
                lambda document: document["state"] == "voting_stopped",
                what="the end of its voting",
            )
            assert told["role"] == "learner"
            assert "older copy" in str(told["voting_stopped_because"])
            assert "new key in a new epoch" in str(told["voting_stopped_because"])
            outcome = await final(cluster, 3, call_record(cluster, 2 + restart))
            height = cast("int", outcome["height"])
            document = await cluster.read(0, f"/v1/headers/{height}")
            header = verify_header(document["header"], document["certificate"], cluster.trust)
            assert 3 not in header.signers
            await cluster.stop(3)


async def test_a_learner_catches_up_on_a_network_that_stands_still(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(3)
        shutil.rmtree(cluster.data_dir(3) / "votes")
        for nonce in range(1, 4):
            await final(cluster, 0, call_record(cluster, nonce))
        await cluster.stop(0)
        height = max(cluster.certified(1), cluster.certified(2))

        await cluster.start(3)

        await cluster.until_height(height, ids=[3])
        assert (await cluster.read(3, "/v1/consensus"))["role"] == "learner"


async def test_a_storage_error_ends_one_node_and_not_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))

        def fail(*_: object, **__: object) -> None:
            raise StorageError("disk")

        broken = cluster.members[2]
        monkeypatch.setattr(broken.base.ledger, "append", fail)
        await final(cluster, 0, call_record(cluster, 1))
        await until(broken.driver.done, what="the end of the broken node")
        assert isinstance(broken.driver.exception(), StorageError)
        await cluster.stop(2)
        await final(cluster, 3, call_record(cluster, 2))


async def test_junk_of_a_member_is_counted_and_stops_nobody(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        liar = cluster.members[3].node.transport
        for kind in (FrameKind.CONSENSUS, FrameKind.SUBMISSIONS, 9):
            for payload in (b"", b"\xc1" * 100, b"\x98\x01\x00\x00"):
                liar.broadcast(kind, payload)

        async def figures() -> JsonObject:
            return {"text": (await cluster.ask(1, "GET", "/metrics")).text}

        await until_document(
            figures,
            lambda one: (
                'reason="MALFORMED",where="forwarded"} 3.0' in str(one["text"])
                and 'where="intake"' in str(one["text"])
            ),
            what="the junk counted",
        )
        await final(cluster, 1, call_record(cluster, 1))


async def test_an_auditor_asks_any_node_and_nothing_is_withheld(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        for nonce in range(5):
            await final(cluster, nonce % 4, call_record(cluster, nonce))
        asked = changed(
            GROUNDED_QUESTION,
            kind=int(IndexKind.REQUESTER),
            values=(ORGANISATIONS[0].encode(),),
            to_ms=0,
        )
        contract, calls = calls_of(asked)
        question = submission_of(
            cluster.genesis,
            nonce=5,
            contract=contract,
            contract_version=audit.VERSION,
            calls=calls,
            valid_until_ms=VALID_UNTIL_MS,
        )
        response = await cluster.ask(
            2,
            "POST",
            "/audit?limit=3",
            content=question.encoded,
            headers={"Content-Type": MEDIA_TYPE},
        )
        assert response.status_code == 200, response.text
        page = response.json()
        rows = shown(page, cluster.trust)
        while page["next_cursor"]:
            assert page["complete"] is False
            query = f"?question={page['question']['digest']}&cursor={page['next_cursor']}&limit=3"
            page = (await cluster.ask(2, "POST", f"/audit{query}")).json()
            rows += shown(page, cluster.trust)
        assert page["complete"] is True
        # The index of a running chain covers the question itself within a second.
        assert rows == [0, 1, 2, 3, 4, page["question"]["position"]]


def shown(page: JsonObject, trust: Trust) -> list[int]:
    """Return the positions that a page proves."""
    (listing,) = verify_trail_evidence(page["evidence"], trust).listings
    return [row.position for row in listing.rows]


async def test_whoever_asks_is_shown_who_signed_a_record_in_the_log_and_in_its_block(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        sent = [call_record(cluster, nonce) for nonce in range(3)]
        for submission in sent:
            await final(cluster, 0, submission)
        urls = [one.url for one in cluster.members.values()]
        async with AsyncClient(urls, cluster.trust) as client:
            for position, submission in enumerate(sent):
                for place in RecordPlace:
                    facts, evidence = await client.authored_record(position, place=place)
                    assert facts.author is not None
                    assert facts.author.public_key == submission.public_key
                    assert facts.entry.submission_digest == submission.digest
                    assert verify_evidence(evidence, cluster.trust) == facts


async def test_a_client_that_hangs_up_while_it_waits_frees_its_place(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ids=[0, 1]) as cluster:
        submission = call_record(cluster, 0)
        member = cluster.members[0]
        leaving = httpx.AsyncClient(trust_env=False)
        waiting = asyncio.create_task(
            leaving.post(
                f"{member.url}/v1/submissions",
                content=submission.encoded,
                headers={"Content-Type": MEDIA_TYPE, "Prefer": "wait=60"},
                timeout=60,
            )
        )
        await until(lambda: member.node.waiting_clients == 1, what="a waiting client")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await leaving.aclose()
        await until(lambda: member.node.waiting_clients == 0, what="nobody waits")
        response = await cluster.submit(0, submission)
        assert response.status_code == 202
