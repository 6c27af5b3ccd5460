"""Backups that are put back: an older copy of vote log and ledger makes nobody vote twice.

Where enough peers hold what came after the copy; docs/protocol.md says what cannot be noticed.
"""

from dataclasses import replace

import pytest

from consensus.codec import Slot
from consensus.config import ReplicaConfig
from consensus.ports import Encoder, Signer
from consensus.replica import Replica
from consensus.types import Signature
from tests.simulation.checkers.violation import Violation
from tests.simulation.cluster import Cluster
from tests.simulation.options import Options, for_older_copies, options_of

SEEDS = range(48)
# Where a replica that does not look at what it is shown votes a second time.
TELLING_SEEDS = (2, 6)


def _options(seed: int) -> Options:
    return for_older_copies(replace(options_of(seed), biased=False, calm=False, idle_ms=700))


class _Unwary(Replica):
    """Asks, and does not look at the answers."""

    def __init__(self, config: ReplicaConfig, *, encoder: Encoder, signer: Signer) -> None:
        super().__init__(config, encoder=encoder, signer=_Blind(signer))


class _Blind:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sign(self, *, slot: Slot, content: bytes) -> Signature:
        return self._signer.sign(slot=slot, content=content)

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:  # noqa: ARG002 (the port)
        return False


@pytest.mark.parametrize("part", range(4))
def test_older_copy_that_is_put_back_makes_nobody_vote_twice(part: int) -> None:
    share = len(SEEDS) // 4
    copies = ended = 0
    for seed in SEEDS[part * share : (part + 1) * share]:
        cluster = Cluster(seed, _options(seed))
        cluster.run()
        copies += sum(one.disk.is_older_copy for one in cluster.nodes)
        ended += sum(one.disk.is_disowned for one in cluster.nodes)

    assert copies >= share // 2
    assert ended >= 1


def test_who_does_not_look_at_the_answers_votes_twice() -> None:
    for seed in TELLING_SEEDS:
        with pytest.raises(Violation):
            Cluster(seed, _options(seed), replica_class=_Unwary).run()
