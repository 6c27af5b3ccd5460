"""Brings batches and blocks from peers; believes a quorum's certificate and nothing else.

Each block is proven before it is executed: by its own certificate, or as the parent of a proven
one. A header that execution does not reproduce is a divergence and stops the node (checklist
B9, H2, H3).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from chainnode import codec
from chainnode.driver.batches import Batches
from chainnode.driver.execution import ProvenBlock
from chainnode.driver.kinds import FrameKind
from chainnode.driver.ports import ExecutedBatch
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
    TransferredBlock,
    decode_blocks,
    encode_batch_request,
    encode_blocks_request,
    encode_checkpoint_request,
)
from chainnode.voting import decode_checkpoint
from consensus.codec import signed_content
from consensus.effects import FetchBatch, FetchState
from consensus.messages import Batch, Checkpoint
from consensus.types import SequenceNumber

_TIMEOUT_S = 5.0

# Executes a proven block, stores it, and returns what it made.
InstallBlock = Callable[[ProvenBlock], Awaitable[ExecutedBatch]]

Given = TypeVar("Given")
Made = TypeVar("Made")

_log = logging.getLogger(__name__)


class BlockFetcher:
    """Asks one peer after another; a peer whose answer fails a check is passed over."""

    def __init__(
        self,
        *,
        transport: Transport,
        ledger: Ledger,
        batches: Batches,
        suite: Suite,
        vote_keys: dict[int, bytes],
        install: InstallBlock,
        threads: Executor,
    ) -> None:
        self._transport = transport
        self._ledger = ledger
        self._batches = batches
        self._suite = suite
        self._vote_keys = vote_keys
        self._install = install
        self._threads = threads
        self._next_peer = 0
        # How often each peer was passed over, and why.
        self.passed_over: Counter[tuple[int, str]] = Counter()

    async def fetch_batch(self, effect: FetchBatch) -> Batch | None:
        """Return the batch with the digest asked for; None when no peer has it now."""
        request = encode_batch_request(effect.digest, effect.sequence)
        for peer in self._peers():
            try:
                body = await self._transport.request(
                    peer, FrameKind.BATCH_REQUEST, request, _TIMEOUT_S
                )
                decoded = await self._on_thread(self._batches.decode, body)
                _require("batch digest", effect.digest.hex(), decoded.digest.hex())
            except (RequestError, InvalidInput) as error:
                self._pass_over(peer, error)
                continue
            return self._batches.keep(decoded)
        return None

    async def fetch_state(
        self, effect: FetchState, installed: Callable[[ExecutedBatch], None]
    ) -> ExecutedBatch | None:
        """Execute certified blocks up to the target, telling of each.

        Returns the tip once it is at or above the target, None when no peer could help.

        Raises:
            ExecutionDiverged: our execution disagrees with a quorum.

        """
        target = effect.target.height
        while self._ledger.height < target:
            if not await self._fetch_some(target, installed):
                return None
        tip = self._ledger.tip
        return ExecutedBatch(
            sequence=SequenceNumber(tip.height),
            header_digest=self._ledger.tip_digest,
            time_ms=tip.head.time_ms,
            checkpoint=None,
            submissions=(),
        )

    async def fetch_certificate(self, height: int) -> bool:
        """Store a certificate of a block that is here without one; False when none can be had.

        A peer may have it. Where nobody has, the CHECKPOINTs that the replicas keep with their
        blocks make one, once a quorum has executed the height.
        """
        request = encode_blocks_request(height, height)
        for peer in self._peers():
            answer = await self._ask(peer, FrameKind.BLOCKS_REQUEST, request, decode_blocks)
            for block in (answer or ())[:1]:
                if await self._store_certificate(peer, height, block.certificate):
                    return True
        made = await self._collect_certificate(height)
        return made is not None and await self._store_certificate(None, height, made)

    async def _store_certificate(self, peer: int | None, height: int, certificate: bytes) -> bool:
        try:
            await self._on_thread(self._check_certificate, (height, certificate))
        except InvalidInput as error:
            self._pass_over(peer, error)
            return False
        self._ledger.store_certificate(certificate)
        return True

    async def _collect_certificate(self, height: int) -> bytes | None:
        """Join our own CHECKPOINT of a height with those that peers keep; None: too few."""
        request = encode_checkpoint_request(height)
        stored = self._ledger.own_checkpoint(height)
        votes = [] if stored is None else [decode_checkpoint(stored)]
        for peer in self._peers():
            vote = await self._ask(peer, FrameKind.CHECKPOINT_REQUEST, request, decode_checkpoint)
            if vote is not None and self._is_for(vote, height):
                votes.append(vote)
        signatures = {int(vote.sender): bytes(vote.signature) for vote in votes}
        if len(signatures) < quorum_of(len(self._vote_keys)):
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
        key = self._vote_keys.get(vote.sender)
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
            self._pass_over(peer, error)
            return None

    async def _fetch_some(self, target: int, installed: Callable[[ExecutedBatch], None]) -> bool:
        """Install at least one more block from some peer; False when none could give it."""
        request = encode_blocks_request(self._ledger.height + 1, target)
        for peer in self._peers():
            before = self._ledger.height
            try:
                answer = await self._transport.request(
                    peer, FrameKind.BLOCKS_REQUEST, request, _TIMEOUT_S
                )
                await self._install_all(decode_blocks(answer), installed)
            except (RequestError, InvalidInput) as error:
                self._pass_over(peer, error)
            if self._ledger.height > before:
                return True
        return False

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
            members=self._vote_keys,
        )

    def _peers(self) -> tuple[int, ...]:
        """Return the connected peers, each time starting with another one."""
        peers = self._transport.connected
        if not peers:
            return ()
        self._next_peer = (self._next_peer + 1) % len(peers)
        return (*peers[self._next_peer :], *peers[: self._next_peer])

    async def _on_thread(self, work: Callable[[Given], Made], given: Given) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, given)

    def _pass_over(self, peer: int | None, error: Exception) -> None:
        """Count who was no help; None: what we put together ourselves."""
        self.passed_over[-1 if peer is None else peer, type(error).__name__] += 1
        _log.info("transfer_failed", extra={"peer": peer, "reason": type(error).__name__})


def _require(what: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise InvalidProof(what=what, expected=expected, actual=actual)
