"""Brings state and index of a certified height from peers that may lie, stall or move on.

The target is a header that a quorum signed; how it was found is of no weight. The maps come in
pages, each proven against that header, from all peers that hold the height, so whoever sends a
wrong page is known by it and its share goes to the others. When nobody holds the height any
more, the attempt ends and the next one takes a newer height; what has not changed is kept
(checklist H2, H3; ADR-0013).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from chainnode.driver.kinds import FrameKind
from chainnode.driver.ports import ExecutedBatch
from chainnode.errors import InvalidInput
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_certificate, decode_header
from chainnode.ledger.keyspace import MAPS, MapKeys
from chainnode.ledger.merkle import Hash, InvalidProof
from chainnode.ledger.proofs import verify_certificate
from chainnode.ledger.snapshots import SnapshotEnd, is_base, verify_edge
from chainnode.ledger.stored_map import MapBits
from chainnode.ledger.subtrees import (
    SubtreePage,
    buckets_in_subtree,
    cut_manifest,
    empty_subtree,
    verify_manifest,
    verify_page,
)
from chainnode.ledger.types import Header
from chainnode.p2p.errors import RequestError
from chainnode.p2p.transport import Transport
from chainnode.suites.port import Suite
from chainnode.sync.peers import Claim, PeerBook
from chainnode.sync.snapshot_frames import (
    FULL_ANSWER_BYTES,
    SUBTREES_PER_REQUEST_MAX,
    Offer,
    OfferRequest,
    PagesRequest,
    PartName,
    Wanted,
    decode_edge,
    decode_offer,
    decode_pages,
    encode_offer_request,
    encode_pages_request,
    weight,
)

_OFFER_TIMEOUT_S = 5.0
# One megabyte at least, or all that was asked for: who is slower than that is no help.
_PAGES_TIMEOUT_S = 10.0

MembersAt = Callable[[int], Mapping[int, bytes]]
# Stands on what was staged, as the one writer of the ledger, and returns the new tip.
InstallSnapshot = Callable[[SnapshotEnd], Awaitable[ExecutedBatch]]

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotProgress:
    """How far the maps of a height have come, in subtrees."""

    height: int
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A certified header, what stands under its roots, and who holds it for us."""

    end: SnapshotEnd
    manifests: Mapping[MapKeys, tuple[bytes, ...]] = field(repr=False)

    @property
    def total(self) -> int:
        """Number of subtrees of all maps."""
        return sum(len(one) for one in self.manifests.values())


@dataclass(frozen=True, slots=True)
class _Piece:
    """A subtree of one of the maps."""

    keys: MapKeys
    subtree: int


@dataclass(slots=True, kw_only=True)
class _Work:
    """Subtrees that are still wanted, and the peers that may be asked for them."""

    target: _Target
    wanted: deque[_Piece]
    providers: set[int]

    def take_share(self) -> deque[_Piece]:
        """Take as much of one map as may be asked for at once."""
        share: deque[_Piece] = deque()
        while (
            self.wanted
            and len(share) < SUBTREES_PER_REQUEST_MAX
            and (not share or self.wanted[0].keys == share[0].keys)
        ):
            share.append(self.wanted.popleft())
        return share


