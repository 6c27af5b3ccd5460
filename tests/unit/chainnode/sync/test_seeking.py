"""A node whose tip stands still asks whether others are ahead, and believes certificates alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainnode.sync.seeking import TipSeeker
from tests.builders import submission_of
from tests.unit.chainnode.sync.late import HEIGHT, Late, says


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Late]:
    made = Late(tmp_path)
    made.transport.answers = {1: made.server()}
    yield made
    made.close()


def seeker_of(late: Late, told: list[bytes]) -> TipSeeker:
    return TipSeeker(
        ledger=late.here.ledger,
        peers=late.peers,
        newest=late.snapshots.newest,
        tell=told.append,
    )


async def test_the_certificate_of_a_higher_tip_is_told_once_nothing_moves(late: Late) -> None:
    told: list[bytes] = []
    seeker = seeker_of(late, told)

    await seeker.seek()
    assert late.transport.asked == [], "blocks may still be coming"
    await seeker.seek()

    assert told == [late.source.ledger.certificate(HEIGHT)]


async def test_while_blocks_come_and_without_peers_nobody_is_asked(late: Late) -> None:
    seeker = seeker_of(late, [])
    for nonce in range(3):
        late.here.grow(submission_of(late.here.genesis, nonce=nonce))
        await seeker.seek()
    late.transport.answers = {}
    await seeker.seek()
    assert late.transport.asked == []


async def test_a_tip_that_is_ours_or_below_and_a_lie_are_not_told(late: Late) -> None:
    told: list[bytes] = []
    seeker = seeker_of(late, told)
    late.transport.answers = {1: says(b"\xc1")}
    for _ in range(3):
        await seeker.seek()
    assert len(late.transport.asked) == 2

    for nonce in range(HEIGHT):
        late.here.grow(submission_of(late.here.genesis, nonce=nonce))
    late.transport.answers = {1: late.server()}
    for _ in range(3):
        await seeker.seek()
    assert told == []
