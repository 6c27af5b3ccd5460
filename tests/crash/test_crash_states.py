"""Whatever a power cut leaves of a real node's folder, it comes back with all that it said.

Four real nodes ran under strace; their folders are rebuilt as of chosen moments, with what was
not synced lost in one way or another, and opened as a node opens its own.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from chainnode.codec import Limits, decode
from consensus.codec import message_from_plain, slot_of
from consensus.messages import NULL_BATCH
from tests.crash.conftest import WRITES
from tests.crash.operations import Named, Operation, Said, Synced
from tests.crash.recording import RecordedNode, Recording
from tests.crash.states import all_cuts, some_cuts, verify_cuts
from tests.crash.verifying import Chain

SEED = 1
STATES_A_NODE = 50
LIMITS = Limits(bytes_max=64 * 1024 * 1024)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("number", range(4))
def test_nothing_said_is_lost_and_nothing_opens_with_a_hole(
    recording: Recording, chain: Chain, scratch: Path, number: int
) -> None:
    node = recording.nodes[number]
    cuts = some_cuts(node, STATES_A_NODE, seed=SEED)

    found = verify_cuts(node, cuts, scratch, chain=chain)

    assert found.lost == []
    assert found.not_voting == []
    assert found.states == STATES_A_NODE
    assert len(found.heights) >= 5
    assert found.promises >= 20
    # Blocks with records of the ledger itself are among what comes back.
    assert max(found.heights) > min(chain.own)


def test_the_recording_holds_what_must_survive(recording: Recording, chain: Chain) -> None:
    kinds = {kind for node in recording.nodes for kind in kinds_said(node)}
    names = {
        one.name for node in recording.nodes for one in node.operations if isinstance(one, Named)
    }

    assert kinds >= {"preprepare", "prepare", "commit", "checkpoint", "viewchange", "newview"}
    assert "votes-0000000002.log" in names
    assert any(one.endswith(".ldb") for one in names)
    assert recording.acknowledged >= 4 * WRITES * 3
    assert len(chain.own) >= WRITES


@pytest.mark.parametrize("where", ["votes-", "ledger log"])
def test_a_disk_that_lies_about_its_syncs_is_found_out(
    recording: Recording, chain: Chain, scratch: Path, where: str
) -> None:
    """Without this the tests above could not fail."""
    node = recording.nodes[2]
    is_meant = votes_file if where == "votes-" else ledger_log
    deaf = {one.file for one in node.operations if isinstance(one, Named) and is_meant(one)}

    # Most of what is lost is noticed at the start: votes that no block marks yet are the rest.
    found = verify_cuts(
        node, some_cuts(node, 4 * STATES_A_NODE, seed=SEED), scratch, chain=chain, deaf=deaf
    )

    assert len(found.lost) + len(found.not_voting) > 4 * STATES_A_NODE // 10
    assert found.lost != []


def test_a_node_that_speaks_before_it_syncs_is_found_out(
    recording: Recording, chain: Chain, scratch: Path
) -> None:
    honest = recording.nodes[2]
    node = RecordedNode(
        place=honest.place,
        home=honest.home,
        operations=tuple(hasty(honest.operations)),
        times=honest.times,
        first=honest.first,
    )

    found = verify_cuts(node, some_cuts(node, 4 * STATES_A_NODE, seed=SEED), scratch, chain=chain)

    assert found.lost != []


def test_every_prefix_and_every_loss_is_a_state(recording: Recording) -> None:
    node = recording.nodes[0]

    cuts = list(all_cuts(node))

    assert len(cuts) == 6 * (len(node.operations) - node.first + 1)
    assert set(some_cuts(node, 30, seed=2)) != set(some_cuts(node, 30, seed=3))


def kinds_said(node: RecordedNode) -> Iterable[str]:
    for one in node.operations:
        if isinstance(one, Said):
            message = message_from_plain(
                decode(one.payload, LIMITS), open_batch=lambda _: NULL_BATCH
            )
            yield str(slot_of(message)[0]) if slot_of(message) else "status"


def votes_file(one: Named) -> bool:
    return one.name.startswith("votes-")


def ledger_log(one: Named) -> bool:
    return one.name.endswith(".log") and one.name[0].isdigit()


def hasty(operations: Iterable[Operation]) -> Iterable[Operation]:
    """Move each message in front of the sync before it; nothing else changes its number."""
    result: list[Operation] = []
    for one in operations:
        if isinstance(one, Said) and result and isinstance(result[-1], Synced):
            result.insert(len(result) - 1, one)
        else:
            result.append(one)
    return result