class SnapshotFetcher:
    """One attempt at a time. Loop thread only; verifying and writing run on threads."""

    def __init__(
        self,
        *,
        transport: Transport,
        ledger: Ledger,
        peers: PeerBook,
        suite: Suite,
        members_at: MembersAt,
        bits: MapBits,
        install: InstallSnapshot,
        threads: Executor,
    ) -> None:
        self._transport = transport
        self._ledger = ledger
        self._peers = peers
        self._suite = suite
        self._h: Hash = suite.digest
        self._members_at = members_at
        self._bits = bits
        self._install = install
        self._threads = threads
        self._progress: SnapshotProgress | None = None

    @property
    def progress(self) -> SnapshotProgress | None:
        """How far the present attempt has come; None when there is none."""
        return self._progress

    async def fetch(self, *, voices: int) -> ExecutedBatch | None:
        """Stand on a certified height above our tip where nothing waits for the index.

        None: not now. `voices` is how many peers contain an honest one: the height is taken from
        among the highest that so many have reached, so that an old one is not chosen for us.
        What is certified above it comes as blocks.
        """
        staging = self._ledger.staging
        staging.open()
        try:
            for height in await self._candidates(voices):
                work = await self._held_at(height)
                if work is not None and await self._gather(work):
                    return await self._install(work.target.end)
            return None
        finally:
            self._progress = None
            staging.close()

    async def newest(self, peer: int) -> tuple[Header, bytes] | None:
        """Return the newest header of a peer with its certificate, verified; None: no answer."""
        return await self._newest(peer, Wanted.NEWEST)

    async def _newest(self, peer: int, wanted: Wanted) -> tuple[Header, bytes] | None:
        offer = await self._ask(peer, OfferRequest(wanted=wanted))
        if offer is None:
            return None
        try:
            header = await self._on_thread(self._certified, offer)
            if wanted is Wanted.NEWEST_BASE:
                _require_base(header)
        except InvalidInput as error:
            self._peers.pass_over(peer, error)
            return None
        return header, offer.certificate

    async def _candidates(self, voices: int) -> list[int]:
        """Ask everybody for the newest height to stand on; return the proven ones, best first."""
        peers = self._peers.ready()
        answers = await asyncio.gather(*(self._newest(one, Wanted.NEWEST_BASE) for one in peers))
        heights = []
        for peer, answer in zip(peers, answers, strict=True):
            if answer is None or not self._is_honest_claim(peer, answer[0].height):
                continue
            if answer[0].height > self._ledger.height:
                heights.append(answer[0].height)
        ranked = sorted(heights, reverse=True)
        chosen = [*ranked[voices - 1 : voices], *ranked[: voices - 1], *ranked[voices:]]
        return list(dict.fromkeys(chosen))

    def _is_honest_claim(self, peer: int, height: int) -> bool:
        try:
            self._peers.note_claim(peer, height, of=Claim.BASE)
        except InvalidInput as error:
            self._peers.pass_over(peer, error)
            return False
        return True

    async def _held_at(self, height: int) -> _Work | None:
        """Have as many peers as possible hold this height for us."""
        peers = self._peers.ready()
        request = OfferRequest(wanted=Wanted.HEIGHT, height=height)
        offers = await asyncio.gather(*(self._ask(one, request) for one in peers))
        work: _Work | None = None
        for peer, offer in zip(peers, offers, strict=True):
            if offer is None:
                continue
            try:
                target = await self._on_thread(self._target, (height, offer))
            except InvalidInput as error:
                self._peers.pass_over(peer, error)
                continue
            if work is None:
                wanted = await self._on_thread(self._missing, target)
                work = _Work(target=target, wanted=wanted, providers=set())
            work.providers.add(peer)
        return work

    async def _ask(self, peer: int, request: OfferRequest) -> Offer | None:
        encoded = encode_offer_request(request)
        try:
            answer = await self._transport.request(
                peer, FrameKind.SNAPSHOT_REQUEST, encoded, _OFFER_TIMEOUT_S
            )
            return decode_offer(answer)
        except (RequestError, InvalidInput) as error:
            self._peers.pass_over(peer, error)
            return None

    async def _gather(self, work: _Work) -> bool:
        """Fetch what is wanted from all who hold it; False when nobody is left who does."""
        while work.wanted and work.providers:
            self._note_progress(work)
            # A peer that fails gives its share back: then those that were done go on.
            await asyncio.gather(*(self._serve_from(one, work) for one in [*work.providers]))
        return not work.wanted

    async def _serve_from(self, peer: int, work: _Work) -> None:
        """Let one peer bring shares until nothing is wanted any more, or it fails."""
        while work.wanted:
            share = work.take_share()
            try:
                await self._fetch_share(peer, work.target, share)
            except (RequestError, InvalidInput) as error:
                self._peers.pass_over(peer, error)
                work.providers.discard(peer)
                return
            finally:
                work.wanted.extend(share)
                self._note_progress(work)
            self._peers.helped(peer)

    async def _fetch_share(self, peer: int, target: _Target, share: deque[_Piece]) -> None:
        """Take subtrees off `share` as they come; what is left on it was not brought.

        Raises:
            RequestError, InvalidInput: the peer failed.

        """
        first = 0
        while share:
            request = PagesRequest(
                height=target.end.header.height,
                part=share[0].keys.name,
                subtrees=tuple(one.subtree for one in share),
                first=first,
            )
            answer = await self._transport.request(
                peer, FrameKind.PAGES_REQUEST, encode_pages_request(request), _PAGES_TIMEOUT_S
            )
            work = _Answer(target=target, share=share, first=first, answer=answer)
            first = await self._on_thread(self._stage, work)

    def _stage(self, work: "_Answer") -> int:
        """Verify and write the pages of an answer; return from where the next one goes on."""
        pages = decode_pages(work.answer)
        first = work.first
        keys = work.share[0].keys
        bits, staged = self._bits.of(keys), self._ledger.staging.of(keys)
        for page in pages:
            self._require_next(page, work.share, first)
            digest = work.target.manifests[keys][page.subtree]
            rows = verify_page(self._h, bits=bits, digest=digest, page=page)
            staged.put(page, rows, digest=digest)
            first = page.stop
            if first == buckets_in_subtree(bits):
                work.share.popleft()
                first = 0
        if work.share and weight(pages) < FULL_ANSWER_BYTES:
            raise InvalidProof(
                what="weight of an answer that leaves something out",
                expected=f"≥ {FULL_ANSWER_BYTES}",
                actual=f"{weight(pages)}",
            )
        return first

    def _require_next(self, page: SubtreePage, share: Sequence[_Piece], first: int) -> None:
        """Refuse what was not asked for, or not in this order."""
        expected = (share[0].subtree, first) if share else None
        if expected != (page.subtree, page.first):
            raise InvalidProof(
                what="place of a page", expected=f"{expected}", actual=f"{page.subtree, page.first}"
            )

    def _certified(self, offer: Offer) -> Header:
        """Return the header of an offer, which a quorum of its height signed."""
        header = decode_header(offer.header)
        verify_certificate(
            self._suite,
            chain_id=self._ledger.tip.head.chain_id,
            header=header,
            certificate=decode_certificate(offer.certificate),
            members=self._members_at(header.height),
        )
        return header

    def _target(self, given: tuple[int, Offer]) -> _Target:
        """Check an offer of this very height with all parts that we need."""
        height, offer = given
        header = self._certified(offer)
        if header.height != height:
            raise InvalidProof(
                what="offered height", expected=f"{height}", actual=f"{header.height}"
            )
        _require_base(header)
        missing = [one for one in PartName if one not in offer.parts]
        if missing:
            raise InvalidProof(
                what="parts of an offer", expected=f"{list(PartName)}", actual=f"no {missing}"
            )
        edge = decode_edge(offer.parts[PartName.LOG])
        verify_edge(self._h, header=header, edge=edge)
        manifests = {keys: cut_manifest(offer.parts[keys.name]) for keys in MAPS}
        for keys, manifest in manifests.items():
            root = header.rest.map_root(keys.name)
            verify_manifest(self._h, bits=self._bits.of(keys), root=root, manifest=manifest)
        return _Target(
            end=SnapshotEnd(header=header, certificate=offer.certificate, edge=edge),
            manifests=manifests,
        )

    def _missing(self, target: _Target) -> deque[_Piece]:
        """Return the subtrees that do not stand here already; empty ones are made at once."""
        wanted: deque[_Piece] = deque()
        for keys, manifest in target.manifests.items():
            staged = self._ledger.staging.of(keys)
            empty = empty_subtree(self._h, bits=self._bits.of(keys))
            for subtree, digest in enumerate(manifest):
                if staged.holds(subtree, digest):
                    continue
                if digest == empty:
                    staged.put_empty(subtree, digest=digest)
                else:
                    wanted.append(_Piece(keys, subtree))
        return wanted

    def _note_progress(self, work: _Work) -> None:
        total = work.target.total
        self._progress = SnapshotProgress(
            height=work.target.end.header.height, done=total - len(work.wanted), total=total
        )

    async def _on_thread(self, work: Callable[[Given], Made], given: Given) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, given)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What came for a share; `share` is shortened by what is staged."""

    target: _Target
    share: deque[_Piece]
    first: int
    answer: bytes = field(repr=False)


def _require_base(header: Header) -> None:
    """Refuse to stand where entries wait for the index: they do not travel."""
    if not is_base(header):
        raise InvalidProof(
            what="index size of a snapshot",
            expected=f"{header.head.log_size}",
            actual=f"{header.head.index_size}",
        )
