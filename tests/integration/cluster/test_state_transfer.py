"""Real nodes that come back after their peers have dropped what they lack."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from chainnode.driver.kinds import FrameKind
from chainnode.ledger.errors import Pruned
from chainnode.sync import snapshot_fetching
from chainnode.verify.evidence import verify_record_evidence
from tests.integration.cluster.harness import Cluster, quick_genesis, running_cluster
from tests.integration.cluster.test_cluster import call_record, final
from tests.integration.p2p.harness import until

KEPT = 8
BEFORE = 3
MISSED = 30
# No block comes by itself: what a late replica learns, it asks for.
QUIET = quick_genesis(idle_block_ms=600_000)


@pytest.fixture
async def pruning(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Four nodes that keep few batches; the last one stopped before they dropped the others."""
    async with running_cluster(tmp_path, genesis=QUIET, ids=()) as cluster:
        cluster.keep_blocks = dict.fromkeys(range(4), KEPT)
        await cluster.start(0, 1, 2, 3)
        for nonce in range(BEFORE):
            await final(cluster, 3, call_record(cluster, nonce))
        await cluster.stop(3)
        for nonce in range(BEFORE, BEFORE + MISSED):
            await final(cluster, 0, call_record(cluster, nonce))
        await until(
            lambda: all(one.base.ledger.floor > BEFORE + KEPT for one in cluster.members.values()),
            what="batches dropped",
        )
        await cluster.until_indexed()
        yield cluster


async def caught_up(cluster: Cluster) -> None:
    """Wait until replica 3 stands where replica 0 does, on a snapshot."""
    ledger = cluster.members[3].base.ledger
    height = cluster.certified(0)
    await cluster.until_height(height, ids=[3])
    assert ledger.base_height > BEFORE
    assert len(cluster.header_digests(height)) == 1
    assert ledger.tip.rest == cluster.members[0].base.ledger.tip.rest
    assert ledger.tip.head.index_size == ledger.log_size > 0


async def goes_on(cluster: Cluster, nonce: int) -> None:
    """New records are final and provable on all nodes, replica 3 among them."""
    outcome = await final(cluster, 3, call_record(cluster, nonce))
    height = cast("int", outcome["height"])
    await cluster.until_height(height)
    assert len(cluster.header_digests(height)) == 1
    position = cluster.members[3].base.ledger.log_size - 1
    record = await cluster.read(3, f"/v1/records/{position}")
    assert verify_record_evidence(record, cluster.trust).entry.height == height


@pytest.mark.slow
async def test_a_replica_that_stopped_before_its_peers_pruned_comes_back_and_votes(
    pruning: Cluster,
) -> None:
    await pruning.start(3)
    await caught_up(pruning)
    base = pruning.members[3].base.ledger.base_height
    assert pruning.members[3].base.ledger.own_checkpoint(base) is None

    await goes_on(pruning, 900)
    await pruning.stop(1)
    outcome = await final(pruning, 0, call_record(pruning, 901))
    ledger = pruning.members[3].base.ledger
    height = cast("int", outcome["height"])
    await until(
        lambda: ledger.height >= height and ledger.own_checkpoint(height) is not None,
        what="a vote of the replica that came back",
    )
    with pytest.raises(Pruned):
        ledger.entry(BEFORE)

    await pruning.stop(3)
    await pruning.start(3)
    assert pruning.members[3].base.ledger.base_height == base
    await goes_on(pruning, 902)


@pytest.mark.slow
async def test_a_wiped_replica_learns_from_a_quiet_network_and_signs_nothing(
    pruning: Cluster,
) -> None:
    for name in ("ledger", "votes"):
        shutil.rmtree(pruning.data_dir(3) / name)
    before = pruning.certified(0)

    await pruning.start(3)
    await caught_up(pruning)

    assert pruning.certified(0) == before, "the network stayed quiet"
    await goes_on(pruning, 900)
    assert (await pruning.read(3, "/v1/consensus"))["role"] == "learner"
    ledger = pruning.members[3].base.ledger
    assert [ledger.own_checkpoint(one) for one in range(ledger.base_height, ledger.height)] == (
        [None] * (ledger.height - ledger.base_height)
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", [FrameKind.PAGES_REQUEST, FrameKind.SNAPSHOT_REQUEST])
async def test_a_member_that_serves_lies_is_passed_over_by_name(
    pruning: Cluster, kind: FrameKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_fetching, "SUBTREES_PER_REQUEST_MAX", 1)
    liar = pruning.members[1].node.state_transfer.server
    honestly = liar.answer

    async def falsely(peer: int, asked: int, payload: bytes) -> bytes:
        answer = await honestly(peer, asked, payload)
        return answer if asked != kind else answer[:-1] + bytes([answer[-1] ^ 1])

    monkeypatch.setattr(liar, "answer", falsely)

    await pruning.start(3)
    await caught_up(pruning)

    passed_over = pruning.members[3].node.state_transfer.fetcher.passed_over
    assert {peer for peer, _ in passed_over} == {1}
    await goes_on(pruning, 900)


async def test_a_late_replica_catches_up_on_a_quiet_network(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, genesis=QUIET) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await cluster.stop(3)
        for nonce in range(1, 6):
            await final(cluster, 0, call_record(cluster, nonce))
        await cluster.until_indexed()
        height = cluster.certified(0)

        await cluster.start(3)
        await cluster.until_height(height, ids=[3])

        assert cluster.certified(0) == height, "the network stayed quiet"
        assert cluster.members[3].base.ledger.base_height == 0
        assert len(cluster.header_digests(height)) == 1
