"""Two of four nodes execute wrongly: the group halts, signs a record, applies it, and goes on."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from chainnode.batch import DecodedBatch
from chainnode.ledger.types import ExecutedBlock, Member
from chainnode.recovery import InvalidRecovery, RecoveryFile, decode_recovery
from chainnode.recovery.offline import apply, open_stopped, propose, sign
from chainnode.verify.strict_json import JsonObject
from consensus.types import Digest
from tests.builders import vote_key
from tests.integration.cluster.harness import SIZE, Cluster, running_cluster, until_document
from tests.integration.cluster.test_cluster import call_record
from tests.integration.p2p.harness import until

BUGGY = (1, 3)


def spoil(cluster: Cluster, replica_id: int, *, above: int) -> None:
    """Let one node compute other headers above a height, as a wrong build would."""
    execution = cluster.members[replica_id].node._execution  # noqa: SLF001 - a bug is planted
    executor = execution._executor  # noqa: SLF001 - a bug is planted
    execute = executor.execute

    def execute_wrongly(
        height: int, batch: DecodedBatch, *, epoch: int, members: tuple[Member, ...]
    ) -> ExecutedBlock:
        block = execute(height, batch, epoch=epoch, members=members)
        if height <= above:
            return block
        rest = replace(block.header.rest, next_members_digest=bytes(32))
        return replace(block, header=replace(block.header, rest=rest))

    executor.execute = execute_wrongly  # type: ignore[method-assign]  # a bug is planted


def signed_by_all(cluster: Cluster, file: RecoveryFile) -> RecoveryFile:
    for replica_id in range(SIZE):
        with open_stopped(cluster.config(replica_id), cluster.genesis) as node:
            file = sign(node, decode_recovery(file.encode()), key=vote_key("intl", replica_id))
    return file


def longest_proposal(cluster: Cluster) -> RecoveryFile:
    proposals = []
    for replica_id in range(SIZE):
        with open_stopped(cluster.config(replica_id), cluster.genesis) as node:
            proposals.append(propose(node))
    return max(proposals, key=lambda one: one.record.last_height)


def apply_everywhere(cluster: Cluster, file: RecoveryFile) -> None:
    for replica_id in range(SIZE):
        folder = cluster.data_dir(replica_id)
        made = folder.with_name(f"{folder.name}.after")
        proof = Path("equivocations", "0-3-prepare-0-1.json")
        (folder / proof).parent.mkdir(exist_ok=True)
        (folder / proof).write_text("a proof that somebody lied", encoding="utf-8")
        with open_stopped(cluster.config(replica_id), cluster.genesis) as node:
            assert apply(node, file, made) == file.record.height
            assert apply(node, file, made) == file.record.height
        assert (made / proof).read_text(encoding="utf-8") == "a proof that somebody lied"
        folder.rename(folder.with_name(f"{folder.name}.before"))
        made.rename(folder)


def has_diverged(document: JsonObject) -> bool:
    because = cast("JsonObject | None", document["halted_because"])
    return because is not None and because["reason"] == "DIVERGED"


async def halted(cluster: Cluster) -> int:
    """Plant the bug, wait until every node says so; return the last good height."""
    await cluster.submit(0, call_record(cluster, 0), wait_s=20)
    good = max(cluster.height(one) for one in cluster.members) + 1
    for replica_id in BUGGY:
        spoil(cluster, replica_id, above=good)
    for replica_id in cluster.members:
        await cluster.submit(replica_id, call_record(cluster, replica_id + 1))
    for replica_id in cluster.members:
        read = partial(cluster.read, replica_id, "/v1/consensus")
        document = await until_document(read, has_diverged, what=f"the halt of {replica_id}")
        because = cast("JsonObject", document["halted_because"])
        shown = cast("list[JsonObject]", because["digests"])
        assert {one["height"] for one in shown} == {good + 1}
        assert len({one["header_digest"] for one in shown}) == 2
    return good


@pytest.mark.slow
async def test_a_halted_group_signs_one_record_and_keeps_what_it_committed(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        good = await halted(cluster)
        await cluster.stop(*range(SIZE))

        proposal = longest_proposal(cluster)
        assert proposal.record.height == good
        assert proposal.record.batches != ()
        with (
            open_stopped(cluster.config(0), cluster.genesis) as node,
            pytest.raises(InvalidRecovery),
        ):
            apply(node, proposal, tmp_path / "nowhere")
        record = signed_by_all(cluster, proposal)
        assert record.signers == (0, 1, 2, 3)
        other = replace(proposal, record=replace(proposal.record, members_digest=Digest(bytes(32))))
        with open_stopped(cluster.config(0), cluster.genesis) as node:
            with pytest.raises(InvalidRecovery):
                sign(node, other, key=vote_key("intl", 0))
            shorter = replace(proposal, record=replace(proposal.record, batches=()), batches=())
            with pytest.raises(InvalidRecovery):
                sign(node, shorter, key=vote_key("intl", 0))
        apply_everywhere(cluster, record)

        await cluster.start(*range(SIZE))
        kept = record.record.last_height
        await until(
            lambda: all(cluster.certified(one) > kept for one in range(SIZE)),
            what="certified blocks above the record",
        )
        for height in range(1, kept + 1):
            assert len(cluster.header_digests(height)) == 1
            header = cluster.members[0].base.ledger.header(height)
            assert header.head.epoch == int(height > good)
            if height > good:
                assert header.head.batch_digest == record.record.batches[height - good - 1]
        assert (await cluster.read(2, "/v1/consensus"))["epoch"] == 1

        await cluster.stop(3)
        await cluster.start(3)
        await cluster.until_height(cluster.certified(0) + 2)
