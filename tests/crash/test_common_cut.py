"""The power goes for all four at once, after a batch was prepared and before it was signed."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from chainnode.node_base import open_base
from chainnode.suites import suite_named
from devnet.launcher import start_node, stop_everything, wait_until_ready
from devnet.topology import load_topology
from tests.acceptance.load import Writer
from tests.crash.common_cut import common_cuts, cut_site
from tests.crash.disk import Loss
from tests.crash.recording import Recording, until_executed, until_written

WRITES_AFTER = 3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("loss", [Loss.ALL, Loss.TORN])
def test_a_prepared_batch_survives_a_power_cut_of_all_and_the_chain_goes_on(
    recording: Recording,
    scratch: Path,
    loss: Loss,
    record_property: Callable[[str, object], None],
) -> None:
    cuts = list(common_cuts(recording))
    cut = cuts[len(cuts) // 2]
    site = cut_site(recording, cut.instant_s, scratch / "devnet", loss=loss)
    topology = load_topology(site)

    try:
        for place in topology.nodes:
            start_node(site, topology, place)
        wait_until_ready(site, topology.nodes, timeout_s=90)
        writer = Writer(site.path, tuple(one.api for one in topology.nodes), threads=1)
        with writer:
            until_written(writer, WRITES_AFTER)
        until_executed([one.api for one in topology.nodes], cut.sequence)
    finally:
        stop_everything(site, topology)

    assert len(cuts) >= 10
    assert writer.failures == []
    chains = []
    for node in recording.nodes:
        home = site.node(node.place.name)
        with ExitStack() as stack:
            base = open_base(node.config_at(home), node.genesis, node.key, stack)
            assert base.voting.stopped_because is None
            digest = suite_named(node.genesis.suite_name).digest
            chains.append(
                [base.ledger.header(one).digest(digest) for one in range(base.ledger.height + 1)]
            )
            assert base.ledger.header(cut.sequence).head.batch_digest == cut.batch_digest
            assert base.ledger.batch_bytes(cut.sequence)
    shortest = min(chains, key=len)
    assert len(shortest) > cut.sequence
    assert all(one[: len(shortest)] == shortest for one in chains)
    assert {height: shortest[height] for height in cut.signed} == cut.signed
    record_property("common_cuts", 1)
