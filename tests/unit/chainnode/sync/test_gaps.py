"""A height that was overtaken gets its certificate from a peer, checked against our header."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.ledger.codec import decode_certificate, encode_certificate
from chainnode.sync.frames import encode_blocks
from chainnode.sync.gaps import CertificateGaps
from consensus.types import SequenceNumber
from tests.unit.chainnode.sync.test_fetching import HEIGHT, Late, says, unavailable


@pytest.fixture
async def gapped(tmp_path: Path) -> AsyncIterator[Late]:
    """All blocks are executed here, only the last one is certified."""
    made = Late(tmp_path)
    for block, height in zip(made.blocks(), range(1, HEIGHT + 1), strict=True):
        batch = made.here.batches.open(block.batch)
        await made.execution.execute(SequenceNumber(height), batch)
    made.here.ledger.store_certificate(made.blocks(HEIGHT)[0].certificate)
    yield made
    made.close()


def missing(late: Late) -> list[int]:
    ledger = late.here.ledger
    return [one for one in range(1, HEIGHT + 1) if ledger.certificate(one) is None]


async def close(late: Late) -> None:
    await CertificateGaps(ledger=late.here.ledger, fetch=late.fetcher.fetch_certificate).close()


async def test_every_gap_is_closed_by_a_peer_that_has_the_certificates(gapped: Late) -> None:
    gapped.transport.answers = {1: unavailable, 2: gapped.honest}
    assert missing(gapped) == [1, 2, 3]

    await close(gapped)

    assert missing(gapped) == []


async def test_a_forged_certificate_is_not_stored_and_the_next_peer_is_asked(
    gapped: Late,
) -> None:
    (block,) = gapped.blocks(1, 1)
    certificate = decode_certificate(block.certificate)
    signers = certificate.signatures
    forged = replace(certificate, signatures=((signers[0][0], bytes(64)), *signers[1:]))
    lie = replace(block, certificate=encode_certificate(forged))
    gapped.transport.answers = {1: says(encode_blocks([lie])), 2: says(encode_blocks([lie]))}

    await close(gapped)

    assert missing(gapped) == [1, 2, 3]
    assert sum(gapped.fetcher.passed_over.values()) == 2


async def test_a_certificate_of_another_height_closes_no_gap(gapped: Late) -> None:
    gapped.transport.answers = {1: says(encode_blocks(gapped.blocks(2, 2)))}

    await close(gapped)

    assert missing(gapped) == [1, 2, 3]


async def test_with_nobody_to_ask_it_waits(gapped: Late) -> None:
    await close(gapped)

    assert missing(gapped) == [1, 2, 3]
