"""Snapshots as they are handed out: a height that stands still, one per peer, let go in time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import InvalidEncoding, encode
from chainnode.driver.kinds import FrameKind
from chainnode.errors import InvalidInput
from chainnode.ledger.errors import NotABase
from chainnode.ledger.subtrees import cut_manifest, empty_subtree, verify_page
from chainnode.sync.snapshot_frames import (
    Offer,
    OfferRequest,
    PagesRequest,
    PartName,
    Wanted,
    decode_edge,
    decode_offer,
    decode_offer_request,
    decode_pages,
    decode_pages_request,
    encode_offer_request,
    encode_pages_request,
)
from chainnode.sync.snapshot_serving import SnapshotServer, UnservedRequest
from tests.sites import Site
from tests.unit.chainnode.sync.late import ManualTime, records_of, server_of

# Blocks are a second apart: at every second one nothing waits for the index.
HEIGHT = 4
BITS = 8


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    for nonce in range(HEIGHT):
        made.grow(records_of(made.genesis, nonce=nonce))
    yield made
    made.close()


def serving(site: Site, time: ManualTime | None = None) -> SnapshotServer:
    now_s = (time or ManualTime()).now_s
    return SnapshotServer(ledger=site.ledger, h=site.suite.digest, now_s=now_s)


def hold(height: int) -> OfferRequest:
    return OfferRequest(wanted=Wanted.HEIGHT, height=height)


def offered(server: SnapshotServer, height: int, *, peer: int = 1) -> Offer:
    return decode_offer(server.offer(peer, hold(height)))


def wanted(*subtrees: int, height: int = HEIGHT, part: str = PartName.STATE) -> PagesRequest:
    return PagesRequest(height=height, part=part, subtrees=subtrees, first=0)


def full_subtrees(site: Site, offer: Offer) -> dict[int, bytes]:
    empty = empty_subtree(site.suite.digest, bits=BITS)
    manifest = cut_manifest(offer.parts[PartName.STATE])
    return {one: digest for one, digest in enumerate(manifest) if digest != empty}


def test_the_newest_certified_height_is_shown_without_being_held(site: Site) -> None:
    site.execute()
    server = serving(site)
    offer = decode_offer(server.offer(1, OfferRequest(wanted=Wanted.NEWEST)))
    assert (offer.certificate, offer.parts) == (site.ledger.certificate(HEIGHT), {})
    assert server.heights == ()


def test_a_held_height_is_served_as_it_was_while_the_chain_goes_on(site: Site) -> None:
    server = serving(site)
    offer = offered(server, HEIGHT)
    subtrees = full_subtrees(site, offer)
    for nonce in range(HEIGHT, HEIGHT + 70):
        site.grow(records_of(site.genesis, nonce=nonce))
    with pytest.raises(NotABase):
        site.ledger.export(HEIGHT)

    pages = decode_pages(server.pages(1, wanted(*subtrees)))

    assert [one.subtree for one in pages] == [*subtrees]
    for page in pages:
        verify_page(site.suite.digest, bits=BITS, digest=subtrees[page.subtree], page=page)


def test_the_same_height_is_held_once_for_all_and_one_height_per_peer(site: Site) -> None:
    server = serving(site)
    first = server.offer(1, hold(HEIGHT))
    assert server.offer(2, hold(HEIGHT)) == first
    server.offer(1, hold(HEIGHT - 2))
    assert set(server.heights) == {HEIGHT - 2, HEIGHT}
    with pytest.raises(UnservedRequest):
        server.pages(1, wanted(0))
    server.offer(2, hold(HEIGHT - 2))
    assert server.heights == (HEIGHT - 2,)


def test_what_nobody_asks_for_any_more_is_let_go_and_so_is_what_is_too_old(site: Site) -> None:
    time = ManualTime()
    server = serving(site, time)
    server.offer(1, hold(HEIGHT))
    time.seconds += 121
    server.expire()
    assert server.heights == ()

    offer = offered(server, HEIGHT)
    subtree = next(iter(full_subtrees(site, offer)))
    for _ in range(20):
        time.seconds += 89
        server.pages(1, wanted(subtree))
    time.seconds += 89
    with pytest.raises(UnservedRequest):
        server.pages(1, wanted(subtree))


@pytest.mark.parametrize("height", [HEIGHT + 1, 2**53 - 1])
def test_a_height_that_is_not_certified_here_is_not_offered(site: Site, height: int) -> None:
    site.execute()
    with pytest.raises(UnservedRequest):
        serving(site).offer(1, hold(height))


def test_requests_out_of_place_are_refused(site: Site) -> None:
    server = serving(site)
    server.offer(1, hold(HEIGHT))
    for request in (
        wanted(),
        wanted(256),
        wanted(0, height=HEIGHT - 2),
        wanted(0, part="log"),
        PagesRequest(height=HEIGHT, part=PartName.STATE, subtrees=(0,), first=1),
    ):
        with pytest.raises(UnservedRequest):
            server.pages(1, request)
    with pytest.raises(UnservedRequest):
        server.pages(2, wanted(0))


@pytest.mark.parametrize("kind", [FrameKind.SNAPSHOT_REQUEST, FrameKind.PAGES_REQUEST])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        encode(1),
        encode(("a",)),
        encode((1, 2, 3)),
        encode((1, "state", (1, "a"), 0)),
        encode((1, "state", (4096,), 0)),
        encode((1, "s" * 17, (1,), 0)),
        encode((1, "state", tuple(range(257)), 0)),
        encode((1, "state", (1,), 0)) + b"\x00",
        bytes(3000),
    ],
)
async def test_a_malformed_request_is_refused(site: Site, kind: FrameKind, payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        await server_of(site).answer(0, kind, payload)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (
        decode_offer,
        decode_offer_request,
        decode_edge,
        decode_pages,
        decode_pages_request,
    ):
        try:
            read(data)
        except InvalidEncoding:
            continue


def test_requests_survive_their_encoding() -> None:
    request = PagesRequest(height=7, part="state", subtrees=(3, 1, 2), first=9)
    assert decode_pages_request(encode_pages_request(request)) == request
    asked = hold(7)
    assert decode_offer_request(encode_offer_request(asked)) == asked
