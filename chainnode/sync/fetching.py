"""Brings batches and blocks from peers; believes a quorum's certificate and nothing else.

Each block is proven before it is executed: by its own certificate, or as the parent of a proven
one. A header that execution does not reproduce is a divergence and stops the node (checklist
B9, H2, H3). Where peers have pruned the next block, a snapshot bridges the gap, and blocks go on
from there (H1).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from enum import Enum
from typing import TypeVar

from chainnode import codec
from chainnode.driver.batches import Batches
from chainnode.driver.execution import ProvenBlock
from chainnode.driver.kinds import FrameKind
from chainnode.driver.ports import ExecutedBatch, TransferredState
from chainnode.errors import InvalidInput
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_certificate, decode_header, encode_certificate
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.proofs import quorum_of, verify_certificate
from chainnode.ledger.types import Certificate, Header
from chainnode.p2p.errors import RequestError
from chainnode.p2p.transport import Transport
from chainnode.suites.port import InvalidSignature, Suite
from chainnode.sync.frames import (
    ANSWER_BYTES_MAX,
    BlocksAnswer,
    TransferredBlock,
    decode_blocks,
    encode_batch_request,
    encode_blocks_request,
    encode_checkpoint_request,
)
from chainnode.sync.peers import OURSELVES, ClaimTakenBack, PeerBook
from chainnode.sync.snapshot_fetching import MembersAt, SnapshotFetcher, SnapshotProgress
from chainnode.voting import decode_checkpoint, newest_own_checkpoint, stable_here
from consensus.codec import signed_content
from consensus.effects import FetchBatch, FetchState
from consensus.messages import Batch, Checkpoint
from consensus.types import Epoch, Membership, SequenceNumber

_TIMEOUT_S = 5.0
# Batches asked for at a time, whoever is asked: fewer than one peer answers us at once, so that
# a whole window of missing bodies waits its turn and does not fail, and blocks find room too.
BATCH_REQUESTS_MAX = 6
# An answer that ends early and is smaller than this did not end because it was full.
_FULL_ANSWER_BYTES = ANSWER_BYTES_MAX // 3

# Executes a proven block, stores it, and returns what it made.
InstallBlock = Callable[[ProvenBlock], Awaitable[ExecutedBatch]]

Given = TypeVar("Given")
Made = TypeVar("Made")


class _Outcome(Enum):
    """What asking one peer for the next blocks came to."""

    INSTALLED = "installed"
    PRUNED = "pruned"
    NOTHING = "nothing"


class BlockFetcher:
    """Asks one peer after another; a peer whose answer fails a check is passed over."""

    def __init__(
        self,
        *,
        transport: Transport,
        ledger: Ledger,
        batches: Batches,
        suite: Suite,
        peers: PeerBook,
        members_at: MembersAt,
        install: InstallBlock,
        snapshots: SnapshotFetcher,
        threads: Executor,
    ) -> None:
        self._transport = transport
        self._ledger = ledger
        self._batches = batches
        self._suite = suite
        self._peers = peers
        self._members_at = members_at
        self._install = install
        self._snapshots = snapshots
        self._threads = threads
        self._target = 0
        self._batch_places = asyncio.Semaphore(BATCH_REQUESTS_MAX)

    @property
    def passed_over(self) -> Counter[tuple[int, str]]:
        """How often each peer was passed over, and why."""
        return self._peers.passed_over

    @property
    def target(self) -> int | None:
        """The height that is being fetched, None when none is."""
        return self._target or None

    @property
    def progress(self) -> SnapshotProgress | None:
        """How far a snapshot has come, if one is being fetched."""
        return self._snapshots.progress

    async def fetch_batch(self, effect: FetchBatch) -> Batch | None:
        """Return the batch with the digest asked for; None when no peer has it now."""
        async with self._batch_places:
            return await self._fetch_batch(effect)

    async def _fetch_batch(self, effect: FetchBatch) -> Batch | None:
        request = encode_batch_request(effect.digest, effect.sequence)
        for peer in self._peers.in_order():
            try:
                body = await self._transport.request(
                    peer, FrameKind.BATCH_REQUEST, request, _TIMEOUT_S
                )
                decoded = await self._on_thread(self._batches.decode, body)
                _require("batch digest", effect.digest.hex(), decoded.digest.hex())
            except (RequestError, InvalidInput) as error:
                self._peers.pass_over(peer, error)
                continue
            return self._batches.keep(decoded)
        return None

    async def fetch_state(
        self, effect: FetchState, installed: Callable[[ExecutedBatch], None]
    ) -> TransferredState | None:
        """Bring the ledger to the target, by certified blocks where they can be had.

        Tells of each block. Returns the tip and the newest certificate once the tip is at or
        above the target, None when no peer could help.

        Raises:
            ExecutionDiverged: our execution disagrees with a quorum.

        """
        self._target = target = effect.target.height
        while self._ledger.height < target:
            if not await self._advance(target, installed):
                # It is tried again: until then it is still what we want.
                return None
        self._target = 0
        here = stable_here(self._ledger, self._suite.digest)
        is_newer = here.height > effect.target.height
        return TransferredState(
            height=self._ledger.height,
            header_digest=self._ledger.tip_digest,
            time_ms=self._ledger.tip.head.time_ms,
            stable=here if is_newer else effect.target,
            checkpoint=newest_own_checkpoint(self._ledger),
            next_block_in_ms=self._ledger.next_block_in_ms,
        )

    async def fetch_certificate(self, height: int) -> bool:
        """Store a certificate of a block that is here without one; False when none can be had.

        A peer may have it. Where nobody has, the CHECKPOINTs that the replicas keep with their
        blocks make one, once a quorum has executed the height.
        """
        request = encode_blocks_request(height, height)
        for peer in self._peers.in_order():
            answer = await self._ask(peer, FrameKind.BLOCKS_REQUEST, request, decode_blocks)
            blocks = () if answer is None else answer.blocks[:1]
            for block in blocks:
                if await self._store_certificate(peer, height, block.certificate):
                    return True
        made = await self._collect_certificate(height)
        return made is not None and await self._store_certificate(OURSELVES, height, made)

    async def _store_certificate(self, peer: int, height: int, certificate: bytes) -> bool:
        try:
            await self._on_thread(self._check_certificate, (height, certificate))
        except InvalidInput as error:
            self._peers.pass_over(peer, error)
            return False
        self._ledger.store_certificate(certificate)
        return True

    async def _collect_certificate(self, height: int) -> bytes | None:
        """Join our own CHECKPOINT of a height with those that peers keep; None: too few."""
        request = encode_checkpoint_request(height)
        stored = self._ledger.own_checkpoint(height)
        votes = [] if stored is None else [decode_checkpoint(stored)]
        for peer in self._peers.in_order():
            vote = await self._ask(peer, FrameKind.CHECKPOINT_REQUEST, request, decode_checkpoint)
            if vote is not None and self._is_for(vote, height):
                votes.append(vote)
        signatures = {int(vote.sender): bytes(vote.signature) for vote in votes}
        if len(signatures) < quorum_of(len(self._members_at(height))):
            return None
        header = self._ledger.header(height)
        certificate = Certificate(
            epoch=header.head.epoch,
            height=height,
            header_digest=header.digest(self._suite.digest),
            signatures=tuple(sorted(signatures.items())),
        )
        return encode_certificate(certificate)

    def _is_for(self, vote: Checkpoint, height: int) -> bool:
        """Tell whether a peer's vote is for our header, and its signature verifies."""
        header = self._ledger.header(height)
        key = self._members_at(height).get(vote.sender)
        expected = (header.head.epoch, height, header.digest(self._suite.digest))
        if key is None or (vote.epoch, vote.height, vote.header_digest) != expected:
            return False
        content = signed_content(vote, chain_id=self._ledger.tip.head.chain_id, encoder=codec)
        try:
            self._suite.verify(public_key=key, signature=vote.signature, content=content)
        except InvalidSignature:
            return False
        return True

    async def _ask(
        self, peer: int, kind: FrameKind, request: bytes, read: Callable[[bytes], Made]
    ) -> Made | None:
        """Ask one peer; None when it has no answer or a malformed one."""
        try:
            return read(await self._transport.request(peer, kind, request, _TIMEOUT_S))
        except (RequestError, InvalidInput) as error:
            self._peers.pass_over(peer, error)
            return None

    async def _advance(self, target: int, installed: Callable[[ExecutedBatch], None]) -> bool:
        """Install at least one more block, or a snapshot; False when nobody could help.

        That the next block is gone is believed when so many say so that one of them is honest:
        a single liar must not cost us the history (checklist H1, H2).
        """
        first = self._ledger.height + 1
        pruned = set()
        for peer in self._peers.in_order():
            outcome = await self._fetch_from(peer, first, target, installed)
            if outcome is _Outcome.INSTALLED:
                return True
            if outcome is _Outcome.PRUNED:
                pruned.add(peer)
        size = len(self._members_at(target))
        voices = Membership(epoch=Epoch(0), size=size).weak_quorum
        if len(pruned) < voices:
            return False
        made = await self._snapshots.fetch(voices=voices)
        if made is None:
            return False
        installed(made)
        return True

    async def _fetch_from(
        self, peer: int, first: int, target: int, installed: Callable[[ExecutedBatch], None]
    ) -> _Outcome:
        """Ask one peer for the next blocks and install what it brings."""
        request = encode_blocks_request(first, target)
        try:
            data = await self._transport.request(
                peer, FrameKind.BLOCKS_REQUEST, request, _TIMEOUT_S
            )
            answer = decode_blocks(data)
            await self._install_all(answer.blocks, installed)
            self._judge(peer, answer, first=first, target=target, size=len(data))
        except (RequestError, InvalidInput) as error:
            self._peers.pass_over(peer, error)
        else:
            if answer.blocks:
                self._peers.helped(peer)
            if answer.standing.oldest > first:
                return _Outcome.PRUNED
        return _Outcome.INSTALLED if self._ledger.height >= first else _Outcome.NOTHING

    def _judge(
        self, peer: int, answer: BlocksAnswer, *, first: int, target: int, size: int
    ) -> None:
        """Hold what a peer delivers against what it claims, once that is installed.

        Raises:
            ClaimTakenBack: it claims blocks that it does not bring, or less than before.

        """
        standing = answer.standing
        self._peers.note_claim(peer, standing.certified)
        claimed = min(target, standing.certified)
        reached = first + len(answer.blocks) - 1
        is_served = standing.oldest <= first <= claimed
        if is_served and reached < claimed and size < _FULL_ANSWER_BYTES:
            raise ClaimTakenBack(
                what="last block of an answer", expected=f"{claimed}", actual=f"{reached}"
            )

    async def _install_all(
        self, blocks: Sequence[TransferredBlock], installed: Callable[[ExecutedBatch], None]
    ) -> None:
        for proven in await self._on_thread(self._prove, blocks):
            installed(await self._install(proven))

    def _check_certificate(self, given: tuple[int, bytes]) -> None:
        """Check a certificate against our own header of the height."""
        height, certificate = given
        self._verify_certificate(self._ledger.header(height), certificate)

    def _prove(self, blocks: Sequence[TransferredBlock]) -> list[ProvenBlock]:
        """Check an answer from its last block down: certified, or the parent of a proven one."""
        headers = [decode_header(block.header) for block in blocks]
        start = self._ledger.height + 1
        _require(
            "heights",
            str([*range(start, start + len(headers))]),
            str([header.height for header in headers]),
        )
        expected = b""
        for header, block in zip(reversed(headers), reversed(blocks), strict=True):
            if block.certificate or not expected:
                self._verify_certificate(header, block.certificate)
            else:
                _require("parent", expected.hex(), header.digest(self._suite.digest).hex())
            expected = header.head.parent_digest
        return [self._proven(*both) for both in zip(headers, blocks, strict=True)]

    def _proven(self, header: Header, block: TransferredBlock) -> ProvenBlock:
        batch = self._batches.decode(block.batch)
        _require("batch digest", header.head.batch_digest.hex(), batch.digest.hex())
        return ProvenBlock(
            sequence=SequenceNumber(header.height),
            batch=self._batches.keep(batch),
            header_digest=header.digest(self._suite.digest),
            certificate=block.certificate or None,
        )

    def _verify_certificate(self, header: Header, certificate: bytes) -> None:
        verify_certificate(
            self._suite,
            chain_id=self._ledger.tip.head.chain_id,
            header=header,
            certificate=decode_certificate(certificate),
            members=self._members_at(header.height),
        )

    async def _on_thread(self, work: Callable[[Given], Made], given: Given) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, given)


def _require(what: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise InvalidProof(what=what, expected=expected, actual=actual)
