"""What a peer could say instead of the truth when a snapshot is asked for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chainnode.codec import encode
from chainnode.driver.kinds import FrameKind
from chainnode.genesis import Genesis, Parameters
from chainnode.ledger.codec import encode_header
from chainnode.sync.snapshot_frames import (
    Offer,
    PartName,
    Wanted,
    decode_edge,
    decode_offer,
    decode_offer_request,
    decode_pages,
    decode_pages_request,
    encode_edge,
    encode_offer,
    encode_pages,
)
from tests.builders import genesis_of
from tests.sites import Site
from tests.unit.chainnode.sync.late import HEIGHT, Answer, Late, records_of

# Four buckets to a subtree: pages can be cut.
PARAMETERS = Parameters(
    devnet=1,
    state_map_bits=14,
    index_map_bits=14,
    rules=1,
    match_deadline_ms=0,
    dispute_deadline_ms=0,
)
GENESIS = genesis_of("intl", parameters=PARAMETERS)
Alter = Callable[[bytes, bytes], bytes]


def altered(honest: Answer, kind: FrameKind, alter: Alter) -> Answer:
    """Return a peer that lies in one kind of answer; `alter` gets request and true answer."""

    async def answer(asked: int, payload: bytes) -> bytes:
        true = honest(asked, payload)
        data = true if isinstance(true, bytes) else await true
        return alter(payload, data) if asked == kind else data

    return answer


def grown(folder: Path, *, genesis: Genesis = GENESIS, blocks: int = HEIGHT) -> Site:
    site = Site(folder, genesis=genesis)
    for nonce in range(blocks):
        site.grow(records_of(genesis, nonce=nonce))
    return site


def with_offer(change: Callable[[Offer], Offer]) -> Alter:
    return lambda _request, data: encode_offer(change(decode_offer(data)))


def with_parts(change: Callable[[dict[str, bytes]], None]) -> Alter:
    """Change the parts of an offer that has some."""

    def changed(offer: Offer) -> Offer:
        parts = dict(offer.parts)
        if parts:
            change(parts)
        return replace(offer, parts=parts)

    return with_offer(changed)


def _flipped(part: PartName) -> Alter:
    def flip(parts: dict[str, bytes]) -> None:
        manifest = bytearray(parts[part])
        manifest[5] ^= 1
        parts[part] = bytes(manifest)

    return with_parts(flip)


def _edge_changed(parts: dict[str, bytes]) -> None:
    edge = decode_edge(parts[PartName.LOG])
    parts[PartName.LOG] = encode_edge(replace(edge, nodes=(*edge.nodes, bytes(32))))


def offer_lies(late: Late, folder: Path) -> dict[str, Alter]:
    """Return what a liar could offer instead of what its peers offer."""
    ledger, certificate = late.source.ledger, late.source.certificate
    tip = ledger.tip
    other = grown(folder / "other", genesis=genesis_of("intl", size=5, parameters=PARAMETERS))
    foreign = Offer(
        header=encode_header(other.ledger.tip),
        certificate=other.ledger.certificate(HEIGHT) or b"",
        parts={},
    )
    other.close()
    second = Offer(
        header=encode_header(ledger.header(2)),
        certificate=ledger.certificate(2) or b"",
        parts={},
    )
    forged = replace(tip, rest=replace(tip.rest, state_root=bytes(32)))
    return {
        "garbage": lambda _request, _data: b"\xc1",
        "another shape": lambda _request, _data: encode((1, 2)),
        "oversize": lambda _request, _data: bytes(600 * 1024),
        "trailing bytes": lambda _request, data: data + b"\x00",
        "too few signers": with_offer(
            lambda one: replace(one, certificate=certificate(tip, signers=(0, 1)))
        ),
        "one signer thrice": with_offer(
            lambda one: replace(one, certificate=certificate(tip, signers=(1, 1, 1)))
        ),
        "foreign signers": with_offer(
            lambda one: replace(one, certificate=certificate(tip, signers=(0, 1, 9)))
        ),
        "certificate of another block": with_offer(
            lambda one: replace(one, certificate=second.certificate)
        ),
        "header that nobody signed": with_offer(
            lambda one: replace(one, header=encode_header(forged))
        ),
        "another chain": with_offer(lambda _one: foreign),
        "another height than was asked for": lambda request, data: (
            encode_offer(replace(second, parts=decode_offer(data).parts))
            if decode_offer_request(request).wanted is Wanted.HEIGHT
            else data
        ),
        "no parts": with_parts(dict.clear),
        "no state": with_parts(lambda parts: parts.__delitem__(PartName.STATE)),
        "no index": with_parts(lambda parts: parts.__delitem__(PartName.INDEX)),
        "index for state": with_parts(lambda parts: parts.update(state=parts["index"])),
        "state for index": with_parts(lambda parts: parts.update(index=parts["state"])),
        "manifest changed": _flipped(PartName.STATE),
        "manifest of the index changed": _flipped(PartName.INDEX),
        "manifest cut": with_parts(lambda parts: parts.update(state=parts["state"][:-32])),
        "manifest of the index cut": with_parts(
            lambda parts: parts.update(index=parts["index"][:-32])
        ),
        "edge changed": with_parts(_edge_changed),
        "edge no edge": with_parts(lambda parts: parts.update(log=b"\xc0")),
    }


OFFER_LIES = (
    "garbage",
    "another shape",
    "oversize",
    "trailing bytes",
    "too few signers",
    "one signer thrice",
    "foreign signers",
    "certificate of another block",
    "header that nobody signed",
    "another chain",
    "another height than was asked for",
    "no parts",
    "no state",
    "no index",
    "index for state",
    "state for index",
    "manifest changed",
    "manifest of the index changed",
    "manifest cut",
    "manifest of the index cut",
    "edge changed",
    "edge no edge",
)


def _first_page(change: Callable[..., object]) -> Alter:
    """Change the first page of an answer."""

    def alter(_request: bytes, data: bytes) -> bytes:
        first, *rest = decode_pages(data)
        return encode_pages([change(first), *rest])  # type: ignore[list-item]  # pages

    return alter


PAGE_LIES: dict[str, Alter] = {
    "garbage": lambda _request, _data: b"\xc1",
    "another shape": lambda _request, _data: encode((1, 2)),
    "oversize": lambda _request, _data: bytes(4 * 1024 * 1024),
    "trailing bytes": lambda _request, data: data + b"\x00",
    "nothing": lambda _request, _data: encode_pages([]),
    "less than fits": lambda _request, data: encode_pages(decode_pages(data)[:-1]),
    "a page twice": lambda _request, data: encode_pages(
        [decode_pages(data)[0], *decode_pages(data)]
    ),
    "a page more": lambda _request, data: encode_pages(
        [*decode_pages(data), decode_pages(data)[0]]
    ),
    "out of order": lambda _request, data: encode_pages(decode_pages(data)[::-1]),
    "another subtree": _first_page(lambda one: replace(one, subtree=one.subtree ^ 1)),
    "another bucket": _first_page(lambda one: replace(one, first=1)),
    "no buckets": _first_page(lambda one: replace(one, buckets=())),
    "a bucket left out": _first_page(lambda one: replace(one, buckets=one.buckets[:-1])),
    "a bucket emptied": _first_page(
        lambda one: replace(one, buckets=tuple(() for _ in one.buckets))
    ),
    "a value changed": _first_page(
        lambda one: replace(
            one,
            buckets=tuple(
                tuple((key, value + b"\x00") for key, value in items) for items in one.buckets
            ),
        )
    ),
    "a digest for a bucket": _first_page(
        lambda one: replace(one, buckets=one.buckets[:1], others=(bytes(32),) * 3)
    ),
}


def only(part: PartName, lie: Alter) -> Alter:
    """Lie about one map alone."""

    def alter(request: bytes, data: bytes) -> bytes:
        return lie(request, data) if decode_pages_request(request).part == part else data

    return alter
