"""State transfer from peers that may lie: a liar is passed over and named, an honest one used."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.batch import build_batch
from chainnode.codec import encode
from chainnode.driver.execution import ExecutionDiverged
from chainnode.ledger.codec import encode_header
from chainnode.p2p import TransportSettings
from chainnode.p2p.errors import RequestTimeout
from chainnode.sync.fetching import BATCH_REQUESTS_MAX
from chainnode.sync.frames import TransferredBlock, decode_blocks_request
from consensus.effects import FetchBatch
from consensus.types import Digest, SequenceNumber
from tests.builders import NOW_MS, genesis_of, submission_of
from tests.sites import Site
from tests.unit.chainnode.sync.late import HEIGHT, Late, answer_of, says, unavailable


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Late]:
    made = Late(tmp_path)
    yield made
    made.close()


async def test_an_honest_peer_brings_the_ledger_to_the_target(late: Late) -> None:
    late.transport.answers = {1: late.honest}

    done = await late.fetch()

    assert done is not None
    assert (done.height, done.stable) == (HEIGHT, late.target(HEIGHT))
    assert done.header_digest == late.source.ledger.tip_digest == late.here.ledger.tip_digest
    assert [one.sequence for one in late.installed] == [1, 2, 3, 4]
    assert [len(one.submissions) for one in late.installed] == [1, 1, 1, 1]
    assert late.here.ledger.certified_height == HEIGHT
    assert late.fetcher.passed_over == {}


async def test_a_target_that_is_here_already_asks_nobody(late: Late) -> None:
    late.transport.answers = {1: late.honest}
    await late.fetch(3)
    asked = len(late.transport.asked)
    done = await late.fetch(2)
    assert done is not None
    assert done.height == 3
    assert len(late.transport.asked) == asked


async def test_without_peers_or_with_silent_ones_there_is_no_answer_now(late: Late) -> None:
    assert await late.fetch() is None
    late.transport.answers = {1: unavailable, 2: says(answer_of((), certified=0))}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0
    assert late.fetcher.passed_over == {(1, "PeerUnavailable"): 1}


def _flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def _lies(late: Late, folder: Path) -> dict[str, bytes]:
    """Return answers that a liar could give for blocks from 1 on."""
    first, second = late.blocks(1, 2)
    header = late.source.ledger.header(1)
    other = Site(folder / "other", genesis=genesis_of("intl", size=5))
    other.grow(submission_of(other.genesis))
    foreign = late.blocks(1, 1, of=other)
    other.close()

    def with_certificate(certificate: bytes) -> bytes:
        return answer_of(
            [TransferredBlock(header=first.header, batch=first.batch, certificate=certificate)]
        )

    def with_batch(batch: bytes) -> bytes:
        return answer_of(
            [TransferredBlock(header=first.header, batch=batch, certificate=first.certificate)]
        )

    return {
        "garbage": b"\xc1",
        "another shape": encode((1, 2)),
        "oversized": bytes(3 * 1024 * 1024 + 64 * 1024 + 1),
        "too many": encode((("", "", ""),) * 513),
        "flipped signature": with_certificate(_flipped(first.certificate)),
        "another block's certificate": with_certificate(second.certificate),
        "two signers": with_certificate(late.source.certificate(header, signers=(0, 1))),
        "foreign signers": with_certificate(late.source.certificate(header, signers=(0, 1, 9))),
        "one signer thrice": with_certificate(late.source.certificate(header, signers=(1, 1, 1))),
        "no certificate": with_certificate(b""),
        "another batch": with_batch(second.batch),
        "no batch": with_batch(b""),
        "broken batch": with_batch(_flipped(first.batch, at=0)),
        "batch of another time": with_batch(
            build_batch(
                late.source.suite,
                chain_id=late.source.genesis.chain_id,
                time_ms=NOW_MS,
                submissions=(),
            ).encoded
        ),
        "changed header": answer_of(
            [
                TransferredBlock(
                    header=_flipped(first.header),
                    batch=first.batch,
                    certificate=first.certificate,
                )
            ]
        ),
        "a gap": answer_of([second]),
        "another chain": answer_of(foreign),
    }


LIES = (
    "garbage",
    "another shape",
    "oversized",
    "too many",
    "flipped signature",
    "another block's certificate",
    "two signers",
    "foreign signers",
    "one signer thrice",
    "no certificate",
    "another batch",
    "no batch",
    "broken batch",
    "batch of another time",
    "changed header",
    "a gap",
    "another chain",
)


@pytest.mark.parametrize("lie", LIES)
async def test_a_liar_is_passed_over_and_named_and_an_honest_peer_used(
    late: Late, tmp_path: Path, lie: str
) -> None:
    lies = _lies(late, tmp_path)
    assert set(lies) == set(LIES)
    late.transport.answers = {1: says(lies[lie])}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0
    assert [peer for peer, _ in late.fetcher.passed_over] == [1]

    late.transport.answers = {1: says(lies[lie]), 2: late.honest, 3: says(lies[lie])}
    done = await late.fetch()

    assert done is not None
    assert late.here.ledger.tip_digest == late.source.ledger.tip_digest
    assert {peer for peer, _ in late.fetcher.passed_over} <= {1, 3}


async def test_an_answer_with_a_lie_in_it_is_refused_as_a_whole(late: Late) -> None:
    blocks = late.blocks(1, 2)
    bad = TransferredBlock(
        header=blocks[1].header, batch=blocks[1].batch, certificate=blocks[0].certificate
    )
    late.transport.answers = {1: says(answer_of([blocks[0], bad]))}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0
    assert {peer for peer, _ in late.fetcher.passed_over} == {1}

    late.transport.answers = {1: late.honest}
    assert await late.fetch() is not None


async def test_the_same_blocks_twice_change_nothing(late: Late) -> None:
    blocks = late.blocks(1, 2)
    late.transport.answers = {1: says(answer_of([*blocks, *blocks]))}
    assert await late.fetch() is None
    assert late.here.ledger.height == 0
    assert late.installed == []


async def test_a_height_that_nobody_certified_is_proven_by_the_block_above_it(late: Late) -> None:
    blocks = late.blocks()
    bare = [replace(one, certificate=b"") for one in blocks[:-1]]
    late.transport.answers = {1: says(answer_of([*bare, blocks[-1]]))}

    assert await late.fetch() is not None

    ledger = late.here.ledger
    assert ledger.height == HEIGHT
    assert [ledger.certificate(one) is None for one in range(1, HEIGHT + 1)] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("swap", ["batch", "header"])
async def test_a_bare_block_that_is_not_the_parent_of_a_proven_one_is_refused(
    late: Late, swap: str
) -> None:
    blocks = late.blocks(1, 2)
    other = Site(late.folder / "other")
    other.grow(submission_of(other.genesis, nonce=77))
    foreign = late.blocks(1, 1, of=other)[0]
    bare = replace(blocks[0], certificate=b"", **{swap: getattr(foreign, swap)})
    other.close()
    late.transport.answers = {1: says(answer_of([bare, blocks[1]]))}

    assert await late.fetch() is None
    assert late.here.ledger.height == 0


async def test_an_answer_that_ends_without_a_certificate_proves_nothing(late: Late) -> None:
    bare = [replace(one, certificate=b"") for one in late.blocks(1, 2)]
    late.transport.answers = {1: says(answer_of(bare))}

    assert await late.fetch() is None
    assert late.here.ledger.height == 0


async def test_a_certified_block_that_executes_otherwise_here_stops_and_stores_nothing(
    late: Late,
) -> None:
    true = late.source.ledger.header(1)
    wrong = replace(true, rest=replace(true.rest, state_root=b"another root".ljust(32)))
    block = TransferredBlock(
        header=encode_header(wrong),
        batch=late.blocks(1, 1)[0].batch,
        certificate=late.source.certificate(wrong),
    )
    late.transport.answers = {1: says(answer_of([block]))}

    with pytest.raises(ExecutionDiverged):
        await late.fetch()

    assert late.here.ledger.height == 0
    assert late.installed == []


def _wanted(late: Late) -> FetchBatch:
    return FetchBatch(
        sequence=SequenceNumber(1),
        digest=Digest(late.source.ledger.header(1).head.batch_digest),
    )


async def test_a_missing_batch_is_taken_from_the_peer_that_has_it(late: Late) -> None:
    right, wrong = (one.batch for one in late.blocks(1, 2))
    late.transport.answers = {
        1: unavailable,
        2: says(wrong),
        3: says(b"\xc1"),
        4: says(b""),
        5: says(right),
    }
    for _ in range(5):
        batch = await late.fetcher.fetch_batch(_wanted(late))
        assert batch is not None
        assert batch.body == right
    named = {peer for peer, _ in late.fetcher.passed_over}
    assert named == {1, 2, 3, 4}
    assert late.here.batches.body(_wanted(late).digest) == right


async def test_a_window_of_missing_batches_asks_no_peer_for_more_than_it_answers_at_once(
    late: Late,
) -> None:
    body = late.blocks(1, 1)[0].batch
    under_way, most = 0, 0

    async def slowly() -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return body

    late.transport.answers = {1: lambda _kind, _payload: slowly()}
    found = await asyncio.gather(
        *(late.fetcher.fetch_batch(_wanted(late)) for _ in range(4 * BATCH_REQUESTS_MAX))
    )

    assert None not in found
    assert 1 < most <= BATCH_REQUESTS_MAX < TransportSettings().requests_max
    assert late.fetcher.passed_over == {}


async def test_a_batch_that_nobody_has_is_none_and_a_wrong_one_is_not_remembered(
    late: Late,
) -> None:
    assert await late.fetcher.fetch_batch(_wanted(late)) is None
    wrong = late.blocks(2, 2)[0].batch
    late.transport.answers = {1: says(wrong)}
    assert await late.fetcher.fetch_batch(_wanted(late)) is None
    assert late.here.batches.body(late.source.ledger.header(2).head.batch_digest) is None


async def test_blocks_that_are_claimed_and_not_brought_are_held_against_the_peer(
    late: Late,
) -> None:
    late.transport.answers = {1: says(answer_of(()))}
    assert await late.fetch() is None
    assert late.fetcher.passed_over == {(1, "ClaimTakenBack"): 1}


async def test_a_peer_that_brings_a_block_at_a_time_is_used_and_asked_last(late: Late) -> None:
    def drip(_kind: int, payload: bytes) -> bytes:
        first, _ = decode_blocks_request(payload)
        return answer_of(late.blocks(first, first))

    late.transport.answers = {1: drip, 2: drip, 3: late.honest}
    assert await late.fetch() is not None
    assert {peer for peer, _ in late.fetcher.passed_over} <= {1, 2}
    assert len(late.transport.asked) <= 3

    alone = Late(late.folder / "alone")
    alone.transport.answers = {1: drip}
    assert await alone.fetch() is not None
    alone.close()


async def test_a_certified_height_that_is_taken_back_is_held_against_the_peer(late: Late) -> None:
    claims = iter((9, 2))

    def lowering(_kind: int, payload: bytes) -> bytes:
        first, _ = decode_blocks_request(payload)
        return answer_of(late.blocks(first, first), certified=next(claims))

    late.transport.answers = {1: lowering}
    for height in (1, 2):
        assert await late.fetch(height) is not None
    assert late.fetcher.passed_over == {(1, "ClaimTakenBack"): 1}


async def test_a_peer_that_never_answers_in_time_is_asked_last(late: Late) -> None:
    def silent(kind: int, _payload: bytes) -> bytes:
        raise RequestTimeout(1, kind=kind, timeout_s=5)

    late.transport.answers = {1: silent, 2: late.honest}
    for height in range(1, HEIGHT + 1):
        assert await late.fetch(height) is not None
    assert late.transport.asked.count(1) <= 1
