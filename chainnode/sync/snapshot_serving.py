"""Hands out the maps of a height that stands still while the chain goes on.

A peer asks for one height; a view of the store and the digests of its subtrees are held for it
until it asks for another one or has been silent for a while. What is held is small, but it keeps
LevelDB from dropping old values, hence one height per peer, and an age. One thread only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from chainnode.errors import InvalidInput
from chainnode.ledger.bucket_map import bucket_number
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import encode_header
from chainnode.ledger.keyspace import key_digest_of
from chainnode.ledger.merkle import Hash
from chainnode.ledger.snapshots import Exported
from chainnode.ledger.store import Snapshot
from chainnode.ledger.stored_map import ExportedMap
from chainnode.ledger.subtrees import (
    BucketItems,
    SubtreePage,
    buckets_in_subtree,
    digest_of_rows,
    subtree_count,
)
from chainnode.sync.snapshot_frames import (
    FULL_ANSWER_BYTES,
    Offer,
    OfferRequest,
    PagesRequest,
    PartName,
    Wanted,
    bucket_weight,
    encode_edge,
    encode_offer,
    encode_pages,
)

# A peer that fetches asks every few seconds.
_SILENT_MAX_S = 120.0
# A state of 50 GB at the pace of one peer; after that the fetcher takes a newer height.
_AGE_MAX_S = 1800.0


class UnservedRequest(InvalidInput):
    """A request this node has no answer to; the transport reports a failure to the peer."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"request: expected {expected}, got {actual}")


@dataclass(slots=True, kw_only=True)
class _Held:
    """A height that is held for some peers."""

    exported: Exported
    offer: bytes = field(repr=False)
    since_s: float
    asked_s: float
    peers: set[int] = field(default_factory=set)


class SnapshotServer:
    """Answers offers and pages. All calls on one thread; reads only."""

    def __init__(self, *, ledger: Ledger, h: Hash, now_s: Callable[[], float]) -> None:
        self._ledger = ledger
        self._h = h
        self._now_s = now_s
        self._held: dict[int, _Held] = {}

    @property
    def heights(self) -> tuple[int, ...]:
        """Heights that are held for somebody."""
        return tuple(self._held)

    def offer(self, peer: int, request: OfferRequest) -> bytes:
        """Show the newest certified header of a kind, or hold a height for a peer and offer it.

        Raises:
            UnservedRequest: there is none, the height is not certified here, or its maps are gone.

        """
        self.expire()
        if request.wanted is Wanted.NEWEST:
            return self._shown(self._ledger.certified_height)
        if request.wanted is Wanted.NEWEST_BASE:
            return self._shown(self._ledger.newest_base or 0)
        height = request.height
        held = self._held.get(height) or self._hold(height)
        self._let_go(peer, besides=height)
        held.peers.add(peer)
        held.asked_s = self._now_s()
        return held.offer

    def pages(self, peer: int, request: PagesRequest) -> bytes:
        """Return as many of the wanted pages as fit into one answer, at least one bucket.

        Raises:
            UnservedRequest: the height is not held for this peer, or there is no such subtree.

        """
        self.expire()
        held = self._held.get(request.height)
        one = held.exported.maps.get(request.part) if held and peer in held.peers else None
        if held is None or one is None:
            raise UnservedRequest(
                expected="a part of a height held for this peer",
                actual=f"{request.part!r} at height {request.height}",
            )
        _require_places(request, bits=one.bits)
        held.asked_s = self._now_s()
        return encode_pages(list(self._pages(_View(one, held.exported.source), request)))

    def expire(self) -> None:
        """Let go of what nobody has asked for lately, and of what is too old."""
        now_s = self._now_s()
        for height, held in list(self._held.items()):
            if now_s - held.asked_s > _SILENT_MAX_S or now_s - held.since_s > _AGE_MAX_S:
                del self._held[height]

    def _shown(self, height: int) -> bytes:
        certificate = self._certificate(height)
        header = encode_header(self._ledger.header(height))
        return encode_offer(Offer(header=header, certificate=certificate, parts={}))

    def _hold(self, height: int) -> _Held:
        certificate = self._certificate(height)
        exported = self._ledger.export(height)
        edge = self._ledger.log_edge(exported.header.head.log_size)
        manifests = {name: one.manifest for name, one in exported.maps.items()}
        offer = Offer(
            header=encode_header(exported.header),
            certificate=certificate,
            parts={PartName.LOG: encode_edge(edge), **manifests},
        )
        now_s = self._now_s()
        held = _Held(exported=exported, offer=encode_offer(offer), since_s=now_s, asked_s=now_s)
        self._held[height] = held
        return held

    def _certificate(self, height: int) -> bytes:
        is_here = 0 < height <= self._ledger.certified_height
        certificate = self._ledger.certificate(height) if is_here else None
        if certificate is None:
            raise UnservedRequest(expected="a certified height", actual=f"height {height}")
        return certificate

    def _let_go(self, peer: int, *, besides: int) -> None:
        for height, held in list(self._held.items()):
            if height != besides:
                held.peers.discard(peer)
                if not held.peers:
                    del self._held[height]

    def _pages(self, view: "_View", request: PagesRequest) -> Iterator[SubtreePage]:
        room = FULL_ANSWER_BYTES
        first = request.first
        for subtree in request.subtrees:
            page, weight = self._page(view, subtree, first, room)
            yield page
            room -= weight
            first = 0
            if room <= 0:
                return

    def _page(self, view: "_View", subtree: int, first: int, room: int) -> tuple[SubtreePage, int]:
        """Return buckets of one subtree until the answer is full, and what they weigh."""
        count = buckets_in_subtree(view.map.bits)
        low = subtree * count
        buckets: list[BucketItems] = []
        weight = 0
        for items in view.buckets(low + first, low + count):
            buckets.append(items)
            weight += bucket_weight(items)
            if weight >= room:
                break
        inside = range(low + first, low + first + len(buckets))
        others = tuple(
            digest_of_rows(self._h, view.rows(one))
            for one in range(low, low + count)
            if one not in inside
        )
        page = SubtreePage(subtree=subtree, first=first, buckets=tuple(buckets), others=others)
        return page, weight


@dataclass(frozen=True, slots=True)
class _View:
    """A map of a height that is held."""

    map: ExportedMap
    source: Snapshot

    def rows(self, bucket: int) -> bytes:
        """Return the rows of a bucket."""
        return self.source.get(self.map.keys.bucket(self.map.slot, bucket)) or b""

    def buckets(self, first: int, stop: int) -> Iterator[BucketItems]:
        """Yield what stands in each of these buckets, empty ones too."""
        keys, slot, bits = self.map.keys, self.map.slot, self.map.bits
        start, end = keys.values_between(slot, first, stop, bits=bits)
        rows = (
            (key_digest_of(key), value) for key, value in self.source.iterate(start=start, stop=end)
        )
        expected = first
        for bucket, items in groupby(rows, key=lambda one: bucket_number(one[0], bits)):
            yield from (() for _ in range(expected, bucket))
            yield tuple(items)
            expected = bucket + 1
        yield from (() for _ in range(expected, stop))


def _require_places(request: PagesRequest, *, bits: int) -> None:
    count, buckets = subtree_count(bits), buckets_in_subtree(bits)
    is_inside = all(one < count for one in request.subtrees) and request.first < buckets
    if not request.subtrees or not is_inside:
        raise UnservedRequest(
            expected=f"subtrees below {count}, from a bucket below {buckets}",
            actual=f"{len(request.subtrees)} subtrees from bucket {request.first}",
        )
