"""Brings batches and blocks from peers; believes a quorum's certificate and nothing else.

Each block is checked by its own certificate before it is executed; a header that execution
does not reproduce is a divergence and stops the node (checklist B9, H2, H3).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from chainnode.driver.batches import Batches
from chainnode.driver.kinds import FrameKind
from chainnode.driver.ports import ExecutedBatch
from chainnode.errors import InvalidInput
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_certificate, decode_header
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.proofs import verify_certificate
from chainnode.ledger.types import Header
from chainnode.p2p.errors import RequestError
from chainnode.p2p.transport import Transport
from chainnode.suites.port import Suite
from chainnode.sync.frames import (
    TransferredBlock,
    decode_blocks,
    encode_batch_request,
    encode_blocks_request,
)
from consensus.effects import FetchBatch, FetchState
from consensus.messages import Batch
from consensus.types import SequenceNumber

_TIMEOUT_S = 5.0

# Executes a block whose certificate is given, stores both, and returns what it made.
InstallBlock = Callable[[SequenceNumber, Batch, bytes], Awaitable[ExecutedBatch]]

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
        """Store a certificate of a block that is here without one; False when no peer has it."""
        request = encode_blocks_request(height, height)
        for peer in self._peers():
            try:
                answer = await self._transport.request(
                    peer, FrameKind.BLOCKS_REQUEST, request, _TIMEOUT_S
                )
                for block in decode_blocks(answer)[:1]:
                    await self._on_thread(self._check_certificate, (height, block.certificate))
                    self._ledger.store_certificate(block.certificate)
                    return True
            except (RequestError, InvalidInput) as error:
                self._pass_over(peer, error)
        return False

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
        for block in blocks:
            header, batch = await self._on_thread(self._check, block)
            sequence = SequenceNumber(header.height)
            installed(await self._install(sequence, batch, block.certificate))

    def _check_certificate(self, given: tuple[int, bytes]) -> None:
        """Check a certificate against our own header of the height."""
        height, certificate = given
        verify_certificate(
            self._suite,
            chain_id=self._ledger.tip.head.chain_id,
            header=self._ledger.header(height),
            certificate=decode_certificate(certificate),
            members=self._vote_keys,
        )

    def _check(self, block: TransferredBlock) -> tuple[Header, Batch]:
        """Check a block by its own certificate, and that it is the next one here."""
        header = decode_header(block.header)
        verify_certificate(
            self._suite,
            chain_id=self._ledger.tip.head.chain_id,
            header=header,
            certificate=decode_certificate(block.certificate),
            members=self._vote_keys,
        )
        _require("height", str(self._ledger.height + 1), str(header.height))
        decoded = self._batches.decode(block.batch)
        _require("batch digest", header.head.batch_digest.hex(), decoded.digest.hex())
        return header, self._batches.keep(decoded)

    def _peers(self) -> tuple[int, ...]:
        """Return the connected peers, each time starting with another one."""
        peers = self._transport.connected
        if not peers:
            return ()
        self._next_peer = (self._next_peer + 1) % len(peers)
        return (*peers[self._next_peer :], *peers[: self._next_peer])

    async def _on_thread(self, work: Callable[[Given], Made], given: Given) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, given)

    def _pass_over(self, peer: int, error: Exception) -> None:
        self.passed_over[peer, type(error).__name__] += 1
        _log.info("transfer_failed", extra={"peer": peer, "reason": type(error).__name__})


def _require(what: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise InvalidProof(what=what, expected=expected, actual=actual)
