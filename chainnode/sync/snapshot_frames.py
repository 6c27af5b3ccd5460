"""Requests and answers of state transfer by snapshot. Sans-I/O; neither hashed nor signed.

An offer is a certified header and, once its height is held for the asker, the named parts that
stand under its roots. Each part proves itself, so that another map can be added under a name of
its own (ADR-0013).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.ledger.keyspace import INDEX, STATE
from chainnode.ledger.merkle import DIGEST_BYTES
from chainnode.ledger.snapshots import EDGE_ENTRIES, LogEdge
from chainnode.ledger.subtrees import BucketItems, SubtreePage

# An answer that does not bring all that was asked for weighs at least this much: whoever sends
# less is slow on purpose. With the buckets that are left to add it stays under the frame limit.
FULL_ANSWER_BYTES = 1024 * 1024
ANSWER_BYTES_MAX = 3 * 1024 * 1024
SUBTREES_PER_REQUEST_MAX = 256
# Room for parts that this version does not know, and does not read.
_PARTS_MAX = 8
_NAME_CHARACTERS_MAX = 16
_SUBTREES_MAX = 4096
_LOG_NODES_MAX = 64
_REQUEST_LIMITS = Limits(bytes_max=2048, depth_max=2, elements_max=SUBTREES_PER_REQUEST_MAX + 8)
_OFFER_LIMITS = Limits(bytes_max=512 * 1024, depth_max=3, elements_max=64)
_EDGE_LIMITS = Limits(
    bytes_max=64 * 1024, depth_max=2, elements_max=_LOG_NODES_MAX + EDGE_ENTRIES + 4
)
_PAGES_LIMITS = Limits(bytes_max=ANSWER_BYTES_MAX + 512 * 1024, depth_max=4, elements_max=400_000)
# A bucket costs something even when it is empty, so that an answer has a bounded number of them.
_BUCKET_WEIGHT = 32


class PartName(StrEnum):
    """The parts of a snapshot; each has a root in the header. Maps bear their names."""

    LOG = "log"
    STATE = STATE.name
    INDEX = INDEX.name


class Wanted(IntEnum):
    """What a peer is asked to offer."""

    # Only shown: the newest certified header, and the newest that one may stand on.
    NEWEST = 0
    NEWEST_BASE = 1
    # Held for us, with its parts.
    HEIGHT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRequest:
    """Ask for an offer; `height` is that of `Wanted.HEIGHT`."""

    wanted: Wanted
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a peer shows of a certified height; `parts` only where the height is held for us."""

    header: bytes
    certificate: bytes = field(repr=False)
    parts: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesRequest:
    """Ask for subtrees of a map, in this order, the first one from bucket `first` on."""

    height: int
    part: str
    subtrees: tuple[int, ...]
    first: int


def encode_offer_request(request: OfferRequest) -> bytes:
    """Encode a question for an offer."""
    return encode((request.wanted, request.height))


def decode_offer_request(data: bytes) -> OfferRequest:
    """Read a question for an offer.

    Raises:
        InvalidEncoding: malformed.

    """
    wanted, height = as_array(decode(data, _REQUEST_LIMITS), 2, "offer request")
    return OfferRequest(
        wanted=Wanted(as_int(wanted, "wanted offer", max(Wanted))), height=as_int(height, "height")
    )


def encode_offer(offer: Offer) -> bytes:
    """Encode an offer."""
    return encode((offer.header, offer.certificate, tuple(offer.parts.items())))


def decode_offer(data: bytes) -> Offer:
    """Read an offer; nothing in it is verified yet.

    Raises:
        InvalidEncoding: malformed or too large.

    """
    header, certificate, plain = as_array(decode(data, _OFFER_LIMITS), 3, "offer")
    parts = {}
    for row in as_array(plain, None, "parts", maximum=_PARTS_MAX):
        name, content = as_array(row, 2, "part")
        parts[as_text(name, "part name", _NAME_CHARACTERS_MAX)] = as_bytes(content, "part")
    return Offer(
        header=as_bytes(header, "header"),
        certificate=as_bytes(certificate, "certificate"),
        parts=parts,
    )


