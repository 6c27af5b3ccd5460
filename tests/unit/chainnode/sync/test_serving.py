"""Answers to peers that lack something: bounded, certified only, hostile requests refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import InvalidEncoding, encode
from chainnode.driver.kinds import FrameKind
from chainnode.errors import InvalidInput
from chainnode.genesis import Parameters
from chainnode.p2p.framing import PAYLOAD_BYTES_MAX
from chainnode.sync import serving
from chainnode.sync.frames import (
    ANSWER_BYTES_MAX,
    BLOCKS_PER_ANSWER_MAX,
    BlocksAnswer,
    Standing,
    decode_batch_request,
    decode_blocks,
    decode_blocks_request,
    encode_batch_request,
    encode_blocks_request,
    encode_checkpoint_request,
)
from chainnode.sync.snapshot_serving import UnservedRequest
from tests.builders import submission_of
from tests.sites import Site
from tests.unit.chainnode.sync.late import server_of


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


async def test_certified_blocks_are_served_and_uncertified_ones_are_not(site: Site) -> None:
    for nonce in range(3):
        site.grow(submission_of(site.genesis, nonce=nonce))
    site.execute(submission_of(site.genesis, nonce=3))

    answer = await server_of(site).answer(0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(2, 99))

    blocks = decode_blocks(answer).blocks
    assert [one.batch for one in blocks] == [site.ledger.batch_bytes(one) for one in (2, 3)]
    assert [one.certificate for one in blocks] == [site.ledger.certificate(one) for one in (2, 3)]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (3, 2), (5, 9), (2**53 - 1, 2**53 - 1)])
async def test_a_range_that_nobody_can_serve_is_answered_with_no_blocks(
    site: Site, first: int, last: int
) -> None:
    site.grow()
    answer = await server_of(site).answer(
        0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(first, last)
    )
    assert decode_blocks(answer).blocks == ()


async def test_pruned_blocks_are_not_served(site: Site) -> None:
    for nonce in range(3):
        site.grow(submission_of(site.genesis, nonce=nonce))
    site.ledger.prune_batches(2)
    answer = await server_of(site).answer(0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(1, 3))
    standing = Standing(oldest=2, certified=3)
    assert decode_blocks(answer) == BlocksAnswer(standing=standing, blocks=())


async def test_an_answer_stops_before_it_grows_too_large_but_holds_at_least_one_block(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nonce in range(4):
        site.grow(submission_of(site.genesis, nonce=nonce))
    one = len(
        await server_of(site).answer(0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(2, 2))
    )
    for limit, count in ((1, 1), (one - 1, 1), (2 * one, 2)):
        monkeypatch.setattr(serving, "ANSWER_BYTES_MAX", limit)
        answer = await server_of(site).answer(
            0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(1, 4)
        )
        assert len(decode_blocks(answer).blocks) == count


async def test_a_batch_is_served_from_memory_from_the_core_and_from_the_ledger(site: Site) -> None:
    header = site.grow(submission_of(site.genesis))
    from_ledger = await server_of(site).answer(
        0, FrameKind.BATCH_REQUEST, encode_batch_request(header.head.batch_digest, 1)
    )
    stored = site.ledger.batch_bytes(1)
    assert stored is not None
    kept = site.batches.keep(site.batches.decode(stored))
    proposed = {(7, b"c" * 32): b"held by the core"}
    server = server_of(site, proposed)

    async def ask(digest: bytes, height: int) -> bytes:
        return await server.answer(0, FrameKind.BATCH_REQUEST, encode_batch_request(digest, height))

    assert await ask(kept.digest, 99) == stored
    assert await ask(b"c" * 32, 7) == b"held by the core"
    assert from_ledger == stored
    for digest, height in ((b"u" * 32, 1), (b"u" * 32, 99), (b"c" * 32, 8)):
        with pytest.raises(UnservedRequest):
            await ask(digest, height)


@pytest.mark.parametrize("kind", [FrameKind.CONSENSUS, FrameKind.SUBMISSIONS, 21, 255])
async def test_an_unknown_kind_of_request_is_refused(site: Site, kind: int) -> None:
    with pytest.raises(UnservedRequest):
        await server_of(site).answer(0, kind, encode_blocks_request(1, 1))


@pytest.mark.parametrize("kind", [FrameKind.BATCH_REQUEST, FrameKind.BLOCKS_REQUEST])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        encode(1),
        encode((1,)),
        encode((1, 2, 3)),
        encode(("a", "b")),
        encode((b"short", 1)),
        encode((b"d" * 32, b"1")),
        encode((b"d" * 33, 1)),
        b"\x92" + b"\xc4\x20" + b"d" * 32 + b"\xcf" + b"\xff" * 8,
        encode_blocks_request(1, 2) + b"\x00",
        bytes(300),
    ],
)
async def test_a_malformed_request_is_refused(site: Site, kind: int, payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        await server_of(site).answer(0, kind, payload)


@given(payload=st.binary(max_size=80))
def test_any_request_is_decoded_or_refused(payload: bytes) -> None:
    for decode in (decode_batch_request, decode_blocks_request, decode_blocks):
        try:
            decode(payload)
        except InvalidEncoding:
            continue


def test_a_request_for_many_blocks_is_cut_to_what_one_answer_may_hold() -> None:
    assert decode_blocks_request(encode_blocks_request(5, 2**53 - 1)) == (
        5,
        5 + BLOCKS_PER_ANSWER_MAX - 1,
    )


def test_an_answer_with_more_blocks_than_allowed_is_refused() -> None:
    row = (b"h", b"b", b"c")
    full = decode_blocks(encode((1, 9, (row,) * BLOCKS_PER_ANSWER_MAX)))
    assert (len(full.blocks), full.standing.certified) == (BLOCKS_PER_ANSWER_MAX, 9)
    for bad in ((row,) * (BLOCKS_PER_ANSWER_MAX + 1), ((b"h", b"b"),), ((b"h", b"b", 1),)):
        with pytest.raises(InvalidEncoding):
            decode_blocks(encode((1, 9, bad)))


def test_a_full_batch_and_its_certificate_fit_into_one_answer() -> None:
    largest = Parameters(batch_bytes_max=2 * 1024 * 1024).batch_bytes_max
    assert largest + 64 * 1024 < ANSWER_BYTES_MAX < PAYLOAD_BYTES_MAX


async def test_a_height_without_certificate_is_served_below_a_certified_one_only(
    site: Site,
) -> None:
    for nonce in range(2):
        site.grow(submission_of(site.genesis, nonce=nonce))
    site.execute(submission_of(site.genesis, nonce=2))
    last = site.execute(submission_of(site.genesis, nonce=3))
    server = server_of(site)

    before = decode_blocks(
        await server.answer(0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(1, 4))
    ).blocks
    site.ledger.store_certificate(site.certificate(last))
    after = decode_blocks(
        await server.answer(0, FrameKind.BLOCKS_REQUEST, encode_blocks_request(3, 4))
    ).blocks

    assert [bool(one.certificate) for one in before] == [True, True]
    assert [bool(one.certificate) for one in after] == [False, True]


async def test_a_checkpoint_of_a_height_that_was_not_signed_here_is_refused(site: Site) -> None:
    site.grow()
    for height in (0, 1, 9):
        with pytest.raises(UnservedRequest):
            await server_of(site).answer(
                0, FrameKind.CHECKPOINT_REQUEST, encode_checkpoint_request(height)
            )
