"""A height that was overtaken gets its certificate from a peer, checked against our header."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode import codec
from chainnode.codec import encode
from chainnode.driver.kinds import FrameKind
from chainnode.ledger.codec import decode_certificate, encode_certificate
from chainnode.sync.frames import decode_checkpoint_request
from chainnode.sync.gaps import CertificateGaps
from consensus.codec import message_to_plain, signed_content
from consensus.messages import Checkpoint
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature
from tests.builders import vote_key
from tests.unit.chainnode.sync.late import HEIGHT, Answer, Late, answer_of, says, unavailable


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
    gapped.transport.answers = {1: says(answer_of([lie])), 2: says(answer_of([lie]))}

    await close(gapped)

    assert missing(gapped) == [1, 2, 3]
    assert gapped.fetcher.passed_over[1, "InvalidProof"] == 1
    assert gapped.fetcher.passed_over[2, "InvalidProof"] == 1


async def test_a_certificate_of_another_height_closes_no_gap(gapped: Late) -> None:
    gapped.transport.answers = {1: says(answer_of(gapped.blocks(2, 2)))}

    await close(gapped)

    assert missing(gapped) == [1, 2, 3]


async def test_with_nobody_to_ask_it_waits(gapped: Late) -> None:
    await close(gapped)

    assert missing(gapped) == [1, 2, 3]


async def test_where_nobody_has_a_certificate_the_stored_checkpoints_make_one(
    gapped: Late,
) -> None:
    """Replicas 1 to 3 keep what they signed; what 3 says is forged, and 0 is a learner here."""

    def signer(replica: int, *, key: int, epoch: int = 0) -> Answer:
        def answer(kind: int, payload: bytes) -> bytes:
            if kind != FrameKind.CHECKPOINT_REQUEST:
                return answer_of([])
            height = decode_checkpoint_request(payload)
            return checkpoint_of(gapped, height, replica=replica, key=key, epoch=epoch)

        return answer

    gapped.transport.answers = {1: signer(1, key=1), 2: signer(2, key=2), 3: signer(3, key=2)}
    await close(gapped)
    assert missing(gapped) == [1, 2, 3]

    gapped.transport.answers |= {3: signer(3, key=3, epoch=1)}
    await close(gapped)
    assert missing(gapped) == [1, 2, 3]

    gapped.transport.answers |= {3: signer(3, key=3)}
    await close(gapped)
    assert missing(gapped) == []


async def test_a_vote_of_another_epoch_spoils_no_certificate(tmp_path: Path) -> None:
    """One liar of four signs for epoch 1; the other three are a quorum without it."""
    parts = [(0, 0), (1, 0), (2, 0), (3, 1)]
    late = Late(tmp_path)
    block = late.blocks(1, 1)[0]
    await late.execution.execute(SequenceNumber(1), late.here.batches.open(block.batch))
    votes = {
        one: says(checkpoint_of(late, 1, replica=one, key=one, epoch=epoch)) for one, epoch in parts
    }
    late.transport.answers = votes

    assert await late.fetcher.fetch_certificate(1)

    stored = late.here.ledger.certificate(1)
    assert stored is not None
    assert [one for one, _ in decode_certificate(stored).signatures] == [0, 1, 2]
    late.close()


def checkpoint_of(late: Late, height: int, *, replica: int, key: int, epoch: int = 0) -> bytes:
    """Return a replica's CHECKPOINT, signed with the vote key of replica `key`."""
    site = late.here
    unsigned = Checkpoint(
        epoch=Epoch(epoch),
        height=Height(height),
        header_digest=Digest(site.ledger.header(height).digest(site.suite.digest)),
        sender=ReplicaId(replica),
        signature=Signature(bytes(64)),
    )
    content = signed_content(unsigned, chain_id=site.genesis.chain_id, encoder=codec)
    signature = Signature(vote_key("intl", key).sign(content))
    return encode(message_to_plain(replace(unsigned, signature=signature)))