def encode_edge(edge: LogEdge) -> bytes:
    """Encode the part `log`."""
    return encode((edge.nodes, edge.entries))


def decode_edge(data: bytes) -> LogEdge:
    """Read the part `log`.

    Raises:
        InvalidEncoding: malformed.

    """
    nodes, entries = as_array(decode(data, _EDGE_LIMITS), 2, "log edge")
    return LogEdge(
        nodes=tuple(
            as_bytes(one, "log node", size=DIGEST_BYTES)
            for one in as_array(nodes, None, "log nodes", maximum=_LOG_NODES_MAX)
        ),
        entries=tuple(
            as_bytes(one, "entry")
            for one in as_array(entries, None, "entries", maximum=EDGE_ENTRIES)
        ),
    )


def encode_pages_request(request: PagesRequest) -> bytes:
    """Encode a request for pages."""
    return encode((request.height, request.part, request.subtrees, request.first))


def decode_pages_request(data: bytes) -> PagesRequest:
    """Read a request for pages.

    Raises:
        InvalidEncoding: malformed, or for more subtrees than one answer may bring.

    """
    wire = as_array(decode(data, _REQUEST_LIMITS), 4, "pages request")
    height, part, subtrees, first = wire
    rows = as_array(subtrees, None, "subtrees", maximum=SUBTREES_PER_REQUEST_MAX)
    return PagesRequest(
        height=as_int(height, "height"),
        part=as_text(part, "part name", _NAME_CHARACTERS_MAX),
        subtrees=tuple(as_int(one, "subtree", _SUBTREES_MAX - 1) for one in rows),
        first=as_int(first, "first bucket"),
    )


def encode_pages(pages: Sequence[SubtreePage]) -> bytes:
    """Encode an answer; the caller keeps it under `ANSWER_BYTES_MAX`."""
    return encode(tuple(_page_plain(one) for one in pages))


def decode_pages(data: bytes) -> tuple[SubtreePage, ...]:
    """Read an answer; nothing in it is verified yet.

    Raises:
        InvalidEncoding: malformed or too large.

    """
    rows = as_array(decode(data, _PAGES_LIMITS), None, "pages", maximum=SUBTREES_PER_REQUEST_MAX)
    return tuple(_page(as_array(row, 4, "page")) for row in rows)


def bucket_weight(items: BucketItems) -> int:
    """Return what a bucket adds to an answer, as both sides count it."""
    return _BUCKET_WEIGHT + sum(len(key) + len(value) for key, value in items)


def weight(pages: Sequence[SubtreePage]) -> int:
    """Return what an answer weighs, to be held against `FULL_ANSWER_BYTES`."""
    return sum(bucket_weight(items) for page in pages for items in page.buckets)


def _page_plain(page: SubtreePage) -> Plain:
    buckets = tuple(tuple(part for item in items for part in item) for items in page.buckets)
    return (page.subtree, page.first, buckets, page.others)


def _page(row: tuple[Plain, ...]) -> SubtreePage:
    subtree, first, buckets, others = row
    return SubtreePage(
        subtree=as_int(subtree, "subtree", _SUBTREES_MAX - 1),
        first=as_int(first, "first bucket"),
        buckets=tuple(
            _items(as_array(one, None, "bucket")) for one in as_array(buckets, None, "buckets")
        ),
        others=tuple(
            as_bytes(one, "bucket digest", size=DIGEST_BYTES)
            for one in as_array(others, None, "bucket digests")
        ),
    )


def _items(plain: tuple[Plain, ...]) -> BucketItems:
    parts = [as_bytes(one, "part of a bucket") for one in plain]
    if len(parts) % 2:
        raise InvalidEncoding(
            what="bucket", expected="each key digest with its value", actual=f"{len(parts)} parts"
        )
    return tuple(zip(parts[0::2], parts[1::2], strict=True))
