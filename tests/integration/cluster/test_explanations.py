"""What four whole nodes say when something is wrong: whose clock, whose lie, whose promise."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

from chainnode import codec
from chainnode.codec import encode
from chainnode.driver.kinds import FrameKind
from chainnode.genesis import write_genesis_file
from chainnode.verify import EquivocationFacts, verify_evidence
from chainnode.verify.strict_json import JsonObject
from chainnode.vote_report import vote_report
from consensus.codec import message_to_plain, signed_content
from consensus.messages import Checkpoint
from consensus.new_view import UNSIGNED
from consensus.types import Digest, Epoch, Height, ReplicaId, Signature
from tests.builders import vote_key
from tests.integration.cluster.harness import Cluster, running_cluster, until_document

LIAR = 3


def signed_checkpoint(cluster: Cluster, *, height: int, digest: bytes) -> bytes:
    """Return a CHECKPOINT of the liar as it stands on the wire."""
    unsigned = Checkpoint(
        epoch=Epoch(0),
        height=Height(height),
        header_digest=Digest(digest),
        sender=ReplicaId(LIAR),
        signature=UNSIGNED,
    )
    content = signed_content(unsigned, chain_id=cluster.genesis.chain_id, encoder=codec)
    signature = Signature(vote_key("intl", LIAR).sign(content))
    return encode(message_to_plain(replace(unsigned, signature=signature)))


def rows(document: JsonObject, name: str) -> list[JsonObject]:
    return cast("list[JsonObject]", document[name])


async def test_a_member_that_signs_two_headers_is_proven_a_liar_to_everybody(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        await cluster.until_height(1)
        liar = cluster.members[LIAR].node.transport
        height = cluster.height(0) + 5
        for digest in (b"a" * 32, b"b" * 32):
            payload = signed_checkpoint(cluster, height=height, digest=digest)
            liar.send(0, FrameKind.CONSENSUS, payload)
        told = await until_document(
            lambda: cluster.read(0, "/v1/equivocations"),
            lambda document: bool(document["items"]),
            what="the proof",
        )
        facts = verify_evidence(rows(told, "items")[0], cluster.trust)
        assert isinstance(facts, EquivocationFacts)
        assert (facts.replica_id, facts.slot) == (LIAR, ("checkpoint", 0, height))
        await cluster.stop(0)
        await cluster.start(0)
        assert await cluster.read(0, "/v1/equivocations") == told


async def test_a_clock_that_is_off_by_minutes_is_named_by_everybody_and_stops_nothing(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path, ahead_ms={2: 240_000}) as cluster:
        for replica_id in range(4):
            told = await until_document(
                lambda one=replica_id: cluster.read(one, "/v1/consensus"),  # type: ignore[misc]  # bound now
                lambda document: bool(document["clocks_off"]),
                what="the clock that is off",
            )
            (row,) = rows(told, "clocks_off")
            assert row["replica_id"] == 2
            assert 230_000 <= int(str(row["ahead_ms"])) <= 241_000
        await cluster.until_height(cluster.height(0) + 2, ids=(0, 1, 3))


async def test_the_vote_log_of_a_running_node_can_be_read_and_a_spoiled_copy_is_named(
    tmp_path: Path,
) -> None:
    async with running_cluster(tmp_path) as cluster:
        await cluster.until_height(3)
        config = cluster.config(0)
        write_genesis_file(config.genesis, cluster.genesis)
        report = vote_report(config)
        summary = cast("JsonObject", report["summary"])
        assert report["problem"] is None
        assert int(str(summary["stable_height"])) >= 1
        assert summary["voted_view"] == 0
        kinds = {one["kind"] for one in rows(report, "records")}
        assert {"PRE-PREPARE", "COMMIT", "PREPARED", "STABLE"} <= kinds
        copied = tmp_path / "copy"
        shutil.copytree(config.data_dir / "votes", copied / "votes")
    file = next((copied / "votes").glob("votes-*.log"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x40
    file.write_bytes(data)
    spoiled = vote_report(replace(config, data_dir=copied))
    assert "checksum" in str(spoiled["problem"])
    assert len(rows(spoiled, "records")) < len(rows(report, "records"))


async def test_a_vote_log_of_another_key_and_one_that_is_gone_are_problems(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        await cluster.until_height(1)
        config = cluster.config(0)
        write_genesis_file(config.genesis, cluster.genesis)
    other = vote_report(replace(config, replica_id=1))
    gone = vote_report(replace(config, data_dir=tmp_path / "empty"))
    assert other["problem"] == "the votes are those of another key"
    assert gone["problem"] == "the key has voted, and its vote log is gone"
